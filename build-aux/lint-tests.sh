#!/bin/sh
# Fails when a test is in the tree and in no list: it would be run by nobody, and nobody would notice.
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
faults=0

fault() {
    echo "$1 is in no list of $2" >&2
    faults=$((faults + 1))
}

listed=$(sed -e :more -e '/\\$/{N;s/\\\n//;b more' -e '}' tests/Makefile.inc | sed -n 's/^\(LISTENING\|BESIDE\|FUZZ\) = / /p' | tr '\n' ' ')
for file in tests/sip/test_*.py tests/fault/test_*.py tests/fuzz/test_*.py; do
    case "$listed " in
    *" $file "*) ;;
    *) fault "$file" tests/Makefile.inc ;;
    esac
done
for file in tests/unit/test_*.c; do
    cat Makefile.am ./*/Makefile.inc ./*/*/Makefile.inc | grep -q "[ =]$file\( \|\$\)" || fault "$file" "a Makefile.inc"
done

exit $((faults > 0))

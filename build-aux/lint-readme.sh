#!/bin/sh
# Fails when README.md names a function, as `name()`, that no longer exists in the tree.
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
faults=0
for name in $(grep -o '`[a-z_][a-z0-9_]*()`' README.md | tr -d '`()' | sort -u); do
    if ! grep -rqE --include='*.[ch]' "(^|[^a-z0-9_])$name\(" core mixer storage prompts apps; then
        echo "README.md names $name(), which is nowhere" >&2
        faults=$((faults + 1))
    fi
done
[ "$faults" -eq 0 ]

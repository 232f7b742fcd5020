#!/bin/sh
# Fails on an #include that goes against the plan of the rooms: arrows run downwards only, no application knows another, and
# each library is shown in its own room only. Run from anywhere; $srcdir or the folder above this one is the tree.
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
faults=0

fault() {
    echo "$1: includes $2: $3" >&2
    faults=$((faults + 1))
}

# May a file of room $1 include a header of room $2?
allowed() {
    [ "$1" = "$2" ] && return 0
    case "$1:$2" in
    core/main.c:* | core/confabctl.c:*) return 0 ;; # the programs put the parts together
    core:storage | core/ctl:core | core/ctl:core/call | core/ctl:storage) return 0 ;; # commands of confabctl
    *:core/base) return 0 ;;
    core/sip:storage) return 0 ;;
    core/call:core/sip | core/call:mixer | core/call:storage | core/call:prompts) return 0 ;;
    core/control:core/call | core/control:storage) return 0 ;;
    apps*:core/call | apps*:prompts | apps*:storage) return 0 ;;
    apps:apps/*) return 0 ;; # the list of applications
    apps/*:apps) return 0 ;; # what it is declared in
    esac
    return 1
}

# The room of a file or header; each folder in apps/ is a room of its own.
room() {
    case "$1" in
    core/main.c | core/confabctl.c) echo "$1" ;;
    core/*/*) echo "$1" | cut -d/ -f1-2 ;;
    apps/*/*) echo "$1" | cut -d/ -f1-2 ;;
    *) echo "${1%%/*}" ;;
    esac
}

for file in $(find core mixer storage prompts apps -name '*.[ch]' | sort); do
    from=$(room "$file")
    for header in $(sed -n 's/^[ \t]*#[ \t]*include[ \t]*["<]\([^">]*\)[">].*/\1/p' "$file"); do
        case "$header" in
        core/* | mixer/* | storage/* | prompts/* | apps/*)
            allowed "$from" "$(room "$header")" || fault "$file" "$header" "the rooms do not allow it"
            ;;
        sofia-sip/*)
            [ "$from" = core/sip ] || [ "$file" = core/base/loop.c ] ||
                fault "$file" "$header" "Sofia belongs to core/sip and core/base/loop.c"
            ;;
        curl/*)
            [ "$file" = core/base/web.c ] || [ "$file" = core/base/courier.c ] || [ "$file" = core/ctl/client.c ] ||
                fault "$file" "$header" "curl belongs to core/base/web.c, core/base/courier.c and core/ctl/client.c"
            ;;
        microhttpd.h)
            [ "$from" = core/control ] || fault "$file" "$header" "libmicrohttpd belongs to core/control"
            ;;
        libpq-fe.h | libpq/*)
            [ "$from" = storage ] || fault "$file" "$header" "libpq belongs to storage"
            ;;
        spandsp.h | spandsp/* | opus.h | opus/* | ogg/* | srtp.h | srtp2/* | speex/* | sndfile.h)
            # storage packs finished recordings; no other room touches samples.
            { [ "$from" = mixer ] || { [ "$from" = storage ] && [ "$header" = sndfile.h ]; }; } ||
                fault "$file" "$header" "sound libraries belong to mixer"
            ;;
        esac
    done
done
[ "$faults" -eq 0 ]

#!/bin/sh
# Fails when docs/man/confab.conf.5 and the table of keys in core/base/settings_keys.c do not name the same settings in the same
# sections, with the same ranges and defaults of numbers and truths; when a program's option is not in its page; when the
# completion for bash lacks a command or an option of confabctl; or when mandoc, where there is one, finds a page at fault.
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
pages="docs/man/confabctl.1 docs/man/confabd.8 docs/man/confab.conf.5"
faults=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

fault() {
    echo "$1" >&2
    faults=$((faults + 1))
}

# "sip ring = 20 (1 to 600)", "sip prack = true", "sip refer".
sed -n 's/^#define \(LINK_[A-Z_]*\) \([0-9]*\)$/s|\\<\1\\>|\2|/p' core/base/settings_internal.h >"$folder/constants"
sed -n '/ keys\[\] = {/,/^};/p' core/base/settings_keys.c | sed -f "$folder/constants" | sed -n \
    -e 's/^ *N("\([a-z]*\)", "\([a-z0-9_]*\)", [a-z0-9_]*, \([0-9]*\), \([0-9]*\), \([0-9]*\)).*/\1 \2 = \5 (\3 to \4)/p;t' \
    -e 's/^ *{"\([a-z]*\)", "\([a-z0-9_]*\)", NUMBER, \([0-9]*\), \([0-9]*\), \([0-9]*\),.*/\1 \2 = \5 (\3 to \4)/p;t' \
    -e 's/^ *B("\([a-z]*\)", "\([a-z0-9_]*\)", [a-z0-9_]*, \([a-z]*\)).*/\1 \2 = \3/p;t' \
    -e 's/^ *{"\([a-z]*\)", "\([a-z0-9_]*\)", TRUTH, 0, 0, \([a-z]*\),.*/\1 \2 = \3/p;t' \
    -e 's/^ *[TLNB]*[({]"\([a-z]*\)", "\([a-z0-9_]*\)", .*/\1 \2/p' | sort >"$folder/table"
awk '/^\.Ss / { section = $2 == "Top" ? "root" : $2 }
     /^\.Sh / { section = "" }
     section != "" && /^\.It Ic / {
         line = section " " $3
         if ($0 ~ / Pq / || $6 == "true" || $6 == "false") {
             line = line " = " $6
             if ($7 == "Pq") line = line " (" $8 " to " $10 ")"
         }
         print line
     }' docs/man/confab.conf.5 | sort >"$folder/page"
[ -s "$folder/table" ] || fault "core/base/settings_keys.c: there is no table of keys"
diff "$folder/table" "$folder/page" >"$folder/difference" ||
    fault "docs/man/confab.conf.5 (>) does not agree with core/base/settings_keys.c (<):
$(cat "$folder/difference")"

# Options as getopt_long() knows them.
for pair in core/confabctl.c:confabctl.1 core/main.c:confabd.8; do
    for option in $(grep -o '{"[a-z]*", [a-z]*_argument' "${pair%%:*}" | sed 's/{"\([a-z]*\)".*/\1/'); do
        grep -q "Fl Fl $option\b" "docs/man/${pair#*:}" || fault "docs/man/${pair#*:} does not tell of --$option"
    done
done

# Each word that the page says can be typed is completed.
completion=etc/confabctl.bash-completion
for word in $(grep -o '\bCm [a-z-]*' docs/man/confabctl.1 | sed 's/Cm //' | sort -u) \
    $(grep -o 'Fl Fl [a-z-]*' docs/man/confabctl.1 | sed 's/Fl Fl /--/' | sort -u); do
    grep -qE -e "[ \"]$word[ \"]" "$completion" || fault "$completion does not know $word"
done

if command -v mandoc >/dev/null 2>&1; then
    for page in $pages; do
        mandoc -Tlint -Wwarning "$page" >&2 || fault "$page has faults"
    done
fi
[ "$faults" -eq 0 ]

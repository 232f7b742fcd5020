#!/bin/sh
# make-voices.sh PHRASES FOLDER: speaks each line of PHRASES (name, blanks, text) into FOLDER/name.wav: 16 kHz, mono, 16 bit.
# espeak-ng speaks at 22050 Hz; sox brings that to the rate of the recordings beside which it is heard.
set -eu

phrases=$1
folder=$2
espeak=${ESPEAK:-espeak-ng}
# As the file's name says. The voice is a woman's where the recordings are of one.
language=$(basename "$phrases" .synth)

for tool in "$espeak" sox; do
    command -v "$tool" >/dev/null || { echo "make-voices.sh: $tool is needed" >&2; exit 1; }
done
case $language in
en) voice=en-us+f3 ;;
es) voice=es-419+f3 ;;
fr) voice=fr-fr+f3 ;;
ru) voice=ru+f3 ;;
*) voice=$language ;;
esac
mkdir -p "$folder"
grep -v -e '^#' -e '^[[:space:]]*$' "$phrases" | while read -r name text; do
    case $name in
    */*) mkdir -p "$folder/${name%/*}" ;;
    esac
    "$espeak" -v "$voice" -s 150 --stdout "$text" </dev/null |
        sox -q -D -t wav - -b 16 -c 1 -r 16000 "$folder/$name.tmp.wav" norm -6
    mv "$folder/$name.tmp.wav" "$folder/$name.wav"
done

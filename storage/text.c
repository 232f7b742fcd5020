/*
 * PostgreSQL refuses text that is not UTF-8, and JSON cannot hold it. A display name from the network may be
 * anything; it must never be the reason that a message is not stored.
 */
#include "storage/internal.h"

#include <errno.h>
#include <string.h>

/* Well-formed is what Unicode 15, table 3-7, says. Stops at a NUL by itself. */
size_t text_character(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    static const struct {
        unsigned char first, last, low, high, length; /* range of the lead byte, and of the one after it */
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    if (s[0] < 0x80) {
        return s[0] >= 0x20 && s[0] != 0x7F;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (s[0] < forms[i].first || s[0] > forms[i].last) {
            continue;
        }
        if (s[1] < forms[i].low || s[1] > forms[i].high) {
            return 0;
        }
        for (size_t at = 2; at < forms[i].length; at++) {
            if ((s[at] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return forms[i].length;
    }
    return 0;
}

void text_copy(char *out, size_t size, const char *text)
{
    const unsigned char *from = (const unsigned char *)text;
    size_t at = 0;

    while (*from != '\0') {
        size_t length = text_character((const char *)from);
        size_t needed = length > 0 ? length : 1;

        if (at + needed >= size) {
            break;
        }
        if (length > 0) {
            memcpy(out + at, from, length);
        } else {
            out[at] = '?';
        }
        at += needed;
        from += needed;
    }
    out[at] = '\0';
}

void key_copy(char *out, size_t size, const char *text)
{
    if (strlen(text) < size) {
        text_copy(out, size, text);
    } else {
        out[0] = '\0';
    }
}

/* Lower case alone: two spellings of one id would be two names on disk. */
bool uuid_valid(const char *text)
{
    for (size_t i = 0; i < UUID_TEXT - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : (text[i] == '\0' || strchr("0123456789abcdef", text[i]) == NULL)) {
            return false;
        }
    }
    return text[UUID_TEXT - 1] == '\0';
}

int disk_error(int error)
{
    return error == ENOSPC || error == EDQUOT ? ENOSPC : EIO;
}

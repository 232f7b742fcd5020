/* XML into a buffer of a known size. */
#include "core/sip/xml.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void xml_put(struct xml *w, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(w->text + w->used, w->size - w->used, format, args);
    va_end(args);
    if (n < 0)
        return;
    w->full = w->full || (size_t)n >= w->size - w->used;
    w->used += (size_t)n < w->size - w->used ? (size_t)n : w->size - w->used - 1;
}

/* Length of the well-formed UTF-8 character at `text` (RFC 3629 §4), or 0. Stops at a NUL by itself. */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = *text < 0x80 ? 1 : *text < 0xE0 ? 2 : *text < 0xF0 ? 3 : 4;
    unsigned char low = *text == 0xE0 ? 0xA0 : *text == 0xF0 ? 0x90 : 0x80;
    unsigned char high = *text == 0xED ? 0x9F : *text == 0xF4 ? 0x8F : 0xBF;

    if (length == 1)
        return *text >= 0x20 && *text != 0x7F;
    if (*text < 0xC2 || *text > 0xF4 || text[1] < low || text[1] > high)
        return 0;
    /* XML 1.0 §2.2: these two are no characters of a document. */
    if (*text == 0xEF && text[1] == 0xBF && text[2] >= 0xBE)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

void xml_put_escaped(struct xml *w, const char *text)
{
    while (*text) {
        size_t length = utf8_length((const unsigned char *)text);

        if (*text == '&')
            xml_put(w, "&amp;");
        else if (*text == '<')
            xml_put(w, "&lt;");
        else if (*text == '>')
            xml_put(w, "&gt;");
        else if (*text == '"')
            xml_put(w, "&quot;");
        else if (length)
            xml_put(w, "%.*s", (int)length, text);
        else
            xml_put(w, "?");
        text += length ? length : 1;
    }
}

void xml_put_attribute(struct xml *w, const char *name, const char *value)
{
    if (!*value)
        return;
    xml_put(w, " %s=\"", name);
    xml_put_escaped(w, value);
    xml_put(w, "\"");
}

void xml_put_element(struct xml *w, const char *name, const char *text)
{
    if (!*text)
        return;
    xml_put(w, "<%s>", name);
    xml_put_escaped(w, text);
    xml_put(w, "</%s>", name);
}

/* RFC 3261 §25.1: what a user part may hold stands, all else is escaped; & is both allowed there and XML's.
 */
void xml_put_uri(struct xml *w, const char *user, const char *host)
{
    xml_put(w, "sip:");
    for (const char *c = user; *c; c++) {
        if (*c == '&')
            xml_put(w, "&amp;");
        else if (isalnum((unsigned char)*c) || strchr("-_.!~*'()=+$,/", *c))
            xml_put(w, "%c", *c);
        else
            xml_put(w, "%%%02X", (unsigned char)*c);
    }
    xml_put(w, "%s", *user ? "@" : "");
    xml_put_escaped(w, host);
}

/* A number's dialogs as an XML document (RFC 4235 §4). */
#include "core/sip/dialog_info.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry at its longest, each character of a name escaped to six, and the frame around all of them. */
#define ENTRY_TEXT (12 * sizeof(struct dialog_entry) + 512)
#define FRAME_TEXT 1024

struct writer {
    char *text;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(w->text + w->used, w->size - w->used, format, args);
    va_end(args);
    if (n > 0)
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
    for (size_t i = 2; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

/* Text and attributes alike. Names come from the network: a control character or a byte that is no UTF-8
 * would make the whole document unreadable. */
static void put_escaped(struct writer *w, const char *text)
{
    while (*text) {
        size_t length = utf8_length((const unsigned char *)text);

        if (*text == '&')
            put(w, "&amp;");
        else if (*text == '<')
            put(w, "&lt;");
        else if (*text == '>')
            put(w, "&gt;");
        else if (*text == '"')
            put(w, "&quot;");
        else if (length)
            put(w, "%.*s", (int)length, text);
        else
            put(w, "?");
        text += length ? length : 1;
    }
}

static void put_attribute(struct writer *w, const char *name, const char *value)
{
    if (!*value)
        return;
    put(w, " %s=\"", name);
    put_escaped(w, value);
    put(w, "\"");
}

static void put_uri(struct writer *w, const char *user, const char *host)
{
    put(w, "sip:");
    put_escaped(w, user);
    put(w, "@");
    put_escaped(w, host);
}

/* §4.1.6: identity is who it is, target where a request to him goes. We stand between, so both are the same.
 */
static void put_party(struct writer *w, const char *element, const char *display, const char *user,
                      const char *host, bool holds)
{
    put(w, "<%s><identity", element);
    put_attribute(w, "display", display);
    put(w, ">");
    put_uri(w, user, host);
    put(w, "</identity><target uri=\"");
    put_uri(w, user, host);
    /* §4.1.6.2, by the capability of RFC 4235 §5.2 (sip.rendering): he hears nothing of the call. */
    put(w, "\"%s></%s>\r\n", holds ? "><param pname=\"+sip.rendering\" pval=\"no\"/></target" : "/", element);
}

static void put_entry(struct writer *w, const char *number, const char *realm,
                      const struct dialog_entry *entry)
{
    static const char *const states[] = {"trying", "early", "confirmed", "terminated"};
    const struct party *remote = &entry->remote;

    put(w, "<dialog id=\"d%" PRIu64 "\"", entry->id);
    put_attribute(w, "call-id", entry->call_id);
    put_attribute(w, "local-tag", entry->local_tag);
    put_attribute(w, "remote-tag", entry->remote_tag);
    put(w, " direction=\"%s\">\r\n<state>%s</state>\r\n", entry->initiator ? "initiator" : "recipient",
        states[entry->state]);
    put_party(w, "local", "", number, realm, entry->holds);
    if (*remote->user)
        put_party(w, "remote", remote->display, remote->user, *remote->host ? remote->host : realm, false);
    put(w, "</dialog>\r\n");
}

char *dialog_info_write(const char *number, const char *realm, unsigned version,
                        const struct dialog_entry *entries, size_t count)
{
    struct writer w = {.size = FRAME_TEXT + strlen(realm) * 12 + count * (ENTRY_TEXT + strlen(realm) * 24)};

    w.text = malloc(w.size);
    if (!w.text)
        return NULL;
    put(&w,
        "<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"%u\" "
        "state=\"full\" entity=\"",
        version);
    put_uri(&w, number, realm);
    put(&w, "\">\r\n");
    for (size_t i = 0; i < count; i++)
        put_entry(&w, number, realm, &entries[i]);
    put(&w, "</dialog-info>\r\n");
    return w.text;
}

/* A number's dialogs as an XML document (RFC 4235 §4). */
#include "core/sip/dialog_info.h"

#include "core/sip/xml.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An entry at its longest, each character of a name escaped to six, and the frame around all of them. */
#define ENTRY_TEXT (12 * sizeof(struct dialog_entry) + 512)
#define FRAME_TEXT 1024

/* §4.1.6: identity is who it is, target where a request to him goes. We stand between, so both are the same.
 */
static void put_party(struct xml *w, const char *element, const char *display, const char *user,
                      const char *host, bool holds)
{
    xml_put(w, "<%s><identity", element);
    xml_put_attribute(w, "display", display);
    xml_put(w, ">");
    xml_put_uri(w, user, host);
    xml_put(w, "</identity><target uri=\"");
    xml_put_uri(w, user, host);
    /* §4.1.6.2, by the capability of RFC 4235 §5.2 (sip.rendering): he hears nothing of the call. */
    xml_put(w, "\"%s></%s>\r\n", holds ? "><param pname=\"+sip.rendering\" pval=\"no\"/></target" : "/",
            element);
}

static void put_entry(struct xml *w, const char *number, const char *realm, const struct dialog_entry *entry)
{
    static const char *const states[] = {"trying", "early", "confirmed", "terminated"};
    const struct party *remote = &entry->remote;

    xml_put(w, "<dialog id=\"d%" PRIu64 "\"", entry->id);
    xml_put_attribute(w, "call-id", entry->call_id);
    xml_put_attribute(w, "local-tag", entry->local_tag);
    xml_put_attribute(w, "remote-tag", entry->remote_tag);
    xml_put(w, " direction=\"%s\">\r\n<state>%s</state>\r\n", entry->initiator ? "initiator" : "recipient",
            states[entry->state]);
    put_party(w, "local", "", number, realm, entry->holds);
    if (*remote->user)
        put_party(w, "remote", remote->display, remote->user, *remote->host ? remote->host : realm, false);
    xml_put(w, "</dialog>\r\n");
}

char *dialog_info_write(const char *number, const char *realm, unsigned version,
                        const struct dialog_entry *entries, size_t count)
{
    struct xml w = {.size = FRAME_TEXT + strlen(realm) * 12 + count * (ENTRY_TEXT + strlen(realm) * 24)};

    w.text = malloc(w.size);
    if (!w.text)
        return NULL;
    xml_put(
        &w,
        "<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"%u\" "
        "state=\"full\" entity=\"",
        version);
    xml_put_uri(&w, number, realm);
    xml_put(&w, "\">\r\n");
    for (size_t i = 0; i < count; i++)
        put_entry(&w, number, realm, &entries[i]);
    xml_put(&w, "</dialog-info>\r\n");
    return w.text;
}

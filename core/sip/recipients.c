/*
 * Lists of recipients (RFC 5363, RFC 4826 §3): whose URIs stand in an INVITE's body. What a list refers to
 * elsewhere is not fetched.
 */
#include "core/sip/session_internal.h"

#include <errno.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 8 /* lists within lists */

static bool node_is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/* As in a Refer-To: a number of ours, whatever host it names. */
static int entry_add(struct recipients *out, su_home_t *home, const char *uri)
{
    url_t *url = uri_read(home, uri);
    struct party party;

    if (!url || (url->url_type != url_sip && url->url_type != url_sips && url->url_type != url_tel) ||
        party_read(&party, url, NULL))
        return EBADMSG;
    /* Half a number is another one. */
    if (url->url_type == url_tel && !*party.user &&
        snprintf(party.user, sizeof party.user, "%s", party.host) >= (int)sizeof party.user)
        return EBADMSG;
    if (!*party.user)
        return EBADMSG;
    if (out->count == RECIPIENTS_MAX)
        return E2BIG;
    memcpy(out->users[out->count++], party.user, sizeof party.user);
    return 0;
}

static int list_read(struct recipients *out, su_home_t *home, const xmlNode *list, unsigned depth)
{
    int error = depth > DEPTH_MAX ? EBADMSG : 0;

    for (xmlNode *node = list->children; node && !error; node = node->next) {
        if (node_is(node, "list")) {
            error = list_read(out, home, node, depth + 1);
        } else if (node_is(node, "entry")) {
            xmlChar *uri = xmlGetNoNsProp(node, (const xmlChar *)"uri");

            error = uri ? entry_add(out, home, (const char *)uri) : EBADMSG;
            xmlFree(uri);
        }
    }
    return error;
}

static int document_read(struct recipients *out, const xmlDoc *document)
{
    const xmlNode *root = xmlDocGetRootElement(document);
    su_home_t *home;
    int error;

    if (!root || document->intSubset || !node_is(root, "resource-lists"))
        return EBADMSG;
    home = su_home_new(sizeof *home);
    if (!home)
        return ENOMEM;
    error = list_read(out, home, root, 0);
    su_home_unref(home);
    return !error && out->count == 0 ? EBADMSG : error;
}

/*
 * A document type has no place here, and its entities only do harm: they are not even to be read. RFC 3023
 * §3.1: what is said outside counts, so that no encoding hides one.
 */
static xmlDoc *document_parse(const char *text, size_t length)
{
    static const char type[] = "<!DOCTYPE";

    if (memmem(text, length, type, sizeof type - 1))
        return NULL;
    return xmlReadMemory(text, (int)length, NULL, "UTF-8",
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

int recipients_read(struct recipients *out, const sip_t *sip)
{
    size_t length;
    const char *text = body_recipients(sip, &length);
    xmlDoc *document;
    int error;

    out->count = 0;
    if (!text)
        return 0;
    document = document_parse(text, length);
    error = document ? document_read(out, document) : EBADMSG;
    xmlFreeDoc(document);
    return error;
}

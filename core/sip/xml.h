/*
 * XML as the event packages write it: into a buffer of a known size, every text escaped.
 *
 * Ownership: the caller's buffer. Threads: any. Failure: what does not fit is left out and `full` says so.
 */
#ifndef CONFAB_SIP_XML_H
#define CONFAB_SIP_XML_H

#include <stdbool.h>
#include <stddef.h>

struct xml {
    char *text; /* always ends with NUL once something was put */
    size_t size, used;
    bool full; /* something did not fit */
};

__attribute__((format(printf, 2, 3))) void xml_put(struct xml *w, const char *format, ...);
/*
 * Text and attributes alike. Names come from the network: a control character or a byte that is no UTF-8
 * would make the whole document unreadable.
 */
void xml_put_escaped(struct xml *w, const char *text);
/* An empty value is left out whole. */
void xml_put_attribute(struct xml *w, const char *name, const char *value);
void xml_put_element(struct xml *w, const char *name, const char *text);
/* "sip:user@host", as a text or within an attribute. */
void xml_put_uri(struct xml *w, const char *user, const char *host);

#endif

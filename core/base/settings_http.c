/* Where programs and browsers ask. */
#include "core/base/settings_internal.h"

#include <confuse.h>
#include <errno.h>
#include <string.h>

/* RFC 6454 §6.2: a scheme, a host, perhaps a port, and nothing after it. */
const char *origin_fault(const char *text)
{
    const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : NULL;

    if (host == NULL) {
        return "is neither http:// nor https://";
    }
    return *host != '\0' && strpbrk(host, "/?#@*, \t\r\n") == NULL ? NULL
                                                                   : "is no origin: https://HOST or "
                                                                     "https://HOST:PORT";
}

int http_fill(struct settings *s, cfg_t *cfg)
{
    cfg_t *section = cfg_getsec(cfg, "http");

    if ((s->http_certificate == NULL) != (s->http_key == NULL)) {
        settings_complain(section_line(section->line, section->name, NULL),
                          "http: certificate and key go together");
    }
    return list_fill(&s->http_cors, &s->http_cors_count, section, "cors");
}

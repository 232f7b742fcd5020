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

/* As browsers write it into Host, but for the port (RFC 9110 §7.2). */
const char *host_fault(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

    return *text != '\0' && text[strspn(text, letters)] == '\0' ? NULL : "is no name of a host";
}

int http_fill(struct settings *s, cfg_t *cfg)
{
    cfg_t *section = cfg_getsec(cfg, "http");

    if ((s->http_certificate == NULL) != (s->http_key == NULL)) {
        settings_complain(section_line(section->line, section->name, NULL),
                          "http: certificate and key go together");
    }
    int error = list_fill(&s->http_cors, &s->http_cors_count, section, "cors");
    return error ? error : list_fill(&s->http_hosts, &s->http_host_count, section, "host");
}

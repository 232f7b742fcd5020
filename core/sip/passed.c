/*
 * Headers of a caller's INVITE that go on to the callee as they came, byte for byte: what is signed (RFC
 * 8224) must stay so, and what is for the far end alone is no affair of ours.
 */
#include "core/sip/session_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PASSED_TEXT 3072

static const struct {
    const char *name;
    bool peers; /* of peers only: these can make a phone answer by itself and be listened
                   through */
} passed[] = {
    {"Identity", false},        {"Date", false},
    {"Subject", false},         {"Priority", false},
    {"Organization", false},    {"User-to-User", false},
    {"Accept-Contact", false},  {"Reject-Contact", false},
    {"Geolocation", false},     {"Request-Disposition", false},
    {"Alert-Info", true},       {"Call-Info", true},
    {"P-Early-Media", true},    {"Answer-Mode", true},
    {"Priv-Answer-Mode", true},
};

/* Private headers mean something between servers that know each other. */
static bool is_passed(const char *name, bool peer)
{
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        if (strcasecmp(name, passed[i].name) == 0)
            return peer || !passed[i].peers;
    return peer && strncasecmp(name, "X-", 2) == 0;
}

char *passed_read(su_home_t *home, const sip_t *sip, bool peer)
{
    const sip_header_t *first = (const sip_header_t *)sip->sip_request;
    char text[PASSED_TEXT];
    size_t used = 0;

    for (const sip_header_t *h = first ? (const sip_header_t *)first->sh_succ : NULL; h;
         h = (const sip_header_t *)h->sh_succ) {
        const sip_unknown_t *unknown = h->sh_class == sip_unknown_class ? h->sh_unknown : NULL;
        const char *name = unknown ? unknown->un_name : h->sh_class->hc_name, *value;

        if (unknown && strcasecmp(name, "y") == 0)
            name = "Identity"; /* compact form */
        if (!name || !is_passed(name, peer))
            continue;
        /* Unknown ones are kept as they came; of the others Sofia knows no second spelling. */
        value = unknown ? unknown->un_value : sip_header_as_string(home, h);
        if (!value || used + strlen(name) + strlen(value) + 5 > sizeof text)
            continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s: ", name);
        for (; *value; value++) /* a folded line is one (RFC 3261 §7.3.1) */
            text[used++] = (char)(strchr("\r\n", *value) ? ' ' : *value);
        text[used++] = '\r';
        text[used++] = '\n';
    }
    text[used] = '\0';
    return su_strdup(home, text);
}

void passed_write(char *out, size_t size, const char *lines, bool peer)
{
    size_t used = strlen(out);

    while (lines && *lines) {
        size_t length = strcspn(lines, "\n") + 1;

        if ((peer || strncasecmp(lines, "X-", 2) != 0) && used + length < size) {
            memcpy(out + used, lines, length);
            used += length;
        }
        lines += length;
    }
    out[used] = '\0';
}

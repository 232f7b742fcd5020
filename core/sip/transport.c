/* Addresses: of our sockets, of the far sides, and which of ours reaches which of theirs. */
#include "core/sip/session_internal.h"

#include "core/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sofia-sip/msg_addr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static socklen_t address_size(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static uint16_t address_port(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                                : ((const struct sockaddr_in *)address)->sin_port);
}

void address_text(const struct sockaddr_storage *address, bool port, char out[HOST_PORT_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, host, sizeof host);
    else
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, host, sizeof host);
    if (port)
        snprintf(out, HOST_PORT_TEXT, address->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
                 address_port(address));
    else
        snprintf(out, HOST_PORT_TEXT, address->ss_family == AF_INET6 ? "[%s]" : "%s", host);
}

int address_parse(struct sockaddr_storage *out, const char *host, const char *port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char text[INET6_ADDRSTRLEN];
    size_t length = strlen(host);
    char *end;
    unsigned long number = port && *port ? strtoul(port, &end, 10) : 5060;

    if (port && *port && (*end != '\0' || number == 0 || number > 65535))
        return EINVAL;
    if (length > 1 && host[0] == '[' && host[length - 1] == ']')
        host++, length -= 2;
    if (length == 0 || length >= sizeof text)
        return EINVAL;
    memcpy(text, host, length);
    text[length] = '\0';
    v4.sin_port = v6.sin6_port = htons((uint16_t)number);
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        memcpy(out, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        memcpy(out, &v6, sizeof v6);
    else
        return EINVAL;
    return 0;
}

bool address_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET6)
        return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                      &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
           ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

static bool address_is_wildcard(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)a)->sin6_addr);
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr == INADDR_ANY;
}

static void address_set_port(struct sockaddr_storage *a, uint16_t port)
{
    if (a->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)a)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)a)->sin_port = htons(port);
}

/* What the kernel chose lately. A socket a request costs more than all else that is done about its address,
 * and few far sides send most of them; an interface that comes or goes is noticed within SOURCE_US. */
#define SOURCES 16
#define SOURCE_US (5 * UINT64_C(1000000))
static struct {
    struct sockaddr_storage remote, source;
    uint64_t until_us; /* 0: not in use */
} sources[SOURCES];
static unsigned next_source;

void sources_forget(void)
{
    memset(sources, 0, sizeof sources);
}

static bool source_is_of(const struct sockaddr_storage *known, const struct sockaddr_storage *remote)
{
    /* Of link-local addresses the interface is a part. */
    return address_same_host(known, remote) &&
           (remote->ss_family != AF_INET6 || ((const struct sockaddr_in6 *)known)->sin6_scope_id ==
                                                 ((const struct sockaddr_in6 *)remote)->sin6_scope_id);
}

/* The kernel's own choice of source address: connecting a datagram socket sends nothing and waits for
 * nothing. */
static int source_ask(const struct sockaddr_storage *remote, struct sockaddr_storage *out)
{
    socklen_t size = sizeof *out;
    int error = 0, fd = socket(remote->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return errno;
    memset(out, 0, sizeof *out);
    if (connect(fd, (const struct sockaddr *)remote, address_size(remote)) != 0 ||
        getsockname(fd, (struct sockaddr *)out, &size) != 0)
        error = errno;
    close(fd);
    return error;
}

static int address_towards(const struct sockaddr_storage *remote, struct sockaddr_storage *out)
{
    uint64_t now = clock_now_us();
    int error;

    for (size_t i = 0; i < SOURCES; i++)
        if (sources[i].until_us > now && source_is_of(&sources[i].remote, remote)) {
            *out = sources[i].source;
            return 0;
        }
    error = source_ask(remote, out);
    if (error)
        return error;
    sources[next_source].remote = *remote;
    sources[next_source].source = *out;
    sources[next_source].until_us = now + SOURCE_US;
    next_source = (next_source + 1) % SOURCES;
    return 0;
}

void transport_address(const struct transport *t, const struct sockaddr_storage *remote,
                       struct sockaddr_storage *out)
{
    struct sockaddr_storage source, far = *remote;

    *out = t->local;
    /* A name whose address nta has yet to find: an address of RFC 5737 or RFC 3849 goes by the default route,
     * too. */
    if (far.ss_family == AF_UNSPEC &&
        address_parse(&far, t->local.ss_family == AF_INET6 ? "2001:db8::1" : "192.0.2.1", NULL) != 0)
        return;
    if (!address_is_wildcard(&t->local) || far.ss_family != t->local.ss_family ||
        address_towards(&far, &source) != 0)
        return;
    *out = source;
    address_set_port(out, address_port(&t->local));
}

struct transport *agent_transport_to(struct agent *agent, const struct sockaddr *address)
{
    struct sockaddr_storage remote = {0}, source;
    struct transport *best = NULL;
    int known;

    if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
        return NULL;
    memcpy(&remote, address,
           address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    known = address_towards(&remote, &source) == 0;
    for (size_t i = 0; i < agent->transport_count; i++) {
        struct transport *t = &agent->transports[i];

        if (t->local.ss_family != remote.ss_family)
            continue;
        if (known && address_same_host(&t->local, &source))
            return t;
        if (!best || (address_is_wildcard(&t->local) && !address_is_wildcard(&best->local)))
            best = t;
    }
    return best;
}

static void message_source(msg_t *msg, struct sockaddr_storage *out)
{
    const su_sockaddr_t *from = msg ? msg_addr(msg) : NULL;

    memset(out, 0, sizeof *out);
    if (from && from->su_family == AF_INET)
        memcpy(out, &from->su_sin, sizeof from->su_sin);
    else if (from && from->su_family == AF_INET6)
        memcpy(out, &from->su_sin6, sizeof from->su_sin6);
    if (msg)
        msg_destroy(msg);
}

void response_source(nta_outgoing_t *orq, struct sockaddr_storage *out)
{
    message_source(nta_outgoing_getresponse(orq), out);
}

void agent_source(nta_agent_t *nta, const nta_incoming_t *irq, struct sockaddr_storage *out)
{
    (void)nta;
    /* Sofia's getter takes a reference and so wants it not const. */
    message_source(nta_incoming_getrequest((nta_incoming_t *)irq), out);
}

int received_parse(struct sockaddr_storage *out, enum wire *wire, const char *text)
{
    char host[HOST_PORT_TEXT];
    const char *colon;
    size_t length;
    enum wire kind = WIRE_UDP;

    if (strncasecmp(text, "tcp:", 4) == 0)
        kind = WIRE_TCP;
    else if (strncasecmp(text, "udp:", 4) != 0)
        return EINVAL;
    text += 4;
    colon = strrchr(text, ':');
    length = colon ? (size_t)(colon - text) : 0;
    if (length == 0 || length >= sizeof host || colon[1] == '\0')
        return EINVAL;
    memcpy(host, text, length);
    host[length] = '\0';
    *wire = kind;
    return address_parse(out, host, colon + 1);
}

enum wire wire_of(const sip_t *sip)
{
    /* nta has dropped requests whose Via names another transport than the socket's. */
    return strcasecmp(sip->sip_via->v_protocol, "SIP/2.0/TCP") == 0 ? WIRE_TCP : WIRE_UDP;
}

/*
 * Where our end of a leg is. An offer must name an address before the INVITE has left, so it is found from
 * where the INVITE will go: no name is ever looked up here, for that would block.
 */
#include "core/call/internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* A numeric host without brackets. */
static bool address_of_host(const char *host, unsigned port, struct sockaddr_storage *out)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &in4.sin_addr) == 1 && in4.sin_addr.s_addr != INADDR_ANY) {
        memcpy(out, &in4, sizeof in4);
        return true;
    }
    if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr)) {
        memcpy(out, &in6, sizeof in6);
        return true;
    }
    return false;
}

/* As confab.conf writes listen addresses, and as hosts stand in URIs. 5060 is SIP's port where none is said
 * (RFC 3261 §19.1.2). */
bool address_of_text(const char *text, struct sockaddr_storage *out)
{
    char host[INET6_ADDRSTRLEN];
    const char *begin = *text == '[' ? text + 1 : text;
    /* Two colons before a bracket are an IPv6 address without port. */
    const char *colon = strchr(begin, ':');
    bool bare6 = *text != '[' && colon && strchr(colon + 1, ':');
    size_t length = *text == '[' ? strcspn(begin, "]") : bare6 ? strlen(begin) : strcspn(begin, ":;>?");
    const char *rest = begin + length + (*text == '[' && begin[length] == ']');

    if (length == 0 || length >= sizeof host)
        return false;
    memcpy(host, begin, length);
    host[length] = '\0';
    return address_of_host(host, *rest == ':' ? (unsigned)strtoul(rest + 1, NULL, 10) & 0xffff : 5060, out);
}

/* The registrar's own note of where a phone is: it is numeric, whatever the phone's Contact claims. */
bool address_of_received(const char *received, struct sockaddr_storage *out)
{
    const char *colon = strchr(received, ':');

    return colon && address_of_text(colon + 1, out);
}

/* Of the first URI in a header's value too, so that the topmost Route can be asked. */
bool address_of_uri(const char *uri, struct sockaddr_storage *out)
{
    const char *host, *at;

    uri += strspn(uri, " <");
    host = strchr(uri, ':');
    if (!host)
        return false;
    at = strchr(host, '@');
    return address_of_text(at ? at + 1 : host + 1, out);
}

/* The kernel's own choice of source address; connect(2) on a datagram socket sends nothing and does not wait.
 */
bool address_towards(const struct sockaddr_storage *far, struct sockaddr_storage *out)
{
    socklen_t length = far->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(far->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found;

    if (fd < 0)
        return false;
    memset(out, 0, sizeof *out);
    found = connect(fd, (const struct sockaddr *)far, length) == 0 &&
            getsockname(fd, (struct sockaddr *)out, &(socklen_t){sizeof *out}) == 0;
    close(fd);
    return found;
}

static bool address_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET6)
        return IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)a)->sin6_addr,
                                  &((const struct sockaddr_in6 *)b)->sin6_addr);
    return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
           ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

/*
 * The address that signalling leaves from, as core/sip chooses it: the kernel's when we listen there or
 * everywhere, else the first listening address of that family. A firewall that lets one through expects the
 * other there as well.
 */
static void address_listening(const struct settings *settings, struct sockaddr_storage *address)
{
    struct sockaddr_storage listening, first = {0};

    for (size_t i = 0; i < settings->listen_count; i++) {
        const char *text = settings->listen[i];

        if ((*text == '[') != (address->ss_family == AF_INET6))
            continue;
        if (!address_of_text(text, &listening) || address_same_host(&listening, address))
            return;
        if (first.ss_family == AF_UNSPEC)
            first = listening;
    }
    if (first.ss_family != AF_UNSPEC)
        *address = first;
}

/* First hop of a new INVITE: where the far side was last seen, else the route, else the URI itself. */
bool address_of_target(const struct settings *settings, const struct session_target *target,
                       struct sockaddr_storage *out)
{
    struct sockaddr_storage far;

    if ((target->received && address_of_received(target->received, &far)) ||
        (target->route && *target->route && address_of_uri(target->route, &far)) ||
        address_of_uri(target->uri, &far)) {
        if (!address_towards(&far, out))
            return false;
        address_listening(settings, out);
        return true;
    }
    for (size_t i = 0; i < settings->listen_count; i++)
        if (address_of_text(settings->listen[i], out))
            return true;
    return false;
}

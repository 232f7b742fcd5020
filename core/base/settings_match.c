/*
 * Questions put to the settings: which row of the number plan, which trusted peer.
 */
#include "core/base/settings.h"
#include "core/base/settings_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* -- Patterns of the number plan
 * ----------------------------------------------------------------------------------- */

/* Splits "LOW-HIGH", both digits only and of equal length. */
static bool range_split(const char *pattern, const char **low, const char **high, size_t *length)
{
    size_t digits = strspn(pattern, "0123456789");
    if (digits == 0 || pattern[digits] != '-') {
        return false;
    }
    *low = pattern;
    *high = pattern + digits + 1;
    *length = digits;
    return strspn(*high, "0123456789") == digits && (*high)[digits] == '\0';
}

const char *pattern_fault(const char *pattern)
{
    const char *low, *high;
    size_t length;

    if (*pattern == '\0') {
        return "is empty";
    }
    if (range_split(pattern, &low, &high, &length)) {
        return memcmp(low, high, length) <= 0 ? NULL : "begins above its end";
    }
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p == '-') {
            return "has a '-' that is not between two numbers of equal length";
        }
        if (*p == '.' && p[1] != '\0') {
            return "has a '.' that is not its last character";
        }
        if (!isalnum((unsigned char)*p) && strchr("*#+=_.", *p) == NULL) {
            return "may hold digits, letters, '*', '#', '+', '=', '_', 'X', LOW-HIGH and a last '.' only";
        }
    }
    return NULL;
}

static bool pattern_matches(const char *pattern, const char *number)
{
    const char *low, *high;
    size_t length;

    if (range_split(pattern, &low, &high, &length)) {
        /* Digits of equal length compare as text. */
        return strlen(number) == length && strspn(number, "0123456789") == length &&
               memcmp(number, low, length) >= 0 && memcmp(number, high, length) <= 0;
    }
    for (; *pattern != '\0'; pattern++, number++) {
        if (*number == '\0') {
            return false;
        }
        if (*pattern == '.') {
            return true;
        }
        if (*pattern == 'X' ? !isdigit((unsigned char)*number) : *pattern != *number) {
            return false;
        }
    }
    return *number == '\0';
}

const struct number_settings *settings_number(const struct settings *s, const char *number)
{
    for (size_t i = 0; i < s->number_count; i++) {
        if (pattern_matches(s->numbers[i].pattern, number)) {
            return &s->numbers[i];
        }
    }
    return NULL;
}

bool settings_any_pattern(char *const *patterns, size_t count, const char *number)
{
    for (size_t i = 0; i < count; i++) {
        if (pattern_matches(patterns[i], number)) {
            return true;
        }
    }
    return count == 0;
}

bool settings_is_emergency(const struct settings *s, const char *number)
{
    return s->emergency_count > 0 && settings_any_pattern(s->emergency, s->emergency_count, number);
}

/* -- Trusted peers
 * ------------------------------------------------------------------------------------------------- */

/* An address block; IPv4 as its mapped form (RFC 4291 §2.5.5.2), so that both families compare alike. */
struct block {
    struct in6_addr address;
    unsigned bits;
};

static void map_address4(struct in6_addr *out, const struct in_addr *in)
{
    *out = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&out->s6_addr[12], in, sizeof *in);
}

static const char *block_parse(const char *text, struct block *out)
{
    char address[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    struct in_addr v4;

    if (length == 0 || length >= sizeof address) {
        return "is no IP address";
    }
    memcpy(address, text, length);
    address[length] = '\0';
    unsigned widest = 128, before = 0;
    if (inet_pton(AF_INET, address, &v4) == 1) {
        map_address4(&out->address, &v4);
        widest = 32;
        before = 96;
    } else if (inet_pton(AF_INET6, address, &out->address) != 1) {
        return "is no IP address";
    }
    out->bits = 128;
    if (text[length] == '/') {
        const char *digits = text + length + 1;
        char *end;
        unsigned long bits = strtoul(digits, &end, 10);
        if (!isdigit((unsigned char)*digits) || *end != '\0' || bits > widest) {
            return "has a prefix length that is no number or too large";
        }
        out->bits = before + (unsigned)bits;
    }
    return NULL;
}

const char *block_fault(const char *text)
{
    struct block block;
    return block_parse(text, &block);
}

static bool block_holds(const struct block *block, const struct in6_addr *address)
{
    unsigned bytes = block->bits / 8, rest = block->bits % 8;
    if (memcmp(block->address.s6_addr, address->s6_addr, bytes) != 0) {
        return false;
    }
    return rest == 0 || ((block->address.s6_addr[bytes] ^ address->s6_addr[bytes]) >> (8 - rest)) == 0;
}

const struct peer_settings *settings_peer(const struct settings *s, const struct sockaddr *from)
{
    struct in6_addr address;

    if (from->sa_family == AF_INET) {
        map_address4(&address, &((const struct sockaddr_in *)(const void *)from)->sin_addr);
    } else if (from->sa_family == AF_INET6) {
        address = ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    } else {
        return NULL;
    }
    for (size_t i = 0; i < s->peer_count; i++) {
        for (size_t k = 0; k < s->peers[i].address_count; k++) {
            struct block block;
            if (block_parse(s->peers[i].addresses[k], &block) == NULL && block_holds(&block, &address)) {
                return &s->peers[i];
            }
        }
    }
    return NULL;
}

const struct peer_settings *settings_peer_named(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->peer_count; i++) {
        if (strcmp(s->peers[i].name, name) == 0) {
            return &s->peers[i];
        }
    }
    return NULL;
}

bool settings_trusts(const struct settings *s, const char *peer)
{
    const struct peer_settings *named = peer != NULL ? settings_peer_named(s, peer) : NULL;
    return named != NULL && named->trusted;
}

enum srtp_policy settings_srtp(const struct settings *s, const char *peer)
{
    const struct peer_settings *own = peer != NULL && *peer != '\0' ? settings_peer_named(s, peer) : NULL;
    return own != NULL ? own->srtp : s->srtp;
}

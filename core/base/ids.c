#include "core/base/ids.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define POOL_BYTES 256

/* Requests of up to 256 bytes are never cut short or interrupted once the kernel's pool is ready
 * (getrandom(2)). */
static void random_draw(void *bytes, size_t length)
{
    unsigned char *out = bytes;

    while (length > 0) {
        ssize_t got = getrandom(out, length < 256 ? length : 256, 0);
        if (got > 0) {
            out += got;
            length -= (size_t)got;
        } else if (errno != EINTR) {
            abort(); /* no kernel since 3.17 does this; a guessable name would be worse than an end */
        }
    }
}

/* A call needs dozens of small names: they come out of one draw. Each thread has its own; what is handed out
 * is wiped here, so that nothing tells afterwards what a key was. The process never forks while it serves. */
void random_fill(void *bytes, size_t length)
{
    static _Thread_local unsigned char pool[POOL_BYTES];
    static _Thread_local size_t left;

    if (length > sizeof pool / 4) {
        random_draw(bytes, length);
        return;
    }
    if (left < length) {
        random_draw(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= length;
    memcpy(bytes, pool + left, length);
    explicit_bzero(pool + left, length);
}

void random_hex(char *out, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char chunk[32];
    while (bytes > 0) {
        size_t part = bytes < sizeof chunk ? bytes : sizeof chunk;
        random_fill(chunk, part);
        for (size_t i = 0; i < part; i++) {
            *out++ = digits[chunk[i] >> 4];
            *out++ = digits[chunk[i] & 15];
        }
        bytes -= part;
    }
    *out = '\0';
}

void uuid_make(char out[UUID_TEXT])
{
    unsigned char b[16];
    random_fill(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* variant 10 */
    snprintf(out, UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

uint32_t random_below(uint32_t limit)
{
    if (limit == 0) {
        return 0;
    }
    /* Values of the last, incomplete round would make small numbers likelier: draw again. */
    uint32_t last = UINT32_MAX - UINT32_MAX % limit;
    uint32_t drawn;
    do {
        random_fill(&drawn, sizeof drawn);
    } while (drawn >= last);
    return drawn % limit;
}

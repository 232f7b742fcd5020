/*
 * A fax machine that calls, for scenarios (fax.py): on its standard input it hears, on its standard output it
 * says. Each message is a letter, two bytes of length (low first) and as many bytes. in:  S 320 bytes of
 * sound (20 ms at 8 kHz, 16 bit)    T from now on T.38    P a UDPTL datagram    C 20 ms have passed out: S
 * 320 bytes of sound, in answer to S             P a datagram          E in answer to S and C: '.' goes on,
 * '+' all pages were received, '-' the fax has failed Its only argument: TIFF file to which it writes the
 * pages that it sends.
 */
#include "tests/unit/fax_far.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(char letter, const void *bytes, size_t length)
{
    putchar(letter);
    putchar((int)(length & 255));
    putchar((int)(length >> 8));
    fwrite(bytes, 1, length, stdout);
}

static void packet_put(const uint8_t *datagram, size_t length)
{
    put('P', datagram, length);
}

static void state_put(void)
{
    put('E', fax_far_content() ? "+" : fax_far_done() ? "-" : ".", 1);
    fflush(stdout);
}

static void step(char letter, const uint8_t *bytes, size_t length)
{
    int16_t sound[160];

    switch (letter) {
    case 'S':
        if (length != sizeof sound)
            exit(2);
        memcpy(sound, bytes, sizeof sound);
        fax_far_hear(sound, 160);
        fax_far_say(sound, 160);
        put('S', sound, sizeof sound);
        state_put();
        break;
    case 'T':
        fax_far_hang_up();
        fax_far_call(packet_put);
        break;
    case 'P':
        fax_far_take(bytes, length);
        break;
    case 'C':
        fax_far_pass(20);
        state_put();
        break;
    default:
        exit(2);
    }
}

int main(int argc, char **argv)
{
    uint8_t head[3], bytes[2048];

    if (argc != 2)
        return 2;
    fax_far_begin();
    if (rename(fax_sent, argv[1]) != 0 ||
        (size_t)snprintf(fax_sent, sizeof fax_sent, "%s", argv[1]) >= sizeof fax_sent)
        return 2;
    fax_far_call(NULL);
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t length = head[1] | (size_t)head[2] << 8;
        if (length > sizeof bytes || fread(bytes, 1, length, stdin) != length)
            return 2;
        step((char)head[0], bytes, length);
    }
    fax_far_hang_up();
    fax_far_end();
    return 0;
}

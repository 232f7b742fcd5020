/*
 * G.711 by tables, made from SpanDSP's companding at the start of the program: every packet of every member
 * of a room is measured, every speaker's decoded, every mix encoded.
 *
 * Ownership: read only. Threads: any. Failure: none.
 */
#ifndef CONFAB_MIXER_G711_H
#define CONFAB_MIXER_G711_H

#include <stdint.h>

/* [0] µ-law, [1] A-law. */
struct g711 {
    int16_t linear[256];
    uint32_t square[256]; /* of `linear` */
    uint8_t code[1 << 16]; /* by the bits of a sample; of these a voice touches few */
};
extern struct g711 g711_tables[2];

static inline uint8_t g711_code(const struct g711 *law, int16_t linear)
{
    return law->code[(uint16_t)linear];
}

#endif

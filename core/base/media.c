#include "core/base/media.h"

#include <stddef.h>
#include <strings.h>

/* RFC 3551 §6 for the static types; RFC 7587 §4.1 for Opus. */
static const struct codec_facts {
    const char *name;
    uint32_t clock, rate;
    uint8_t static_pt;
} facts[CODEC_COUNT] = {
    [CODEC_PCMU] = {"PCMU", 8000, 8000, 0},
    [CODEC_PCMA] = {"PCMA", 8000, 8000, 8},
    [CODEC_G722] = {"G722", 8000, 16000, 9},
    [CODEC_OPUS] = {"opus", 48000, 48000, MEDIA_NO_PT},
};

const char *codec_name(enum codec codec)
{
    return facts[codec].name;
}

uint32_t codec_clock(enum codec codec)
{
    return facts[codec].clock;
}

uint32_t codec_rate(enum codec codec)
{
    return facts[codec].rate;
}

int codec_from_name(const char *name)
{
    for (int i = 0; i < CODEC_COUNT; i++) {
        if (strcasecmp(name, facts[i].name) == 0) {
            return i;
        }
    }
    return -1;
}

uint8_t codec_static_pt(enum codec codec)
{
    return facts[codec].static_pt;
}

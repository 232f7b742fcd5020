/* Two recordings become one. Both are the recorder's: mono, 16 bits, 8 or 16 kHz. */
#include "storage/rows.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 44             /* bytes of RIFF, format and data chunk before the samples */
#define PCM_MONO 0x00010001 /* format and channels */
#define NARROW 8000
#define WIDE 16000

static uint32_t word_at(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof word);
    return le32toh(word);
}

static void word_put(uint8_t *bytes, uint32_t word)
{
    word = htole32(word);
    memcpy(bytes, &word, sizeof word);
}

/* 0: none that we could add to. */
static uint32_t sound_rate(const struct audio *audio)
{
    const uint8_t *bytes = audio->bytes;
    uint32_t rate;

    if (audio->size < HEAD || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 12, "fmt ", 4) != 0 ||
        memcmp(bytes + 36, "data", 4) != 0 || word_at(bytes + 20) != PCM_MONO ||
        word_at(bytes + 40) != audio->size - HEAD)
        return 0;
    rate = word_at(bytes + 24);
    return word_at(bytes + 28) == 2 * rate && (rate == NARROW || rate == WIDE) ? rate : 0;
}

/* Between two samples at 8 kHz stands their mean: what lies above 4 kHz was never there. */
static void samples_widen(uint8_t *out, const uint8_t *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int16_t here, next = 0, mean;

        memcpy(&here, in + 2 * i, sizeof here);
        if (i + 1 < count)
            memcpy(&next, in + 2 * i + 2, sizeof next);
        mean = (int16_t)((here + next) / 2);
        memcpy(out + 4 * i, &here, sizeof here);
        memcpy(out + 4 * i + 2, &mean, sizeof mean);
    }
}

static uint8_t *sound_put(uint8_t *to, const struct audio *from, bool widen)
{
    size_t size = from->size - HEAD;

    if (!widen) {
        memcpy(to, from->bytes + HEAD, size);
        return to + size;
    }
    samples_widen(to, from->bytes + HEAD, size / 2);
    return to + 2 * (size / 2 * 2);
}

int audio_join(struct audio *first, const struct audio *second)
{
    uint32_t one = sound_rate(first), two = sound_rate(second), rate = one > two ? one : two;
    uint8_t *bytes, *end;

    if (one == 0 || two == 0 || first->size + second->size > UINT32_MAX / 2)
        return EINVAL;
    bytes = malloc(2 * (first->size + second->size));
    if (bytes == NULL)
        return ENOMEM;
    memcpy(bytes, first->bytes, HEAD);
    end = sound_put(bytes + HEAD, first, one < rate);
    end = sound_put(end, second, two < rate);
    free(first->bytes);
    first->bytes = bytes;
    first->size = (size_t)(end - bytes);
    first->duration_ms = (uint32_t)((first->size - HEAD) * 500 / rate);
    word_put(bytes + 4, (uint32_t)first->size - 8);
    word_put(bytes + 24, rate);
    word_put(bytes + 28, 2 * rate);
    word_put(bytes + 40, (uint32_t)first->size - HEAD);
    return 0;
}

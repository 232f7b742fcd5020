/*
 * Sounds encoded once for all who play them: made by the file thread some seconds at a time, used by workers
 * as long as the sound is held.
 */
#include "mixer/codec.h"
#include "mixer/sound_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A second of sound takes 8 kB in G.711 and G.722 each, about 4 in Opus. What is loaded at start, prompts and
 * music, is there to stay and asked for all the time, and a message's encodings go with it: so what came
 * first is kept, and at the limit nothing more is made but when something has gone.
 */
#define SECONDS_MAX (10 * 60)
#define BYTES_MAX (UINT64_C(128) << 20)
#define FRAMES_A_TURN 400 /* 4 s of sound: below 0.1 s of Opus, within what a recorder's ring holds */
#define OPUS_SPAN (ENCODING_OPUS_MS * WIDE_PER_MS)

/* An encoding at work. */
struct making {
    struct sound *sound;
    enum encoding_kind kind;
    struct encoder *encoder;
    struct encoding *made;
    uint32_t at; /* samples at 16 kHz */
    size_t length, capacity;
    int16_t history[INTERPOLATE_HISTORY];
};

static const enum codec codecs[ENCODING_COUNT] = {[ENCODING_PCMU] = CODEC_PCMU,
                                                  [ENCODING_PCMA] = CODEC_PCMA,
                                                  [ENCODING_G722] = CODEC_G722,
                                                  [ENCODING_OPUS] = CODEC_OPUS,
                                                  [ENCODING_OPUS_FEC] = CODEC_OPUS};

static bool is_opus(enum encoding_kind kind)
{
    return codecs[kind] == CODEC_OPUS;
}

/* DTX saves the far side next to nothing in what is played on purpose, so its wish is not heard here. */
enum encoding_kind encoding_kind_of(const struct media_format *format)
{
    switch (format->codecs[0].codec) {
    case CODEC_PCMU:
        return ENCODING_PCMU;
    case CODEC_PCMA:
        return ENCODING_PCMA;
    case CODEC_G722:
        return ENCODING_G722;
    case CODEC_OPUS:
        if (format->ptime_ms != ENCODING_OPUS_MS)
            return ENCODING_NONE;
        return format->opus_fec ? ENCODING_OPUS_FEC : ENCODING_OPUS;
    default:
        return ENCODING_NONE;
    }
}

uint64_t sounds_encoded_bytes(const struct sounds *sounds)
{
    return atomic_load(&((struct sounds *)sounds)->encoded_bytes);
}

const struct encoding *encoding_get(struct sounds *sounds, struct sound *sound, enum encoding_kind kind,
                                    bool asks)
{
    const struct encoding *e = atomic_load_explicit(&sound->encodings[kind], memory_order_acquire);

    if (!e && asks) {
        unsigned char asked = atomic_load_explicit(&sound->asked[kind], memory_order_relaxed);

        /* Two workers that ask at once may count as one: the next play asks again. */
        if (asked < ASKED_AGAIN && atomic_compare_exchange_strong(&sound->asked[kind], &asked, asked + 1) &&
            asked + 1 == ASKED_AGAIN)
            atomic_store(&sounds->encoding_wanted, true);
    }
    return e;
}

static void encoding_free(struct encoding *e)
{
    if (!e)
        return;
    free(e->starts);
    free(e->data);
    free(e);
}

static void making_free(struct making *making)
{
    encoder_free(making->encoder);
    encoding_free(making->made);
    free(making);
}

/* Memory as it will be for bytes; for Opus as it may be, to be grown or cut down. */
static int making_new(struct making **out, struct sound *sound, enum encoding_kind kind)
{
    struct making *m = calloc(1, sizeof *m);
    unsigned rate = codec_rate(codecs[kind]);
    int error = ENOMEM;

    if (!m)
        goto out;
    m->sound = sound;
    m->kind = kind;
    m->made = calloc(1, sizeof *m->made);
    if (!m->made)
        goto out;
    m->capacity = sound->samples.length / 2 + ENCODING_TAIL;
    if (is_opus(kind)) {
        m->made->packets = (sound->samples.length + OPUS_SPAN - 1) / OPUS_SPAN;
        m->made->starts = calloc(m->made->packets + 1, sizeof *m->made->starts);
        m->capacity = m->capacity / 2 + ENCODING_PAYLOAD_MAX;
    }
    m->made->data = malloc(m->capacity);
    if (!m->made->data || (is_opus(kind) && !m->made->starts))
        goto out;
    error = encoder_new(&m->encoder, codecs[kind], rate, is_opus(kind) ? ENCODING_OPUS_MS : FRAME_MS,
                        kind == ENCODING_OPUS_FEC, false);
    if (!error) {
        *out = m;
        m = NULL;
    }
out:
    if (m)
        making_free(m);
    return error;
}

/* True: all is encoded. The silence after the sound is encoded with it. */
static bool make_bytes(struct making *m)
{
    const struct samples *s = &m->sound->samples;
    bool narrow = m->kind != ENCODING_G722;
    size_t all = s->length / 2 + ENCODING_TAIL;
    int16_t frame[WIDE_FRAME];

    for (int i = 0; i < FRAMES_A_TURN && m->length < all; i++, m->at += WIDE_FRAME) {
        size_t n = all - m->length < WIDE_FRAME / 2 ? all - m->length : WIDE_FRAME / 2;

        samples_take(s, narrow, m->at, frame);
        m->length += encoder_encode(m->encoder, frame, narrow ? n : 2 * n, m->made->data + m->length, n);
    }
    return m->length >= all;
}

static int data_reserve(struct making *m, size_t more)
{
    uint8_t *data;

    if (m->length + more <= m->capacity)
        return 0;
    data = realloc(m->made->data, m->capacity * 2);
    if (!data)
        return ENOMEM;
    m->made->data = data;
    m->capacity *= 2;
    return 0;
}

/* As a player renders it for 48 kHz. */
static int make_packets(struct making *m, bool *over)
{
    const struct samples *s = &m->sound->samples;
    int16_t frame[WIDE_FRAME], full[2 * FRAME_MAX];

    for (int i = 0; i < FRAMES_A_TURN / 2 && m->at < s->length; i++, m->at += OPUS_SPAN) {
        int error = data_reserve(m, ENCODING_PAYLOAD_MAX);

        if (error)
            return error;
        for (unsigned half = 0; half < 2; half++) {
            samples_take(s, false, m->at + half * WIDE_FRAME, frame);
            interpolate(m->history, frame, full + half * FRAME_MAX);
        }
        m->length +=
            encoder_encode(m->encoder, full, 2 * FRAME_MAX, m->made->data + m->length, ENCODING_PAYLOAD_MAX);
        m->made->starts[m->at / OPUS_SPAN + 1] = (uint32_t)m->length;
    }
    *over = m->at >= s->length;
    return 0;
}

static void making_publish(struct sounds *sounds, struct making *m)
{
    struct encoding *e = m->made;

    if (is_opus(m->kind)) {
        uint8_t *fitting = realloc(e->data, m->length > 0 ? m->length : 1);

        if (fitting)
            e->data = fitting;
    }
    e->size = sizeof *e + m->length + (e->starts ? (e->packets + 1) * sizeof *e->starts : 0);
    atomic_fetch_add(&sounds->encoded_bytes, e->size);
    m->made = NULL;
    atomic_store_explicit(&m->sound->encodings[m->kind], e, memory_order_release);
    atomic_store(&m->sound->asked[m->kind], ASKED_MADE);
}

static bool making_find(struct sounds *sounds, struct sound **sound, enum encoding_kind *kind)
{
    if (!atomic_exchange(&sounds->encoding_wanted, false))
        return false;
    for (unsigned i = 0; i < SOUNDS_MAX; i++) {
        struct sound *s = &sounds->slots[i];

        if (atomic_load_explicit(&s->state, memory_order_acquire) != SOUND_READY ||
            atomic_load(&s->references) == 0)
            continue;
        for (unsigned k = 1; k < ENCODING_COUNT; k++) {
            if (atomic_load(&s->asked[k]) != ASKED_AGAIN)
                continue;
            *sound = s;
            *kind = k;
            atomic_store(&sounds->encoding_wanted, true); /* there may be others */
            return true;
        }
    }
    return false;
}

/* What finds no place now may be asked for again; what is too long stays as it is. */
static void making_begin(struct sounds *sounds, struct sound *sound, enum encoding_kind kind)
{
    bool full = atomic_load(&sounds->encoded_bytes) + sound->samples.length / 2 > BYTES_MAX;
    bool long_one = sound->samples.length > SECONDS_MAX * WIDE_RATE;

    if (long_one || full || making_new(&sounds->making, sound, kind))
        atomic_store(&sound->asked[kind], long_one ? ASKED_IN_VAIN : ASKED_NEVER);
}

bool encodings_make(struct sounds *sounds)
{
    struct making *m = sounds->making;
    bool over = false;

    if (!m) {
        struct sound *sound;
        enum encoding_kind kind;

        if (!making_find(sounds, &sound, &kind))
            return false;
        making_begin(sounds, sound, kind);
        return true;
    }
    if (!is_opus(m->kind)) {
        over = make_bytes(m);
    } else if (make_packets(m, &over)) {
        encodings_abandon(sounds, NULL);
        return true;
    }
    if (over) {
        making_publish(sounds, m);
        making_free(m);
        sounds->making = NULL;
    }
    return true;
}

void encodings_abandon(struct sounds *sounds, const struct sound *sound)
{
    struct making *m = sounds->making;

    if (!m || (sound && m->sound != sound))
        return;
    atomic_store(&m->sound->asked[m->kind], ASKED_NEVER);
    making_free(m);
    sounds->making = NULL;
}

void encodings_free(struct sounds *sounds, struct sound *sound)
{
    for (unsigned k = 0; k < ENCODING_COUNT; k++) {
        struct encoding *e = atomic_exchange(&sound->encodings[k], NULL);

        if (e)
            atomic_fetch_sub(&sounds->encoded_bytes, e->size);
        encoding_free(e);
        atomic_store(&sound->asked[k], ASKED_NEVER);
    }
}

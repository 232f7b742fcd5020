/*
 * Playing in a tick: sounds, tones and silence one after another without a gap, at the rate that is asked
 * for.
 *
 * Positions count samples at 16 kHz, whatever is rendered: 8 kHz is read from the sound's other version at
 * half the index, and 48 kHz is interpolated from 16.
 */
#include "mixer/codec.h"
#include "mixer/sound_internal.h"

#include <math.h>
#include <string.h>

#define WIDE_FRAME (WIDE_RATE / 100)
#define PHASES 3 /* 48 kHz of 16 */
#define TAPS 16  /* inputs behind each output: their delay is TAPS / 2 samples, 0.5 ms */
#define HISTORY (TAPS - 1)
#define KAISER_BETA 7.0

static float interpolator[PHASES][TAPS];

static double bessel_i0(double x)
{
    double sum = 1, term = 1;

    for (int k = 1; k < 40; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* A windowed sinc at a third of 48 kHz; phase 0 passes the input through, so a sound keeps its samples. */
static void interpolator_make(void)
{
    const double centre = PHASES * TAPS / 2;

    for (int n = 0; n < PHASES * TAPS; n++) {
        double at = n - centre, x = M_PI * at / PHASES, side = at / centre;
        double window = bessel_i0(KAISER_BETA * sqrt(1 - side * side)) / bessel_i0(KAISER_BETA);

        interpolator[n % PHASES][n / PHASES] = (float)((at == 0 ? 1 : sin(x) / x) * window);
    }
}

void player_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, interpolator_make);
}

void player_start(struct player *p, struct sounds *sounds, uint32_t serial, const struct play_item *items,
                  unsigned count, bool repeat)
{
    player_stop(p);
    memset(p, 0, sizeof *p);
    p->sounds = sounds;
    p->serial = serial;
    p->count = count < PLAY_ITEMS_MAX ? count : PLAY_ITEMS_MAX;
    memcpy(p->items, items, p->count * sizeof *items);
    p->repeat = repeat;
    p->playing = true;
}

/* Every item holds its sound until the whole list is over, since it may be repeated. */
void player_stop(struct player *p)
{
    if (p->playing)
        player_release(p->sounds, p->items, p->count);
    p->playing = false;
    p->sound = NULL;
}

/* Phases begin anew with each tone, so that the same list sounds the same each time. */
static void next_item(struct player *p)
{
    p->at++;
    p->position = 0;
    p->sound = NULL;
    p->phase1 = p->phase2 = 0;
}

enum item_state { ITEM_PLAYS, ITEM_WAITS, ITEM_NONE };

/* Length of the item at hand in 16 kHz samples; a sound that cannot be played is noted and has none. */
static enum item_state item_length(struct player *p, uint32_t *length)
{
    const struct play_item *item = &p->items[p->at];
    uint64_t wanted = (uint64_t)item->ms * WIDE_PER_MS;

    *length = wanted > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)wanted;
    if (item->sound == 0)
        return ITEM_PLAYS;
    p->sound = sound_slot(p->sounds, item->sound);
    switch (atomic_load_explicit(&p->sound->state, memory_order_acquire)) {
    case SOUND_READY:
        if (item->ms == 0 || *length > p->sound->samples.length)
            *length = p->sound->samples.length;
        return ITEM_PLAYS;
    case SOUND_LOADING:
        return ITEM_WAITS;
    default:
        p->failed = true;
        *length = 0;
        return ITEM_PLAYS;
    }
}

/* Goes on until an item has something left to play. A round of a repeated list that gave nothing is the last.
 */
static enum item_state find_item(struct player *p, uint32_t *length)
{
    unsigned tried = 0;

    while (p->playing && tried <= p->count) {
        enum item_state state;

        if (p->at >= p->count) {
            if (!p->repeat)
                return ITEM_NONE;
            p->at = 0;
            p->played_ms = 0;
        }
        if (p->count == 0)
            return ITEM_NONE;
        state = item_length(p, length);
        if (state == ITEM_WAITS || p->position < *length)
            return state;
        next_item(p);
        tried++;
    }
    if (p->playing)
        p->repeat = false;
    p->at = p->count;
    return ITEM_NONE;
}

static double tone_step(uint16_t hz, unsigned rate)
{
    return 2 * M_PI * hz / rate;
}

static void render_tone(struct player *p, const struct play_item *item, unsigned rate, int16_t *out,
                        size_t count)
{
    /* The power of a sine is half its amplitude squared; 0 dBov is the power of a full square wave. */
    double amplitude = 32768.0 * M_SQRT2 * pow(10, item->level_dbov / 20.0);
    double a1 = item->hz1 ? amplitude : 0, a2 = item->hz2 ? amplitude : 0;
    double step1 = tone_step(item->hz1, rate), step2 = tone_step(item->hz2, rate);

    for (size_t i = 0; i < count; i++) {
        double value = a1 * sin(p->phase1) + a2 * sin(p->phase2);

        out[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
        p->phase1 += step1;
        p->phase2 += step2;
    }
    p->phase1 = fmod(p->phase1, 2 * M_PI);
    p->phase2 = fmod(p->phase2, 2 * M_PI);
}

/* `out` holds WIDE_FRAME samples, or half as many for 8 kHz. Returns how many at 16 kHz were played. */
static unsigned render_items(struct player *p, bool narrow, int16_t *out)
{
    unsigned shift = narrow ? 1 : 0, done = 0;
    uint32_t length;

    while (done < WIDE_FRAME && find_item(p, &length) == ITEM_PLAYS) {
        const struct play_item *item = &p->items[p->at];
        unsigned n = WIDE_FRAME - done;
        int16_t *to = out + (done >> shift);

        if (n > length - p->position)
            n = length - p->position;
        if (item->sound != 0)
            memcpy(to,
                   narrow ? p->sound->samples.narrow + p->position / 2 : p->sound->samples.wide + p->position,
                   (n >> shift) * sizeof *to);
        else if (item->hz1 || item->hz2)
            render_tone(p, item, narrow ? NARROW_RATE : WIDE_RATE, to, n >> shift);
        else
            memset(to, 0, (n >> shift) * sizeof *to);
        p->position += n;
        done += n;
    }
    return done;
}

/* 16 to 48 kHz; the history joins one frame to the next. Half a millisecond of the very last sound stays in
 * it, which is the silence that every prompt ends with. */
static void interpolate(struct player *p, const int16_t *in, int16_t *out)
{
    int16_t line[HISTORY + WIDE_FRAME];

    memcpy(line, p->history, HISTORY * sizeof *line);
    memcpy(line + HISTORY, in, WIDE_FRAME * sizeof *line);
    for (int i = 0; i < WIDE_FRAME; i++) {
        for (int phase = 0; phase < PHASES; phase++) {
            float sum = 0;

            for (int tap = 0; tap < TAPS; tap++)
                sum += interpolator[phase][tap] * line[i + HISTORY - tap];
            *out++ = (int16_t)lrintf(fminf(INT16_MAX, fmaxf(INT16_MIN, sum)));
        }
    }
    memcpy(p->history, line + WIDE_FRAME, HISTORY * sizeof *line);
}

bool player_render(struct player *p, unsigned rate, int16_t *out)
{
    int16_t frame[WIDE_FRAME];
    bool narrow = rate == NARROW_RATE;
    unsigned done;

    if (!p->playing || p->paused)
        return false;
    done = render_items(p, narrow, frame);
    if (done == 0)
        return false;
    memset(frame + (narrow ? done / 2 : done), 0,
           (narrow ? (WIDE_FRAME - done) / 2 : WIDE_FRAME - done) * sizeof *frame);
    if (rate == 3 * WIDE_RATE)
        interpolate(p, frame, out);
    else
        memcpy(out, frame, rate / 100 * sizeof *out);
    p->played_ms += (done + WIDE_PER_MS - 1) / WIDE_PER_MS;
    return true;
}

bool player_ended(struct player *p)
{
    uint32_t length;

    if (!p->playing || p->paused || find_item(p, &length) != ITEM_NONE)
        return false;
    player_stop(p);
    return true;
}

void player_skip(struct player *p, int ms)
{
    int64_t to = (int64_t)p->position + (int64_t)ms * WIDE_PER_MS;
    uint32_t length;

    if (!p->playing || find_item(p, &length) != ITEM_PLAYS)
        return;
    to = to < 0 ? 0 : to > length ? length : to;
    /* Counted as if it had been heard, so that a caller who skips and stops can go on from there later. */
    p->played_ms = (uint32_t)(p->played_ms + (to - (int64_t)p->position) / WIDE_PER_MS);
    p->position = (uint32_t)to;
}

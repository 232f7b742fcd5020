/*
 * Playing in a tick: sounds, tones and silence one after another without a gap, at the rate that is asked
 * for.
 *
 * Positions count samples at 16 kHz, whatever is rendered: 8 kHz is read from the sound's other version at
 * half the index, and 48 kHz is interpolated from 16. So all positions are even.
 */
#include "mixer/codec.h"
#include "mixer/sound_internal.h"

#include <math.h>
#include <string.h>

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
    p->gain = p->level = PLAY_UNITY;
    p->speed = SPEED_NORMAL;
    p->playing = true;
}

/* Every item holds its sound until the whole list is over, since it may be repeated. */
void player_stop(struct player *p)
{
    if (p->playing)
        player_release(p->sounds, p->items, p->count);
    p->playing = false;
    p->sound = p->left = NULL;
}

/* Phases begin anew with each tone, so that the same list sounds the same each time. */
static void next_item(struct player *p)
{
    p->at++;
    p->position = 0;
    p->sound = NULL;
    p->scaling = false;
    p->steady = 0;
    p->phase1 = p->phase2 = 0;
}

void player_advance(struct player *p, uint32_t samples)
{
    p->position += samples;
    p->played += samples;
    p->steady += samples;
    p->played_ms = (uint32_t)((p->played + WIDE_PER_MS - 1) / WIDE_PER_MS);
}

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
enum item_state player_find(struct player *p, uint32_t *length)
{
    unsigned tried = 0;

    while (p->playing && tried <= p->count) {
        enum item_state state;

        if (p->at >= p->count) {
            if (!p->repeat)
                return ITEM_NONE;
            p->at = 0;
            p->played = p->played_ms = 0;
            p->asked = 0;
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

/* Where a sound can be cut only if it began with a packet, it waits for one. */
static bool waits_for_packet(const struct player *p, bool begun)
{
    bool must =
        p->kind == ENCODING_OPUS || p->kind == ENCODING_OPUS_FEC || (p->kind == ENCODING_G722 && p->fresh);

    return begun && must && p->position == 0 && p->items[p->at].sound != 0;
}

/* `out` holds WIDE_FRAME samples, or half as many for 8 kHz. Returns how many at 16 kHz were played. */
static unsigned render_items(struct player *p, bool narrow, int16_t *out)
{
    unsigned shift = narrow ? 1 : 0, done = 0;
    uint32_t length;

    while (done < WIDE_FRAME && player_find(p, &length) == ITEM_PLAYS &&
           !waits_for_packet(p, p->within || done > 0)) {
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
        player_advance(p, n);
        done += n;
    }
    return done;
}

/* How far 10 ms lead in the sound's own time. */
static uint32_t speed_step(struct player *p)
{
    unsigned hundredths = WIDE_FRAME * p->speed + p->rest;
    uint32_t step = hundredths / 200 * 2;

    p->rest = hundredths - step * 100;
    return step;
}

/* At another speed: one frame as it is, one that leaps (speed.c), and so on. An item begins with a frame. */
static unsigned render_scaled(struct player *p, bool narrow, int16_t *out)
{
    int16_t before[WIDE_FRAME];
    uint32_t length, step;

    if (player_find(p, &length) != ITEM_PLAYS)
        return 0;
    const struct play_item *item = &p->items[p->at];
    if (item->hz1 || item->hz2) {
        render_tone(p, item, narrow ? NARROW_RATE : WIDE_RATE, out, WIDE_FRAME >> narrow);
    } else if (item->sound == 0) {
        memset(out, 0, WIDE_FRAME * sizeof *out);
    } else {
        if (!p->scaling) {
            p->follow = p->position;
            p->splice = false;
        }
        if (p->splice) {
            samples_take(&p->sound->samples, narrow, p->follow, before);
            p->follow = speed_leap(&p->sound->samples, p->follow, p->position);
        }
        samples_take(&p->sound->samples, narrow, p->follow, out);
        if (p->splice)
            frame_blend(out, before, WIDE_FRAME >> narrow);
        p->follow += WIDE_FRAME;
        p->splice = !p->splice;
        p->scaling = true;
    }
    step = speed_step(p);
    player_advance(p, step < length - p->position ? step : length - p->position);
    return WIDE_FRAME;
}

/* A leap is blended with what would have followed; gain and pauses come and go within the frame. */
static void soften(struct player *p, bool narrow, int16_t *frame)
{
    int count = narrow ? WIDE_FRAME / 2 : WIDE_FRAME;
    int fade = count - count / 10; /* what is left over runs the interpolator out */
    int32_t from = p->level, to = p->paused ? 0 : p->gain;
    int16_t before[WIDE_FRAME];

    if (p->left) {
        samples_take(&p->left->samples, narrow, p->left_at, before);
        frame_blend(frame, before, (size_t)count);
        p->left = NULL;
    }
    p->level = to;
    if (from == to) {
        frame_apply_gain(frame, (size_t)count, to);
        return;
    }
    for (int i = 0; i < count; i++) {
        int64_t q12 = from + (int64_t)(to - from) * (i < fade ? i + 1 : fade) / fade,
                value = (frame[i] * q12) >> 12;

        frame[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
    }
}

bool player_render(struct player *p, unsigned rate, int16_t *out)
{
    int16_t frame[WIDE_FRAME];
    bool narrow = rate == NARROW_RATE;
    unsigned done;

    if (!p->playing || (p->paused && p->level == 0))
        return false;
    done = p->speed == SPEED_NORMAL ? render_items(p, narrow, frame) : render_scaled(p, narrow, frame);
    if (done == 0) {
        p->left = NULL;
        return false;
    }
    memset(frame + (narrow ? done / 2 : done), 0,
           (narrow ? (WIDE_FRAME - done) / 2 : WIDE_FRAME - done) * sizeof *frame);
    soften(p, narrow, frame);
    if (rate == 3 * WIDE_RATE)
        interpolate(p->history, frame, out);
    else
        memcpy(out, frame, rate / 100 * sizeof *out);
    return true;
}

void player_recent(struct player *p, unsigned rate, int16_t *out, size_t samples)
{
    size_t per_frame = rate / 100;
    uint32_t back = (uint32_t)(samples / per_frame) * WIDE_FRAME;
    uint32_t at = p->left ? p->left_at : p->position;
    const struct sound *sound = p->left;
    int16_t frame[WIDE_FRAME];

    memset(p->history, 0, sizeof p->history);
    memset(out, 0, samples * sizeof *out);
    if (!sound && p->playing && p->at < p->count && p->items[p->at].sound != 0)
        sound = sound_slot(p->sounds, p->items[p->at].sound);
    if (!sound || at < back || atomic_load_explicit(&sound->state, memory_order_acquire) != SOUND_READY)
        return;
    for (at -= back; back > 0; at += WIDE_FRAME, back -= WIDE_FRAME, out += per_frame) {
        samples_take(&sound->samples, rate == NARROW_RATE, at, frame);
        if (rate == 3 * WIDE_RATE)
            interpolate(p->history, frame, out);
        else
            memcpy(out, frame, per_frame * sizeof *out);
    }
}

bool player_ended(struct player *p)
{
    uint32_t length;

    if (!p->playing || p->paused || player_find(p, &length) != ITEM_NONE)
        return false;
    player_stop(p);
    return true;
}

/* -- leaps, pauses, speed and gain */

/* Before a leap: where the sound would have gone on. */
static void note_leap(struct player *p)
{
    uint32_t length;

    p->left = NULL;
    if (p->level != 0 && p->played > 0 && player_find(p, &length) == ITEM_PLAYS &&
        p->items[p->at].sound != 0) {
        p->left = p->sound;
        p->left_at = (p->scaling ? p->follow : p->position) & ~UINT32_C(1);
    }
    p->scaling = false;
}

/* Length of another item, with what player_find() would say of it. */
static enum item_state length_of(struct player *p, unsigned at, uint32_t *length)
{
    unsigned here = p->at;
    struct sound *sound = p->sound;
    bool failed = p->failed;
    enum item_state state;

    p->at = at;
    state = item_length(p, length);
    p->at = here;
    p->sound = sound;
    p->failed = failed;
    return state;
}

/* Item and place in it; what can be cut by packets only is entered at one, at most 10 ms away. */
static void leap_to(struct player *p, unsigned at, int64_t place, uint32_t length)
{
    const uint32_t span = ENCODING_OPUS_MS * WIDE_PER_MS;
    uint32_t to = place < 0 ? 0 : place > length ? length : (uint32_t)place & ~UINT32_C(1);

    if ((p->kind == ENCODING_OPUS || p->kind == ENCODING_OPUS_FEC) && to < length) {
        uint32_t near = (to + span / 2) / span * span;

        to = near < length ? near : to;
    }
    if (at != p->at) {
        p->sound = NULL;
        p->phase1 = p->phase2 = 0;
    }
    p->at = at;
    p->position = to;
    p->steady = 0;
}

/* Counted as if it had been heard, so that a caller who leaps and stops can go on from there later. */
static void count_played(struct player *p)
{
    uint64_t all = p->position;
    uint32_t length;

    for (unsigned i = 0; i < p->at; i++) {
        if (length_of(p, i, &length) == ITEM_PLAYS)
            all += length;
    }
    p->played = all;
    p->played_ms = (uint32_t)((all + WIDE_PER_MS - 1) / WIDE_PER_MS);
}

void player_skip(struct player *p, int ms)
{
    uint32_t length;

    if (!p->playing || player_find(p, &length) != ITEM_PLAYS)
        return;
    int64_t to = (int64_t)p->position + (int64_t)ms * WIDE_PER_MS;
    unsigned at = p->at;

    note_leap(p);
    while (to < 0 && at > 0 && !p->items[at].chapter) {
        if (length_of(p, --at, &length) != ITEM_PLAYS)
            length = 0;
        to += length;
    }
    while (to >= length && at + 1 < p->count) {
        to = p->items[++at].chapter ? 0 : to - length;
        if (length_of(p, at, &length) != ITEM_PLAYS) {
            length = 0;
            to = 0;
            break;
        }
        if (to == 0)
            break;
    }
    leap_to(p, at, to, length);
    count_played(p);
}

void player_seek(struct player *p, uint32_t ms)
{
    int64_t to = (int64_t)ms * WIDE_PER_MS;
    enum item_state state;
    uint32_t length;
    unsigned at = 0;

    if (!p->playing || p->count == 0)
        return;
    note_leap(p);
    while ((state = length_of(p, at, &length)) == ITEM_PLAYS && to >= length && at + 1 < p->count) {
        to -= length;
        at++;
    }
    if (state == ITEM_WAITS)
        to = 0;
    leap_to(p, at, to, length);
    count_played(p);
}

/* What has not begun yet need not be faded out. */
void player_pause(struct player *p, bool paused)
{
    p->paused = paused;
    if (paused && p->played == 0)
        p->level = 0;
}

/* Back at normal speed it goes on where the last leap led to, so that nothing is cut. */
void player_speed(struct player *p, unsigned percent)
{
    uint32_t length;

    if (percent == SPEED_NORMAL && p->scaling && player_find(p, &length) == ITEM_PLAYS && p->scaling) {
        uint32_t to = p->follow < length ? p->follow : length;

        p->played = p->played - p->position + to;
        p->position = to;
        p->steady = 0;
        p->scaling = false;
    }
    p->speed = percent < SPEED_MIN ? SPEED_MIN : percent > SPEED_MAX ? SPEED_MAX : percent;
}

void player_gain(struct player *p, int32_t q12)
{
    p->gain = q12;
}

/* The jitter buffer: see jitter.h. */
#include "mixer/jitter.h"

#include <string.h>

#define WINDOW_MS 5000 /* drift of 200 ppm moves 2 ms in two of these */
#define LEARN_MS 1000  /* before that, the starting delay holds */
#define JUMP_MS 500    /* a change of transit time that no network makes: the sender's clock was set anew */
#define TICK_MS 10

void jitter_reset(struct jitter *j)
{
    uint64_t late = j->late, duplicate = j->duplicate;

    memset(j, 0, offsetof(struct jitter, store));
    j->late = late;
    j->duplicate = duplicate;
}

static int64_t to_ms(const struct jitter *j, int64_t timestamp)
{
    return timestamp * 1000 / j->clock;
}

static int64_t least(const int64_t two[2])
{
    return two[0] < two[1] ? two[0] : two[1];
}

static int64_t target_ms(const struct jitter *j, int64_t now_ms)
{
    int64_t worst = (j->slowest[0] > j->slowest[1] ? j->slowest[0] : j->slowest[1]) - least(j->fastest);

    if (now_ms - j->began < LEARN_MS && worst < JITTER_START_MS)
        worst = JITTER_START_MS;
    return worst < JITTER_LEAST_MS ? JITTER_LEAST_MS : worst > JITTER_MOST_MS ? JITTER_MOST_MS : worst;
}

/* How long after the fastest packets' arrival the sample at play_at is played, if it is played now. */
static int64_t delay_ms(const struct jitter *j, int64_t now_ms)
{
    return now_ms - to_ms(j, j->play_at) - least(j->fastest);
}

int64_t jitter_surplus_ms(const struct jitter *j, int64_t now_ms)
{
    return j->playing ? delay_ms(j, now_ms) - target_ms(j, now_ms) : 0;
}

static void stream_start(struct jitter *j, const struct jitter_packet *packet, uint32_t clock, int64_t now_ms)
{
    jitter_reset(j);
    j->clock = clock;
    /* Counting begins at one wrap, so that an older packet that comes second is not below zero. */
    j->next = j->highest = 65536 + packet->sequence;
    j->newest = j->play_at = ((int64_t)1 << 32) + packet->timestamp;
    j->began = j->window_start = now_ms;
    j->fastest[0] = j->fastest[1] = j->slowest[0] = j->slowest[1] = now_ms - to_ms(j, j->newest);
}

/* Remembers a packet's transit time. False: it is out of all reason. */
static bool transit_note(struct jitter *j, int64_t transit, int64_t now_ms)
{
    int64_t over = transit - least(j->fastest);

    if (over > JUMP_MS || over < -JUMP_MS)
        return false;
    if (now_ms - j->window_start >= WINDOW_MS) {
        j->window_start = now_ms;
        j->fastest[0] = j->fastest[1];
        j->slowest[0] = j->slowest[1];
        j->fastest[1] = j->slowest[1] = transit;
    }
    if (transit < j->fastest[1])
        j->fastest[1] = transit;
    if (transit > j->slowest[1])
        j->slowest[1] = transit;
    return true;
}

static struct jitter_slot *slot_of(struct jitter *j, int64_t sequence)
{
    return &j->slots[sequence % JITTER_SLOTS];
}

/* There, and its bytes not yet written over. */
static bool slot_holds(const struct jitter *j, const struct jitter_slot *s, int64_t sequence)
{
    return s->full && s->sequence == sequence && j->written - s->start <= JITTER_BYTES;
}

static void slot_fill(struct jitter *j, int64_t sequence, int64_t timestamp,
                      const struct jitter_packet *packet)
{
    struct jitter_slot *s = slot_of(j, sequence);
    size_t at = j->written % JITTER_BYTES, length = packet->ms ? packet->length : 0;

    if (length > JITTER_BYTES - at) { /* a payload lies in one piece */
        j->written += JITTER_BYTES - at;
        at = 0;
    }
    s->sequence = sequence;
    s->timestamp = timestamp;
    s->start = j->written;
    s->length = (uint16_t)length;
    s->ms = (uint16_t)(length ? packet->ms : 0);
    s->payload_type = packet->payload_type;
    s->full = true;
    if (length)
        memcpy(j->store + at, packet->payload, length);
    j->written += length;
}

enum jitter_verdict jitter_put(struct jitter *j, const struct jitter_packet *packet, uint32_t clock,
                               int64_t now_ms)
{
    enum jitter_verdict verdict = JITTER_KEPT;

    if (j->clock != clock) {
        verdict = j->clock ? JITTER_RESTARTED : JITTER_KEPT;
        stream_start(j, packet, clock, now_ms);
    }
    int64_t sequence = j->highest + (int16_t)(packet->sequence - (uint16_t)j->highest);
    int64_t timestamp = j->newest + (int32_t)(packet->timestamp - (uint32_t)j->newest);
    int64_t jump = sequence - j->highest;

    /* An event keeps its first timestamp for as long as the key is down: it says nothing about the network.
     */
    if (jump >= 1000 || jump <= -1000 ||
        (packet->ms && !transit_note(j, now_ms - to_ms(j, timestamp), now_ms))) {
        stream_start(j, packet, clock, now_ms);
        sequence = j->highest;
        timestamp = j->newest;
        verdict = JITTER_RESTARTED;
    }
    if (sequence < j->next && j->playing) {
        j->late++;
        return JITTER_LATE;
    }
    if (slot_holds(j, slot_of(j, sequence), sequence)) {
        j->duplicate++;
        return JITTER_DUPLICATE;
    }
    if (sequence < j->next && j->highest - sequence < JITTER_SLOTS / 2) { /* the first came second */
        j->next = sequence;
        j->play_at = timestamp;
    }
    slot_fill(j, sequence, timestamp, packet);
    if (sequence > j->highest)
        j->highest = sequence;
    if (packet->ms && timestamp > j->newest)
        j->newest = timestamp;
    if (j->highest - j->next >= JITTER_SLOTS)
        j->next = j->highest - JITTER_SLOTS + 1;
    return verdict;
}

static void packet_of(const struct jitter *j, const struct jitter_slot *s, struct jitter_packet *out)
{
    out->sequence = (uint16_t)s->sequence;
    out->timestamp = (uint32_t)s->timestamp;
    out->payload_type = s->payload_type;
    out->ms = s->ms;
    out->payload = j->store + s->start % JITTER_BYTES;
    out->length = s->length;
}

/* The first packet at or after j->next that holds sound and is not over already, or NULL. */
static const struct jitter_slot *slot_next(struct jitter *j)
{
    for (int64_t n = j->next; n <= j->highest; n++) {
        const struct jitter_slot *s = slot_of(j, n);
        if (!slot_holds(j, s, n))
            continue;
        if (s->ms && s->timestamp + (int64_t)s->ms * j->clock / 1000 > j->play_at)
            return s;
        if (s->ms)
            j->late++;
        if (n == j->next)
            j->next = n + 1;
        slot_of(j, n)->full = false;
    }
    return NULL;
}

/* A packet came, but not the one before it: conceal up to it, or the length of one packet if that is less. */
static enum jitter_sound conceal_gap(struct jitter *j, const struct jitter_slot *s, struct jitter_packet *out)
{
    int64_t gap = (s->timestamp - j->play_at) * 1000 / j->clock;
    bool last = s->sequence - j->next == 1;

    packet_of(j, s, out);
    out->ms = j->last_ms >= TICK_MS && gap > j->last_ms ? j->last_ms
              : gap > TICK_MS                           ? (unsigned)gap
                                                        : TICK_MS;
    if (out->ms > 60)
        out->ms = TICK_MS;
    if (!last || gap > out->ms)
        out->payload = NULL;
    if (!last)
        j->next++;
    j->play_at += (int64_t)out->ms * j->clock / 1000;
    return JITTER_CONCEAL;
}

enum jitter_sound jitter_get(struct jitter *j, int64_t now_ms, struct jitter_packet *out)
{
    if (!j->clock)
        return JITTER_SILENCE;
    if (!j->playing) {
        if (delay_ms(j, now_ms) < target_ms(j, now_ms))
            return JITTER_SILENCE;
        j->playing = true;
    }
    const struct jitter_slot *s = slot_next(j);
    int64_t tick = TICK_MS * (int64_t)j->clock / 1000;

    if (s && s->timestamp < j->play_at + tick) {
        packet_of(j, s, out);
        j->next = s->sequence + 1;
        j->last_ms = s->ms;
        j->play_at = s->timestamp + (int64_t)s->ms * j->clock / 1000;
        return JITTER_PLAY;
    }
    bool wait = delay_ms(j, now_ms) < target_ms(j, now_ms);
    if (s && s->sequence > j->next && !wait)
        return conceal_gap(j, s, out);
    out->payload = NULL;
    out->ms = TICK_MS;
    if (s &&
        s->sequence ==
            j->next) { /* all packets are there, only time passes: the sender was silent (RFC 3551 §4.1) */
        j->play_at += tick;
        return JITTER_SILENCE;
    }
    /* Nothing is there. With less delay than the network needs now, wait for the packet; else call it lost.
     */
    if (delay_ms(j, now_ms) >= target_ms(j, now_ms))
        j->play_at += tick;
    return JITTER_CONCEAL;
}

void jitter_resume(struct jitter *j, int64_t now_ms)
{
    if (!j->clock)
        return;
    int64_t at = (now_ms - least(j->fastest) - target_ms(j, now_ms)) * j->clock / 1000;

    j->playing = true;
    j->play_at = at;
    /* What is over already was never meant to be heard: it is not late. */
    uint64_t late = j->late;
    const struct jitter_slot *s = slot_next(j);
    j->late = late;
    j->next = s ? s->sequence : j->highest + 1;
}

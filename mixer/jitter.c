/* The jitter buffer: see jitter.h. */
#include "mixer/jitter.h"

#include <string.h>

#define LEARN_WINDOWS 5 /* before that, the starting delay holds */
/* A change of transit time that no network makes: the sender's clock was set anew. */
#define JUMP_US 500000
/* So many too late to be heard, over this time and none between them in time: the sender stopped its clock in
 * a pause, or the way became longer. Those of a burst after a stall come all at once and are no such sign. */
#define LATE_RUN 3
#define LATE_RUN_US 50000
#define TICK_MS 10
#define TICK_US 10000

void jitter_reset(struct jitter *j)
{
    uint64_t late = j->late, duplicate = j->duplicate, concealed_ms = j->concealed_ms;
    /* Another stream comes over the same network. */
    bool known = j->known || j->windows >= LEARN_WINDOWS;
    int32_t spread = j->windows >= LEARN_WINDOWS ? j->worst - j->least : j->spread, floor = j->floor;

    unsigned gap_ms = j->playing && !j->paused ? j->gap_ms : JITTER_CONCEAL_MS;

    memset(j, 0, offsetof(struct jitter, store));
    j->gap_ms = gap_ms;
    j->late = late;
    j->duplicate = duplicate;
    j->concealed_ms = concealed_ms;
    j->known = known;
    j->spread = spread;
    j->floor = floor;
}

void jitter_hold(struct jitter *j, unsigned ms)
{
    j->floor = (int32_t)ms * 1000;
    jitter_reset(j);
}

static int64_t to_us(const struct jitter *j, int64_t timestamp)
{
    return timestamp / j->clock * 1000000 + timestamp % j->clock * 1000000 / j->clock;
}

static int64_t units(const struct jitter *j, unsigned ms)
{
    return (int64_t)ms * j->clock / 1000;
}

int64_t jitter_target_us(const struct jitter *j)
{
    int64_t target = (int64_t)j->worst - j->least + JITTER_MARGIN_US;

    if (!j->known && j->windows < LEARN_WINDOWS && target < JITTER_START_MS * 1000)
        target = JITTER_START_MS * 1000;
    if (target < j->floor)
        target = j->floor;
    return target > JITTER_MOST_MS * 1000 ? JITTER_MOST_MS * 1000 : target;
}

/* How long after the fastest packets' arrival the sample at play_at is played, if it is played now. */
static int64_t delay_us(const struct jitter *j, int64_t now_us)
{
    return now_us - to_us(j, j->play_at) - j->origin - j->least;
}

int64_t jitter_spare_us(const struct jitter *j, int64_t now_us)
{
    return j->playing ? delay_us(j, now_us) - jitter_target_us(j) : 0;
}

static void stream_start(struct jitter *j, const struct jitter_packet *packet, uint32_t clock,
                         int64_t arrival_us)
{
    jitter_reset(j);
    j->clock = clock;
    /* Counting begins at one wrap, so that an older packet that comes second is not below zero. */
    j->next = j->highest = 65536 + packet->sequence;
    j->newest = j->play_at = ((int64_t)1 << 32) + packet->timestamp;
    j->origin = arrival_us - to_us(j, j->newest);
    j->window_end = arrival_us + JITTER_WINDOW_MS * 1000;
    /* Two windows, for the slowest of all does not count. */
    j->windows = 2;
    j->slowest[0] = j->slowest[1] = j->worst = j->spread;
}

static void windows_review(struct jitter *j)
{
    int32_t least = j->fastest[0], most = j->slowest[0], second = INT32_MIN;

    for (unsigned i = 1; i < j->windows; i++) {
        if (j->fastest[i] < least)
            least = j->fastest[i];
        if (j->slowest[i] > most) {
            second = most;
            most = j->slowest[i];
        } else if (j->slowest[i] > second) {
            second = j->slowest[i];
        }
    }
    j->least = least;
    j->worst = second;
}

/* Remembers a packet's transit time. False: it is out of all reason. */
static bool transit_note(struct jitter *j, int64_t transit_us, int64_t arrival_us)
{
    int64_t over = transit_us - j->origin - j->least;
    unsigned w = j->window;

    if (over > JUMP_US || over < -JUMP_US)
        return false;
    int32_t transit = (int32_t)(transit_us - j->origin);
    if (arrival_us >= j->window_end) {
        w = j->window = (w + 1) % JITTER_WINDOWS;
        if (j->windows < JITTER_WINDOWS)
            j->windows++;
        j->window_end = arrival_us + JITTER_WINDOW_MS * 1000;
        j->fastest[w] = j->slowest[w] = transit;
    } else if (transit < j->fastest[w]) {
        j->fastest[w] = transit;
    } else if (transit > j->slowest[w]) {
        j->slowest[w] = transit;
    } else {
        return true;
    }
    windows_review(j);
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
    s->pause = packet->pause;
    s->full = true;
    if (length)
        memcpy(j->store + at, packet->payload, length);
    j->written += length;
}

/*
 * Too late to be heard. While nothing but made-up sound filled its time, a packet is not: it is heard now,
 * and the delay it causes is given up again by and by; better than a syllable less.
 */
static bool is_over(const struct jitter *j, int64_t timestamp, unsigned ms)
{
    if (timestamp + units(j, ms) > j->play_at)
        return false;
    return j->unsure_ms == 0 || j->play_at - timestamp > units(j, JITTER_CONCEAL_MS);
}

/* Sound that is over already. True: it is time to follow the sender; at once where he says that he begins. */
static bool late_note(struct jitter *j, int64_t sequence, int64_t timestamp,
                      const struct jitter_packet *packet, int64_t arrival_us)
{
    if (!packet->ms || !j->playing)
        return false;
    if (sequence >= j->next && !is_over(j, timestamp, packet->ms)) {
        j->late_run = 0;
        return false;
    }
    if (sequence < j->next) /* its place was given up: that says nothing of those behind it */
        return false;
    if (j->late_run++ == 0)
        j->late_since = arrival_us;
    return packet->start || (j->late_run >= LATE_RUN && arrival_us - j->late_since >= LATE_RUN_US);
}

enum jitter_verdict jitter_put(struct jitter *j, const struct jitter_packet *packet, uint32_t clock,
                               int64_t arrival_us)
{
    enum jitter_verdict verdict = JITTER_KEPT;

    if (j->clock != clock) {
        verdict = j->clock ? JITTER_RESTARTED : JITTER_KEPT;
        stream_start(j, packet, clock, arrival_us);
    }
    int64_t sequence = j->highest + (int16_t)(packet->sequence - (uint16_t)j->highest);
    int64_t timestamp = j->newest + (int32_t)(packet->timestamp - (uint32_t)j->newest);
    int64_t jump = sequence - j->highest;

    /* An event keeps its first timestamp for as long as the key is down: it says nothing about the network.
     */
    if (jump >= 1000 || jump <= -1000 ||
        (packet->ms && !transit_note(j, arrival_us - to_us(j, timestamp), arrival_us)) ||
        late_note(j, sequence, timestamp, packet, arrival_us)) {
        stream_start(j, packet, clock, arrival_us);
        sequence = j->highest;
        timestamp = j->newest;
        verdict = JITTER_RESTARTED;
    }
    if (slot_holds(j, slot_of(j, sequence), sequence)) {
        j->duplicate++;
        return JITTER_DUPLICATE;
    }
    if (sequence < j->next && j->playing) {
        j->late++;
        return JITTER_LATE;
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
    out->pause = s->pause;
    out->skip_ms = 0;
}

/* The first packet at or after j->next that holds sound and is not over already, or NULL. */
static const struct jitter_slot *slot_next(struct jitter *j)
{
    for (int64_t n = j->next; n <= j->highest; n++) {
        const struct jitter_slot *s = slot_of(j, n);
        if (!slot_holds(j, s, n))
            continue;
        if (s->ms && !is_over(j, s->timestamp, s->ms))
            return s;
        if (s->ms)
            j->late++;
        j->paused = s->pause;
        if (n == j->next)
            j->next = n + 1;
        slot_of(j, n)->full = false;
    }
    return NULL;
}

bool jitter_ready(const struct jitter *j, uint8_t payload_type)
{
    const struct jitter_slot *s = &j->slots[j->next % JITTER_SLOTS];

    return j->playing && j->next <= j->highest && slot_holds(j, s, j->next) && s->ms &&
           s->payload_type == payload_type && s->timestamp < j->play_at + units(j, TICK_MS) &&
           s->timestamp + units(j, s->ms) > j->play_at;
}

/* Nobody hears how long a pause is: here the delay becomes what it should be. */
static enum jitter_sound silence(struct jitter *j, int64_t spare_us)
{
    unsigned ticks = spare_us < 0 ? 0 : spare_us < 2 * TICK_US ? 1 : 2;

    j->play_at += units(j, ticks * TICK_MS);
    return JITTER_SILENCE;
}

/* A packet came, but not the one before it: conceal up to it, or the length of one packet if that is less. */
static enum jitter_sound conceal_gap(struct jitter *j, const struct jitter_slot *s, struct jitter_packet *out)
{
    int64_t gap = (s->timestamp - j->play_at) * 1000 / j->clock;
    bool last = s->sequence - j->next == 1;

    j->concealed_ms += j->unsure_ms;
    j->unsure_ms = 0;
    if (j->gap_ms >= JITTER_CONCEAL_MS)
        return silence(j, 0);
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
    j->gap_ms += out->ms;
    j->concealed_ms += out->ms;
    j->play_at += units(j, out->ms);
    return JITTER_CONCEAL;
}

/* Nothing tells yet what is missing, and whether. */
static enum jitter_sound conceal_blind(struct jitter *j, struct jitter_packet *out)
{
    out->payload = NULL;
    out->length = 0;
    out->ms = TICK_MS;
    j->gap_ms += TICK_MS;
    j->unsure_ms += TICK_MS;
    return JITTER_CONCEAL;
}

static enum jitter_sound play(struct jitter *j, const struct jitter_slot *s, struct jitter_packet *out)
{
    packet_of(j, s, out);
    out->skip_ms = j->skip_ms < s->ms ? j->skip_ms : 0;
    /* What was made up without knowing: a loss, or a packet that had to be waited for; or a pause, when no
     * number is missing and yet time has passed. */
    if (s->sequence > j->next || s->timestamp < j->end_at + units(j, TICK_MS))
        j->concealed_ms += j->unsure_ms;
    j->unsure_ms = j->gap_ms = j->skip_ms = 0;
    j->paused = s->pause;
    j->next = s->sequence + 1;
    j->last_ms = s->ms;
    j->play_at = j->end_at = s->timestamp + units(j, s->ms);
    return JITTER_PLAY;
}

enum jitter_sound jitter_get(struct jitter *j, int64_t now_us, struct jitter_packet *out)
{
    if (!j->clock)
        return JITTER_SILENCE;
    if (!j->playing && delay_us(j, now_us) < jitter_target_us(j))
        return j->gap_ms < JITTER_CONCEAL_MS ? conceal_blind(j, out) : JITTER_SILENCE;
    j->playing = true;
    const struct jitter_slot *s = slot_next(j);

    if (s && s->timestamp < j->play_at + units(j, TICK_MS))
        return play(j, s, out);
    int64_t spare = jitter_spare_us(j, now_us);
    if (s && s->sequence > j->next && spare >= 0)
        return conceal_gap(j, s, out);
    /* All packets are there, only time passes: the sender was silent (RFC 3551 §4.1), and so nothing was
     * lost before it either. */
    if (s && s->sequence == j->next) {
        j->unsure_ms = 0;
        return silence(j, spare);
    }
    if (j->paused || j->gap_ms >= JITTER_CONCEAL_MS)
        return silence(j, spare);
    /* Nothing is there. With less delay than the network needs now, wait for the packet; else call it lost.
     */
    if (spare >= 0)
        j->play_at += units(j, TICK_MS);
    return conceal_blind(j, out);
}

void jitter_resume(struct jitter *j, int64_t now_us)
{
    if (!j->clock)
        return;
    j->playing = true;
    j->play_at += (delay_us(j, now_us) - jitter_target_us(j)) * j->clock / 1000000;
    /* What is over already was never meant to be heard: it is not late. */
    uint64_t late = j->late;
    const struct jitter_slot *s = slot_next(j);
    j->late = late;
    j->next = s ? s->sequence : j->highest + 1;
    j->gap_ms = s ? 0 : JITTER_CONCEAL_MS; /* there is nothing to go on from */
    j->unsure_ms = 0;
    /* A packet that has just come is played whole, an older one from the tick on that is due now. */
    j->skip_ms = s && s->timestamp < j->play_at
                     ? (unsigned)((j->play_at - s->timestamp) * 1000 / j->clock / TICK_MS * TICK_MS)
                     : 0;
}

/*
 * Keys as RFC 4733 telephone-events. One press is one RTP timestamp; every packet of it repeats the event
 * with a longer duration, and the end is sent three times, so loss, repetition and disorder must all come out
 * as one digit.
 */
#include "mixer/files.h"

#include <string.h>

#define LOST_END_TICKS 10 /* a press without news for so long is over, though its end was lost */
#define STALE_TICKS 50    /* after this pause an older timestamp is a new stream, not an old packet */
#define SEGMENT_MAX                                                                                          \
    0xFFFF /* longest duration a packet can tell; longer presses go on in a new segment (§2.5.1.3) */
#define END_REPEATS 3  /* RFC 4733 §2.5.1.4 */
#define SEND_VOLUME 10 /* -10 dBm0 */

static const char digit_names[] = "0123456789*#ABCD"; /* RFC 4733 §3.2, in the order of their codes */

static char press_report(struct digit_receiver *r, uint32_t rate, unsigned *ms)
{
    r->active = false;
    r->reported = true;
    *ms = rate > 0 ? (unsigned)((uint64_t)r->duration * 1000 / rate) : 0;
    return r->digit;
}

static void press_begin(struct digit_receiver *r, uint32_t timestamp, char digit, uint32_t duration)
{
    r->active = true;
    r->reported = false;
    r->timestamp = timestamp;
    r->earlier = 0;
    r->duration = duration;
    r->digit = digit;
    r->idle_ticks = 0;
}

char digit_packet(struct digit_receiver *r, uint32_t timestamp, const uint8_t *payload, size_t length,
                  uint32_t rate, unsigned *ms)
{
    uint32_t duration;
    bool end;
    char digit;

    if (length < 4 || payload[0] >= sizeof digit_names - 1)
        return 0; /* another event (flash hook, fax tones) */
    digit = digit_names[payload[0]];
    end = (payload[1] & 0x80) != 0;
    duration = (uint32_t)payload[2] << 8 | payload[3];

    if (r->digit == digit && timestamp - r->timestamp == SEGMENT_MAX) {
        r->timestamp = timestamp;
        r->earlier += SEGMENT_MAX;
    }
    if (r->digit != 0 && timestamp == r->timestamp) {
        r->idle_ticks = 0;
        if (r->earlier + duration > r->duration)
            r->duration = r->earlier + duration;
        return end && !r->reported ? press_report(r, rate, ms) : 0;
    }
    if (r->digit != 0 && (int32_t)(timestamp - r->timestamp) < 0 && r->idle_ticks < STALE_TICKS)
        return 0; /* of an earlier press, overtaken by this one */
    if (r->active) {
        /* The end of the press before was lost. Should this packet be an end too, its repeats or the tick
         * tell it. */
        char before = press_report(r, rate, ms);

        press_begin(r, timestamp, digit, duration);
        return before;
    }
    press_begin(r, timestamp, digit, duration);
    return end ? press_report(r, rate, ms) : 0;
}

char digit_tick(struct digit_receiver *r, uint32_t rate, unsigned *ms)
{
    if (r->idle_ticks < STALE_TICKS)
        r->idle_ticks++;
    if (!r->active || r->idle_ticks < LOST_END_TICKS)
        return 0;
    return press_report(r, rate, ms);
}

void digit_send(struct digit_sender *s, char digit, unsigned ms, uint32_t rate, uint32_t timestamp)
{
    uint64_t total = (uint64_t)ms * rate / 1000;

    memset(s, 0, sizeof *s);
    if (digit == 0 || !strchr(digit_names, digit))
        return;
    s->digit = digit;
    s->timestamp = timestamp;
    s->total = total > SEGMENT_MAX ? SEGMENT_MAX : (uint32_t)total;
    s->ends_left = END_REPEATS;
}

bool digit_send_packet(struct digit_sender *s, unsigned ptime_ms, uint32_t rate, uint8_t payload[4],
                       bool *marker)
{
    bool end;

    if (s->digit == 0)
        return false;
    *marker = s->duration == 0; /* RFC 4733 §2.5.1.1 */
    s->duration += ptime_ms * rate / 1000;
    end = s->duration >= s->total;
    if (end)
        s->duration = s->total > 0 ? s->total : 1;
    payload[0] = (uint8_t)(strchr(digit_names, s->digit) - digit_names);
    payload[1] = (uint8_t)((end ? 0x80 : 0) | SEND_VOLUME);
    payload[2] = (uint8_t)(s->duration >> 8);
    payload[3] = (uint8_t)s->duration;
    if (end && --s->ends_left == 0)
        s->digit = 0;
    return true;
}

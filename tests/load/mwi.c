/* How soon a lamp is lit: from a message's row to the NOTIFY of its mailbox. */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST_BOX 1002 /* 1001 has its messages already */
#define BOXES 9
#define ROUNDS 10
#define GREETING_MS 1500
#define WORDS_MS 1500
#define LAMP_MS 10000

struct lamps {
    struct lamp {
        bool watched;
        unsigned fresh; /* new messages, as told last */
        int64_t told_us, row_us;
    } boxes[BOXES];
    double lags[ROUNDS * BOXES]; /* ms */
    unsigned count;
};

static struct lamp *lamp_find(struct lamps *lamps, const char *mailbox)
{
    int index = atoi(mailbox) - FIRST_BOX;

    return index >= 0 && index < BOXES ? &lamps->boxes[index] : NULL;
}

static void lamp_told(void *arg, const char *mailbox, unsigned fresh, int64_t us)
{
    struct lamp *lamp = lamp_find(arg, mailbox);

    if (!lamp)
        return;
    if (lamp->watched && fresh > lamp->fresh)
        lamp->told_us = us;
    lamp->watched = true;
    lamp->fresh = fresh;
}

/* "2026-01-31T12:00:00.123456Z notice storage … message-delivered id=… mailbox=1002 …" */
static void row_found(void *arg, const char *line)
{
    const char *mailbox = strstr(line, " mailbox="), *fraction = strchr(line, '.');
    struct tm tm = {0};
    struct lamp *lamp = mailbox ? lamp_find(arg, mailbox + strlen(" mailbox=")) : NULL;

    if (lamp && fraction && strptime(line, "%Y-%m-%dT%H:%M:%S", &tm))
        lamp->row_us = (int64_t)timegm(&tm) * 1000000 + atoi(fraction + 1);
}

/* All that are watched; `told`: that were told of a message in this round. */
static unsigned lamps_count(const struct lamps *lamps, bool told)
{
    unsigned n = 0;

    for (unsigned i = 0; i < BOXES; i++)
        n += lamps->boxes[i].watched && (!told || lamps->boxes[i].told_us > 0);
    return n;
}

static void lamps_wait(struct bench *b, const struct lamps *lamps, bool told)
{
    for (uint64_t until = now_us() + LAMP_MS * 1000ull; lamps_count(lamps, told) < BOXES && now_us() < until;)
        peer_run(b->peer, 2);
}

/* Every round has callers of its own: who calls back at once is asked whether he goes on. */
static bool messages_leave(struct bench *b, unsigned round)
{
    char number[16];
    unsigned group;
    struct media_leg *leg;

    for (unsigned i = 0; i < BOXES; i++) {
        snprintf(number, sizeof number, "*99%u", FIRST_BOX + i);
        peer_call(b->peer, number, round * BOXES + i, VOICE_PCMU, false);
    }
    if (!peer_settle(b->peer, 30000))
        return false;
    for (unsigned i = 0; i < BOXES; i++)
        peer_press(b->peer, i, "#"); /* enough of the greeting */
    peer_run(b->peer, GREETING_MS);
    for (unsigned i = 0; (leg = peer_leg(b->peer, i, &group)) != NULL; i++)
        media_say(leg, 1);
    peer_run(b->peer, WORDS_MS);
    return true;
}

static bool round_run(struct bench *b, struct lamps *lamps, unsigned round)
{
    if (!messages_leave(b, round))
        return false;
    for (unsigned i = 0; i < BOXES; i++)
        lamps->boxes[i].told_us = lamps->boxes[i].row_us = 0;
    long from = daemon_log_end();
    peer_hang_up(b->peer);
    lamps_wait(b, lamps, true);
    (void)daemon_log_lines(from, " message-delivered ", row_found, lamps);
    for (unsigned i = 0; i < BOXES; i++) {
        const struct lamp *lamp = &lamps->boxes[i];
        if (lamp->told_us && lamp->row_us)
            lamps->lags[lamps->count++] = (double)(lamp->told_us - lamp->row_us) / 1000;
    }
    return true;
}

static int by_lag(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

void mwi_run(struct bench *b)
{
    struct lamps lamps = {0};
    char mailbox[16];

    for (unsigned i = 0; i < BOXES; i++) {
        snprintf(mailbox, sizeof mailbox, "%u", FIRST_BOX + i);
        peer_watch(b->peer, mailbox, lamp_told, &lamps);
    }
    lamps_wait(b, &lamps, false);
    bool stood = lamps_count(&lamps, false) == BOXES;
    for (unsigned i = 0; stood && i < ROUNDS; i++)
        stood = round_run(b, &lamps, i);
    peer_hang_up(b->peer);
    peer_watch_end(b->peer);
    if (!stood || !lamps.count) {
        table_absent("voicemailmwi", "a lamp is lit",
                     "not every mailbox could be watched, or its call was not answered");
        return;
    }
    qsort(lamps.lags, lamps.count, sizeof *lamps.lags, by_lag);
    table_line("voicemailmwi", "from the row to the NOTIFY", lamps.lags[lamps.count / 2],
               lamps.lags[lamps.count * 99 / 100],
               "ms in the median and at p99; %u of %u messages were told of", lamps.count, ROUNDS * BOXES);
}

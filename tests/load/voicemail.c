/*
 * What messages cost: legs that leave one and legs that hear one, beside echo legs of the same number in the
 * same run; and how soon the rows of many who hang up at once are there.
 */
#include "tests/load/bench.h"

#include <stdio.h>

#define LEGS 50
#define MAILBOX "1001"
#define PIN "739146" /* of the demo */
#define WORDS_MS 2000
#define LOGIN_MS 6000 /* number, PIN and "you have 50 new messages" */
#define ROWS_MS 30000

static bool legs_call(struct bench *b, const char *number)
{
    for (unsigned i = 0; i < LEGS; i++)
        peer_call(b->peer, number, i, VOICE_PCMU, false);
    return peer_settle(b->peer, 30000);
}

static void legs_press(struct bench *b, const char *keys)
{
    for (unsigned i = 0; i < LEGS; i++)
        peer_press(b->peer, i, keys);
}

static void legs_talk(struct bench *b)
{
    struct media_leg *leg;
    unsigned group;

    for (unsigned i = 0; (leg = peer_leg(b->peer, i, &group)) != NULL; i++)
        media_say(leg, 1 + i % (VOICES - 1));
}

/* CPU of a leg-second, beside that of an echo leg (0: it is one). False when the server has hung up on some.
 */
static bool legs_measure(struct bench *b, const char *name, const char *what, double echo_us, double *us)
{
    unsigned group;

    (void)daemon_ticks();
    machine_watch();
    uint64_t cpu = daemon_cpu(), start = now_us();
    peer_run(b->peer, b->seconds * 1000);
    *us = (double)(daemon_cpu() - cpu) / LEGS / ((double)(now_us() - start) / 1e6);
    double others = machine_others();
    struct tick_figures ticks = daemon_ticks();
    if (!peer_leg(b->peer, LEGS - 1, &group))
        return false;
    table_line(name, what, *us, echo_us > 0 ? *us / echo_us : 1,
               "us/leg-second, and times the echo; %.0f legs a core; tick us %lu/%lu (p50/p99), %lu overruns",
               1e6 / *us, ticks.p50, ticks.p99, ticks.overruns);
    if (others > 10)
        printf("    other processes took %.0f %% of a core meanwhile\n", others);
    return true;
}

/* They all hang up at once: each has a message that must become a row. */
static void rows_measure(struct bench *b)
{
    long from = daemon_log_end();
    unsigned rows = 0;
    uint64_t began = now_us();

    peer_hang_up(b->peer);
    while ((rows = daemon_log_lines(from, " message-delivered ", NULL, NULL)) < LEGS &&
           now_us() < began + ROWS_MS * 1000ull)
        peer_run(b->peer, 5);
    double seconds = (double)(now_us() - began) / 1e6;
    table_line("voicemailrows", "messages that end at once", rows / seconds, seconds,
               "rows a second; seconds until the last of %u, %s", rows, rows == LEGS ? "all" : "not all");
}

static bool echo_run(struct bench *b, double *us)
{
    if (!legs_call(b, "9196"))
        return false;
    legs_talk(b);
    peer_run(b->peer, WORDS_MS);
    bool stood = legs_measure(b, "voicemailecho", "50 at the echo", 0, us);
    peer_hang_up(b->peer);
    return stood;
}

static bool deposit_run(struct bench *b, double echo_us)
{
    double us;

    if (!legs_call(b, "*99" MAILBOX))
        return false;
    legs_press(b, "#"); /* enough of the greeting */
    peer_run(b->peer, WORDS_MS);
    legs_talk(b);
    bool stood = legs_measure(b, "voicemaildeposit", "50 leave a message", echo_us, &us);
    rows_measure(b);
    return stood;
}

static bool play_run(struct bench *b, double echo_us)
{
    double us;

    if (!legs_call(b, "*98"))
        return false;
    legs_press(b, MAILBOX "#");
    legs_press(b, PIN "#");
    peer_run(b->peer, LOGIN_MS);
    legs_press(b, "1");
    peer_run(b->peer, WORDS_MS);
    return legs_measure(b, "voicemailplay", "50 hear the first of them", echo_us, &us);
}

void voicemail_run(struct bench *b)
{
    double echo_us;

    daemon_start(&b->files);
    if (!echo_run(b, &echo_us) || !deposit_run(b, echo_us) || !play_run(b, echo_us))
        table_absent("voicemail", "messages left and heard", "not every call was answered, or lasted");
    peer_hang_up(b->peer);
    mwi_run(b);
    daemon_stop();
}

/*
 * A room in which some talk, and a crowd that comes at a rate and leaves at once: what those who were there
 * before notice of it, beside the same room at rest in the same run. Then what they notice of as many in a
 * room beside, whose host ends it for all.
 */
#include "tests/load/bench.h"

#include <stdio.h>

#define NUMBER "3050"
#define FACTORY "3998" /* who calls it is host of a new room */
#define END_KEYS "*09" /* of the usual menu of hosts */
#define TALKERS 10
#define CROWD 1000
#define RATE 200
#define ENTRY_MS 9000 /* what is said on entry is over */

struct phase {
    const char *name, *what;
    struct media_counts counts; /* of those who were there before */
    struct tick_figures ticks;
    double others;
};

static void phase_begin(struct bench *b)
{
    (void)daemon_ticks();
    machine_watch();
    media_count_begin(b->media);
}

static void phase_end(struct bench *b, struct phase *p)
{
    p->counts = media_count_end(b->media);
    p->others = machine_others();
    p->ticks = daemon_ticks();
}

static double share(uint64_t part, uint64_t all)
{
    return all ? 100.0 * (double)part / (double)all : 0;
}

static void phase_print(const struct phase *p, const struct phase *rest)
{
    double late = share(p->counts.late, p->counts.expected), lost = share(p->counts.lost, p->counts.expected);

    table_line(
        p->name, p->what, lost, late,
        "%% lost, %% late of %llu packets; tick us %lu/%lu/%lu (p50/p99/most), %lu overruns; p99 %.1f times",
        (unsigned long long)p->counts.expected, p->ticks.p50, p->ticks.p99, p->ticks.most, p->ticks.overruns,
        rest->ticks.p99 ? (double)p->ticks.p99 / (double)rest->ticks.p99 : 0);
    if (p->counts.peer_lost || p->counts.sent_late * 1000 > p->counts.sent)
        printf("    the bench itself did not keep pace: %llu of %llu packets sent more than 5 ms late, %llu "
               "not taken; blame it, not the server\n",
               (unsigned long long)p->counts.sent_late, (unsigned long long)p->counts.sent,
               (unsigned long long)p->counts.peer_lost);
    if (p->others > 10)
        printf("    other processes took %.0f %% of a core meanwhile\n", p->others);
}

static bool talkers_call(struct bench *b)
{
    struct media_leg *leg;
    unsigned group;

    for (unsigned i = 0; i < TALKERS; i++)
        peer_call(b->peer, NUMBER, 0, VOICE_PCMU, false);
    if (!peer_settle(b->peer, 10000))
        return false;
    for (unsigned i = 0; (leg = peer_leg(b->peer, i, &group)) != NULL; i++)
        media_say(leg, 1 + i % (VOICES - 1));
    peer_run(b->peer, ENTRY_MS);
    return true;
}

/* Who asked is still in the first room only when all others have gone. */
static bool crowd_sent_away(struct bench *b, struct phase *p, double *seconds)
{
    char number[64];

    peer_call(b->peer, FACTORY, 1, VOICE_PCMU, false);
    if (!peer_settle(b->peer, 10000))
        return false;
    peer_contact(b->peer, TALKERS, number, sizeof number);
    if (peer_storm(b->peer, number, CROWD, RATE) < CROWD)
        return false;
    peer_run(b->peer, ENTRY_MS);
    phase_begin(b);
    uint64_t began = now_us();
    peer_press(b->peer, TALKERS, END_KEYS);
    bool left = peer_left_behind(b->peer, TALKERS);
    *seconds = (double)(now_us() - began) / 1e6;
    phase_end(b, p);
    return left;
}

void storm_run(struct bench *b)
{
    struct phase rest = {.name = "stormrest", .what = "10 talkers in a room"};
    struct phase join = {.name = "stormjoin", .what = "1000 more join, 200 a second"};
    struct phase full = {.name = "stormfull", .what = "they are there"};
    struct phase leave = {.name = "stormleave", .what = "they leave at once"};
    struct phase end = {.name = "stormend", .what = "1000 beside, sent away by a host"};

    daemon_start(&b->files);
    if (!talkers_call(b)) {
        table_absent("storm", "a storm of joins", "not every call was answered");
        goto out;
    }
    phase_begin(b);
    peer_run(b->peer, b->seconds * 1000);
    phase_end(b, &rest);

    phase_begin(b);
    unsigned answered = peer_storm(b->peer, NUMBER, CROWD, RATE);
    phase_end(b, &join);
    if (answered < CROWD)
        printf("    %u of %u were answered, the last refusal was %u\n", answered, CROWD,
               peer_totals(b->peer).last_failure);
    phase_begin(b);
    peer_run(b->peer, b->seconds * 1000);
    phase_end(b, &full);

    phase_begin(b);
    uint64_t began = now_us();
    peer_hang_up_behind(b->peer, TALKERS);
    double seconds = (double)(now_us() - began) / 1e6;
    phase_end(b, &leave);
    phase_print(&rest, &rest);
    phase_print(&join, &rest);
    phase_print(&full, &rest);
    phase_print(&leave, &rest);
    printf("    all had left after %.2f s\n", seconds);
    if (crowd_sent_away(b, &end, &seconds)) {
        phase_print(&end, &rest);
        printf("    the last had been told, and had gone, after %.2f s\n", seconds);
    } else {
        table_absent(end.name, end.what, "not all came, or not all were sent away");
    }
out:
    peer_hang_up(b->peer);
    daemon_stop();
}

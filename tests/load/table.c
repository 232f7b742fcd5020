/* What is printed, as a table and as JSON: a line, and an object, for each thing that was measured. */
#include "tests/load/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define OTHERS_MOST 10 /* per cent of a core; more than that makes a figure doubtful */
#define PEER_LATE_MOST 0.001

static FILE *json;
static bool first = true;

void table_begin(const char *json_path)
{
    double load[3] = {0};

    (void)!getloadavg(load, 3);
    if (json_path && (json = fopen(json_path, "w")) == NULL)
        die(json_path);
    if (json)
        fprintf(json, "[");
    printf(
        "load average %.2f %.2f %.2f; CPU is that of all threads of the server, in us a leg-second;\n"
        "lost and late packets are those of the listeners, the tick is a media worker's work every 10 ms,\n"
        "the delay is from the first packet of a sound in to the first one out that carries it.\n\n",
        load[0], load[1], load[2]);
}

static void json_open(const char *name, const char *what)
{
    if (json)
        fprintf(json, "%s\n  {\"name\": \"%s\", \"what\": \"%s\"", first ? "" : ",", name, what);
    first = false;
}

static void json_close(void)
{
    if (json) {
        fprintf(json, "}");
        fflush(json);
    }
}

void table_floor(const char *what, double us, const char *remark)
{
    if (us > 0)
        printf("%-36s %7.1f us/leg-second%s\n", what, us, remark);
    else
        printf("%-36s not available here\n", what);
    json_open("floor", what);
    if (json && us > 0)
        fprintf(json, ", \"cpu_us\": %.2f, \"unit\": \"us/leg-second\"", us);
    json_close();
}

void table_floor_call(const char *what, double us)
{
    printf("%-36s %7.1f us/call\n", what, us);
    json_open("floor", what);
    if (json)
        fprintf(json, ", \"cpu_us\": %.2f, \"unit\": \"us/call\"", us);
    json_close();
}

void table_line(const char *name, const char *what, double one, double two, const char *format, ...)
{
    char words[200];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    printf("%-30s       %7.1f %7.1f %s\n", what, one, two, words);
    fflush(stdout);
    json_open(name, what);
    if (json)
        fprintf(json, ", \"figures\": [%.3f, %.3f], \"words\": \"%s\"", one, two, words);
    json_close();
}

static void head_print(void)
{
    static bool done;

    if (!done)
        printf(
            "\n%-30s %5s %7s %7s %6s %7s %7s %7s %17s %4s %17s\n%-30s %5s %7s %7s %6s %7s %7s %7s %17s %4s "
            "%17s\n",
            "", "legs", "CPU", "legs", "x the", "RSS KiB", "lost", "late", "tick us", "over", "delay ms", "",
            "", "us", "a core", "floor", "a leg", "%", "%", "p50/p99/p99.9", "runs", "median/p95/p99");
    done = true;
}

static void media_print(const struct row *r, double lost, double late)
{
    char ticks[48], delay[48] = "-";

    snprintf(ticks, sizeof ticks, "%lu/%lu/%lu", r->ticks.p50, r->ticks.p99, r->ticks.p999);
    if (r->has_delay)
        snprintf(delay, sizeof delay, "%.1f/%.1f/%.1f", r->delay.median, r->delay.p95, r->delay.p99);
    head_print();
    printf("%-30s %5u %7.1f %7.0f %6.2f %7.1f %7.3f %7.3f %17s %4lu %17s\n", r->what, r->legs, r->cpu_us,
           1e6 / r->cpu_us, r->cpu_us / r->floor, r->memory_kib, lost, late, ticks, r->ticks.overruns, delay);
    if (r->has_delay && (r->delay.missed || r->delay.worst_listener > 1.5 * r->delay.median))
        printf("    delay: %u samples at %u listeners, %u bursts not heard, the worst listener's median %.1f "
               "ms\n",
               r->delay.samples, r->delay.listeners, r->delay.missed, r->delay.worst_listener);
    if (r->counts.forged)
        printf("    %llu packets were not authentic\n", (unsigned long long)r->counts.forged);
    if (r->counts.peer_lost || (double)r->counts.sent_late > PEER_LATE_MOST * (double)r->counts.sent)
        printf(
            "    the bench itself did not keep pace: %llu of %llu packets sent more than 5 ms late, %llu not "
            "taken; blame it, not the server\n",
            (unsigned long long)r->counts.sent_late, (unsigned long long)r->counts.sent,
            (unsigned long long)r->counts.peer_lost);
}

static void media_json(const struct row *r, double lost, double late)
{
    fprintf(
        json,
        ", \"legs_a_core\": %.0f, \"rss_kib_a_leg\": %.2f, \"lost_percent\": %.4f, \"late_percent\": %.4f, "
        "\"packets_expected\": %llu, \"packets_lost\": %llu, \"packets_late\": %llu, \"not_authentic\": "
        "%llu, "
        "\"peer_sent\": %llu, \"peer_sent_late\": %llu, \"peer_lost\": %llu, \"ticks\": %lu, "
        "\"overruns\": %lu, \"tick_p50_us\": %lu, \"tick_p99_us\": %lu, \"tick_p999_us\": %lu, "
        "\"tick_most_us\": %lu",
        1e6 / r->cpu_us, r->memory_kib, lost, late, (unsigned long long)r->counts.expected,
        (unsigned long long)r->counts.lost, (unsigned long long)r->counts.late,
        (unsigned long long)r->counts.forged, (unsigned long long)r->counts.sent,
        (unsigned long long)r->counts.sent_late, (unsigned long long)r->counts.peer_lost, r->ticks.ticks,
        r->ticks.overruns, r->ticks.p50, r->ticks.p99, r->ticks.p999, r->ticks.most);
    if (r->has_delay)
        fprintf(json,
                ", \"delay_median_ms\": %.3f, \"delay_p95_ms\": %.3f, \"delay_p99_ms\": %.3f, "
                "\"delay_worst_listener_median_ms\": %.3f, \"delay_samples\": %u, \"delay_missed\": %u",
                r->delay.median, r->delay.p95, r->delay.p99, r->delay.worst_listener, r->delay.samples,
                r->delay.missed);
}

void table_row(const struct row *r)
{
    double expected = r->counts.expected ? (double)r->counts.expected : 1;
    double lost = 100 * (double)r->counts.lost / expected, late = 100 * (double)r->counts.late / expected;

    if (r->has_media)
        media_print(r, lost, late);
    else
        printf("%-30s       %7.1f %s, %.2f x the bare nta, %.0f calls a second and core, %.0f messages\n",
               r->what, r->cpu_us, r->unit, r->cpu_us / r->floor, 1e6 / r->cpu_us, r->messages);
    if (r->others > OTHERS_MOST)
        printf("    other processes took %.0f %% of a core meanwhile: the figures are worse than they should "
               "be\n",
               r->others);
    fflush(stdout);
    json_open(r->name, r->what);
    if (json) {
        fprintf(
            json,
            ", \"legs\": %u, \"cpu_us\": %.2f, \"unit\": \"%s\", \"ratio\": %.3f, \"others_percent\": %.1f",
            r->legs, r->cpu_us, r->unit, r->cpu_us / r->floor, r->others);
        if (r->has_media)
            media_json(r, lost, late);
    }
    json_close();
}

void table_absent(const char *name, const char *what, const char *why)
{
    head_print();
    printf("%-30s not available: %s\n", what, why);
    fflush(stdout);
    json_open(name, what);
    if (json)
        fprintf(json, ", \"absent\": \"%s\"", why);
    json_close();
}

void table_end(void)
{
    if (json) {
        fprintf(json, "\n]\n");
        fclose(json);
    }
}

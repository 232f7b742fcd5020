/* Local time in any zone, without the process's own: the zone's file (RFC 8536) and the rule in its footer.
 */
#include "core/base/zone.h"

#include "core/base/log.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONE_FOLDER "/usr/share/zoneinfo"
#define ZONE_FILE_MAX 65536 /* the largest in use has 4 kB */
#define HEADER 44           /* RFC 8536 §3.1 */

/* One day in the year on which the clocks change (POSIX TZ, extended by RFC 8536 §3.3.1). */
struct change {
    char kind; /* 'M' month, week, weekday; 'J' day 1-365 without 29 February; 'n' day 0-365 */
    int month, week, day;
    int32_t second; /* of that day, local time; may be negative or beyond 24 h */
};

/* What holds after the last transition of the file. */
struct rule {
    int32_t standard, summer; /* seconds east of UTC */
    bool has_summer;
    struct change start, end; /* of summer time */
};

struct zone {
    struct zone *next;
    char name[64];
    size_t count;
    int64_t *when;   /* transitions, ascending */
    int32_t *offset; /* seconds east of UTC from when[i] on */
    int32_t first;   /* before the first transition */
    bool has_rule;
    struct rule rule;
};

struct zones {
    pthread_mutex_t lock;
    struct zone *list;
};

/* -- the footer's rule
 * ---------------------------------------------------------------------------------------------- */

/* Parsers take the text's place and move it on; false: this is no such thing. */
static bool parse_number(const char **at, int *out)
{
    char *end;

    if (!isdigit((unsigned char)**at))
        return false;
    long value = strtol(*at, &end, 10);
    *at = end;
    *out = (int)value;
    return value <= 1000;
}

/* [+-]hh[:mm[:ss]] as seconds. */
static bool parse_hours(const char **at, int32_t *out)
{
    int sign = **at == '-' ? -1 : 1, part;
    int32_t unit = 3600, seconds = 0;

    if (**at == '-' || **at == '+')
        (*at)++;
    for (;;) {
        if (!parse_number(at, &part))
            return false;
        seconds += part * unit;
        unit /= 60;
        if (**at != ':' || unit == 0)
            break;
        (*at)++;
    }
    *out = sign * seconds;
    return true;
}

/* "CEST" or "<+0330>". */
static bool parse_name(const char **at)
{
    const char *start = *at;

    if (*start == '<') {
        const char *end = strchr(start, '>');
        *at = end ? end + 1 : start;
    } else {
        while (isalpha((unsigned char)**at))
            (*at)++;
    }
    return *at != start;
}

/* ",M3.5.0/2", ",J60", ",59": with two o'clock unless a time follows. */
static bool parse_change(const char **at, struct change *out)
{
    if (*(*at)++ != ',')
        return false;
    out->kind = **at == 'M' || **at == 'J' ? *(*at)++ : 'n';
    if (out->kind == 'M') {
        if (!parse_number(at, &out->month) || *(*at)++ != '.' || !parse_number(at, &out->week) ||
            *(*at)++ != '.')
            return false;
        if (out->month < 1 || out->month > 12 || out->week < 1 || out->week > 5)
            return false;
    }
    if (!parse_number(at, &out->day) || out->day > (out->kind == 'M' ? 6 : 365))
        return false;
    out->second = 2 * 3600;
    if (**at != '/')
        return true;
    (*at)++;
    return parse_hours(at, &out->second);
}

static bool rule_parse(struct rule *out, const char *text)
{
    int32_t west;

    if (!parse_name(&text) || !parse_hours(&text, &west))
        return false;
    out->standard = -west; /* POSIX counts westwards */
    out->has_summer = *text != '\0';
    if (!out->has_summer)
        return true;
    if (!parse_name(&text))
        return false;
    out->summer = out->standard + 3600;
    if (*text != ',') {
        if (!parse_hours(&text, &west))
            return false;
        out->summer = -west;
    }
    return parse_change(&text, &out->start) && parse_change(&text, &out->end) && *text == '\0';
}

static bool year_is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* The second of the year (local time) at which a change comes. `weekday`: of the first of January. */
static int32_t change_second(const struct change *change, int year, int weekday)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    bool leap = year_is_leap(year);
    int day = change->day;

    if (change->kind == 'J') {
        day += leap && day >= 60 ? 0 : -1;
    } else if (change->kind == 'M') {
        int first = before[change->month - 1] + (leap && change->month > 2);
        int next = before[change->month] + (leap && change->month >= 2);
        day = first + (change->day - (weekday + first) % 7 + 7) % 7 + (change->week - 1) * 7;
        while (day >= next) /* week 5: the last in the month */
            day -= 7;
    }
    return day * 86400 + change->second;
}

static int32_t rule_offset(const struct rule *rule, time_t when)
{
    struct tm tm;

    if (!rule->has_summer)
        return rule->standard;
    time_t local = when + rule->standard;
    gmtime_r(&local, &tm);
    int weekday = ((tm.tm_wday - tm.tm_yday) % 7 + 7) % 7;
    /* All in seconds of the year, standard time: the end of summer is written in summer time. */
    int32_t now = tm.tm_yday * 86400 + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
    int32_t start = change_second(&rule->start, tm.tm_year + 1900, weekday);
    int32_t end = change_second(&rule->end, tm.tm_year + 1900, weekday) - (rule->summer - rule->standard);
    /* South of the equator summer begins in one year and ends in the next. */
    bool summer = start < end ? now >= start && now < end : now >= start || now < end;
    return summer ? rule->summer : rule->standard;
}

/* -- the file
 * ------------------------------------------------------------------------------------------------------- */

/* Two's complement, sign extended (RFC 8536 §3.2). */
static int64_t read_big_endian(const unsigned char *at, size_t bytes)
{
    uint64_t value = at[0] & 0x80 ? ~(uint64_t)0 : 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

/* The counts of a header, RFC 8536 §3.1, and the length of the block behind it. */
struct block {
    size_t isut, isstd, leap, times, types, chars, length;
};

static bool block_read(struct block *out, const unsigned char *at, size_t left, size_t time_size)
{
    if (left < HEADER || memcmp(at, "TZif", 4) != 0)
        return false;
    out->isut = (uint32_t)read_big_endian(at + 20, 4);
    out->isstd = (uint32_t)read_big_endian(at + 24, 4);
    out->leap = (uint32_t)read_big_endian(at + 28, 4);
    out->times = (uint32_t)read_big_endian(at + 32, 4);
    out->types = (uint32_t)read_big_endian(at + 36, 4);
    out->chars = (uint32_t)read_big_endian(at + 40, 4);
    out->length = out->times * (time_size + 1) + out->types * 6 + out->chars + out->leap * (time_size + 4) +
                  out->isstd + out->isut;
    return out->types > 0 && out->length <= left - HEADER;
}

/* The second block of the file (64-bit times) and the footer; a file of version 1 has neither and is refused.
 */
static int zone_parse(struct zone *zone, const unsigned char *data, size_t length)
{
    struct block block;

    if (!block_read(&block, data, length, 4) || data[4] < '2')
        return EINVAL;
    data += HEADER + block.length;
    length -= HEADER + block.length;
    if (!block_read(&block, data, length, 8))
        return EINVAL;
    const unsigned char *times = data + HEADER, *index = times + block.times * 8,
                        *types = index + block.times;
    const char *footer = (const char *)data + HEADER + block.length;
    length -= HEADER + block.length;
    zone->when = calloc(block.times + 1, sizeof *zone->when);
    zone->offset = calloc(block.times + 1, sizeof *zone->offset);
    if (!zone->when || !zone->offset)
        return ENOMEM;
    zone->first = (int32_t)read_big_endian(types, 4);
    for (size_t i = 0; i < block.times; i++) {
        if (index[i] >= block.types)
            return EINVAL;
        zone->when[i] = read_big_endian(times + i * 8, 8);
        zone->offset[i] = (int32_t)read_big_endian(types + index[i] * 6, 4);
    }
    zone->count = block.times;
    /* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; the reader has put a NUL behind the file. */
    const char *end = length > 1 && *footer == '\n' ? strchr(footer + 1, '\n') : NULL;
    char text[128];
    if (end && end - footer < (long)sizeof text) {
        snprintf(text, sizeof text, "%.*s", (int)(end - footer - 1), footer + 1);
        zone->has_rule = rule_parse(&zone->rule, text);
    }
    return 0;
}

/* Names come from the database: nothing but what names of zones are made of, and no way out of the folder. */
static bool zone_name_ok(const char *name)
{
    if (!isalpha((unsigned char)*name) || strlen(name) >= sizeof((struct zone *)0)->name)
        return false;
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("/_+-", *c))
            return false;
    }
    return true;
}

static int zone_read(struct zone *zone)
{
    unsigned char *data = NULL;
    char path[128];
    int error = ENOENT;

    if (!zone_name_ok(zone->name))
        return EINVAL;
    snprintf(path, sizeof path, ZONE_FOLDER "/%s", zone->name);
    FILE *file = fopen(path, "re");
    if (!file)
        return ENOENT;
    data = malloc(ZONE_FILE_MAX + 1);
    if (!data) {
        error = ENOMEM;
        goto out;
    }
    size_t length = fread(data, 1, ZONE_FILE_MAX, file);
    data[length] = '\0';
    error = zone_parse(zone, data, length);
out:
    free(data);
    fclose(file);
    return error;
}

static void zone_free(struct zone *zone)
{
    free(zone->when);
    free(zone->offset);
    free(zone);
}

/* Before the first transition the first type holds, after the last the footer's rule (RFC 8536 §3.2, §3.3).
 */
static int32_t zone_offset(const struct zone *zone, time_t when)
{
    size_t low = 0, high = zone->count;

    while (low < high) { /* how many transitions are not after `when` */
        size_t middle = low + (high - low) / 2;
        if (zone->when[middle] <= when)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count && zone->has_rule)
        return rule_offset(&zone->rule, when);
    return low == 0 ? zone->first : zone->offset[low - 1];
}

/* -- the zones in use
 * ----------------------------------------------------------------------------------------------- */

int zones_new(struct zones **out)
{
    struct zones *zones = calloc(1, sizeof *zones);

    if (!zones)
        return ENOMEM;
    int error = pthread_mutex_init(&zones->lock, NULL);
    if (error) {
        free(zones);
        return error;
    }
    *out = zones;
    return 0;
}

void zones_free(struct zones *zones)
{
    if (!zones)
        return;
    while (zones->list) {
        struct zone *next = zones->list->next;
        zone_free(zones->list);
        zones->list = next;
    }
    pthread_mutex_destroy(&zones->lock);
    free(zones);
}

/* With the lock held. A zone that cannot be read is kept, too, as UTC: it is looked for, and complained of,
 * once. */
static const struct zone *zones_find(struct zones *zones, const char *name)
{
    struct zone *zone;

    for (zone = zones->list; zone; zone = zone->next) {
        if (!strncmp(zone->name, name, sizeof zone->name - 1)) /* kept names are cut to that */
            return zone;
    }
    zone = calloc(1, sizeof *zone);
    if (!zone)
        return NULL;
    snprintf(zone->name, sizeof zone->name, "%s", name);
    int error = zone_read(zone);
    if (error) {
        log_event(LEVEL_WARNING, "zone", NULL, "zone-unknown zone=%s error=%d used=UTC", zone->name, error);
        zone->count = 0;
        zone->first = 0;
    }
    zone->next = zones->list;
    zones->list = zone;
    return zone;
}

static struct zones *shared;
static pthread_once_t shared_once = PTHREAD_ONCE_INIT;

static void shared_make(void)
{
    if (zones_new(&shared))
        shared = NULL;
}

struct zones *zones_shared(void)
{
    pthread_once(&shared_once, shared_make);
    return shared;
}

static int32_t zones_offset(struct zones *zones, const char *name, time_t when)
{
    int32_t offset = 0;

    if (zones && *name) {
        pthread_mutex_lock(&zones->lock);
        const struct zone *zone = zones_find(zones, name);
        offset = zone ? zone_offset(zone, when) : 0;
        pthread_mutex_unlock(&zones->lock);
    }
    return offset;
}

void zones_local(struct zones *zones, const char *name, time_t when, struct tm *out)
{
    time_t local = when + zones_offset(zones, name, when);

    gmtime_r(&local, out);
}

time_t zones_moment(struct zones *zones, const char *name, time_t local)
{
    int32_t before = zones_offset(zones, name, local - 86400),
            after = zones_offset(zones, name, local + 86400);

    if (zones_offset(zones, name, local - before) == before ||
        zones_offset(zones, name, local - after) != after)
        return local - before;
    return local - after;
}

/*
 * Circuit breakers: a link that has failed so many times in a row is left out for a while, so that each call
 * does not wait for what is not there.
 */
#include "core/call/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Failures with the request and failures later on are counted apart: a link that fails each time it should
 * rescue a call has let it pass without a fault before. */
struct breaker {
    struct breaker *next;
    char name[64];
    unsigned failures[2];
    uint64_t open_until_us; /* 0: closed */
};

static struct breaker *breaker_of(struct breaker *list, const char *name)
{
    while (list && strcmp(list->name, name) != 0)
        list = list->next;
    return list;
}

bool breaker_is_open(struct breaker *list, const struct link_settings *link, uint64_t now_us)
{
    struct breaker *breaker = breaker_of(list, link->name);

    if (!breaker || !breaker->open_until_us || link->breaker_failures == 0)
        return false;
    if (now_us < breaker->open_until_us)
        return true;
    /* This call tries it; should nothing come of that, the next one does after another pause. */
    breaker->open_until_us = now_us + (uint64_t)link->breaker_s * 1000000;
    return false;
}

void breaker_note(struct breaker **list, const struct link_settings *link, bool failed, bool later,
                  uint64_t now_us)
{
    struct breaker *breaker = breaker_of(*list, link->name);

    if (!breaker && !failed)
        return;
    if (!breaker) {
        breaker = calloc(1, sizeof *breaker);
        if (!breaker || strlen(link->name) >= sizeof breaker->name) {
            free(breaker);
            return;
        }
        snprintf(breaker->name, sizeof breaker->name, "%s", link->name);
        breaker->next = *list;
        *list = breaker;
    }
    if (!failed) {
        if (breaker->open_until_us)
            log_event(LEVEL_NOTICE, "call", NULL, "breaker-closed link=%s", link->name);
        breaker->failures[later] = 0;
        breaker->open_until_us = 0;
        return;
    }
    if (link->breaker_failures == 0 || ++breaker->failures[later] < link->breaker_failures)
        return;
    if (!breaker->open_until_us)
        log_event(LEVEL_WARNING, "call", NULL, "breaker-open link=%s failures=%u seconds=%u%s", link->name,
                  breaker->failures[later], link->breaker_s, link->mandatory ? " mandatory=1" : "");
    breaker->open_until_us = now_us + (uint64_t)link->breaker_s * 1000000;
}

void breaker_free(struct breaker *list)
{
    while (list) {
        struct breaker *next = list->next;

        free(list);
        list = next;
    }
}

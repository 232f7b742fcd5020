/*
 * Call park (RFC 5359 §2.15). The plan's argument is the range of slots and for how many seconds a call waits
 * before it rings its parker again: "701-720 120". Who is sent to a slot (or to any other number of this
 * application: to the first that is free) is kept there with music; who dials a slot that is taken gets whom
 * it keeps.
 */
#include "apps/apps.h"

#include "core/base/log.h"
#include "core/call/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_S 120

struct parked {
    struct parked *next;
    struct link *link;
    char slot[NUMBER_TEXT], parker[NUMBER_TEXT]; /* parker "": unknown, he cannot be rung again */
    bool own;                                    /* the parker is the caller himself */
    unsigned wait_s;
};

static struct parked *parkings;

static void park_free(struct parked *parked)
{
    struct parked **place = &parkings;

    while (*place != parked)
        place = &(*place)->next;
    *place = parked->next;
    free(parked);
}

/* Who was taken by the parker's recall is there no more, though his call goes on. */
static struct parked *park_find(const struct server *server, const char *slot)
{
    for (struct parked *parked = parkings; parked; parked = parked->next)
        if (link_server(parked->link) == server && strcmp(parked->slot, slot) == 0 &&
            link_waits(parked->link))
            return parked;
    return NULL;
}

/* -- slots ------------------------------------------------------------------------------------------------
 */

struct slots {
    unsigned long low, high;
    int digits;
    unsigned wait_s;
};

static bool slots_read(struct slots *out, const char *argument)
{
    size_t length = strspn(argument, "0123456789");
    int used = 0;

    *out = (struct slots){.digits = (int)length, .wait_s = WAIT_S};
    if (length == 0 || length > 9 || sscanf(argument, "%lu-%lu%n", &out->low, &out->high, &used) != 2 ||
        out->low > out->high)
        return false;
    if (argument[used] == ' ')
        out->wait_s = (unsigned)strtoul(argument + used, NULL, 10);
    return out->wait_s > 0;
}

static bool slots_have(const struct slots *slots, const char *number)
{
    unsigned long value = strtoul(number, NULL, 10);

    return strlen(number) == (size_t)slots->digits && strspn(number, "0123456789") == strlen(number) &&
           value >= slots->low && value <= slots->high;
}

static bool slots_free(const struct slots *slots, const struct server *server, char out[NUMBER_TEXT])
{
    for (unsigned long slot = slots->low; slot <= slots->high; slot++) {
        snprintf(out, NUMBER_TEXT, "%0*lu", slots->digits, slot);
        if (!park_find(server, out))
            return true;
    }
    return false;
}

/* -- parking ------------------------------------------------------------------------------------------------
 */

/* Who sent him here: the transferor, else whoever diverted the call; else he dialled himself. */
static void park_note_parker(struct parked *parked, const struct request *request)
{
    unsigned count = request->diversion_count;
    const char *parker = *request->referrer.user ? request->referrer.user
                         : count                 ? request->diversions[count - 1].user
                                                 : "";

    if (!*parker && request->user) {
        parker = request->user;
        parked->own = true;
    }
    snprintf(parked->parker, sizeof parked->parker, "%s", parker);
}

static void park_keep(struct link *link, const struct request *request, const char *slot, unsigned wait_s)
{
    struct parked *parked = calloc(1, sizeof *parked);

    if (!parked) {
        link_reject(link, 500, NULL);
        return;
    }
    parked->link = link;
    parked->wait_s = wait_s;
    snprintf(parked->slot, sizeof parked->slot, "%s", slot);
    park_note_parker(parked, request);
    parked->next = parkings;
    parkings = parked;
    link_set_state(link, parked);
    link_show_at(link, slot);
    link_log(link, LEVEL_INFO, "parked slot=%s", slot);
    link_answer(link);
}

static void park_invited(struct link *link, const struct request *request)
{
    const struct server *server = link_server(link);
    struct parked *kept;
    struct slots slots;
    char slot[NUMBER_TEXT];
    bool given;

    if (!slots_read(&slots, request->argument)) {
        link_log(link, LEVEL_ERROR, "argument-unusable argument=\"%s\"", request->argument);
        link_reject(link, 500, NULL);
        return;
    }
    given = slots_have(&slots, request->number);
    kept = given ? park_find(server, request->number) : NULL;
    if (given)
        snprintf(slot, sizeof slot, "%s", request->number);
    if (kept && !link_join(link, kept->link))
        link_reject(link, 486, NULL); /* he has just come or just gone */
    else if (!kept && !given && !slots_free(&slots, server, slot))
        link_reject(link, 486, "All Slots Are Taken");
    else if (!kept)
        park_keep(link, request, slot, slots.wait_s);
}

/* -- waiting ------------------------------------------------------------------------------------------------
 */

/* The parker's phone rings; in vain, and the call is kept on, for whoever fetches it. */
static void park_recall(struct link *link)
{
    struct parked *parked = link_state(link);
    char parker[NUMBER_TEXT];

    snprintf(parker, sizeof parker, "%s", parked->parker);
    parked->parker[0] = '\0';
    link_recall(link, parker);
}

static void park_play(struct link *link)
{
    link_music(link);
}

static void park_wait(struct link *link)
{
    const struct parked *parked = link_state(link);

    if (*parked->parker)
        link_after(link, parked->wait_s * 1000, park_recall);
    park_play(link);
}

/* The parker has transferred another to the place where he was himself: now there is one whom he may forget.
 */
static bool park_heard(struct link *link, const struct news *news)
{
    struct parked *parked = link_state(link);

    if (news->kind == NEWS_TRANSFERRED && parked && parked->own) {
        parked->own = false;
        park_wait(link);
    }
    return false;
}

/* Who parks himself, or a call that he will transfer here, hears where: the slot is what others are to dial.
 */
static void park_answered(struct link *link)
{
    const struct parked *parked = link_state(link);
    struct phrase phrase = {0};
    struct list list = {.count = 0};

    if (!parked->own) {
        park_wait(link);
        return;
    }
    say_digits(link_prompts(link), &phrase, parked->slot);
    list_silence(&list, 300);
    list_phrase(&list, &phrase);
    link_play(link, &list, park_play);
}

static bool park_failed(struct link *link, int status)
{
    (void)status;
    if (!link_waits(link))
        return false;
    park_play(link);
    return true;
}

static void park_ended(struct link *link)
{
    struct parked *parked = link_state(link);

    if (parked)
        park_free(parked);
}

const struct app park_app = {
    .name = "park",
    .invited = park_invited,
    .failed = park_failed,
    .heard = park_heard,
    .answered = park_answered,
    .ended = park_ended,
};

/* Whom the conference calls: one call each, and what becomes of it. */
#include "apps/conference/dial.h"

#include "core/base/ids.h"
#include "core/call/focus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 5373 §4; phones that know an older way look for the parameter of Call-Info. */
#define PAGE_HEADERS "Answer-Mode: Auto;require\r\nCall-Info: <sip:%s>;answer-after=0\r\n"

bool member_is_host(const struct member *member)
{
    const char *user = link_request(member->link)->user;

    return member->role == ROLE_HOST || (user && *member->row.host && strcmp(user, member->row.host) == 0);
}

/* -- who may be called ------------------------------------------------------------------------------------
 */

/* Without a pattern none may: a room that anybody opens must not call the world. */
bool room_may_dial(const struct room_row *row, const char *number)
{
    char *patterns[ROOM_PATTERNS];
    size_t count = 0;

    while (count < ROOM_PATTERNS && *row->dial_out[count]) {
        patterns[count] = (char *)(uintptr_t)row->dial_out[count];
        count++;
    }
    return count > 0 && settings_any_pattern(patterns, count, number);
}

/* "1002", "sip:1002@…", "tel:…". False: no number. */
static bool number_read(char out[NUMBER_TEXT], const char *text)
{
    if (!text || !*text)
        return false;
    if (strchr(text, ':'))
        return uri_user(text, out, NUMBER_TEXT);
    return snprintf(out, NUMBER_TEXT, "%s", text) < NUMBER_TEXT;
}

static unsigned dialled_count(const struct room *room)
{
    unsigned count = 0;

    for (const struct dialled *d = room->dialled; d; d = d->next)
        count += d->status == 0;
    return count;
}

/* `d` is in the list already. */
static int dial_admits(const struct dialled *d, bool granted)
{
    const struct room *room = d->room;
    const struct settings *settings = server_settings(room->server);
    unsigned most = room->row.max_members ? room->row.max_members : settings->max_room_members;
    unsigned calling = dialled_count(room) - 1;

    if (room->ending)
        return EBUSY;
    if (!granted && !room_may_dial(&room->row, d->number))
        return EACCES;
    for (const struct dialled *other = room->dialled; other; other = other->next)
        if (other != d && other->status == 0 && strcmp(other->number, d->number) == 0)
            return EALREADY;
    if (!granted && calling >= room->row.dial_out_max)
        return EBUSY;
    return room->count + room->waiting + calling < most ? 0 : ENOSPC;
}

/* -- one call ---------------------------------------------------------------------------------------------
 */

static void dialled_unlink(struct dialled *d)
{
    struct dialled **at = &d->room->dialled;

    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
}

/* Whoever watches sees how it went before it is gone. */
static void dialled_over(struct dialled *d, int status)
{
    struct room *room = d->room;

    d->status = status;
    log_event(LEVEL_INFO, "conference", NULL, "dial-out-over room=%s number=%s status=%d", room->number,
              d->number, status);
    room_tell(room, NULL, ROOM_DIALS);
    dialled_unlink(d);
    if (d->told)
        d->told(d->arg, status);
    free(d);
}

static void dial_done(void *arg, int status)
{
    dialled_over(arg, status);
}

void room_dial_no_more(struct room *room)
{
    while (room->dialled) {
        call_cancel_origin(room->server, room->dialled);
        dialled_over(room->dialled, 487);
    }
}

static int dial_make(const struct dialled *d, const struct dial_wish *wish)
{
    const struct room *room = d->room;
    char argument[NUMBER_TEXT], headers[sizeof PAGE_HEADERS + 2 * NUMBER_TEXT];
    struct call_order order = {
        .number = d->number,
        .phones_only = wish->page,
        .user = wish->user ? wish->user : room->row.host,
        .confirm = room->row.dial_out_confirm && !wish->page,
        .replaces = wish->replaces,
        .onward = room->number,
        .app = "conference",
        .argument = argument,
        .done = dial_done,
        .arg = (void *)(uintptr_t)d,
    };

    snprintf(argument, sizeof argument, DIAL_ARGUMENT "%s", d->token);
    snprintf(order.caller.user, sizeof order.caller.user, "%s", room->number);
    snprintf(order.caller.display, sizeof order.caller.display, "%s", room->row.name);
    if (wish->referrer)
        order.referrer = *wish->referrer;
    if (wish->page) {
        snprintf(headers, sizeof headers, PAGE_HEADERS, server_settings(room->server)->realm);
        order.headers = headers;
    }
    int error = call_make(room->server, &order);
    return error == EBUSY ? EMFILE : error;
}

/* He who asks has him on the phone already. As link_bring(). */
static int dial_bring(struct dialled *d, const struct act_order *order)
{
    const struct dial_wish *wish = order->dial;
    const struct member *asker = order->actor ? order->actor->member : NULL;
    char argument[NUMBER_TEXT];

    if (!wish || !wish->dialog || !asker)
        return ENOENT;
    snprintf(argument, sizeof argument, DIAL_ARGUMENT "%s", d->token);
    d->brought = true;
    int error = link_bring(asker->link, wish->dialog, argument, d->room->number);
    d->brought = !error;
    return error;
}

static int dialled_new(struct dialled **out, struct room *room, const struct act_order *order,
                       const char *number)
{
    struct dialled *d = calloc(1, sizeof *d);

    if (!d)
        return ENOMEM;
    *d = (struct dialled){.room = room, .seat = ++room->seats, .next = room->dialled};
    random_hex(d->token, (sizeof d->token - 1) / 2);
    if (order->dial) {
        d->told = order->dial->told;
        d->arg = order->dial->arg;
    }
    snprintf(d->number, sizeof d->number, "%s", number);
    room->dialled = d;
    *out = d;
    return 0;
}

int room_dial(struct room *room, const struct act_order *order)
{
    const struct dial_wish *wish = order->dial ? order->dial : &(struct dial_wish){.granted = false};
    char number[NUMBER_TEXT];
    struct dialled *d;
    int error;

    if (!number_read(number, order->text))
        return EINVAL;
    error = dialled_new(&d, room, order, number);
    if (error)
        return error;
    error = dial_bring(d, order);
    if (error == ENOENT)
        error = dial_admits(d, wish->granted);
    if (!error && !d->brought)
        error = dial_make(d, wish);
    if (error) {
        dialled_unlink(d);
        free(d);
        return error;
    }
    log_event(LEVEL_INFO, "conference", NULL, "dial-out room=%s number=%s brought=%d", room->number, number,
              (int)d->brought);
    room_tell(room, NULL, ROOM_DIALS);
    return 0;
}

/* -- who has answered -------------------------------------------------------------------------------------
 */

static struct dialled *dialled_find(const char *token)
{
    for (const struct room *room = conference_first(); room; room = room->next)
        for (struct dialled *d = room->dialled; d; d = d->next)
            if (strcmp(d->token, token) == 0)
                return d;
    return NULL;
}

void dial_arrived(struct link *link, const struct request *request)
{
    const struct dialled *d = dialled_find(request->argument + strlen(DIAL_ARGUMENT));
    struct member *member = d ? calloc(1, sizeof *member) : NULL;

    if (!member) {
        link_reject(link, 480, NULL); /* the conference is over, or he is wanted no more */
        return;
    }
    member->link = link;
    member->row = d->room->row;
    member->number = d->seat;
    member->muted = d->room->page;
    memcpy(member->invited, d->room->id, sizeof member->invited);
    snprintf(member->row.number, sizeof member->row.number, "%s", d->room->number);
    snprintf(member->caller, sizeof member->caller, "%s",
             *request->caller.user ? request->caller.user : d->number);
    snprintf(member->name, sizeof member->name, "%s", request->caller.display);
    member->how = "invited";
    link_set_state(link, member);
    link_set_focus(link, d->room->number);
    link_answer(link);
}

void dial_settle(const struct member *member, int status)
{
    const struct room *room = conference_room(member->row.number);

    for (struct dialled *d = room ? room->dialled : NULL; d; d = d->next)
        if (d->brought && d->seat == member->number && strcmp(room->id, member->invited) == 0) {
            dialled_over(d, status);
            return;
        }
}

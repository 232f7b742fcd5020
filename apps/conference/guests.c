/* Who does not come alone: a list of guests in the INVITE (RFC 5366), and paging. */
#include "apps/conference/dial.h"

#include "core/base/ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool guests_have(const struct guests *guests, const char *number)
{
    for (unsigned i = 0; i < guests->count; i++)
        if (strcmp(guests->numbers[i], number) == 0)
            return true;
    return false;
}

static void guests_add(struct guests *guests, const char *number)
{
    if (guests->count < GUESTS_MAX && *number && !guests_have(guests, number))
        snprintf(guests->numbers[guests->count++], NUMBER_TEXT, "%s", number);
}

/* -- a list in the INVITE ---------------------------------------------------------------------------------
 */

/* Before the answer it may yet turn out by his PIN that he is host; and who begins a conference in a room
 * that is nobody's is its host. */
static bool guests_allowed(struct member *member, bool made)
{
    if (member_is_host(member) || member->row.has_moderator_pin)
        return true;
    if (made || conference_room(member->row.number))
        return false;
    member->role = ROLE_HOST;
    return true;
}

int guests_read(struct member *member, const struct request *request)
{
    const struct recipients *list = request->recipients;
    bool made = *member->row.host != '\0' || member->row.has_pin;
    struct guests *guests;

    if (!guests_allowed(member, made))
        return 403;
    guests = calloc(1, sizeof *guests);
    if (!guests)
        return 500;
    for (unsigned i = 0; i < list->count; i++)
        if (strcmp(list->users[i], request->user ? request->user : request->caller.user) != 0)
            guests_add(guests, list->users[i]);
    free(member->guests);
    member->guests = guests;
    if (guests->count > member->row.dial_out_max)
        return 413;
    for (unsigned i = 0; i < guests->count; i++)
        if (!room_may_dial(&member->row, guests->numbers[i]))
            return 403;
    return 0;
}

void guests_call(struct member *member)
{
    struct guests *guests = member->guests;
    const struct request *request = link_request(member->link);
    const struct actor actor =
        member_actor(member, member_is_host(member), member->pages ? "phone" : "refer");
    struct dial_wish wish = {.granted = member->pages, .page = member->pages};

    member->guests = NULL;
    if (member->pages)
        wish.user = request->user ? request->user : "";
    for (unsigned i = 0; guests && i < guests->count; i++) {
        struct act_order order = {.act = ACT_INVITE, .text = guests->numbers[i], .dial = &wish};
        int error = room_act(member->room, &actor, &order);

        if (error)
            link_log(member->link, LEVEL_NOTICE, "guest-left-out number=%s error=%d", order.text, error);
    }
    free(guests);
}

/* -- paging -----------------------------------------------------------------------------------------------
 */

/* "1002, 1003": what the number plan's row says. */
static void page_read(struct guests *guests, const char *list, const char *own)
{
    while (*list) {
        size_t length = strcspn(list, ", ");
        char number[NUMBER_TEXT];

        if (length > 0 && length < sizeof number) {
            snprintf(number, sizeof number, "%.*s", (int)length, list);
            if (strcmp(number, own) != 0)
                guests_add(guests, number);
        }
        list += length;
        list += strspn(list, ", ");
    }
}

void page_begin(struct link *link, const struct request *request)
{
    const struct number_settings *plan = settings_number(link_settings(link), request->number);
    struct member *member = calloc(1, sizeof *member);
    struct guests *guests = calloc(1, sizeof *guests);
    char room[NUMBER_TEXT], dice[9];

    if (!member || !guests || !plan) {
        free(member);
        free(guests);
        link_reject(link, 500, NULL);
        return;
    }
    random_hex(dice, (sizeof dice - 1) / 2);
    snprintf(room, sizeof room, "page-%s", dice);
    page_read(guests, plan->argument, request->caller.user);
    member->link = link;
    room_row_init(&member->row, room);
    member->row.announce = ANNOUNCE_NONE;
    member->row.music = false;
    member->row.lecture = true;
    member->row.dial_out_max = GUESTS_MAX;
    member->role = ROLE_HOST;
    member->pages = true;
    member->guests = guests;
    snprintf(member->caller, sizeof member->caller, "%s", request->anonymous ? "" : request->caller.user);
    snprintf(member->name, sizeof member->name, "%s", request->anonymous ? "" : request->caller.display);
    link_set_state(link, member);
    link_answer(link);
}

/* Later, for it is told by one who is just leaving. */
void page_end(struct room *room)
{
    room->ending = true;
    room_dial_no_more(room);
    for (struct member *member = room->members; member; member = member->next)
        link_after(member->link, 1, link_hangup);
}

/*
 * REFER to the focus (RFC 4579 §5.5 and §5.10), in a member's dialog or out of any: to call somebody into the
 * room, to send somebody out, to move somebody to another room.
 */
#include "apps/conference/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who has asked, and what for. */
struct referred {
    struct room *room;
    struct actor actor;
    struct party party; /* as whom others are told that he has asked */
    const struct referral *referral;
};

/* It outlives the REFER until the call that it has caused has been answered, or has failed. */
struct news_wanted {
    struct refer *refer; /* or NULL */
};

static void news_told(void *arg, int status)
{
    struct news_wanted *wanted = arg;

    if (wanted->refer)
        refer_tell(wanted->refer, status);
    free(wanted);
}

static int refer_status(int error)
{
    switch (error) {
    case 0:
    case EALREADY:
        return 0;
    case EACCES:
        return 403;
    case ENOENT:
        return 404;
    case EINVAL:
        return 400;
    case ENOTSUP:
        return 501;
    case ENOMEM:
        return 500;
    default:
        return 503; /* not now */
    }
}

static int refer_do(const struct referred *who, const struct act_order *order)
{
    return refer_status(room_act(who->room, &who->actor, order));
}

/* -- what may be asked ------------------------------------------------------------------------------------
 */

/* By his dialog, else by his URI as the roster has it: then each of his phones. */
static int refer_remove(const struct referred *who, struct link *link)
{
    const char *user = who->referral->target.user;
    int status = 404;

    for (struct member *member = who->room->members; member; member = member->next)
        if (link ? member->link == link : strcmp(member->caller, user) == 0)
            status = refer_do(who, &(struct act_order){.act = ACT_KICK, .member = member});
    return status;
}

/* Whose dialog it is about, else his own. */
static int refer_move(const struct referred *who, const struct link *link, const char *to)
{
    struct member *member = who->actor.member;

    if (link || who->referral->named)
        for (member = who->room->members; member && member->link != link;)
            member = member->next;
    if (!member || strcmp(to, who->room->number) == 0)
        return member ? 400 : 404;
    return refer_do(who, &(struct act_order){.act = ACT_MOVE, .member = member, .text = to});
}

static int refer_invite(const struct referred *who, struct news_wanted *wanted)
{
    const struct referral *referral = who->referral;
    struct dial_wish wish = {.referrer = *who->party.user ? &who->party : NULL,
                             .replaces = referral->attended ? referral->replaces_text : NULL,
                             .dialog = referral->attended ? &referral->replaces : NULL,
                             .told = news_told,
                             .arg = wanted};

    struct act_order order = {.act = ACT_INVITE, .text = referral->target.user, .dial = &wish};
    int error = room_act(who->room, &who->actor, &order);

    return error == EALREADY ? 486 : refer_status(error); /* he is being called, for somebody else */
}

/* Another room of ours that is referred to; "": somebody. */
static const char *refer_room(const struct referred *who)
{
    const char *number = who->referral->target.user;
    const struct number_settings *row = settings_number(server_settings(who->room->server), number);

    return row && strcmp(row->application, "conference") == 0 ? conference_wanted(number, row->argument) : "";
}

/* 0: *later says whether `wanted` will be told, else it is done. */
static int refer_run(const struct referred *who, struct news_wanted *wanted, bool *later)
{
    const struct referral *referral = who->referral;
    struct link *link = referral->named ? link_named(who->room->server, &referral->dialog) : NULL;
    const char *room = refer_room(who);

    *later = false;
    if (referral->named && !link)
        return 481;
    if (referral->bye)
        return refer_remove(who, link);
    if (*room)
        return refer_move(who, link, room);
    *later = true;
    return refer_invite(who, wanted);
}

/* -- who asks ---------------------------------------------------------------------------------------------
 */

int conference_referred(struct link *link, const struct referral *referral)
{
    struct member *member = link_state(link);
    const struct request *request = link_request(link);
    struct news_wanted *wanted;
    bool later;

    if (!member->room)
        return 403;
    struct referred who = {.room = member->room,
                           .actor = member_actor(member, member_is_host(member), "refer"),
                           .party = request->peer && *referral->referrer.user ? referral->referrer
                                                                              : request->caller,
                           .referral = referral};
    wanted = calloc(1, sizeof *wanted);
    if (!wanted)
        return 500;
    int status = refer_run(&who, wanted, &later);
    if (!status && link_accept_referral(link, &wanted->refer))
        wanted->refer = NULL;
    if (status)
        free(wanted);
    else if (!later)
        news_told(wanted, 200);
    return status;
}

/* From outside the room he who may is whose room it is, a host who is in it, or a peer that speaks for all.
 */
static bool asker_is_host(const struct room *room, const struct asking *asking)
{
    if (asking->peer)
        return settings_trusts(server_settings(room->server), asking->peer);
    if (*room->row.host && strcmp(room->row.host, asking->user) == 0)
        return true;
    for (const struct member *member = room->members; member; member = member->next) {
        const char *user = link_request(member->link)->user;

        if (member->role == ROLE_HOST && member->away == AWAY_NOT && user && strcmp(user, asking->user) == 0)
            return true;
    }
    return false;
}

int conference_asked(struct server *server, const struct asking *asking)
{
    struct room *room = conference_room(conference_wanted(asking->number, asking->argument));
    struct news_wanted *wanted;
    bool later;

    if (!room)
        return 404;
    struct referred who = {.room = room,
                           .actor = {.host = asker_is_host(room, asking),
                                     .name = asking->user ? asking->user : asking->peer,
                                     .source = "refer"},
                           .referral = asking->referral};
    if (asking->user) {
        snprintf(who.party.user, sizeof who.party.user, "%s", asking->user);
        snprintf(who.party.host, sizeof who.party.host, "%s", server_settings(server)->realm);
    } else {
        who.party = asking->referral->referrer;
    }
    wanted = calloc(1, sizeof *wanted);
    if (!wanted)
        return 500;
    wanted->refer = asking->refer;
    int status = refer_run(&who, wanted, &later);
    if (status)
        free(wanted);
    else if (!later)
        news_told(wanted, 200);
    return status;
}

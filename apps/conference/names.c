/*
 * What a member says his name is: asked once, before he is in, where the room announces names. The sound is
 * kept with his call; its file lies in the cache only until it is loaded.
 */
#include "apps/conference/conference.h"

#include "storage/mailbox.h"

#include <limits.h>
#include <stdio.h>

#define NAME_MS 5000
#define NAME_SILENCE_MS 1500
#define NAME_LEAST_MS 300 /* less is a cough */

static void name_path(const struct member *member, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/member-%s.wav", link_settings(member->link)->cache_dir,
             link_request(member->link)->call);
}

static void name_discarded(struct ticket ticket, int error)
{
    (void)ticket;
    (void)error; /* the cache's folder is swept at the next start */
}

void name_forget(struct member *member)
{
    char path[PATH_MAX];

    if (!member->name_file)
        return;
    member->name_file = false;
    name_path(member, path);
    if (cache_discard(server_storage(link_server(member->link)), path, link_ticket(member->link),
                      name_discarded))
        link_log(member->link, LEVEL_WARNING, "name-left path=%s", path);
}

static void name_said(struct link *link, const struct recorded *result)
{
    struct member *member = link_state(link);
    struct list list = {0};
    char path[PATH_MAX];

    if (result->end == RECORDED_HUNG_UP)
        return; /* `ended` is next, and forgets it */
    if (result->end != RECORDED_FAILED && result->speech_ms >= NAME_LEAST_MS) {
        name_path(member, path);
        list_file(link, &list, path, true);
        member->name_file = false;
    }
    if (list.count > 0)
        member->said = list.items[0];
    name_forget(member);
    member_enter(member);
}

static void name_record(struct link *link)
{
    struct member *member = link_state(link);
    char path[PATH_MAX];

    name_path(member, path);
    member->name_file = true;
    link_record(link, path, NAME_MS, NAME_SILENCE_MS, "#", name_said);
}

bool name_is_wanted(const struct member *member)
{
    const struct room *room = conference_room(member->row.number);

    return !member->name_asked && (room ? &room->row : &member->row)->announce == ANNOUNCE_NAMES;
}

void name_ask(struct member *member)
{
    struct list list = {0};

    member->name_asked = true;
    member_words(member, &list, "screen-say-name");
    list_beep(&list);
    link_play(member->link, &list, name_record);
}

bool name_is_known(const struct member *member)
{
    return member->said.kind == ITEM_SOUND && member->said.what != 0;
}

/* His name, or what else tells who he is. */
void name_list(const struct member *member, struct list *list)
{
    const struct prompts *prompts = link_prompts(member->link);
    struct phrase phrase = {0};

    if (name_is_known(member)) {
        if (list->count < LIST_MAX)
            list->items[list->count++] = member->said;
        return;
    }
    if (*member->caller)
        say_digits(prompts, &phrase, member->caller);
    else
        say(prompts, &phrase, "msg-anonymous");
    list_phrase(list, &phrase);
}

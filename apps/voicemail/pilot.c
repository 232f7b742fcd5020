/*
 * The pilot: one number to which a PBX sends whoever could not be reached. Whose mailbox it is, and which
 * greeting fits, is in the headers: RFC 4458's target, History-Info (RFC 7044), Diversion (RFC 5806).
 */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

#define HOPS_MAX (DIVERSIONS_MAX + 1)

/* Who may be meant, the likeliest first; `hop` NULL: nobody sent it on, as far as is told. */
struct hops {
    const char *user;
    const struct diversion *hop;
};

/*
 * A mailbox that the Request-URI names goes before all others. Then whoever the caller wanted in the first
 * place, or, where the settings say so, who sent the call on last. An address that names no hop is the last
 * resort: it may as well be the pilot's, as another network knows it.
 */
static size_t pilot_search(const struct link *link, struct hops found[HOPS_MAX])
{
    const struct request *request = link_request(link);
    bool last = !strcmp(link_settings(link)->diverted_to, "last");
    const struct diversion *hops = request->diversions;
    unsigned hop_count = request->diversion_count;
    size_t count = 0;

    if (hop_count > 0 && hops[0].owner)
        found[count++] = (struct hops){hops[0].user, &hops[0]};
    for (unsigned i = 0; i < hop_count; i++) {
        const struct diversion *hop = &hops[last ? hop_count - 1 - i : i];

        if (!hop->owner)
            found[count++] = (struct hops){hop->user, hop};
    }
    if (*request->called)
        found[count++] = (struct hops){request->called, NULL};
    return count;
}

/* RFC 4458 §2: the cause is that of his hop. Without one he is only said to be unavailable. */
static void pilot_take(struct voicemail *vm, const struct hops *found)
{
    snprintf(vm->number, sizeof vm->number, "%s", found->user);
    vm->status = found->hop && found->hop->cause ? found->hop->cause : 480;
}

/* With the database away the likeliest has it: the spool keeps the message. A last resort is too little for
 * that. */
static void pilot_guess(struct voicemail *vm, const struct hops *found)
{
    if (found->hop)
        pilot_take(vm, found);
}

static void pilot_found(struct ticket ticket, int error, size_t which, const struct mailbox *box)
{
    struct link *link = link_of(ticket);
    struct hops found[HOPS_MAX];

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error == ENOENT && link_request(link)->diversion_count > 0) {
        link_reject(link, 404, NULL);
        return;
    }
    (void)pilot_search(link, found);
    if (error == 0) {
        pilot_take(vm, &found[which]);
        voicemail_know(vm, box);
    } else if (error != ENOENT) {
        pilot_guess(vm, &found[0]);
    }
    link_answer(link);
}

/* Who was sent on by nobody is taken for an owner who calls from outside. */
void pilot_invited(struct link *link)
{
    struct voicemail *vm = voicemail_new(link);
    const char *numbers[HOPS_MAX];
    struct hops found[HOPS_MAX];
    size_t count;
    int error;

    if (!vm)
        return;
    count = pilot_search(link, found);
    for (size_t i = 0; i < count; i++)
        numbers[i] = found[i].user;
    error = count ? mailbox_find_first(server_storage(link_server(link)), numbers, count, link_ticket(link),
                                       pilot_found)
                  : 0;
    if (error)
        pilot_guess(vm, &found[0]);
    if (!count || error)
        link_answer(link);
}

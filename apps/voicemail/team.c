/* Messages of a team's box, which its members hear among their own: who takes care of which. */
#include "apps/voicemail/voicemail.h"

#include <string.h>

bool team_has(const struct entry *entry, const struct voicemail *vm)
{
    return *entry->mailbox && strcmp(entry->mailbox, vm->number) != 0;
}

void team_say_to(struct voicemail *vm, struct list *list)
{
    const struct entry *entry = message_entry(vm);

    if (!team_has(entry, vm))
        return;
    say_to(vm, list, "msg-team");
    say_digits_to(vm, list, entry->mailbox);
    if (strcmp(entry->claimed_by, vm->number) == 0) {
        say_to(vm, list, "msg-claimed-by-you");
    } else if (*entry->claimed_by) {
        say_to(vm, list, "msg-claimed-by");
        say_digits_to(vm, list, entry->claimed_by);
    }
}

static void team_claimed(struct link *link)
{
    struct voicemail *vm = link_state(link);
    const struct entry *entry = message_entry(vm);

    /* Out of a dispatch box it has come into his own. */
    if (!team_has(entry, vm) || *entry->claimed_by)
        voicemail_tell(vm, "msg-claimed-by-you", message_menu);
    else
        voicemail_tell(vm, "msg-released", message_menu);
}

void send_claim(struct voicemail *vm)
{
    if (!team_has(message_entry(vm), vm)) {
        message_menu(vm->link);
        return;
    }
    vm->updated = team_claimed;
    int error = entry_claim(server_storage(link_server(vm->link)), message_entry(vm), link_ticket(vm->link),
                            message_updated);
    if (error)
        voicemail_trouble(vm, "claim", error);
}

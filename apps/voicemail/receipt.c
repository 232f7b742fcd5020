/* Before his own messages an owner hears which of those that he has sent, and wanted to know about, were
 * heard. */
#include "apps/voicemail/voicemail.h"

#include <string.h>

static void receipts_told(struct link *link)
{
    inbox_welcome(link_state(link));
}

static void receipts_taken(struct ticket ticket, int error, const char *heard_by)
{
    struct link *link = link_of(ticket);
    char numbers[RECEIPTS_TEXT], *rest = numbers;
    struct list list = {0};

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (error || !*heard_by) {
        inbox_welcome(vm); /* what cannot be told now is told next time */
        return;
    }
    strcpy(numbers, heard_by);
    for (char *number; (number = strsep(&rest, " ")) != NULL;) {
        say_to(vm, &list, "msg-your-message-to");
        say_digits_to(vm, &list, number);
        say_to(vm, &list, "msg-was-heard");
    }
    link_play(link, &list, receipts_told);
}

void receipts_tell(struct voicemail *vm)
{
    if (receipts_take(server_storage(link_server(vm->link)), vm->number, link_ticket(vm->link),
                      receipts_taken) != 0)
        inbox_welcome(vm);
}

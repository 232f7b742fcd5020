/*
 * A fax machine calls in place of a person: what it sends is a message as any other. It is known by its tone
 * or its offer of T.38, while the greeting plays or a message is recorded.
 */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>

#define MEGABYTE (UINT64_C(1) << 20)
#define MINUTE_MS 60000

static bool fax_is_taken(const struct voicemail *vm)
{
    if (!vm->known)
        return link_settings(vm->link)->fax;
    if (vm->box.kind == MAILBOX_GREETING || mailbox_is_full(&vm->box))
        return false;
    return vm->box.fax == FAX_AS_SERVER ? link_settings(vm->link)->fax : vm->box.fax == FAX_TAKEN;
}

static uint64_t fax_room(const struct voicemail *vm)
{
    uint64_t most = link_settings(vm->link)->fax_mb * MEGABYTE;
    uint64_t left = vm->box.max_bytes - vm->box.bytes; /* it is not full */

    return vm->box.max_bytes && left < most ? left : most;
}

/* T.30 has ended, or he has hung up. Nobody listens any more: a machine is told by its own means. */
static void fax_received(struct link *link, const struct faxed *result)
{
    struct voicemail *vm = link_state(link);

    vm->receiving = false;
    link_after(link, 0, NULL);
    if (result->error == ENODATA)
        deposit_drop(vm);
    else
        deposit_keep_fax(vm, result->complete && !result->error, result->sender);
    link_hangup(link);
}

static void fax_opened(struct ticket ticket, int error, const char *path)
{
    struct link *link = link_of(ticket);

    if (!link)
        return; /* deposit_ended() has had it discarded */
    struct voicemail *vm = link_state(link);
    const struct settings *settings = link_settings(link);
    const struct fax_most most = {.pages = settings->fax_pages, .bytes = fax_room(vm)};
    if (error) {
        vm->spooled = false;
        fax_forget(vm);
        voicemail_trouble(vm, "fax-open", error);
        return;
    }
    vm->receiving = true;
    link_receive_fax(link, path, vm->number, &most, fax_received);
    link_after(link, settings->fax_minutes * MINUTE_MS, link_fax_stop);
}

void fax_begin(struct voicemail *vm)
{
    deposit_describe(vm, DEPOSIT_FAX);
    int error =
        deposit_open(server_storage(link_server(vm->link)), &vm->deposit, link_ticket(vm->link), fax_opened);
    vm->spooled = error == 0;
    if (error) {
        fax_forget(vm);
        voicemail_trouble(vm, "fax-open", error);
    }
}

/* The owner has nobody to listen to any more. */
static void fax_calls(struct link *link)
{
    struct voicemail *vm = link_state(link);

    vm->faxing = true;
    if (vm->screener)
        link_enter(link, 0);
    screen_ended(vm);
    deposit_leave(vm);
}

void fax_await(struct voicemail *vm)
{
    if (fax_is_taken(vm))
        link_on_fax(vm->link, fax_calls);
}

void fax_forget(struct voicemail *vm)
{
    link_on_fax(vm->link, NULL);
}

/* Leaving a message: the beep, the recording, and "saved" only when it is (storage/spool.h). */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>
#include <string.h>

#define FAX_TONE_MS 700 /* its calling tone, of half a second, is no speech */

bool deposit_is_busy(const struct voicemail *vm)
{
    return vm->status == 486 || vm->status == 600;
}

bool deposit_is_left(const struct voicemail *vm)
{
    return vm->taken || vm->faxing;
}

/* The mailbox the message goes to. */
static const char *deposit_mailbox(const struct voicemail *vm)
{
    return *vm->dialled ? vm->dialled : vm->number;
}

/* -- after the recording
 * -------------------------------------------------------------------------------------------- */

/* An owner who left a message from his own menu goes on there; a caller has done what he came for. */
static void deposit_over(struct link *link)
{
    struct voicemail *vm = link_state(link);

    vm->dialled[0] = '\0';
    if (vm->take.wants_operator)
        operator_call(vm);
    else if (vm->then)
        vm->then(vm);
    else
        voicemail_goodbye(link);
}

/* The three answers of storage/spool.h, in words. Nothing is called saved before there is a row. */
static void deposit_committed(struct ticket ticket, int error)
{
    struct link *link = link_of(ticket);

    if (!link)
        return;
    struct voicemail *vm = link_state(link);
    if (deposit_is_left(vm))
        return;
    if (error == 0)
        voicemail_tell(vm, "vm-msgsaved", deposit_over);
    else if (error == EINPROGRESS)
        voicemail_tell(vm, "msg-will-be-delivered", deposit_over);
    else
        voicemail_tell(vm, "msg-not-saved", deposit_over);
}

static void deposit_settled(struct ticket ticket, int error)
{
    (void)ticket;
    (void)error; /* logged by storage; the sweeper takes care of what is left */
}

/* Nobody wants it: too short, said again, or hung up before a word. Once is enough, whoever asks. */
void deposit_drop(struct voicemail *vm)
{
    if (!vm->spooled)
        return;
    vm->spooled = false;
    int error = deposit_discard(server_storage(link_server(vm->link)), vm->deposit.id, link_ticket(vm->link),
                                deposit_settled);
    if (error)
        link_log(vm->link, LEVEL_WARNING, "discard-refused deposit=%s error=%d", vm->deposit.id, error);
}

/* Whether he waits for an answer or has hung up: the message is committed all the same. */
static void deposit_keep(struct voicemail *vm, bool present)
{
    vm->spooled = false;
    if (!present) /* he may call back and go on */
        vm->marks |= DEPOSIT_CUT;
    int error = deposit_commit(server_storage(link_server(vm->link)), vm->deposit.id, vm->marks,
                               link_ticket(vm->link), deposit_committed);
    /* A full queue is no loss: the audio is on disk and the sweeper commits what has no owner any more. */
    if (error) {
        link_log(vm->link, LEVEL_WARNING, "commit-deferred deposit=%s error=%d", vm->deposit.id, error);
        if (present)
            voicemail_tell(vm, "msg-will-be-delivered", deposit_over);
    }
}

static void deposit_keep_from(struct voicemail *vm, const char *sender)
{
    vm->spooled = false;
    int error = deposit_commit_fax(server_storage(link_server(vm->link)), vm->deposit.id, vm->marks, sender,
                                   link_ticket(vm->link), deposit_settled);
    if (error)
        link_log(vm->link, LEVEL_WARNING, "commit-deferred deposit=%s error=%d", vm->deposit.id, error);
}

/* Nothing is said of it: the owner talks to him now, or it is told that it is not whole. */
static void deposit_keep_quietly(struct voicemail *vm)
{
    deposit_keep_from(vm, "");
}

void deposit_keep_fax(struct voicemail *vm, bool whole, const char *sender)
{
    vm->marks = whole ? 0 : DEPOSIT_CUT;
    deposit_keep_from(vm, sender);
}

/* The owner has taken the call, or a machine. What a machine leaves of words is its tone. */
static bool deposit_part_is_worth(const struct voicemail *vm)
{
    return vm->faxing ? vm->take.speech_ms > FAX_TONE_MS : link_settings(vm->link)->screen_keep;
}

static void deposit_part(struct voicemail *vm, enum take_result result)
{
    if (result == TAKE_FAILED || (result != TAKE_EMPTY && deposit_part_is_worth(vm)))
        deposit_keep_quietly(vm);
    else
        deposit_drop(vm);
    /* A call that is over ends its recording, too. */
    if (vm->faxing && result != TAKE_HUNG_UP && link_of(link_ticket(vm->link)))
        fax_begin(vm);
}

static void deposit_taken(struct voicemail *vm, enum take_result result)
{
    if (deposit_is_left(vm)) {
        deposit_part(vm, result);
        return;
    }
    switch (result) {
    case TAKE_ACCEPTED:
    case TAKE_HUNG_UP:
        deposit_keep(vm, result == TAKE_ACCEPTED);
        break;
    case TAKE_EMPTY:
        deposit_drop(vm);
        if (vm->take.wants_operator)
            operator_call(vm);
        else
            voicemail_tell(vm, "msg-nothing-recorded", deposit_over);
        break;
    case TAKE_FAILED:
        /* What reached the disk before it failed is delivered, but he must not take it for whole. */
        deposit_keep_quietly(vm);
        voicemail_tell(vm, "msg-not-saved", deposit_over);
        break;
    }
}

void deposit_leave(struct voicemail *vm)
{
    if (vm->take.recording || vm->take.reviewing) {
        take_stop(vm);
        return;
    }
    link_quiet(vm->link);
    deposit_drop(vm);
    if (vm->faxing)
        fax_begin(vm);
}

void deposit_ended(struct voicemail *vm)
{
    take_ended(vm);
    /* Pages whose end nobody has reported in time are kept as far as they go. */
    if (vm->receiving)
        deposit_keep_fax(vm, false, "");
    deposit_drop(vm);
}

/* -- the recording
 * -------------------------------------------------------------------------------------------------- */

static void deposit_opened(struct ticket ticket, int error, const char *path)
{
    struct link *link = link_of(ticket);

    if (!link)
        return; /* deposit_ended() has had it discarded */
    struct voicemail *vm = link_state(link);
    if (deposit_is_left(vm))
        return; /* and dropped already: what is open now is another */
    if (error) {
        vm->spooled = false;
        voicemail_trouble(vm, "deposit-open", error);
        return;
    }
    snprintf(vm->take.path, sizeof vm->take.path, "%s", path);
    take_start(vm);
}

void deposit_describe(struct voicemail *vm, enum deposit_kind kind)
{
    const struct request *request = link_request(vm->link);
    struct deposit *deposit = &vm->deposit;

    memset(deposit, 0, sizeof *deposit);
    vm->marks = 0;
    uuid_make(deposit->id);
    snprintf(deposit->mailbox, sizeof deposit->mailbox, "%s", deposit_mailbox(vm));
    if (!request->anonymous) {
        snprintf(deposit->caller, sizeof deposit->caller, "%s", request->caller.user);
        snprintf(deposit->caller_name, sizeof deposit->caller_name, "%s", request->caller.display);
    }
    snprintf(deposit->call, sizeof deposit->call, "%s", request->call);
    deposit->cause = deposit_is_busy(vm) ? DEPOSIT_BUSY : vm->status ? DEPOSIT_UNAVAILABLE : DEPOSIT_DIRECT;
    deposit->kind = kind;
    deposit->started_us = clock_wall_us();
    if (kind == DEPOSIT_VOICE)
        snprintf(deposit->continues, sizeof deposit->continues, "%s", vm->continues);
}

/* A fresh spool entry, then the beep: what is said after it has a place on disk already. */
static void deposit_record(struct voicemail *vm)
{
    deposit_describe(vm, DEPOSIT_VOICE);
    int error = deposit_open(server_storage(link_server(vm->link)), &vm->deposit, link_ticket(vm->link),
                             deposit_opened);
    vm->spooled = error == 0;
    if (error)
        voicemail_trouble(vm, "deposit-open", error);
}

static void deposit_redo(struct voicemail *vm)
{
    deposit_drop(vm);
    deposit_record(vm);
}

void deposit_start(struct link *link)
{
    struct voicemail *vm = link_state(link);
    const struct settings *settings = link_settings(link);

    vm->take = (struct take){
        .max_ms = 1000 * (vm->limit_s ? vm->limit_s : settings->message_max_s),
        .silence_ms = 1000 * settings->message_silence_s,
        .min_ms = settings->message_min_ms,
        .marks = &vm->marks,
        .own = link_request(link)->user != NULL,
        .has_operator = !vm->then && *operator_number(vm),
        .redo = deposit_redo,
        .done = deposit_taken,
    };
    deposit_record(vm);
    screen_ring(vm);
}

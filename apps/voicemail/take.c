/*
 * One recording and its review: beep, record, "press 1 to accept, 2 to listen, 3 to record again", and for a
 * message 4 urgent, 5 to add to it, 6 private, 7 "tell me when it is heard", 0 the operator.
 */
#include "apps/voicemail/voicemail.h"

#include <stdio.h>

#define WARN_MS 15000
#define WARN_LEAST_MS 5000 /* a warning just after the beep helps nobody */

static void take_review(struct link *link);

static void take_finish(struct voicemail *vm, enum take_result result)
{
    vm->take.reviewing = vm->take.recording = false;
    vm->take.done(vm, result);
}

static void take_again(struct link *link)
{
    struct voicemail *vm = link_state(link);

    vm->take.ms = vm->take.speech_ms = 0;
    vm->take.redo(vm);
}

/* Twice is not at all. */
static void take_mark(struct voicemail *vm, enum deposit_mark mark, const char *on, const char *off)
{
    vm->take.rounds = 0;
    *vm->take.marks ^= mark;
    voicemail_tell(vm, *vm->take.marks & mark ? on : off, take_review);
}

/* Who says nothing any more has not taken it back: it counts as accepted, as a hang-up does. */
static void take_judged(struct link *link, char key)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    switch (key) {
    case '2':
        vm->take.rounds = 0;
        list_file(link, &list, vm->take.path, false);
        link_play(link, &list, take_review);
        return;
    case '3':
        vm->take.reviewing = false;
        take_again(link);
        return;
    case '4':
        take_mark(vm, DEPOSIT_URGENT, "vm-marked-urgent", "vm-marked-nonurgent");
        return;
    case '5': /* what there is stays good, also if he hangs up in the beep */
        vm->take.more = true;
        take_start(vm);
        return;
    case '6':
        take_mark(vm, DEPOSIT_PRIVATE, "msg-marked-private", "msg-marked-not-private");
        return;
    case '7':
        take_mark(vm, DEPOSIT_RECEIPT, "msg-marked-receipt", "msg-marked-no-receipt");
        return;
    case 0:
        if (++vm->take.rounds < MENU_ROUNDS) {
            take_review(link);
            return;
        }
        break;
    }
    vm->take.wants_operator = key == '0';
    take_finish(vm, TAKE_ACCEPTED);
}

static bool take_has_room(const struct take *take)
{
    return take->max_ms > take->ms + take->min_ms;
}

static void take_review(struct link *link)
{
    struct voicemail *vm = link_state(link);
    const struct take *take = &vm->take;
    struct list list = {0};
    char keys[16] = "123";
    size_t count = 3;

    say_to(vm, &list, "vm-review");
    if (take->marks) {
        say_to(vm, &list, *take->marks & DEPOSIT_URGENT ? "vm-review-nonurgent" : "vm-review-urgent");
        keys[count++] = '4';
        if (take_has_room(take)) {
            say_to(vm, &list, "msg-review-add");
            keys[count++] = '5';
        }
        say_to(vm, &list, "msg-review-private");
        keys[count++] = '6';
        if (take->own) {
            say_to(vm, &list, "msg-review-receipt");
            keys[count++] = '7';
        }
    }
    if (take->has_operator) {
        say_to(vm, &list, "vm-reachoper");
        keys[count++] = '0';
    }
    link_menu(link, &list, keys, MENU_WAIT_MS, take_judged);
}

/* He has three goes at saying something; each is a fresh file, since a recorder never writes into an old one
 * unless more is added to it. What was good before nothing was added to it is good still. */
static void take_recorded(struct link *link, const struct recorded *recorded)
{
    struct voicemail *vm = link_state(link);
    struct take *take = &vm->take;

    link_after(link, 0, NULL);
    take->recording = take->more = false;
    take->ms = recorded->ms;
    take->speech_ms += recorded->speech_ms;
    take->wants_operator = recorded->end == RECORDED_KEY && recorded->key == '0';
    /* A recording in which nobody spoke is none, however long it is. */
    bool empty = take->speech_ms == 0 || take->ms < take->min_ms;

    if (recorded->end == RECORDED_FAILED) {
        link_log(link, LEVEL_ERROR, "record-failed error=%d", recorded->error);
        take_finish(vm, TAKE_FAILED);
    } else if (recorded->end == RECORDED_HUNG_UP) {
        take_finish(vm, empty ? TAKE_EMPTY : TAKE_HUNG_UP);
    } else if (take->wants_operator || take->stopped) {
        take_finish(vm, empty ? TAKE_EMPTY : TAKE_ACCEPTED);
    } else if (empty && ++take->tries >= MENU_ROUNDS) {
        take_finish(vm, TAKE_EMPTY);
    } else if (empty) {
        voicemail_tell(vm, "vm-tooshort", take_again);
    } else {
        take->reviewing = true;
        take->rounds = 0;
        take_review(link);
    }
}

static void take_warn(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    say_to(vm, &list, "msg-fifteen-seconds");
    if (vm->take.recording)
        link_remark(link, &list);
}

static void take_record(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct take *take = &vm->take;
    uint32_t left = take->max_ms - (take->more ? take->ms : 0);

    take->recording = true;
    (take->more ? link_record_more : link_record)(link, take->path, left, take->silence_ms,
                                                  take->has_operator ? "#0" : "#", take_recorded);
    if (left >= WARN_MS + WARN_LEAST_MS)
        link_after(link, left - WARN_MS, take_warn);
}

/* Recording begins when the beep is over, so that it is not in the message. */
void take_start(struct voicemail *vm)
{
    struct list list = {0};

    list_beep(&list);
    link_play(vm->link, &list, take_record);
}

void take_stop(struct voicemail *vm)
{
    vm->take.stopped = true;
    if (vm->take.recording) {
        link_record_stop(vm->link);
    } else if (vm->take.reviewing) {
        link_quiet(vm->link);
        take_finish(vm, TAKE_ACCEPTED);
    }
}

/* -- what is no message: greetings and introductions
 * ---------------------------------------------------------------------------------------- */

static void take_dropped(struct ticket ticket, int error)
{
    (void)ticket;
    (void)error; /* the sweeper removes what is left behind in the cache */
}

void take_drop(struct voicemail *vm)
{
    if (cache_discard(server_storage(link_server(vm->link)), vm->take.path, link_ticket(vm->link),
                      take_dropped) != 0)
        link_log(vm->link, LEVEL_WARNING, "discard-refused file=%s", vm->take.path);
}

/* Beside the cache's other files, under a name of its own: two phones may record the same greeting. */
void take_in_cache(struct link *link)
{
    struct voicemail *vm = link_state(link);
    char name[UUID_TEXT];

    uuid_make(name);
    snprintf(vm->take.path, sizeof vm->take.path, "%s/%s.wav", link_settings(link)->cache_dir, name);
    take_start(vm);
}

void take_again_in_cache(struct voicemail *vm)
{
    take_drop(vm);
    take_in_cache(vm->link);
}

void take_ended(struct voicemail *vm)
{
    /* He hung up while we asked whether he likes it: he is taken to. And a recording whose end no disk has
     * reported in time is kept as far as it goes. */
    if (vm->take.reviewing || vm->take.recording)
        take_finish(vm, TAKE_HUNG_UP);
}

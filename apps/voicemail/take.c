/* One recording and its review: beep, record, "press 1 to accept, 2 to listen, 3 to record again, 4 urgent".
 */
#include "apps/voicemail/voicemail.h"

static void take_review(struct link *link);

static void take_finish(struct voicemail *vm, enum take_result result)
{
    vm->take.reviewing = vm->take.recording = false;
    vm->take.done(vm, result);
}

static void take_again(struct link *link)
{
    struct voicemail *vm = link_state(link);

    vm->take.redo(vm);
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
        vm->take.redo(vm);
        return;
    case '4':
        vm->take.rounds = 0;
        *vm->take.urgent = true;
        voicemail_tell(vm, "vm-marked-urgent", take_review);
        return;
    case 0:
        if (++vm->take.rounds < MENU_ROUNDS) {
            take_review(link);
            return;
        }
        __attribute__((fallthrough));
    default:
        take_finish(vm, TAKE_ACCEPTED);
    }
}

static void take_review(struct link *link)
{
    struct voicemail *vm = link_state(link);
    struct list list = {0};

    say_to(vm, &list, "vm-review");
    if (vm->take.urgent)
        say_to(vm, &list, "vm-review-urgent");
    link_menu(link, &list, vm->take.urgent ? "1234" : "123", MENU_WAIT_MS, take_judged);
}

/* He has three goes at saying something; each is a fresh file, since a recorder never writes into an old one.
 */
static void take_recorded(struct link *link, const struct recorded *recorded)
{
    struct voicemail *vm = link_state(link);
    struct take *take = &vm->take;
    /* Length counts the pauses too; but a recording in which nobody spoke is none, however long it is. */
    bool empty = recorded->ms < take->min_ms || recorded->speech_ms == 0;

    take->recording = false;
    if (recorded->end == RECORDED_FAILED) {
        link_log(link, LEVEL_ERROR, "record-failed error=%d", recorded->error);
        take_finish(vm, TAKE_FAILED);
    } else if (recorded->end == RECORDED_HUNG_UP) {
        take_finish(vm, empty ? TAKE_EMPTY : TAKE_HUNG_UP);
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

static void take_record(struct link *link)
{
    struct voicemail *vm = link_state(link);

    vm->take.recording = true;
    link_record(link, vm->take.path, vm->take.max_ms, vm->take.silence_ms, "#", take_recorded);
}

/* Recording begins when the beep is over, so that it is not in the message. */
void take_start(struct voicemail *vm)
{
    struct list list = {0};

    list_beep(&list);
    link_play(vm->link, &list, take_record);
}

void take_ended(struct voicemail *vm)
{
    /* He hung up while we asked whether he likes it: he is taken to. And a recording whose end no disk has
     * reported in time is kept as far as it goes. */
    if (vm->take.reviewing || vm->take.recording)
        take_finish(vm, TAKE_HUNG_UP);
}

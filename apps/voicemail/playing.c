/* While a message plays: there and back, pause, speed, loudness. None of it stops the play. */
#include "apps/voicemail/voicemail.h"

#define SKIP_MS 3000
#define SPEED_STEP 25 /* per cent */
#define SPEED_MIN 75
#define SPEED_MAX 200
#define GAIN_STEP_DB 6
#define GAIN_MIN_DB (-12)
#define GAIN_MAX_DB 18

void playing_settle(struct voicemail *vm)
{
    if (vm->speed && vm->speed != 100)
        link_play_speed(vm->link, vm->speed);
    if (vm->gain_db)
        link_play_gain(vm->link, vm->gain_db);
}

void playing_skip_on(struct voicemail *vm)
{
    link_skip(vm->link, SKIP_MS);
}

void playing_skip_back(struct voicemail *vm)
{
    link_skip(vm->link, -SKIP_MS);
}

void playing_pause(struct voicemail *vm)
{
    vm->paused = !vm->paused;
    link_pause(vm->link, vm->paused);
}

void playing_restart(struct voicemail *vm)
{
    link_skip(vm->link, INT32_MIN);
}

/* A map with one key to spare has all steps all the same: behind the last comes the first. */
static int playing_step(int from, int step, int low, int high)
{
    int to = from + step;

    return to > high ? low : to < low ? high : to;
}

static void playing_speed(struct voicemail *vm, int step)
{
    int speed = vm->speed ? (int)vm->speed : 100;

    vm->speed = (unsigned)playing_step(speed, step, SPEED_MIN, SPEED_MAX);
    if (vm->menu == MENU_PLAYING)
        link_play_speed(vm->link, vm->speed);
    else
        message_present(vm);
}

void playing_faster(struct voicemail *vm)
{
    playing_speed(vm, SPEED_STEP);
}

void playing_slower(struct voicemail *vm)
{
    playing_speed(vm, -SPEED_STEP);
}

static void playing_gain(struct voicemail *vm, int step)
{
    vm->gain_db = playing_step(vm->gain_db, step, GAIN_MIN_DB, GAIN_MAX_DB);
    if (vm->menu == MENU_PLAYING)
        link_play_gain(vm->link, vm->gain_db);
    else
        message_present(vm);
}

void playing_louder(struct voicemail *vm)
{
    playing_gain(vm, GAIN_STEP_DB);
}

void playing_softer(struct voicemail *vm)
{
    playing_gain(vm, -GAIN_STEP_DB);
}

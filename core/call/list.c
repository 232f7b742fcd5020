/*
 * Lists of what is played in one go.
 */
#include "core/call/internal.h"

#include <string.h>

#define TONE_DBOV (-18)
#define BEEP_HZ 1000
#define BEEP_MS 250

/* What does not fit is left out: a caller hears a shorter sentence, never a fault. */
static void list_add(struct list *list, struct list_item item)
{
    if (list->count < LIST_MAX)
        list->items[list->count++] = item;
}

void list_phrase(struct list *list, const struct phrase *phrase)
{
    for (unsigned i = 0; i < phrase->count; i++)
        list_add(list, (struct list_item){.kind = ITEM_FRAGMENT, .what = phrase->fragments[i]});
}

void list_silence(struct list *list, unsigned ms)
{
    list_add(list, (struct list_item){.kind = ITEM_SILENCE, .ms = ms});
}

void list_tone(struct list *list, unsigned hz, unsigned ms)
{
    list_add(list, (struct list_item){.kind = ITEM_TONE, .what = hz, .ms = ms});
}

void list_beep(struct list *list)
{
    list_tone(list, BEEP_HZ, BEEP_MS);
}

size_t list_items(const struct list *list, struct voice *voice, struct play_item out[PLAY_ITEMS_MAX])
{
    size_t count = 0;

    for (unsigned i = 0; i < list->count && count < PLAY_ITEMS_MAX; i++) {
        const struct list_item *item = &list->items[i];
        struct play_item play = {.ms = item->ms};

        if (item->kind == ITEM_FRAGMENT)
            play.sound = voice_fragment(voice, item->what);
        else if (item->kind == ITEM_SOUND)
            play.sound = item->what;
        /* Who skips back in a message stays in it, and who skips on in what is said before it misses nothing. */
        play.chapter = item->kind == ITEM_SOUND;
        if ((item->kind == ITEM_FRAGMENT || item->kind == ITEM_SOUND) && play.sound == 0)
            continue;
        if (item->kind == ITEM_TONE) {
            play.hz1 = (uint16_t)item->what;
            play.level_dbov = TONE_DBOV;
        }
        out[count++] = play;
    }
    return count;
}

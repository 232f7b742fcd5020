/*
 * The table of sounds: ids, references, and the start and end of all that has to do with files.
 */
#include "core/base/queue.h"
#include "mixer/sound_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GENERATION_MAX ((1u << (32 - SOUNDS_INDEX_BITS)) - 1)

int sounds_start(struct sounds **out, struct mixer *m)
{
    struct sounds *sounds = calloc(1, sizeof *sounds);
    int error;

    if (!sounds)
        return ENOMEM;
    sounds->mixer = m;
    interpolate_prepare();
    /* Every slot may be loading and every recorder beginning at once; the rest is for wake-ups. */
    error = queue_new(&sounds->jobs, sizeof(struct file_job), 2 * SOUNDS_MAX);
    if (error)
        goto out;
    error = file_thread_start(sounds);
    if (error)
        goto out;
    *out = sounds;
    sounds = NULL;
out:
    if (sounds) {
        queue_free(sounds->jobs);
        free(sounds);
    }
    return error;
}

/* The workers have stopped by now, so nobody reads a sound any more; recordings still open are finished by
 * the thread before it ends. */
void sounds_stop(struct sounds *sounds)
{
    if (!sounds)
        return;
    file_thread_stop(sounds);
    encodings_abandon(sounds, NULL);
    for (unsigned i = 0; i < SOUNDS_MAX; i++) {
        encodings_free(sounds, &sounds->slots[i]);
        samples_free(&sounds->slots[i].samples);
        free(sounds->slots[i].path);
    }
    queue_free(sounds->jobs);
    free(sounds);
}

/* Any thread: slots in use, those included that nobody holds but that are not emptied yet. */
unsigned sounds_count(const struct sounds *sounds)
{
    return atomic_load(&((struct sounds *)sounds)->count);
}

void sound_release(struct sounds *sounds, struct sound *sound)
{
    if (atomic_fetch_sub_explicit(&sound->references, 1, memory_order_acq_rel) == 1)
        atomic_store(&sounds->garbage, true);
}

/* Signalling. A slot with `references` on it, or ENFILE. The search goes on from where the last one ended, so
 * that an id is used again as late as possible; the generation makes a stale id an error even then. */
static int slot_take(struct sounds *sounds, unsigned references, struct sound **out)
{
    for (unsigned tried = 0; tried < SOUNDS_MAX; tried++) {
        uint32_t index = sounds->next_free++ & (SOUNDS_MAX - 1);
        struct sound *s = &sounds->slots[index];

        if (atomic_load_explicit(&s->state, memory_order_acquire) != SOUND_FREE)
            continue;
        s->generation = s->generation >= GENERATION_MAX ? 1 : s->generation + 1;
        s->id = s->generation << SOUNDS_INDEX_BITS | index;
        atomic_store(&s->references, references);
        atomic_store_explicit(&s->state, SOUND_LOADING, memory_order_release);
        atomic_fetch_add(&sounds->count, 1);
        *out = s;
        return 0;
    }
    return ENFILE;
}

/* Signalling: the slot of an id as it came from outside; NULL when it is none (any more). */
static struct sound *slot_find(struct sounds *sounds, sound_id id)
{
    struct sound *s = sound_slot(sounds, id);

    return id != 0 && s->id == id ? s : NULL;
}

/* Signalling gives up the owner's reference. From here on the id finds nothing. */
static void slot_drop(struct sounds *sounds, struct sound *s)
{
    s->id = 0;
    sound_release(sounds, s);
}

int sound_load(struct mixer *m, const char *path, bool level, sound_id *out)
{
    struct sounds *sounds = mixer_sounds(m);
    struct file_job job = {.type = FILE_LOAD};
    struct sound *s;
    char *copy = strdup(path);
    int error;

    if (!copy)
        return ENOMEM;
    /* One reference is the owner's, one the load's: a sound dropped while it loads stays until the read is
     * over. */
    error = slot_take(sounds, 2, &s);
    if (error) {
        free(copy);
        return error;
    }
    s->path = copy;
    s->level = level;
    job.sound = s->id;
    error = queue_push(sounds->jobs, &job);
    if (error) {
        sound_release(sounds, s);
        slot_drop(sounds, s);
        return error;
    }
    *out = s->id;
    return 0;
}

void sound_drop(struct mixer *m, sound_id sound)
{
    struct sounds *sounds = mixer_sounds(m);
    struct sound *s = slot_find(sounds, sound);

    if (s)
        slot_drop(sounds, s);
}

int player_hold(struct sounds *sounds, const struct play_item *items, size_t count)
{
    if (count > PLAY_ITEMS_MAX)
        return EINVAL;
    /* All are looked at before the first is taken: a refused list holds nothing. */
    for (size_t i = 0; i < count; i++) {
        if (items[i].sound != 0 && !slot_find(sounds, items[i].sound))
            return EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i].sound != 0)
            atomic_fetch_add(&sound_slot(sounds, items[i].sound)->references, 1);
    }
    return 0;
}

void player_release(struct sounds *sounds, const struct play_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].sound != 0)
            sound_release(sounds, sound_slot(sounds, items[i].sound));
    }
}

/*
 * Loads what the catalogue names into the mixer at the start, so that a prompt plays without a wait and a
 * file that is lost later does no harm.
 */
#include "core/call/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* 0 when it cannot be used: a prompt is then left out, and no call ends for it. */
static sound_id voice_sound(struct mixer *mixer, const char *path)
{
    sound_id sound = 0;
    int error = path ? sound_load_now(mixer, path, true, &sound) : ENOENT;

    if (error) {
        log_event(LEVEL_WARNING, "call", NULL, "sound-unusable path=%s error=\"%s\"", path ? path : "-",
                  strerror(error));
        return 0;
    }
    return sound;
}

/* Minutes of it, which no call has to wait for: a play waits until its sound is there. */
static void voice_add_music(struct voice *voice, struct mixer *mixer, const char *path)
{
    sound_id sound;
    int error = sound_load(mixer, path, true, &sound);

    if (error)
        log_event(LEVEL_WARNING, "call", NULL, "sound-unusable path=%s error=\"%s\"", path, strerror(error));
    else
        voice->music[voice->music_count++] = sound;
}

/* Levelled and trimmed, so that fragments of several recordings join to one sentence. */
int voice_load(struct voice *voice, struct mixer *mixer, const struct prompts *prompts)
{
    uint64_t begin = clock_now_us();
    size_t loaded = 0, music = 0;

    while (prompts_music(prompts, music))
        music++;
    *voice = (struct voice){0};
    voice->fragments = calloc(prompts_count(prompts) + 1, sizeof *voice->fragments);
    voice->music = calloc(music + 1, sizeof *voice->music);
    if (!voice->fragments || !voice->music) {
        voice_free(voice, mixer);
        return ENOMEM;
    }
    voice->fragment_count = prompts_count(prompts);
    for (size_t i = 0; i < voice->fragment_count; i++) {
        voice->fragments[i] = voice_sound(mixer, prompts_path(prompts, (uint16_t)i));
        loaded += voice->fragments[i] != 0;
    }
    for (size_t i = 0; i < music; i++)
        voice_add_music(voice, mixer, prompts_music(prompts, i));
    log_event(LEVEL_NOTICE, "call", NULL, "voice-loaded fragments=%zu of=%zu music=%zu ms=%llu", loaded,
              voice->fragment_count, voice->music_count, (unsigned long long)(clock_now_us() - begin) / 1000);
    return 0;
}

size_t voice_music(const struct voice *voice, struct play_item out[PLAY_ITEMS_MAX])
{
    size_t count = voice->music_count < PLAY_ITEMS_MAX ? voice->music_count : PLAY_ITEMS_MAX;
    size_t first = count ? random_below((uint32_t)voice->music_count) : 0;

    /* Not all who wait hear the same beginning. */
    for (size_t i = 0; i < count; i++)
        out[i] = (struct play_item){.sound = voice->music[(first + i) % voice->music_count]};
    return count;
}

void voice_free(struct voice *voice, struct mixer *mixer)
{
    for (size_t i = 0; i < voice->fragment_count; i++)
        if (voice->fragments[i])
            sound_drop(mixer, voice->fragments[i]);
    for (size_t i = 0; i < voice->music_count; i++)
        sound_drop(mixer, voice->music[i]);
    free(voice->fragments);
    free(voice->music);
    *voice = (struct voice){0};
}

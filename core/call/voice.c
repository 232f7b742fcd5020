/*
 * What the catalogue names, in the mixer. A file is loaded when it is first said: hundreds of phrases in
 * several languages would make every start slow, and most of them are never heard. The play waits for it.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int voice_open(struct voice *voice, struct mixer *mixer, const struct prompts *prompts)
{
    *voice = (struct voice){.mixer = mixer, .prompts = prompts, .fragment_count = prompts_count(prompts)};
    while (prompts_music(prompts, voice->music_count))
        voice->music_count++;
    voice->fragments = calloc(voice->fragment_count + 1, sizeof *voice->fragments);
    voice->music = calloc(voice->music_count + 1, sizeof *voice->music);
    if (!voice->fragments || !voice->music) {
        voice_close(voice);
        return ENOMEM;
    }
    return 0;
}

/* Levelled and trimmed, so that fragments of several recordings join to one sentence. 0 when it cannot be
 * used: it is then left out, and no call ends for it. */
static sound_id voice_sound(struct voice *voice, sound_id *place, const char *path)
{
    int error = *place ? 0 : sound_load(voice->mixer, path, true, place);

    if (error)
        log_event(LEVEL_WARNING, "call", NULL, "sound-unusable path=%s error=\"%s\"", path, strerror(error));
    return *place;
}

sound_id voice_fragment(struct voice *voice, uint32_t fragment)
{
    return fragment < voice->fragment_count ? voice_sound(voice, &voice->fragments[fragment],
                                                          prompts_path(voice->prompts, (uint16_t)fragment))
                                            : 0;
}

size_t voice_music(struct voice *voice, struct play_item out[PLAY_ITEMS_MAX])
{
    size_t most = voice->music_count < PLAY_ITEMS_MAX ? voice->music_count : PLAY_ITEMS_MAX, count = 0;
    size_t first = most ? random_below((uint32_t)voice->music_count) : 0;

    /* Not all who wait hear the same beginning. */
    for (size_t i = 0; i < most; i++) {
        size_t piece = (first + i) % voice->music_count;
        sound_id sound = voice_sound(voice, &voice->music[piece], prompts_music(voice->prompts, piece));
        if (sound)
            out[count++] = (struct play_item){.sound = sound};
    }
    return count;
}

void voice_close(struct voice *voice)
{
    for (size_t i = 0; voice->fragments && i < voice->fragment_count; i++)
        if (voice->fragments[i])
            sound_drop(voice->mixer, voice->fragments[i]);
    for (size_t i = 0; voice->music && i < voice->music_count; i++)
        if (voice->music[i])
            sound_drop(voice->mixer, voice->music[i]);
    free(voice->fragments);
    free(voice->music);
    *voice = (struct voice){0};
}

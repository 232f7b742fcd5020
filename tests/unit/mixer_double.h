/*
 * A mixer that is only an ear: what sounds and recorders need of one in their unit tests.
 */
#ifndef CONFAB_TESTS_MIXER_DOUBLE_H
#define CONFAB_TESTS_MIXER_DOUBLE_H

#include "mixer/files.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBLE_EVENTS_MAX 512

struct mixer {
    struct sounds *sounds;
    pthread_mutex_t gate; /* held by a test: whoever emits stands still, as if the disk did */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct mixer_event events[DOUBLE_EVENTS_MAX];
    unsigned count, taken;
};

void mixer_emit(struct mixer *m, const struct mixer_event *event)
{
    pthread_mutex_lock(&m->gate);
    pthread_mutex_unlock(&m->gate);
    pthread_mutex_lock(&m->lock);
    if (m->count - m->taken < DOUBLE_EVENTS_MAX)
        m->events[m->count++ % DOUBLE_EVENTS_MAX] = *event;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

struct sounds *mixer_sounds(struct mixer *m)
{
    return m->sounds;
}

/* Waits for the next event; the test's own time limit is the only one. */
static inline struct mixer_event double_event(struct mixer *m)
{
    struct mixer_event event;

    pthread_mutex_lock(&m->lock);
    while (m->taken == m->count)
        pthread_cond_wait(&m->changed, &m->lock);
    event = m->events[m->taken++ % DOUBLE_EVENTS_MAX];
    pthread_mutex_unlock(&m->lock);
    return event;
}

static inline void double_start(struct mixer *m)
{
    memset(m, 0, sizeof *m);
    pthread_mutex_init(&m->gate, NULL);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, NULL);
    ck_assert_int_eq(sounds_start(&m->sounds, m), 0);
}

static inline void double_stop(struct mixer *m)
{
    sounds_stop(m->sounds);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->gate);
}

/* Loads it and waits for that, past what happened before; 0 or what the file's trouble was. */
static inline int double_load(struct mixer *m, const char *path, bool level, sound_id *out)
{
    struct mixer_event event;
    sound_id id = 0;
    int error = sound_load(m, path, level, &id);

    if (error)
        return error;
    do
        event = double_event(m);
    while (event.type != EVENT_SOUND_LOADED || event.sound != id);
    if (event.error)
        sound_drop(m, id);
    else
        *out = id;
    return event.error;
}

/* A folder of the test's own. */
static char test_folder[64];

static inline void folder_make(void)
{
    strcpy(test_folder, "/tmp/confab-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(test_folder));
}

static inline void folder_remove(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", test_folder);
    ck_assert_int_eq(system(command), 0);
}

/* Valid until the next call but three. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

#endif

/*
 * Speaks texts into files (espeak-ng, a child process for each), in a thread of its own.
 *
 * Ownership: speech_new() to speech_free(); texts are copied; a file belongs to whoever gets the reply.
 * Threads: all functions and handlers belong to the loop's thread. Failure: each text that was taken gets
 * exactly one reply, unless speech_free() comes first, which leaves no file behind. No shell sees the text,
 * and a child is ended after some seconds.
 */
#ifndef CONFAB_BASE_SPEECH_H
#define CONFAB_BASE_SPEECH_H

#include "core/base/ids.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct speech;

#define LANGUAGE_TEXT 16 /* of a language's name with its NUL */
#define SPEECH_TEXT 1024 /* bytes of one text with its NUL */
#define SPEECH_PATH 256
#define SPEECH_PENDING_MAX 64

struct speech_reply {
    struct ticket ticket;
    const char *path;
    int error; /* errno: ENOENT espeak-ng is not installed, ETIMEDOUT, EIO; there is no file then */
};
typedef void speech_done(void *arg, const struct speech_reply *reply);

__attribute__((warn_unused_result)) int speech_new(struct speech **out, struct loop *loop, speech_done *done,
                                                   void *arg);
void speech_free(struct speech *speech);
/* "en-us", "de": what espeak-ng calls a voice, and nothing else that it could take for an option or a path.
 */
bool speech_language_fits(const char *language);
/* EINVAL, ENOBUFS, ENOMEM: no reply comes. `path` must not exist. */
__attribute__((warn_unused_result)) int speech_say(struct speech *speech, struct ticket ticket,
                                                   const char *language, const char *text, const char *path);

#endif

/*
 * Sound that a browser or a program sends: judged before anybody else sees it, and kept as a file.
 *
 * Ownership: the caller's. Threads: any. Failure: as each one says.
 */
#ifndef CONFAB_CONTROL_WAV_H
#define CONFAB_CONTROL_WAV_H

#include <stddef.h>

#define SOUND_SECONDS 180

/* 0: WAV, 16 bit PCM, one channel, 8 to 48 kHz, and not empty. EINVAL: it is none. EFBIG: it lasts too long.
 */
__attribute__((warn_unused_result)) int wav_judge(const unsigned char *bytes, size_t size);
/* `path` ends with XXXXXX, as for mkstemp(). An errno of the file system; nothing is left then. */
__attribute__((warn_unused_result)) int wav_keep(char *path, const char *bytes, size_t size);

#endif

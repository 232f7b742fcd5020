/*
 * A WAV file that grows: mono, 16 bits, its header true at every wav_head(). Where room was left for it at
 * the start, the file turns into RF64 (EBU Tech 3306) when RIFF's 32 bits no longer tell its size.
 *
 * Ownership: a value; the caller opens and closes `fd`. Threads: the file thread. Failure: errno of the
 * system call.
 */
#ifndef CONFAB_MIXER_WAVFILE_H
#define CONFAB_MIXER_WAVFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WAV_HEAD 44      /* bytes before the samples */
#define WAV_HEAD_RF64 80 /* with a place for RF64's sizes */

struct wav_file {
    int fd;
    unsigned rate;
    bool rf64_ready;   /* the head has that place */
    uint64_t riff_max; /* what RIFF's size may be at most before the file turns into RF64; UINT32_MAX but in
                          tests */
    uint64_t bytes;    /* of samples */
};

/* Bytes before the first sample. */
unsigned wav_head_size(const struct wav_file *wav);
/* Writes the head with the sizes of now. */
__attribute__((warn_unused_result)) int wav_head(const struct wav_file *wav);
/* Takes over what a file of this rate holds, to add to it. EINVAL: it is none of ours or has another rate. */
__attribute__((warn_unused_result)) int wav_resume(struct wav_file *wav);
/* Adds samples at the end; after a failure what was added before stands. EFBIG: more than the head can tell.
 */
__attribute__((warn_unused_result)) int wav_add(struct wav_file *wav, const int16_t *samples, size_t count);
/* Adds silence that takes no space on the disk. */
__attribute__((warn_unused_result)) int wav_skip(struct wav_file *wav, uint64_t count);
/* All of `data` at offset `at`. */
__attribute__((warn_unused_result)) int file_put(int fd, const void *data, size_t length, off_t at);

#endif

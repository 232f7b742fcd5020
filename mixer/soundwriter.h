/*
 * A sound file that grows, in any of the formats of enum record_format: mono, its sound at 8, 16 or 48 kHz.
 *
 * Whenever the process ends, the file opens and plays: WAV up to the last sync, FLAC up to its last whole
 * block (4096 samples) before it, Opus up to its last whole packet (20 ms) before it.
 *
 * Ownership: the caller's, until sound_writer_close(). Threads: the file thread. Failure: the errno of the
 * disk (once one has come, nothing more is written), ENOMEM, EEXIST for a file that is there already.
 */
#ifndef CONFAB_MIXER_SOUNDWRITER_H
#define CONFAB_MIXER_SOUNDWRITER_H

#include "mixer/recording.h"

#include <stddef.h>
#include <sys/types.h>

struct sound_writer;

#define WRITER_CHECK __attribute__((warn_unused_result))

WRITER_CHECK int sound_writer_open(struct sound_writer **out, const char *path, enum record_format format,
                                   unsigned rate);
WRITER_CHECK int sound_writer_put(struct sound_writer *w, const int16_t *samples, size_t count);
/* Cheap for WAV (a hole in the file) and Opus (one packet again and again); FLAC encodes it. */
WRITER_CHECK int sound_writer_silence(struct sound_writer *w, uint64_t count);
/* True to what was put, for whoever opens it now; with `disk` also after a power cut. */
WRITER_CHECK int sound_writer_sync(struct sound_writer *w, bool disk);
/* Completes and frees it; with `broken`, after a failure, only as far as that is sure to be good. */
WRITER_CHECK int sound_writer_close(struct sound_writer *w, bool broken);
/* Tests: from which size on (RIFF's, in bytes) a WAV file is an RF64 one. */
void sound_writer_set_riff_max(struct sound_writer *w, uint64_t bytes);

/* -- between the formats' files: flacfile.c, opusfile.c */

struct writer_file { /* appended to; the end of what is good is kept */
    int fd, error;
    off_t at, end; /* where the next write goes (only FLAC's moves back), and the file's end */
};
/* Writes at `at`; on failure cuts the file where it ended before, and keeps the errno for all that follows.
 */
WRITER_CHECK int writer_file_add(struct writer_file *file, const void *data, size_t length);

struct flac_file;
WRITER_CHECK int flac_file_open(struct flac_file **out, struct writer_file *file, unsigned rate);
WRITER_CHECK int flac_file_put(struct flac_file *f, const int16_t *samples, size_t count);
WRITER_CHECK int flac_file_tell(struct flac_file *f); /* the head tells the length of what is in the file */
WRITER_CHECK int flac_file_close(struct flac_file *f);

struct opus_file;
WRITER_CHECK int opus_file_open(struct opus_file **out, struct writer_file *file, unsigned rate);
WRITER_CHECK int opus_file_put(struct opus_file *f, const int16_t *samples, size_t count);
WRITER_CHECK int opus_file_silence(struct opus_file *f, uint64_t count);
WRITER_CHECK int opus_file_flush(struct opus_file *f); /* a page of what there is */
WRITER_CHECK int opus_file_close(struct opus_file *f);

#endif

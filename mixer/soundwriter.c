/* What the formats of recordings have in common: see soundwriter.h. */
#include "mixer/soundwriter.h"

#include "mixer/wavfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define SILENCE_STEP 4800

const char *const record_format_names[RECORD_FORMATS] = {"wav", "flac", "opus"};

struct sound_writer {
    enum record_format format;
    struct writer_file file;
    struct wav_file wav;
    struct flac_file *flac;
    struct opus_file *opus;
};

int record_format_from_name(const char *name)
{
    for (int i = 0; i < RECORD_FORMATS; i++) {
        if (strcasecmp(name, record_format_names[i]) == 0)
            return i;
    }
    return -1;
}

int writer_file_add(struct writer_file *file, const void *data, size_t length)
{
    if (file->error)
        return file->error;
    file->error = file_put(file->fd, data, length, file->at);
    if (file->error) {
        (void)!ftruncate(file->fd, file->end);
        return file->error;
    }
    file->at += (off_t)length;
    if (file->at > file->end)
        file->end = file->at;
    return 0;
}

int sound_writer_open(struct sound_writer **out, const char *path, enum record_format format, unsigned rate)
{
    struct sound_writer *w = calloc(1, sizeof *w);
    int error = 0;

    if (!w)
        return ENOMEM;
    w->format = format;
    w->file.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (w->file.fd < 0) {
        error = errno;
        free(w);
        return error;
    }
    w->wav = (struct wav_file){.fd = w->file.fd, .rate = rate, .rf64_ready = true, .riff_max = UINT32_MAX};
    switch (format) {
    case RECORD_FLAC:
        error = flac_file_open(&w->flac, &w->file, rate);
        break;
    case RECORD_OPUS:
        error = opus_file_open(&w->opus, &w->file, rate);
        break;
    default:
        error = wav_head(&w->wav);
    }
    if (error) {
        close(w->file.fd);
        free(w);
        return error;
    }
    *out = w;
    return 0;
}

int sound_writer_put(struct sound_writer *w, const int16_t *samples, size_t count)
{
    switch (w->format) {
    case RECORD_FLAC:
        return flac_file_put(w->flac, samples, count);
    case RECORD_OPUS:
        return opus_file_put(w->opus, samples, count);
    default:
        return wav_add(&w->wav, samples, count);
    }
}

int sound_writer_silence(struct sound_writer *w, uint64_t count)
{
    static const int16_t silence[SILENCE_STEP];
    int error = 0;

    if (w->format == RECORD_WAV)
        return wav_skip(&w->wav, count);
    if (w->format == RECORD_OPUS)
        return opus_file_silence(w->opus, count);
    while (count > 0 && !error) {
        size_t step = count < SILENCE_STEP ? (size_t)count : SILENCE_STEP;

        error = flac_file_put(w->flac, silence, step);
        count -= step;
    }
    return error;
}

int sound_writer_sync(struct sound_writer *w, bool disk)
{
    int error;

    switch (w->format) {
    case RECORD_FLAC:
        error = flac_file_tell(w->flac);
        break;
    case RECORD_OPUS:
        error = opus_file_flush(w->opus);
        break;
    default:
        error = wav_head(&w->wav);
    }
    if (!error && disk && fdatasync(w->file.fd))
        error = errno;
    return error;
}

int sound_writer_close(struct sound_writer *w, bool broken)
{
    int error;

    if (broken && !w->file.error)
        w->file.error = ECANCELED; /* another file of the recording failed: this one ends with what it has */
    switch (w->format) {
    case RECORD_FLAC:
        error = flac_file_close(w->flac);
        break;
    case RECORD_OPUS:
        error = opus_file_close(w->opus);
        break;
    default:
        error = wav_head(&w->wav);
    }
    if (fdatasync(w->file.fd) && !error)
        error = errno;
    close(w->file.fd);
    free(w);
    return error;
}

void sound_writer_set_riff_max(struct sound_writer *w, uint64_t bytes)
{
    w->wav.riff_max = bytes;
}

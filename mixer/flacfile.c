/*
 * A FLAC file by libsndfile. Its blocks reach the file as they fill, each whole; the head, which would tell
 * the length only at the end, is brought up to date at every sync (RFC 9639 §8.2), so that a file left behind
 * by a kill has one.
 */
#include "mixer/soundwriter.h"
#include "mixer/wavfile.h"

#include <errno.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BLOCK                                                                                           \
    8 /* where the largest block's size stands, after "fLaC" and a block's header: 2 bytes of 4 */
#define HEAD_TOTAL 21 /* 4 bits of it and 4 bytes more: how many samples, 36 bits */
#define TOTAL_MAX ((1ULL << 36) - 1)

struct flac_file {
    struct writer_file *file;
    SNDFILE *sound;
    uint64_t put; /* samples given to the encoder */
    unsigned block;
};

/* -- what libsndfile calls */

static sf_count_t flac_length(void *arg)
{
    return ((struct flac_file *)arg)->file->end;
}

static sf_count_t flac_seek(sf_count_t offset, int whence, void *arg)
{
    struct writer_file *file = ((struct flac_file *)arg)->file;

    file->at = offset + (whence == SEEK_CUR ? file->at : whence == SEEK_END ? file->end : 0);
    return file->at;
}

static sf_count_t flac_read(void *to, sf_count_t count, void *arg)
{
    struct writer_file *file = ((struct flac_file *)arg)->file;
    ssize_t n = pread(file->fd, to, (size_t)count, file->at);

    file->at += n > 0 ? n : 0;
    return n > 0 ? n : 0;
}

static sf_count_t flac_write(const void *from, sf_count_t count, void *arg)
{
    return writer_file_add(((struct flac_file *)arg)->file, from, (size_t)count) ? 0 : count;
}

static sf_count_t flac_at(void *arg)
{
    return ((struct flac_file *)arg)->file->at;
}

/* -- the file */

int flac_file_open(struct flac_file **out, struct writer_file *file, unsigned rate)
{
    SF_VIRTUAL_IO io = {flac_length, flac_seek, flac_read, flac_write, flac_at};
    SF_INFO info = {.samplerate = (int)rate, .channels = 1, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    struct flac_file *f = calloc(1, sizeof *f);

    if (!f)
        return ENOMEM;
    f->file = file;
    f->sound = sf_open_virtual(&io, SFM_WRITE, &info, f);
    if (!f->sound || file->error) {
        int error = file->error ? file->error : ENOMEM;

        if (f->sound)
            sf_close(f->sound);
        free(f);
        return error;
    }
    *out = f;
    return 0;
}

int flac_file_put(struct flac_file *f, const int16_t *samples, size_t count)
{
    if (f->file->error)
        return f->file->error;
    sf_count_t n = sf_write_short(f->sound, samples, (sf_count_t)count);

    if (f->file->error)
        return f->file->error;
    if (n != (sf_count_t)count)
        return EIO;
    f->put += count;
    return 0;
}

/* A block is written when the sample after it has come; one that failed to be written is not in `put`. */
int flac_file_tell(struct flac_file *f)
{
    uint8_t head[5];
    uint64_t whole;

    if (f->block == 0) {
        if (pread(f->file->fd, head, 4, HEAD_BLOCK) != 4)
            return 0; /* the encoder writes it with the first block */
        f->block = (unsigned)head[2] << 8 | head[3];
        if (f->block == 0)
            return 0;
    }
    whole = f->put > 0 ? (f->put - 1) / f->block * f->block : 0;
    if (whole == 0 || whole > TOTAL_MAX)
        return 0; /* 0 says that it is not known, which is allowed */
    if (pread(f->file->fd, head, sizeof head, HEAD_TOTAL) != sizeof head)
        return errno ? errno : EIO;
    head[0] = (uint8_t)((head[0] & 0xf0) | whole >> 32);
    for (unsigned i = 1; i < sizeof head; i++)
        head[i] = (uint8_t)(whole >> (32 - 8 * i));
    return file_put(f->file->fd, head, sizeof head, HEAD_TOTAL);
}

int flac_file_close(struct flac_file *f)
{
    int error = f->file->error;

    if (error) /* the encoder does not touch what it could not write whole */
        (void)!flac_file_tell(f);
    sf_close(f->sound);
    if (!error)
        error = f->file->error;
    free(f);
    return error;
}

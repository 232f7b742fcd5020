/*
 * A finished recording as Ogg Opus (RFC 6716, RFC 7845), a tenth of its size: what leaves by mail. Memory to
 * memory, by libsndfile.
 */
#include "storage/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>

#define CHUNK 4096
/* Speech needs no more. libsndfile wants it as a "compression" from 0, 256 kbit/s, to 1, 6 kbit/s. */
#define BITS_A_SECOND 24000.0
#define COMPRESSION (1 - (BITS_A_SECOND - 6000) / 250000)

/* Bytes as a file: of the recording, which stays as it is, or of what becomes of it. */
struct memory {
    uint8_t *bytes;
    size_t size, room, at; /* room 0: not ours to write to */
};

static sf_count_t memory_size(void *arg)
{
    return (sf_count_t)((struct memory *)arg)->size;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *arg)
{
    struct memory *m = arg;
    sf_count_t to = offset + (whence == SEEK_CUR   ? (sf_count_t)m->at
                              : whence == SEEK_END ? (sf_count_t)m->size
                                                   : 0);

    if (to < 0 || to > (sf_count_t)m->size) {
        return -1;
    }
    m->at = (size_t)to;
    return to;
}

static sf_count_t memory_read(void *out, sf_count_t count, void *arg)
{
    struct memory *m = arg;
    size_t got = (size_t)count < m->size - m->at ? (size_t)count : m->size - m->at;

    memcpy(out, m->bytes + m->at, got);
    m->at += got;
    return (sf_count_t)got;
}

static sf_count_t memory_write(const void *in, sf_count_t count, void *arg)
{
    struct memory *m = arg;
    size_t end = m->at + (size_t)count;

    if (end > m->room) {
        uint8_t *more = realloc(m->bytes, end * 2);

        if (more == NULL) {
            return 0;
        }
        m->bytes = more;
        m->room = end * 2;
    }
    memcpy(m->bytes + m->at, in, (size_t)count);
    m->at = end;
    m->size = end > m->size ? end : m->size;
    return count;
}

static sf_count_t memory_tell(void *arg)
{
    return (sf_count_t)((struct memory *)arg)->at;
}

static SF_VIRTUAL_IO memory_io = {.get_filelen = memory_size,
                                  .seek = memory_seek,
                                  .read = memory_read,
                                  .write = memory_write,
                                  .tell = memory_tell};

static int frames_copy(SNDFILE *out, SNDFILE *in)
{
    int16_t chunk[CHUNK];

    for (sf_count_t got; (got = sf_readf_short(in, chunk, CHUNK)) > 0;) {
        if (sf_writef_short(out, chunk, got) != got) {
            return ENOMEM;
        }
    }
    return 0;
}

int audio_to_opus(struct audio *out, const void *wav, size_t size)
{
    struct memory from = {.bytes = (uint8_t *)(uintptr_t)wav, .size = size}, to = {.size = 0};
    SF_INFO info = {.format = 0};
    SNDFILE *in = sf_open_virtual(&memory_io, SFM_READ, &info, &from), *opus = NULL;
    SF_INFO wanted = {.samplerate = info.samplerate, .channels = 1, .format = SF_FORMAT_OGG | SF_FORMAT_OPUS};
    double compression = COMPRESSION;
    int error = EINVAL;

    if (in != NULL && info.channels == 1 && info.frames > 0 && sf_format_check(&wanted)) {
        opus = sf_open_virtual(&memory_io, SFM_WRITE, &wanted, &to);
    }
    if (opus != NULL) {
        sf_command(opus, SFC_SET_COMPRESSION_LEVEL, &compression, sizeof compression);
        error = frames_copy(opus, in);
        if (sf_close(opus) != 0 && error == 0) {
            error = ENOMEM;
        }
    }
    if (in != NULL) {
        sf_close(in);
    }
    if (error != 0) {
        free(to.bytes);
        return error;
    }
    *out = (struct audio){
        .bytes = to.bytes, .size = to.size, .duration_ms = (uint32_t)(info.frames * 1000 / info.samplerate)};
    return 0;
}

/*
 * A finished recording as Ogg Opus (RFC 6716, RFC 7845), a tenth of its size: what leaves by mail; or as FLAC
 * (RFC 9639). Memory to memory, by libsndfile.
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

/* -- pages of Ogg (RFC 3533 §6) ----------------------------------------------------------------------- */

#define PAGE_HEADER 27
#define PAGE_SERIAL 14
#define PAGE_CHECKSUM 22
#define PAGE_POLYNOMIAL 0x04c11db7U

static uint32_t page_checksum(const uint8_t *page, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < length; i++) {
        sum ^= (uint32_t)page[i] << 24;
        for (int bit = 0; bit < 8; bit++) {
            sum = sum << 1 ^ (sum & 0x80000000U ? PAGE_POLYNOMIAL : 0);
        }
    }
    return sum;
}

/*
 * libsndfile gives each stream a serial number at random. Who fetches a recording part by part, each made
 * anew, must not get parts of two streams: it is 0 for all.
 */
static void pages_number(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; size - at >= PAGE_HEADER && memcmp(bytes + at, "OggS", 4) == 0;) {
        uint8_t *page = bytes + at;
        size_t length = PAGE_HEADER + (size_t)page[PAGE_HEADER - 1];
        uint32_t sum;

        for (size_t i = PAGE_HEADER; i < PAGE_HEADER + (size_t)page[PAGE_HEADER - 1] && at + i < size; i++) {
            length += page[i];
        }
        if (length > size - at) {
            return;
        }
        memset(page + PAGE_SERIAL, 0, 4);
        memset(page + PAGE_CHECKSUM, 0, 4);
        sum = page_checksum(page, length);
        for (int i = 0; i < 4; i++) {
            page[PAGE_CHECKSUM + i] = (uint8_t)(sum >> (8 * i));
        }
        at += length;
    }
}

int audio_convert(struct audio *out, enum sound_format format, const void *wav, size_t size)
{
    struct memory from = {.bytes = (uint8_t *)(uintptr_t)wav, .size = size}, to = {.size = 0};
    SF_INFO info = {.format = 0};
    SNDFILE *in = sf_open_virtual(&memory_io, SFM_READ, &info, &from), *converted = NULL;
    SF_INFO wanted = {.samplerate = info.samplerate,
                      .channels = 1,
                      .format = format == SOUND_OPUS ? SF_FORMAT_OGG | SF_FORMAT_OPUS
                                                     : SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    double compression = COMPRESSION;
    int error = EINVAL;

    if (in != NULL && info.channels == 1 && info.frames > 0 && sf_format_check(&wanted)) {
        converted = sf_open_virtual(&memory_io, SFM_WRITE, &wanted, &to);
    }
    if (converted != NULL) {
        if (format == SOUND_OPUS) {
            sf_command(converted, SFC_SET_COMPRESSION_LEVEL, &compression, sizeof compression);
        }
        error = frames_copy(converted, in);
        if (sf_close(converted) != 0 && error == 0) {
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
    if (format == SOUND_OPUS) {
        pages_number(to.bytes, to.size);
    }
    *out = (struct audio){
        .bytes = to.bytes, .size = to.size, .duration_ms = (uint32_t)(info.frames * 1000 / info.samplerate)};
    return 0;
}

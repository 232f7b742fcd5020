/* WAV and RF64 files that play at any moment: see wavfile.h. */
#include "mixer/wavfile.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define DS64_SIZE 28 /* RIFF's size, the data's, how many samples, and an empty table */
#define UNTOLD UINT32_MAX

_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "samples are written to RIFF files as they stand in memory");

static void put_word(uint8_t *out, uint32_t value)
{
    value = htole32(value);
    memcpy(out, &value, sizeof value);
}

static void put_long(uint8_t *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, sizeof value);
}

int file_put(int fd, const void *data, size_t length, off_t at)
{
    const uint8_t *from = data;

    while (length > 0) {
        ssize_t n = pwrite(fd, from, length, at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        from += n;
        at += n;
        length -= (size_t)n;
    }
    return 0;
}

unsigned wav_head_size(const struct wav_file *wav)
{
    return wav->rf64_ready ? WAV_HEAD_RF64 : WAV_HEAD;
}

/* RIFF/WAVE, PCM, one channel of 16 bits. A chunk JUNK, which readers skip, keeps the place of ds64. */
int wav_head(const struct wav_file *wav)
{
    uint8_t head[WAV_HEAD_RF64] = "RIFF....WAVEJUNK";
    unsigned size = wav_head_size(wav);
    uint64_t riff = size - 8 + wav->bytes;
    bool rf64 = wav->rf64_ready && riff > wav->riff_max;
    uint8_t *format = head + size - 32;

    put_word(head + 4, rf64 ? UNTOLD : (uint32_t)riff);
    if (wav->rf64_ready)
        put_word(head + 16, DS64_SIZE);
    if (rf64) {
        memcpy(head, "RF64", 4);
        memcpy(head + 12, "ds64", 4);
        put_long(head + 20, riff);
        put_long(head + 28, wav->bytes);
        put_long(head + 36, wav->bytes / 2);
    }
    memcpy(format, "fmt ....\1\0\1\0........\2\0\20\0data", 28);
    put_word(format + 4, 16);
    put_word(format + 12, wav->rate);
    put_word(format + 16, wav->rate * 2);
    put_word(format + 28, rf64 ? UNTOLD : (uint32_t)wav->bytes);
    return file_put(wav->fd, head, size, 0);
}

int wav_resume(struct wav_file *wav)
{
    uint8_t head[WAV_HEAD];
    uint32_t rate, bytes;
    ssize_t n = pread(wav->fd, head, sizeof head, 0);

    if (n < 0)
        return errno;
    if (n < WAV_HEAD || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 36, "data", 4) != 0)
        return EINVAL;
    memcpy(&rate, head + 24, sizeof rate);
    memcpy(&bytes, head + 40, sizeof bytes);
    if (le32toh(rate) != wav->rate)
        return EINVAL;
    wav->bytes = le32toh(bytes);
    return 0;
}

static bool wav_holds(const struct wav_file *wav, uint64_t count)
{
    return wav->rf64_ready || WAV_HEAD - 8 + wav->bytes + 2 * count <= UINT32_MAX;
}

int wav_add(struct wav_file *wav, const int16_t *samples, size_t count)
{
    if (!wav_holds(wav, count))
        return EFBIG;
    int error = file_put(wav->fd, samples, 2 * count, (off_t)(wav_head_size(wav) + wav->bytes));
    if (!error)
        wav->bytes += 2 * count;
    return error;
}

int wav_skip(struct wav_file *wav, uint64_t count)
{
    if (!wav_holds(wav, count))
        return EFBIG;
    if (ftruncate(wav->fd, (off_t)(wav_head_size(wav) + wav->bytes + 2 * count)))
        return errno;
    wav->bytes += 2 * count;
    return 0;
}

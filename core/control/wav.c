/* Sound that is sent: RIFF (Microsoft and IBM 1991), chunk by chunk. */
#include "core/control/wav.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RIFF_HEADER 12
#define CHUNK_HEADER 8
#define FORMAT_LENGTH 16
#define PCM 1

static uint32_t number(const unsigned char *p, unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)p[i] << (8 * i);
    return value;
}

/* The sample rate; 0: it is no format that we take. */
static uint32_t format_rate(const unsigned char *p)
{
    uint32_t rate = number(p + 4, 4);
    bool fits = number(p, 2) == PCM && number(p + 2, 2) == 1 && number(p + 8, 4) == 2 * rate &&
                number(p + 12, 2) == 2 && number(p + 14, 2) == 16;

    return fits && rate >= 8000 && rate <= 48000 ? rate : 0;
}

int wav_judge(const unsigned char *bytes, size_t size)
{
    uint32_t rate = 0;
    size_t at = RIFF_HEADER;

    if (size < RIFF_HEADER || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0)
        return EINVAL;
    while (size - at >= CHUNK_HEADER) {
        const unsigned char *chunk = bytes + at;
        size_t length = number(chunk + 4, 4);

        if (length > size - at - CHUNK_HEADER)
            return EINVAL;
        if (memcmp(chunk, "data", 4) == 0) {
            if (rate == 0 || length < 2)
                return EINVAL;
            return length / 2 > (uint64_t)rate * SOUND_SECONDS ? EFBIG : 0;
        }
        if (memcmp(chunk, "fmt ", 4) == 0 && length >= FORMAT_LENGTH)
            rate = format_rate(chunk + CHUNK_HEADER);
        at += CHUNK_HEADER + length + (length & 1);
        if (at > size)
            return EINVAL;
    }
    return EINVAL;
}

int wav_keep(char *path, const char *bytes, size_t size)
{
    int fd = mkstemp(path), error = 0;

    if (fd < 0)
        return errno;
    while (size > 0 && !error) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0) {
            error = errno != EINTR ? errno : 0;
        } else {
            bytes += written;
            size -= (size_t)written;
        }
    }
    if (close(fd) != 0 && !error)
        error = errno;
    if (error)
        (void)unlink(path);
    return error;
}

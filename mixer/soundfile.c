/*
 * Reading a sound file: whatever libsndfile knows, or raw G.722 by its name's ending, made mono at 8 and 16
 * kHz.
 */
#include "mixer/sound_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <spandsp.h>
#include <speex/speex_resampler.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECONDS_MAX 3600 /* longer files are refused: they would sit in memory whole */
#define FILE_QUALITY 8   /* of speexdsp's 0 to 10; nobody waits for a tick here */
#define CHUNK 4096       /* frames read at once */
#define CHANNELS_MAX 8

/* Samples between -1 and 1. */
struct sound_buffer {
    float *data;
    size_t count, capacity;
    unsigned rate;
};

static int buffer_reserve(struct sound_buffer *b, size_t more)
{
    size_t capacity = b->capacity ? b->capacity : 65536;
    float *data;

    while (capacity < b->count + more)
        capacity *= 2;
    if (capacity == b->capacity)
        return 0;
    data = realloc(b->data, capacity * sizeof *data);
    if (!data)
        return ENOMEM;
    b->data = data;
    b->capacity = capacity;
    return 0;
}

/* A raw stream has no header: any bytes are sound, so only an empty file is refused. */
static int read_g722(int fd, struct sound_buffer *b)
{
    g722_decode_state_t *g722 = g722_decode_init(NULL, 64000, 0);
    uint8_t coded[CHUNK];
    int16_t linear[2 * CHUNK];
    ssize_t length;
    int error = 0;

    if (!g722)
        return ENOMEM;
    b->rate = WIDE_RATE;
    while ((length = read(fd, coded, sizeof coded)) > 0) {
        int n = g722_decode(g722, linear, coded, (int)length);

        error = buffer_reserve(b, (size_t)n);
        if (!error && b->count > (size_t)WIDE_RATE * SECONDS_MAX)
            error = EFBIG;
        if (error)
            goto out;
        for (int i = 0; i < n; i++)
            b->data[b->count++] = (float)linear[i] / 32768.0f;
    }
    if (length < 0)
        error = errno;
    else if (b->count == 0)
        error = EINVAL; /* voices ship with a few empty files */
out:
    g722_decode_free(g722);
    return error;
}

/* Channels are averaged. Floats carry 16-bit samples without loss, so an 8 or 16 kHz file is played bit for
 * bit. The length that a header claims is not believed; what can be read counts. */
static int read_sndfile(int fd, struct sound_buffer *b)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open_fd(fd, SFM_READ, &info, SF_FALSE);
    float *frames = NULL;
    sf_count_t n;
    int error = EINVAL;

    if (!file)
        return EINVAL;
    if (info.channels < 1 || info.channels > CHANNELS_MAX || info.samplerate < 4000 ||
        info.samplerate > 192000)
        goto out;
    b->rate = (unsigned)info.samplerate;
    error = ENOMEM;
    frames = malloc(sizeof *frames * CHUNK * (size_t)info.channels);
    if (!frames)
        goto out;
    while ((n = sf_readf_float(file, frames, CHUNK)) > 0) {
        error = buffer_reserve(b, (size_t)n);
        if (!error && b->count > (size_t)b->rate * SECONDS_MAX)
            error = EFBIG;
        if (error)
            goto out;
        for (sf_count_t i = 0; i < n; i++) {
            float sum = 0;

            for (int channel = 0; channel < info.channels; channel++)
                sum += frames[i * info.channels + channel];
            b->data[b->count++] = sum / (float)info.channels;
        }
    }
    error = 0;
out:
    free(frames);
    sf_close(file);
    return error;
}

/* All of it at another rate; the filter's delay is taken off and its tail run out, so that nothing shifts or
 * is lost. */
static int resample(const float *in, size_t count, unsigned from, unsigned to, struct sound_buffer *out)
{
    static const float zeros[256];
    SpeexResamplerState *speex;
    size_t wanted = (size_t)(((uint64_t)count * to + from - 1) / from), taken = 0;
    int error = 0;

    *out = (struct sound_buffer){.rate = to};
    error = buffer_reserve(out, wanted + 1);
    if (error)
        return error;
    speex = speex_resampler_init(1, from, to, FILE_QUALITY, &error);
    if (!speex) {
        free(out->data);
        out->data = NULL;
        return ENOMEM;
    }
    speex_resampler_skip_zeros(speex);
    while (out->count < wanted) {
        spx_uint32_t given = (spx_uint32_t)(wanted - out->count), used;

        if (taken < count) {
            used = (spx_uint32_t)(count - taken);
            speex_resampler_process_float(speex, 0, in + taken, &used, out->data + out->count, &given);
            taken += used;
        } else {
            used = sizeof zeros / sizeof *zeros;
            speex_resampler_process_float(speex, 0, zeros, &used, out->data + out->count, &given);
        }
        out->count += given;
    }
    speex_resampler_destroy(speex);
    return 0;
}

/* `length` samples, the last of them silent if `count` is less. */
static int16_t *to_linear(const float *in, size_t count, size_t length)
{
    int16_t *out = calloc(length > 0 ? length : 1, sizeof *out);

    for (size_t i = 0; out && i < count && i < length; i++) {
        long value = lrintf(in[i] * 32768.0f);

        out[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
    }
    return out;
}

/* `b` is at 8 or 16 kHz: that version is kept as it is, the other made from it. */
static int samples_make(struct samples *out, const struct sound_buffer *b)
{
    struct sound_buffer other = {0};
    bool wide = b->rate == WIDE_RATE;
    struct samples made = {.length = (uint32_t)(wide ? (b->count + 1) & ~(size_t)1 : 2 * b->count)};
    const struct sound_buffer *at_wide = wide ? b : &other, *at_narrow = wide ? &other : b;
    int error = resample(b->data, b->count, b->rate, wide ? NARROW_RATE : WIDE_RATE, &other);

    if (error)
        return error;
    made.wide = to_linear(at_wide->data, at_wide->count, made.length);
    made.narrow = to_linear(at_narrow->data, at_narrow->count, made.length / 2);
    free(other.data);
    if (!made.wide || !made.narrow) {
        samples_free(&made);
        return ENOMEM;
    }
    *out = made;
    return 0;
}

static int file_read(const char *path, struct sound_buffer *b)
{
    const char *ending = strrchr(path, '.');
    int fd = open(path, O_RDONLY | O_CLOEXEC), error;
    struct stat status;

    if (fd < 0)
        return errno;
    if (fstat(fd, &status) != 0)
        error = errno;
    else if (!S_ISREG(status.st_mode))
        error = EINVAL;
    else if (ending && strcmp(ending, ".g722") == 0)
        error = read_g722(fd, b);
    else
        error = read_sndfile(fd, b);
    close(fd);
    return error;
}

/* Telephone recordings stay narrow, all others become wide: what a higher rate holds beyond is not for a
 * telephone. */
int samples_load(struct samples *out, const char *path, bool level)
{
    struct sound_buffer b = {0}, changed = {0};
    int error = file_read(path, &b);

    if (error)
        goto out;
    if (b.rate != WIDE_RATE && b.rate != NARROW_RATE) {
        error = resample(b.data, b.count, b.rate, b.rate < NARROW_RATE ? NARROW_RATE : WIDE_RATE, &changed);
        if (error)
            goto out;
        free(b.data);
        b = changed;
    }
    if (level)
        b.count = speech_normalise(b.data, b.count, b.rate);
    error = samples_make(out, &b);
out:
    free(b.data);
    return error;
}

void samples_free(struct samples *s)
{
    free(s->wide);
    free(s->narrow);
    *s = (struct samples){0};
}

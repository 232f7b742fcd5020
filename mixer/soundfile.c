/*
 * Reading a sound file: whatever libsndfile knows, or raw G.722 by its name's ending, made mono at 8 and 16
 * kHz.
 *
 * A file goes through in small pieces, so that no more of it is ever in memory than its two versions: 48 kB a
 * second, 173 MB for an hour, which is the longest that is taken. There is no third version for ports at 48
 * kHz: prompts and the music that Debian ships are telephone sound of 8 kHz, or 16 in G.722; the octave above
 * that would cost three times the memory for the few files that have it.
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

#define SECONDS_MAX 3600
#define RATE_MIN 4000
#define RATE_MAX 192000
#define FILE_QUALITY 8     /* of speexdsp's 0 to 10; nobody waits for a tick here */
#define CHUNK 4096         /* frames at once */
#define MEANWHILE_EVERY 64 /* chunks: 1.4 s of sound at 192 kHz, 16 at 16 */

struct sound_buffer {
    int16_t *data;
    size_t count, capacity;
    unsigned rate;
};

/* Sound on its way into a buffer, through a resampler where the rates differ. */
struct filler {
    struct sound_buffer *into;
    unsigned from;
    SpeexResamplerState *speex; /* NULL: both rates are the same */
    uint64_t taken;
    unsigned chunks;
    void (*meanwhile)(void *arg);
    void *arg;
};

static int buffer_reserve(struct sound_buffer *b, size_t more)
{
    size_t capacity = b->capacity ? b->capacity : 65536;
    int16_t *data;

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

static int filler_start(struct filler *f, struct sound_buffer *into, unsigned from)
{
    int error = 0;

    f->into = into;
    f->from = from;
    if (from == into->rate)
        return 0;
    f->speex = speex_resampler_init(1, from, into->rate, FILE_QUALITY, &error);
    if (!f->speex)
        return ENOMEM;
    speex_resampler_skip_zeros(f->speex); /* the filter's delay is taken off, so that nothing shifts */
    return 0;
}

/* Samples between -1 and 1. Those of a 16-bit file that need no resampling come out bit for bit. */
static int filler_append(struct filler *f, const float *in, size_t count)
{
    int error = buffer_reserve(f->into, count);

    for (size_t i = 0; !error && i < count; i++) {
        long value = lrintf(in[i] * 32768.0f);

        f->into->data[f->into->count++] = (int16_t)(value > INT16_MAX   ? INT16_MAX
                                                    : value < INT16_MIN ? INT16_MIN
                                                                        : value);
    }
    return error;
}

static int filler_push(struct filler *f, const float *in, size_t count)
{
    float out[CHUNK];
    int error = 0;

    if (!f->speex)
        return filler_append(f, in, count);
    while (count > 0 && !error) {
        spx_uint32_t used = (spx_uint32_t)count, given = CHUNK;

        speex_resampler_process_float(f->speex, 0, in, &used, out, &given);
        in += used;
        count -= used;
        error = filler_append(f, out, given);
    }
    return error;
}

static int filler_take(struct filler *f, const float *in, size_t count)
{
    f->taken += count;
    if (f->taken > (uint64_t)f->from * SECONDS_MAX)
        return EFBIG;
    if (f->meanwhile && ++f->chunks % MEANWHILE_EVERY == 0)
        f->meanwhile(f->arg);
    return filler_push(f, in, count);
}

/* The filter's tail is run out, so that nothing is lost, to the length that the sound has at its new rate. */
static int filler_end(struct filler *f, int error)
{
    static const float zeros[256];
    size_t wanted = (size_t)((f->taken * f->into->rate + f->from - 1) / f->from);

    while (f->speex && !error && f->into->count < wanted)
        error = filler_push(f, zeros, sizeof zeros / sizeof *zeros);
    if (!error && f->into->count > wanted)
        f->into->count = wanted;
    if (f->speex)
        speex_resampler_destroy(f->speex);
    f->speex = NULL;
    return error;
}

/* Telephone recordings stay narrow, all others become wide. */
static unsigned rate_kept(unsigned rate)
{
    return rate <= NARROW_RATE ? NARROW_RATE : WIDE_RATE;
}

/* A raw stream has no header: any bytes are sound, so only an empty file is refused. */
static int read_g722(int fd, struct filler *f, struct sound_buffer *b)
{
    g722_decode_state_t *g722 = g722_decode_init(NULL, 64000, 0);
    uint8_t coded[CHUNK / 2];
    int16_t linear[CHUNK];
    float samples[CHUNK];
    ssize_t length = 0;
    int error;

    if (!g722)
        return ENOMEM;
    b->rate = WIDE_RATE;
    error = filler_start(f, b, WIDE_RATE);
    while (!error && (length = read(fd, coded, sizeof coded)) > 0) {
        int n = g722_decode(g722, linear, coded, (int)length);

        for (int i = 0; i < n; i++)
            samples[i] = (float)linear[i] / 32768.0f;
        error = filler_take(f, samples, (size_t)n);
    }
    if (!error && length < 0)
        error = errno;
    error = filler_end(f, error);
    if (!error && b->count == 0)
        error = EINVAL; /* voices ship with a few empty files */
    g722_decode_free(g722);
    return error;
}

/* Channels are averaged. The length that a header claims is not believed; what can be read counts. */
static int read_sndfile(int fd, struct filler *f, struct sound_buffer *b)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open_fd(fd, SFM_READ, &info, SF_FALSE);
    float *frames = NULL;
    sf_count_t n;
    int error = EINVAL;

    if (!file)
        return EINVAL;
    if (info.channels < 1 || info.samplerate < RATE_MIN || info.samplerate > RATE_MAX)
        goto out;
    b->rate = rate_kept((unsigned)info.samplerate);
    error = ENOMEM;
    frames = malloc(sizeof *frames * CHUNK * (size_t)info.channels);
    if (!frames)
        goto out;
    error = filler_start(f, b, (unsigned)info.samplerate);
    while (!error && (n = sf_readf_float(file, frames, CHUNK)) > 0) {
        for (sf_count_t i = 0; i < n; i++) {
            float sum = 0;

            for (int channel = 0; channel < info.channels; channel++)
                sum += frames[i * info.channels + channel];
            frames[i] = sum / (float)info.channels; /* never ahead of what is still to be read */
        }
        error = filler_take(f, frames, (size_t)n);
    }
    error = filler_end(f, error);
out:
    free(frames);
    sf_close(file);
    return error;
}

static int file_read(const char *path, struct filler *f, struct sound_buffer *b)
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
        error = read_g722(fd, f, b);
    else
        error = read_sndfile(fd, f, b);
    close(fd);
    return error;
}

/* A prompt: only here all of it becomes floats. */
static int buffer_level(struct sound_buffer *b)
{
    float *samples = malloc((b->count > 0 ? b->count : 1) * sizeof *samples);
    struct sound_buffer levelled = {.rate = b->rate};
    struct filler f = {0};
    size_t count;
    int error;

    if (!samples)
        return ENOMEM;
    for (size_t i = 0; i < b->count; i++)
        samples[i] = (float)b->data[i] / 32768.0f;
    count = speech_normalise(samples, b->count, b->rate);
    error = filler_start(&f, &levelled, b->rate);
    if (!error)
        error = filler_append(&f, samples, count);
    free(samples);
    if (error) {
        free(levelled.data);
        return error;
    }
    free(b->data);
    *b = levelled;
    return 0;
}

/* The version at the other rate. */
static int buffer_convert(const struct sound_buffer *b, struct filler *f, struct sound_buffer *other)
{
    float samples[CHUNK];
    int error;

    other->rate = b->rate == WIDE_RATE ? NARROW_RATE : WIDE_RATE;
    error = filler_start(f, other, b->rate);
    for (size_t at = 0; !error && at < b->count; at += CHUNK) {
        size_t n = b->count - at < CHUNK ? b->count - at : CHUNK;

        for (size_t i = 0; i < n; i++)
            samples[i] = (float)b->data[at + i] / 32768.0f;
        error = filler_take(f, samples, n);
    }
    return filler_end(f, error);
}

/* `length` samples, the last of them silent if there are fewer. Takes the data over. */
static int buffer_give(struct sound_buffer *b, size_t length, int16_t **out)
{
    int16_t *data = realloc(b->data, (length > 0 ? length : 1) * sizeof *data);

    if (!data)
        return ENOMEM;
    for (size_t i = b->count; i < length; i++)
        data[i] = 0;
    *b = (struct sound_buffer){0};
    *out = data;
    return 0;
}

int samples_load(struct samples *out, const char *path, bool level, void (*meanwhile)(void *arg), void *arg)
{
    struct sound_buffer b = {0}, other = {0};
    struct filler f = {.meanwhile = meanwhile, .arg = arg}, g = f;
    struct samples made = {0};
    bool wide;
    int error = file_read(path, &f, &b);

    if (!error && level)
        error = buffer_level(&b);
    if (!error)
        error = buffer_convert(&b, &g, &other);
    if (error)
        goto out;
    wide = b.rate == WIDE_RATE;
    made.length = (uint32_t)(wide ? (b.count + 1) & ~(size_t)1 : 2 * b.count);
    error = buffer_give(wide ? &b : &other, made.length, &made.wide);
    if (!error)
        error = buffer_give(wide ? &other : &b, made.length / 2, &made.narrow);
    if (error)
        samples_free(&made);
    else
        *out = made;
out:
    free(b.data);
    free(other.data);
    return error;
}

void samples_free(struct samples *s)
{
    free(s->wide);
    free(s->narrow);
    *s = (struct samples){0};
}

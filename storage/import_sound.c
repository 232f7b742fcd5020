/*
 * Sound files of other systems, made what confab itself records: WAV, mono, 16 bits, at the file's own rate.
 * Raw files tell nothing of themselves: their ending does.
 */
#include "storage/import_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sndfile.h>

#define HEADER 44
#define SECONDS_MAX 3600
#define RATE_MAX 48000
#define CHANNELS_MAX 8
#define CHUNK 4096

static const struct raw {
    const char *ending;
    int format, rate;
} raws[] = {
    {".gsm", SF_FORMAT_GSM610, 8000}, {".ulaw", SF_FORMAT_ULAW, 8000},  {".ul", SF_FORMAT_ULAW, 8000},
    {".mu", SF_FORMAT_ULAW, 8000},    {".pcm", SF_FORMAT_ULAW, 8000},   {".alaw", SF_FORMAT_ALAW, 8000},
    {".al", SF_FORMAT_ALAW, 8000},    {".sln", SF_FORMAT_PCM_16, 8000}, {".sln16", SF_FORMAT_PCM_16, 16000},
};

static void format_guess(SF_INFO *info, const char *path)
{
    const char *ending = strrchr(path, '.');

    for (size_t i = 0; ending != NULL && i < sizeof raws / sizeof *raws; i++) {
        if (strcmp(ending, raws[i].ending) == 0) {
            *info = (SF_INFO){.format = SF_FORMAT_RAW | SF_ENDIAN_LITTLE | raws[i].format,
                              .samplerate = raws[i].rate,
                              .channels = 1};
        }
    }
}

static void put(uint8_t **at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        *(*at)++ = (uint8_t)(value >> (8 * i));
    }
}

/* RIFF (Microsoft and IBM 1991): a format chunk and a data chunk. */
static void header_write(uint8_t *at, uint32_t rate, uint32_t bytes)
{
    memcpy(at, "RIFF", 4);
    at += 4;
    put(&at, bytes + HEADER - 8, 4);
    memcpy(at, "WAVEfmt ", 8);
    at += 8;
    put(&at, 16, 4);
    put(&at, 1, 2);
    put(&at, 1, 2);
    put(&at, rate, 4);
    put(&at, rate * 2, 4);
    put(&at, 2, 2);
    put(&at, 16, 2);
    memcpy(at, "data", 4);
    at += 4;
    put(&at, bytes, 4);
}

static int16_t sample_mix(const float *frame, int channels)
{
    float sum = 0;

    for (int i = 0; i < channels; i++) {
        sum += frame[i];
    }
    return (int16_t)lrintf(fmaxf(-32768, fminf(32767, sum / (float)channels * 32768)));
}

/* Floats, as libsndfile scales every kind of sample to them alike. */
static int samples_read(struct audio *audio, SNDFILE *file, const SF_INFO *info)
{
    static float chunk[CHUNK * CHANNELS_MAX];
    size_t room = 0;
    sf_count_t frames = 0;

    for (sf_count_t got; (got = sf_readf_float(file, chunk, CHUNK)) > 0; frames += got) {
        if (frames + got > (sf_count_t)SECONDS_MAX * info->samplerate) {
            return EFBIG;
        }
        if (audio->size + (size_t)got * 2 > room) {
            room = room * 2 + HEADER + sizeof(int16_t) * CHUNK;
            uint8_t *bytes = realloc(audio->bytes, room);

            if (bytes == NULL) {
                return ENOMEM;
            }
            audio->bytes = bytes;
            audio->size = frames == 0 ? HEADER : audio->size;
        }
        uint8_t *at = audio->bytes + audio->size;
        for (sf_count_t i = 0; i < got; i++) {
            put(&at, (uint16_t)sample_mix(chunk + i * info->channels, info->channels), 2);
        }
        audio->size += (size_t)got * 2;
    }
    if (frames == 0) {
        return EINVAL;
    }
    header_write(audio->bytes, (uint32_t)info->samplerate, (uint32_t)frames * 2);
    audio->duration_ms = (uint32_t)(frames * 1000 / info->samplerate);
    return 0;
}

int import_sound(struct audio *out, const char *path)
{
    struct audio audio = {0};
    SF_INFO info = {0};
    int error = EINVAL, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return errno == ENOENT || errno == EACCES ? errno : EINVAL;
    }
    format_guess(&info, path);
    SNDFILE *file = sf_open_fd(fd, SFM_READ, &info, SF_FALSE);
    if (file != NULL) {
        if (info.channels <= CHANNELS_MAX && info.samplerate >= 4000 && info.samplerate <= RATE_MAX) {
            error = samples_read(&audio, file, &info);
        }
        sf_close(file);
    }
    close(fd);
    if (error != 0) {
        free(audio.bytes);
        return error;
    }
    *out = audio;
    return 0;
}

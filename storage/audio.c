/*
 * Sound between disk and database: WAV files read with their headers made true, blobs written and handed out
 * as files. A fax's pages go the same way to the database.
 */
#include "storage/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/log.h"
#include "storage/document.h"

#define AUDIO_MAX (256u << 20) /* far above the longest message; far below what one bytea can hold */
#define RIFF_HEADER 12
#define CHUNK_HEADER 8

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* True when nothing but whole chunks stands from `at` to the end: then the data chunk's length was no lie. */
static bool chunks_follow(const uint8_t *bytes, size_t at, size_t size)
{
    while (at < size) {
        if (size - at < CHUNK_HEADER) {
            return false;
        }
        for (int i = 0; i < 4; i++) {
            if (bytes[at + (size_t)i] < 0x20 || bytes[at + (size_t)i] > 0x7E) {
                return false;
            }
        }
        uint32_t length = get32(bytes + at + 4);
        if (length > size - at - CHUNK_HEADER) {
            return false;
        }
        at += CHUNK_HEADER + length + (length & 1);
    }
    return true;
}

/* The data chunk stands at `at`; `byte_rate` and `block` come from the format chunk before it. */
static void data_mend(struct audio *audio, size_t at, uint32_t byte_rate, uint32_t block)
{
    size_t start = at + CHUNK_HEADER;
    size_t there = audio->size - start;
    uint32_t promised = get32(audio->bytes + at + 4);

    if (promised > there || !chunks_follow(audio->bytes, start + promised + (promised & 1), audio->size)) {
        promised = (uint32_t)(there - there % block);
        put32(audio->bytes + at + 4, promised);
        audio->size = start + promised;
    }
    put32(audio->bytes + 4, (uint32_t)(audio->size - CHUNK_HEADER));
    audio->duration_ms = (uint32_t)((uint64_t)promised * 1000 / byte_rate);
}

/*
 * Walks the chunks (RIFF, Microsoft and IBM 1991) to the data. The recorder writes the length into the header
 * every 2 s only, so after a crash it is behind the file, and on a file system that lost the tail it is
 * ahead.
 */
static int wav_mend(struct audio *audio)
{
    uint32_t byte_rate = 0, block = 0;

    if (audio->size < RIFF_HEADER || memcmp(audio->bytes, "RIFF", 4) != 0 ||
        memcmp(audio->bytes + 8, "WAVE", 4) != 0) {
        return EINVAL;
    }
    for (size_t at = RIFF_HEADER; at + CHUNK_HEADER <= audio->size;) {
        const uint8_t *chunk = audio->bytes + at;
        uint32_t length = get32(chunk + 4);

        if (memcmp(chunk, "data", 4) == 0) {
            if (byte_rate == 0 || block == 0) {
                return EINVAL;
            }
            data_mend(audio, at, byte_rate, block);
            return 0;
        }
        if (length > audio->size - at - CHUNK_HEADER) {
            return EINVAL;
        }
        if (memcmp(chunk, "fmt ", 4) == 0 && length >= 16) {
            byte_rate = get32(chunk + CHUNK_HEADER + 8);
            block = get32(chunk + CHUNK_HEADER + 12) & 0xFFFF;
        }
        at += CHUNK_HEADER + length + (length & 1);
    }
    return EINVAL;
}

static int read_all(int fd, uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = read(fd, bytes + at, size - at);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return EIO;
        }
        at += (size_t)got;
    }
    return 0;
}

static int file_load(struct audio *out, int folder, const char *name, int (*judge)(struct audio *audio))
{
    struct audio audio = {0};
    struct stat stat;
    int error = 0, fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        return errno == ENOENT ? ENOENT : EIO;
    }
    if (fstat(fd, &stat) != 0) {
        error = EIO;
    } else if (stat.st_size > AUDIO_MAX) {
        error = EINVAL;
    } else if ((audio.bytes = malloc((size_t)stat.st_size + 1)) == NULL) {
        error = ENOMEM;
    } else {
        audio.size = (size_t)stat.st_size;
        error = read_all(fd, audio.bytes, audio.size);
    }
    close(fd);
    if (error == 0) {
        error = judge(&audio);
    }
    if (error != 0) {
        free(audio.bytes);
        return error;
    }
    *out = audio;
    return 0;
}

int audio_load(struct audio *out, int folder, const char *name)
{
    return file_load(out, folder, name, wav_mend);
}

static int pages_judge(struct audio *audio)
{
    return document_pages(audio->bytes, audio->size, &audio->pages);
}

int fax_load(struct audio *out, int folder, const char *name)
{
    return file_load(out, folder, name, pages_judge);
}

int audio_insert(struct database *db, const struct audio *audio, char id[UUID_TEXT])
{
    PGresult *result = NULL;
    int error =
        database_query(db, &result, "insert into blob (audio, sha256) values ($1, sha256($1)) returning id",
                       VALUES(value_bytes(audio->bytes, audio->size)));

    if (error == 0) {
        row_text(result, 0, 0, id, UUID_TEXT);
        PQclear(result);
    }
    return error;
}

/* -- as a file
 * ----------------------------------------------------------------------------------------------------------
 */

static int file_write(const char *folder, char *path, size_t size, const uint8_t *bytes, size_t length)
{
    int error = 0;

    if ((size_t)snprintf(path, size, "%s/play-XXXXXX.wav", folder) >= size) {
        path[0] = '\0';
        return ENAMETOOLONG;
    }
    int fd = mkostemps(path, 4, O_CLOEXEC);
    if (fd < 0) {
        path[0] = '\0';
        return disk_error(errno);
    }
    for (size_t at = 0; at < length && error == 0;) {
        ssize_t put = write(fd, bytes + at, length - at);

        if (put >= 0) {
            at += (size_t)put;
        } else if (errno != EINTR) {
            error = disk_error(errno);
        }
    }
    close(fd);
    if (error != 0) {
        unlink(path);
        path[0] = '\0';
    }
    return error;
}

/*
 * What cannot be what was stored, or cannot be played, is not handed out: silence would be taken for what the
 * caller had to say. The header is made true on the way, in the result's own memory.
 */
static bool audio_is_sound(const PGresult *result, struct audio *out)
{
    *out = (struct audio){.bytes = (uint8_t *)PQgetvalue(result, 0, 0),
                          .size = (size_t)PQgetlength(result, 0, 0)};
    return wav_mend(out) == 0 && out->duration_ms > 0;
}

/* In the format that was asked for. ENOTSUP: it cannot be had so. */
static int sound_write(struct file_job *j, const struct audio *wav)
{
    struct audio converted = {0};
    const struct audio *sound = j->format == SOUND_WAV ? wav : &converted;
    int error = j->format == SOUND_WAV ? 0 : audio_convert(&converted, j->format, wav->bytes, wav->size);

    if (error == EINVAL) {
        error = ENOTSUP;
    }
    if (error == 0) {
        error =
            file_write(j->job.st->settings->cache_dir, j->path, sizeof j->path, sound->bytes, sound->size);
    }
    free(converted.bytes);
    return error;
}

/* Pages go out as PDF, which everybody can open. */
static int file_job_write(struct file_job *j, const PGresult *result)
{
    const char *folder = j->job.st->settings->cache_dir;
    const uint8_t *bytes = (const uint8_t *)PQgetvalue(result, 0, 0);
    size_t size = (size_t)PQgetlength(result, 0, 0);
    bool intact = PQgetvalue(result, 0, 1)[0] == 1; /* a boolean in binary */
    struct audio audio;
    uint8_t *pdf = NULL;
    int error = EINVAL;

    if (intact && document_is_tiff(bytes, size)) {
        error = document_pdf(bytes, size, &pdf, &size);
        if (error == 0) {
            error = file_write(folder, j->path, sizeof j->path, pdf, size);
        }
        free(pdf);
    } else if (intact && audio_is_sound(result, &audio)) {
        error = sound_write(j, &audio);
    }
    if (error == EINVAL || error == ENODATA) {
        log_event(LEVEL_ERROR, "storage", NULL, "audio-broken alarm=audio-broken of=%s which=%s", j->number,
                  j->which);
        atomic_fetch_add(&j->job.st->audio_broken, 1);
        error = EIO;
    }
    return error;
}

int file_job_fetch(struct database *db, struct file_job *j, const char *sql, const struct value *values,
                   size_t count)
{
    PGresult *result = NULL;
    int error = database_query_binary(db, &result, sql, values, count);

    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        error = file_job_write(j, result);
    }
    PQclear(result);
    return error;
}

int file_job_ask(struct storage *st, const struct job_kind *kind, const char *number, const char *which,
                 enum sound_format format, struct ticket ticket, file_reply *reply)
{
    struct file_job *j = job_new(st, sizeof *j, kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    key_copy(j->which, sizeof j->which, which);
    j->format = format;
    return job_submit(&j->job);
}

void file_job_reply(struct job *job)
{
    struct file_job *j = (struct file_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? j->path : NULL);
}

void file_job_drop(struct job *job)
{
    struct file_job *j = (struct file_job *)job;

    if (j->path[0] != '\0') {
        unlink(j->path);
    }
}

/*
 * A tick takes no memory, no lock, no file and no line of the log: each of these stands here in the library's
 * place and fails the case when the engine calls it between the beginning and the end of a tick, whichever
 * library it comes from. Everything the engine can do is done in those ticks, the first time too.
 */
#define _GNU_SOURCE /* usleep */
#include "tests/unit/stage.h"

#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static _Thread_local bool in_tick;
static const char *volatile forbidden; /* the first that was called */
static volatile unsigned forbidden_count, watched;

static void note(const char *what)
{
    if (!in_tick)
        return;
    if (!forbidden)
        forbidden = what;
    forbidden_count++;
    if (getenv("STILL_TRAP")) /* for a debugger */
        __builtin_trap();
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_MEMORY 0 /* the sanitizer stands there already */
#else
#define OWN_MEMORY 1
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

#pragma GCC visibility push(default) /* for all libraries */
void *malloc(size_t size)
{
    note("malloc");
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    note("calloc");
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    note("realloc");
    return __libc_realloc(memory, size);
}

void free(void *memory)
{
    if (memory)
        note("free");
    __libc_free(memory);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    note("aligned_alloc");
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    note("posix_memalign");
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}
#pragma GCC visibility pop
#endif

/* Linked in the place of the functions of these names (-Wl,--wrap). */
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    note("pthread_mutex_lock");
    return __real_pthread_mutex_lock(mutex);
}

void __wrap_log_event(enum log_level level, const char *area, const char *call, const char *format, ...);
void __wrap_log_event(enum log_level level, const char *area, const char *call, const char *format, ...)
{
    (void)level;
    (void)area;
    (void)call;
    (void)format;
    note("log_event");
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list list;

    va_start(list, flags);
    int mode = flags & O_CREAT ? va_arg(list, int) : 0;
    va_end(list);
    note("open");
    return __real_open(path, flags, mode);
}

/* To an event's descriptor is no disk. */
ssize_t __real_write(int fd, const void *data, size_t length);
ssize_t __wrap_write(int fd, const void *data, size_t length);
ssize_t __wrap_write(int fd, const void *data, size_t length)
{
    struct stat s;

    if (in_tick && (fstat(fd, &s) || S_ISREG(s.st_mode)))
        note("write");
    return __real_write(fd, data, length);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    note("fdatasync");
    return __real_fdatasync(fd);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    note("fsync");
    return __real_fsync(fd);
}

void __real_mixer_tick(struct mixer *m);
void __wrap_mixer_tick(struct mixer *m);
void __wrap_mixer_tick(struct mixer *m)
{
    in_tick = true;
    __real_mixer_tick(m);
    in_tick = false;
    watched++;
}

/* -- all the engine does
 * ---------------------------------------------------------------------------------------------- */

static const char *way;

static void begin(void)
{
    stage_begin(way, 24);
}

static void begin_plain(void)
{
    way = "plain";
    begin();
}

static void begin_uring(void)
{
    way = "uring";
    begin();
}

static struct member *talker(enum codec codec, room_id room, double hz)
{
    struct member *m = member_join(codec, room);

    m->voice = voice_tone;
    m->amplitude = 3000;
    m->hz = hz;
    return m;
}

static void still_after(unsigned ms, const char *what)
{
    unsigned before = watched;

    stage_run(ms);
    ck_assert_uint_eq(watched, before + ms / TICK_MS);
    ck_assert_msg(forbidden_count == 0, "%s: %s was called in a tick", what, forbidden);
}

/* The proof that the watch is awake, in libraries too. */
START_TEST(watch_sees_what_is_forbidden)
{
    struct encoder *e = NULL;
    char path[] = "/tmp/confab-still-XXXXXX";

    in_tick = true;
    int error = encoder_new(&e, CODEC_OPUS, 48000, 20, false, false);
    in_tick = false;
    ck_assert_int_eq(error, 0);
    encoder_free(e);
    ck_assert_uint_ge(forbidden_count, OWN_MEMORY ? 2 : 0); /* ours, and libopus' own */
    forbidden = NULL;
    int fd = mkstemp(path);
    in_tick = true;
    (void)!write(fd, "x", 1);
    in_tick = false;
    close(fd);
    unlink(path);
    ck_assert_str_eq(forbidden, "write");
}
END_TEST

static void press_keys(struct member *m)
{
    uint8_t data[RTP_HEADER + 4] = {0}, payload[4] = {5, 0x8a, 3, 0x20};
    struct rtp_packet h = {.ssrc = m->ssrc, .sequence = m->sequence++, .payload_type = 101, .marker = true};

    h.timestamp = stage_ticks * 80;
    rtp_build(data, &h);
    memcpy(data + RTP_HEADER, payload, sizeof(payload));
    member_send(m, data, sizeof(data));
}

START_TEST(rooms_take_nothing)
{
    struct play_item item = {.hz1 = 500, .level_dbov = -20, .ms = 300};
    room_id room = stage_room(0);

    for (unsigned i = 0; i < 8; i++)
        (void)talker((enum codec[]){CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_OPUS}[i % 4], room,
                     250 + 60 * i);
    still_after(600, "talking");
    for (unsigned i = 0; i < 8; i++)
        cast[i].amplitude = i % 2 ? 12000 : 300;
    still_after(600, "changing speakers");
    ck_assert_int_eq(room_play(stage, room, &item, 1), 0);
    ck_assert_int_eq(port_play(stage, cast[1].port, 1, &item, 1, true), 0);
    ck_assert_int_eq(port_set_gains(stage, cast[2].port, -6, 6), 0);
    ck_assert_int_eq(port_set_mute(stage, cast[3].port, true), 0);
    ck_assert_int_eq(port_set_deaf(stage, cast[0].port, true), 0);
    ck_assert_int_eq(port_send_digit(stage, cast[0].port, '5', 100), 0);
    press_keys(&cast[1]);
    still_after(800, "plays, gains, digits");
    for (unsigned i = 0; i < 8; i++)
        ck_assert_int_eq(port_set_softer(stage, cast[i].port, cast[(i + 1) % 8].port, -9), 0);
    ck_assert_int_eq(port_set_whisper(stage, cast[1].port, cast[2].port), 0);
    ck_assert_int_eq(port_set_whisper(stage, cast[5].port, cast[4].port), 0);
    still_after(400, "relations");
    ck_assert_int_eq(port_set_softer(stage, cast[0].port, cast[1].port, 0), 0);
    ck_assert_int_eq(port_set_whisper(stage, cast[1].port, 0), 0);
    still_after(200, "relations' ends");
    port_play_stop(stage, cast[1].port);
    struct media_format f = cast[0].format;
    f.codecs[0] = (struct media_codec){CODEC_PCMA, 8, 8};
    ck_assert_int_eq(port_set_format(stage, cast[0].port, &f), 0);
    for (unsigned i = 2; i < 4; i++)
        ck_assert_int_eq(port_connect_none(stage, cast[i].port), 0);
    still_after(200, "leaving");
    for (unsigned i = 2; i < 4; i++)
        ck_assert_int_eq(port_connect_room(stage, cast[i].port, room), 0);
    cast[4].mute = true; /* packets are missing: concealment */
    still_after(6000, "reports, loss");
    member_close(&cast[7]);
    room_close(stage, room);
    still_after(200, "closing");
    ck_assert_uint_ge(stage_events[EVENT_PLAYED], 1);
    ck_assert_uint_ge(stage_events[EVENT_DIGIT], 1);
    ck_assert_uint_ge(stage_events[EVENT_PORT_CLOSED], 1);
    ck_assert_uint_gt(cast[2].packets, 100);
}
END_TEST

/* Without telephone-event, so that tones are looked for; all pairs of codecs, recorded. */
START_TEST(bridges_and_recordings_take_nothing)
{
    static const enum codec codecs[] = {CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_OPUS};
    struct record_limits limits = {.max_ms = 60000};
    char folder[] = "/tmp/confab-still-XXXXXX", path[8][64];

    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (unsigned i = 0; i < 8; i++) {
        struct member *m = member_open(codecs[i % 4]);
        m->voice = voice_tone;
        m->amplitude = 3000;
        m->hz = 300 + 50 * i;
        if (i < 4) {
            m->format.dtmf_pt_send = m->format.dtmf_pt_receive = MEDIA_NO_PT;
            ck_assert_int_eq(port_set_format(stage, m->port, &m->format), 0);
        }
        ck_assert_int_eq(port_connect_echo(stage, m->port), 0);
    }
    still_after(300, "echo");
    for (unsigned i = 0; i < 8; i++) {
        snprintf(path[i], sizeof(path[i]), "%s/%u.wav", folder, i);
        ck_assert_int_eq(port_record(stage, cast[i].port, i, path[i], &limits), 0);
    }
    for (unsigned shift = 0; shift < 4; shift++) {
        for (unsigned i = 0; i < 4; i++)
            ck_assert_int_eq(port_connect_bridge(stage, cast[i].port, cast[4 + (i + shift) % 4].port), 0);
        ck_assert_int_eq(port_send_digit(stage, cast[shift].port, '5', 100), 0);
        still_after(700, "bridges");
    }
    for (unsigned i = 0; i < 8; i++)
        port_record_stop(stage, cast[i].port);
    still_after(100, "recordings' ends");
    for (unsigned i = 0; i < 8; i++)
        member_close(&cast[i]);
    still_after(100, "closing");
    for (unsigned i = 0; i < 500 && stage_events[EVENT_PORT_CLOSED] < 8;
         i++) { /* the disk has its own time */
        usleep(10000);
        stage_run(TICK_MS);
    }
    ck_assert_uint_eq(stage_events[EVENT_RECORDED], 8);
    for (unsigned i = 0; i < 8; i++)
        ck_assert_int_eq(unlink(path[i]), 0);
    rmdir(folder);
}
END_TEST

static void add_tests(Suite *suite, const char *name, void (*start)(void))
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, start, stage_end);
    tcase_add_test(tcase, watch_sees_what_is_forbidden);
    tcase_add_test(tcase, rooms_take_nothing);
    tcase_add_test(tcase, bridges_and_recordings_take_nothing);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    Suite *suite = suite_create("a tick takes nothing");
    struct io *tried;

    add_tests(suite, "plain", begin_plain);
    if (io_new(&tried, "uring", 2) == 0) {
        io_free(tried);
        add_tests(suite, "uring", begin_uring);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

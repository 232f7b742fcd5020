/*
 * A room's recording by the real engine: phones that each send a tone, and what the files hold afterwards.
 */
#include "core/base/clock.h"
#include "mixer/engine.h"
#include "tests/unit/sound_reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PHONES 3
#define SERIAL 77
#define LOUD 1000  /* what is surely a phone's tone */
#define QUIET 60.0 /* and what is surely none: the rests of a codec */

/* A far side that sends 20 ms of PCMU at a time: a tone, or silence. */
struct phone {
    int fd;
    port_id port;
    struct sockaddr_in to, own;
    double hz;
    bool talks;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    unsigned at, packets;
};

static struct mixer *mixer;
static room_id room;
static struct phone phones[PHONES];
static struct mixer_event ends[8];
static unsigned end_count;
static char folder[64];

static uint8_t ulaw(int v) /* ITU-T G.711 */
{
    int sign = v < 0 ? 0x80 : 0, segment = 7;

    v = (v < 0 ? -v : v) + 132;
    for (int mask = 0x4000; !(v & mask) && segment > 0; mask >>= 1)
        segment--;
    return (uint8_t) ~(sign | segment << 4 | ((v >> (segment + 3)) & 15));
}

static void phone_format(struct phone *p, enum codec codec)
{
    struct media_format f = {.codecs = {{codec, codec_static_pt(codec), codec_static_pt(codec)}},
                             .codec_count = 1,
                             .ptime_ms = 20,
                             .dtmf_pt_send = 101,
                             .dtmf_pt_receive = 101,
                             .dtmf_rate = 8000,
                             .send = true,
                             .receive = true};

    memcpy(&f.rtp, &p->own, sizeof p->own);
    memcpy(&f.rtcp, &p->own, sizeof p->own);
    ck_assert_int_eq(port_set_format(mixer, p->port, &f), 0);
}

static void phone_open(struct phone *p, double hz)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof p->own;
    uint16_t rtp_port;
    char name[16];

    memset(p, 0, sizeof *p);
    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(p->fd, (struct sockaddr *)&local, sizeof local), 0);
    ck_assert_int_eq(getsockname(p->fd, (struct sockaddr *)&p->own, &length), 0);
    p->hz = hz;
    p->ssrc = (uint32_t)(0x1000 + hz);
    ck_assert_int_eq(port_open(mixer, (struct sockaddr *)&local, &p->port, &rtp_port), 0);
    p->to = local;
    p->to.sin_port = htons(rtp_port);
    phone_format(p, CODEC_PCMU);
    snprintf(name, sizeof name, "%.0f/x", hz);
    ck_assert_int_eq(port_set_label(mixer, p->port, name, "c0ffee"), 0);
}

static void phone_send(struct phone *p)
{
    uint8_t data[RTP_HEADER + 160], drain[600];
    struct rtp_packet h = {p->ssrc, p->timestamp, p->sequence++, 0, false, NULL, 0};

    rtp_build(data, &h);
    for (unsigned i = 0; i < 160; i++, p->at++)
        data[RTP_HEADER + i] = ulaw(p->talks ? (int)lrint(6000 * sin(2 * M_PI * p->hz * p->at / 8000)) : 0);
    (void)!sendto(p->fd, data, sizeof data, 0, (struct sockaddr *)&p->to, sizeof p->to);
    p->timestamp += 160;
    while (recv(p->fd, drain, sizeof drain, 0) > 0)
        p->packets++;
}

static void take_events(void)
{
    struct mixer_event event;

    while (mixer_next_event(mixer, &event)) {
        if (event.type == EVENT_RECORDED && event.room == room && end_count < 8)
            ends[end_count++] = event;
    }
}

/* All phones send for a while, a tone or silence. */
static void run(unsigned ms)
{
    struct timespec next;

    clock_gettime(CLOCK_MONOTONIC, &next);
    for (unsigned t = 0; t < ms; t += 20) {
        for (unsigned i = 0; i < PHONES; i++)
            phone_send(&phones[i]);
        take_events();
        next.tv_nsec += 20000000;
        next.tv_sec += next.tv_nsec / 1000000000;
        next.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}

static void talk(unsigned who, unsigned ms)
{
    phones[who].talks = true;
    run(ms);
    phones[who].talks = false;
}

static struct mixer_event ended(void)
{
    for (unsigned i = 0; i < 500 && end_count == 0; i++)
        run(20);
    ck_assert_uint_eq(end_count, 1);
    ck_assert_uint_eq(ends[0].serial, SERIAL);
    ck_assert_uint_eq(ends[0].port, 0);
    return ends[0];
}

static void setup(void)
{
    struct mixer_config config = {.workers = 1,
                                  .rtp_port_low = 31000 + (unsigned)getpid() % 200 * 100,
                                  .rtp_port_high = 31099 + (unsigned)getpid() % 200 * 100,
                                  .max_ports = 8,
                                  .max_rooms = 2};

    end_count = 0;
    strcpy(folder, "/tmp/confab-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(mixer_start(&mixer, &config), 0);
    ck_assert_int_eq(room_open(mixer, 0, &room), 0);
    for (unsigned i = 0; i < PHONES; i++) {
        phone_open(&phones[i], 400 + 300 * i);
        ck_assert_int_eq(port_connect_room(mixer, phones[i].port, room), 0);
    }
    run(200);
}

static void teardown(void)
{
    char command[128];

    mixer_stop(mixer);
    for (unsigned i = 0; i < PHONES; i++)
        close(phones[i].fd);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static void record(enum record_format format, bool tracks)
{
    struct room_recording what = {
        .folder = folder, .name = "r", .title = "3001", .format = format, .tracks = tracks};

    ck_assert_int_eq(room_record(mixer, room, SERIAL, &what), 0);
}

static const char *in_folder(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static struct sound_read file_of(const char *name)
{
    return sound_read(in_folder(name));
}

static json_t *timeline(void)
{
    json_error_t error;
    json_t *json = json_load_file(in_folder("r.json"), 0, &error);

    ck_assert_msg(json != NULL, "%s", error.text);
    return json;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    ck_assert_ptr_nonnull(text);
    return text;
}

static int number_of(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

/* No sample of the mix may differ from the sum of the tracks by more than `most`. */
static void check_sum(const struct sound_read *mix, const struct sound_read *a, const struct sound_read *b,
                      int most)
{
    ck_assert_uint_eq(a->count, mix->count);
    ck_assert_uint_eq(b->count, mix->count);
    for (size_t i = 0; i < mix->count; i++)
        ck_assert_int_le(abs(mix->samples[i] - a->samples[i] - b->samples[i]), most);
}

/* Two talk, first by turns and then together; the third never does. 0: WAV, 1: FLAC, which lose nothing. */
START_TEST(tracks_are_the_mix)
{
    static const char *const names[][3] = {{"r.wav", "r-1-400_x.wav", "r-2-700_x.wav"},
                                           {"r.flac", "r-1-400_x.flac", "r-2-700_x.flac"}};
    record(_i, true);
    run(300);
    talk(0, 600);
    run(1000);
    talk(1, 600);
    phones[0].talks = true;
    talk(1, 600);
    phones[0].talks = false;
    run(200);
    room_record_stop(mixer, room);
    struct mixer_event end = ended();
    ck_assert_int_eq(end.end, RECORD_STOPPED);
    ck_assert_int_eq(end.error, 0);
    struct sound_read mix = file_of(names[_i][0]), a = file_of(names[_i][1]), b = file_of(names[_i][2]);
    ck_assert_uint_eq(mix.rate, 8000);
    ck_assert_int_eq(mix.told, (sf_count_t)mix.count);
    ck_assert_double_eq(sound_ms(&mix), end.ms);
    ck_assert_uint_ge(end.ms, 3200);
    check_sum(&mix, &a, &b, 0);
    /* Each tone is in its own track only, and a burst at the same sample of track and mix. */
    double one = sound_first(&mix, LOUD, 0), two = sound_first(&mix, LOUD, one + 1100);
    ck_assert_double_eq(one, sound_first(&a, LOUD, 0));
    ck_assert_double_eq(two, sound_first(&b, LOUD, 0));
    ck_assert_double_gt(two - one, 1500);
    ck_assert_double_gt(sound_tone(&a, 400, one + 100, one + 500), 3000);
    ck_assert_double_gt(sound_tone(&b, 700, two + 100, two + 500), 3000);
    ck_assert_double_lt(sound_tone(&a, 700, 0, sound_ms(&a)), QUIET);
    ck_assert_double_lt(sound_tone(&b, 400, 0, sound_ms(&b)), QUIET);
    ck_assert_double_gt(sound_tone(&mix, 700, two + 700, two + 1000), 3000);
    ck_assert_int_ne(access(in_folder("r-3-1000_x.wav"), F_OK), 0);
    free(mix.samples);
    free(a.samples);
    free(b.samples);
}
END_TEST

START_TEST(opus_keeps_the_clock)
{
    record(RECORD_OPUS, true);
    run(300);
    talk(0, 600);
    run(1000);
    talk(1, 600);
    room_record_stop(mixer, room);
    struct mixer_event end = ended();
    ck_assert_int_eq(end.error, 0);
    struct sound_read mix = file_of("r.opus"), a = file_of("r-1-400_x.opus"), b = file_of("r-2-700_x.opus");
    ck_assert_double_eq(sound_ms(&mix), end.ms);
    ck_assert_uint_eq(a.count, mix.count);
    ck_assert_uint_eq(b.count, mix.count);
    double one = sound_first(&mix, LOUD, 0), two = sound_first(&mix, LOUD, one + 1100);
    ck_assert_double_lt(fabs(one - sound_first(&a, LOUD, 0)), 10);
    ck_assert_double_lt(fabs(two - sound_first(&b, LOUD, 0)), 10);
    ck_assert_double_gt(sound_tone(&a, 400, one + 100, one + 500), 3000);
    ck_assert_double_gt(sound_tone(&b, 700, two + 100, two + 500), 3000);
    ck_assert_double_lt(sound_tone(&b, 400, 0, sound_ms(&b)), QUIET);
    free(mix.samples);
    free(a.samples);
    free(b.samples);
}
END_TEST

/* 0: with tracks, 1: also where there is only the mix. */
START_TEST(timeline_tells_who_talked_when)
{
    record(RECORD_WAV, _i == 0);
    run(500);
    talk(0, 1000);
    run(1500);
    talk(1, 1000);
    run(1500);
    room_record_stop(mixer, room);
    struct mixer_event end = ended();
    struct sound_read mix = file_of("r.wav");
    double one = sound_first(&mix, LOUD, 0), two = sound_first(&mix, LOUD, one + 1500);
    json_t *json = timeline(), *tracks = json_object_get(json, "tracks");
    ck_assert_str_eq(text_of(json, "room"), "3001");
    ck_assert_str_eq(text_of(json, "format"), "wav");
    ck_assert_str_eq(text_of(json, "state"), "stopped");
    ck_assert_str_eq(text_of(json, "mix"), "r.wav");
    ck_assert_int_eq(number_of(json, "ms"), (int)end.ms);
    ck_assert_int_eq(number_of(json, "rate"), 8000);
    ck_assert_uint_eq(json_array_size(tracks), 2);
    for (unsigned i = 0; i < 2; i++) {
        const json_t *track = json_array_get(tracks, i), *talks = json_object_get(track, "talk_ms");
        ck_assert_str_eq(text_of(track, "label"), i ? "700/x" : "400/x");
        ck_assert_str_eq(text_of(track, "call"), "c0ffee");
        if (_i == 0)
            ck_assert_str_eq(text_of(track, "file"), i ? "r-2-700_x.wav" : "r-1-400_x.wav");
        else
            ck_assert(json_is_null(json_object_get(track, "file")));
        ck_assert_uint_ge(json_array_size(talks), 1);
        /* A talk is told 100 ms after its begin and 500 ms after its end. */
        double begin = (double)json_integer_value(json_array_get(json_array_get(talks, 0), 0));
        double over =
            (double)json_integer_value(json_array_get(json_array_get(talks, json_array_size(talks) - 1), 1));
        ck_assert_double_gt(begin, i ? two : one);
        ck_assert_double_lt(begin, (i ? two : one) + 400);
        ck_assert_double_gt(over, (i ? two : one) + 900);
        ck_assert_double_lt(over, (i ? two : one) + 2400);
    }
    ck_assert_int_eq(access(in_folder("r-1-400_x.wav"), F_OK), _i == 0 ? 0 : -1);
    json_decref(json);
    free(mix.samples);
}
END_TEST

START_TEST(pause_is_left_out)
{
    record(RECORD_WAV, true);
    talk(0, 1000);
    ck_assert_int_eq(room_record_pause(mixer, room, true), 0);
    ck_assert_int_eq(room_record_pause(mixer, room, true), 0);
    talk(1, 2000);
    ck_assert_int_eq(room_record_pause(mixer, room, false), 0);
    run(300);
    phones[0].talks = true;
    talk(2, 700);
    phones[0].talks = false;
    room_record_stop(mixer, room);
    struct mixer_event end = ended();
    json_t *json = timeline(), *pauses = json_object_get(json, "pauses");
    ck_assert_uint_eq(json_array_size(pauses), 1);
    int at = number_of(json_array_get(pauses, 0), "at_ms");
    ck_assert_int_ge(number_of(json_array_get(pauses, 0), "lasted_ms"), 1900);
    json_decref(json);
    struct sound_read mix = file_of("r.wav"), a = file_of("r-1-400_x.wav");
    ck_assert_double_eq(sound_ms(&mix), end.ms);
    ck_assert_uint_eq(a.count, mix.count);
    ck_assert_double_gt(sound_tone(&mix, 400, 300, at - 50), 3000);
    /* What was said in the pause is nowhere (a frame of its end may have been in the jitter buffer). */
    ck_assert_double_lt(sound_tone(&mix, 700, 0, at), QUIET);
    ck_assert_double_gt(sound_tone(&mix, 1000, sound_ms(&mix) - 300, sound_ms(&mix)), 3000);
    ck_assert_double_gt(sound_tone(&a, 400, sound_ms(&a) - 300, sound_ms(&a)), 3000);
    ck_assert_double_lt(sound_tone(&a, 1000, 0, sound_ms(&a)), QUIET);
    free(mix.samples);
    free(a.samples);
}
END_TEST

START_TEST(muted_members_are_not_recorded)
{
    ck_assert_int_eq(port_set_mute(mixer, phones[0].port, true), 0);
    record(RECORD_WAV, true);
    phones[0].talks = true;
    talk(1, 1000);
    phones[0].talks = false;
    room_record_stop(mixer, room);
    ck_assert_int_eq(ended().error, 0);
    struct sound_read mix = file_of("r.wav"), only = file_of("r-1-700_x.wav");
    ck_assert_double_lt(sound_tone(&mix, 400, 0, sound_ms(&mix)), QUIET);
    ck_assert_double_gt(sound_tone(&mix, 700, 400, 800), 3000);
    struct sound_read nothing = {.samples = calloc(mix.count, sizeof(int16_t)), .count = mix.count};
    check_sum(&mix, &only, &nothing, 0);
    free(nothing.samples);
    free(mix.samples);
    free(only.samples);
}
END_TEST

/* What is played to all is in the mix and in nobody's track. */
START_TEST(plays_to_the_room_are_in_the_mix)
{
    struct play_item tone = {.hz1 = 1500, .level_dbov = -15, .ms = 400};

    record(RECORD_WAV, true);
    talk(0, 600);
    ck_assert_int_eq(room_play(mixer, room, &tone, 1), 0);
    run(800);
    room_close(mixer, room);
    struct mixer_event end = ended();
    ck_assert_int_eq(end.end, RECORD_CLOSED);
    struct sound_read mix = file_of("r.wav"), a = file_of("r-1-400_x.wav");
    ck_assert_uint_eq(a.count, mix.count);
    ck_assert_double_gt(sound_tone(&mix, 1500, 500, sound_ms(&mix)), 500);
    ck_assert_double_lt(sound_tone(&a, 1500, 500, sound_ms(&mix)), QUIET);
    free(mix.samples);
    free(a.samples);
}
END_TEST

START_TEST(who_comes_back_gets_a_new_track)
{
    record(RECORD_WAV, true);
    talk(0, 600);
    ck_assert_int_eq(port_connect_none(mixer, phones[0].port), 0);
    talk(0, 600);
    ck_assert_int_eq(port_connect_room(mixer, phones[0].port, room), 0);
    run(200);
    talk(0, 600);
    run(100);
    room_record_stop(mixer, room);
    ck_assert_int_eq(ended().error, 0);
    struct sound_read mix = file_of("r.wav"), a = file_of("r-1-400_x.wav"), b = file_of("r-2-400_x.wav");
    check_sum(&mix, &a, &b, 0);
    ck_assert_double_gt(sound_tone(&a, 400, 300, 500), 3000);
    ck_assert_double_gt(sound_first(&b, LOUD, 0), 1000);
    free(mix.samples);
    free(a.samples);
    free(b.samples);
}
END_TEST

/* A member with a wider codec comes and goes: the room's rate changes, the files' does not. 0: at the narrow
 * rate, in which the recording began; 1: at the higher one that was asked for. */
START_TEST(rate_of_the_files_stays)
{
    struct room_recording what = {.folder = folder, .name = "r", .title = "3001", .tracks = true};
    unsigned rate = _i ? 16000 : 8000;

    what.rate = _i ? 16000 : 0;
    ck_assert_int_eq(room_record(mixer, room, SERIAL, &what), 0);
    talk(0, 1000);
    phone_format(&phones[2], CODEC_G722);
    talk(1, 1000);
    phone_format(&phones[2], CODEC_PCMU);
    talk(0, 1000);
    room_record_stop(mixer, room);
    ck_assert_int_eq(ended().error, 0);
    struct sound_read mix = file_of("r.wav"), a = file_of("r-1-400_x.wav"), b = file_of("r-2-700_x.wav");
    ck_assert_uint_eq(mix.rate, rate);
    double end = sound_ms(&mix);
    ck_assert_uint_eq(a.count, mix.count);
    ck_assert_uint_eq(b.count, mix.count);
    ck_assert_double_gt(end, 2900);
    ck_assert_double_gt(sound_tone(&mix, 400, 400, 900), 3000);
    ck_assert_double_gt(sound_tone(&mix, 700, 1400, 1900), 3000);
    ck_assert_double_gt(sound_tone(&mix, 400, end - 500, end - 100), 3000);
    ck_assert_double_gt(sound_tone(&a, 400, 400, 900), 3000);
    ck_assert_double_gt(sound_tone(&b, 700, 1400, 1900), 3000);
    ck_assert_double_lt(sound_tone(&a, 700, 0, end), QUIET);
    free(mix.samples);
    free(a.samples);
    free(b.samples);
}
END_TEST

/* The disk is full (here: no file may grow): one event with the errno, and the room goes on. */
START_TEST(full_disk_ends_the_recording_only)
{
    struct rlimit before, limit;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 20000;
    record(_i, true);
    run(100);
    setrlimit(RLIMIT_FSIZE, &limit); /* Check writes a file at each assertion: none until it is gone again */
    phones[0].talks = true;
    for (unsigned i = 0; i < 120 && end_count == 0; i++)
        run(200);
    unsigned packets = phones[1].packets;
    run(1000);
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_uint_eq(end_count, 1);
    ck_assert_int_eq(ends[0].end, RECORD_FAILED);
    ck_assert_int_eq(ends[0].error, EFBIG);
    ck_assert_uint_gt(phones[1].packets, packets + 20);
    struct sound_read mix = file_of(_i ? "r.flac" : "r.wav");
    ck_assert_double_gt(sound_ms(&mix), 900);
    ck_assert_double_gt(sound_tone(&mix, 400, 500, sound_ms(&mix) - 50), 3000);
    free(mix.samples);
    /* Another one may be tried by whoever asked. */
    struct room_recording what = {.folder = folder, .name = "again", .title = "3001"};
    end_count = 0;
    ck_assert_int_eq(room_record(mixer, room, SERIAL, &what), 0);
    run(500);
    room_record_stop(mixer, room);
    ck_assert_int_eq(ended().error, 0);
}
END_TEST

/* The folder is made; what it stands in is not. */
START_TEST(folder_may_be_missing)
{
    char inner[100], deep[110];
    struct room_recording what = {.folder = inner, .name = "r", .title = "3001"};

    snprintf(inner, sizeof inner, "%s/new", folder);
    snprintf(deep, sizeof deep, "%s/none/new", folder);
    what.folder = deep;
    ck_assert_int_eq(room_record(mixer, room, SERIAL, &what), 0);
    struct mixer_event end = ended();
    ck_assert_int_eq(end.end, RECORD_FAILED);
    ck_assert_int_eq(end.error, ENOENT);
    end_count = 0;
    what.folder = inner;
    ck_assert_int_eq(room_record(mixer, room, SERIAL, &what), 0);
    run(300);
    room_record_stop(mixer, room);
    ck_assert_int_eq(ended().error, 0);
    /* What is there already is somebody's: it is never written over. */
    end_count = 0;
    ck_assert_int_eq(room_record(mixer, room, SERIAL, &what), 0);
    ck_assert_int_eq(ended().error, EEXIST);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
    struct room_recording what = {.folder = folder, .name = "../r", .title = "3001"};

    ck_assert_int_eq(room_record(mixer, room, SERIAL, &what), EINVAL);
    what.name = "";
    ck_assert_int_eq(room_record(mixer, room, SERIAL, &what), EINVAL);
    what.name = "r";
    what.rate = 44100;
    ck_assert_int_eq(room_record(mixer, room, SERIAL, &what), EINVAL);
    ck_assert_int_eq(room_record(mixer, room + 1000, SERIAL, &what), ENOENT);
    ck_assert_int_eq(room_record_pause(mixer, room + 1000, true), ENOENT);
    ck_assert_int_eq(port_set_label(mixer, phones[0].port + 1000, "a", "b"), ENOENT);
}
END_TEST

/* The files are whole when the engine stops amid a recording, also one with nobody left in the room. */
START_TEST(stop_of_the_engine_completes_the_files)
{
    record(RECORD_FLAC, true);
    talk(0, 1000);
    mixer_stop(mixer);
    struct sound_read mix = file_of("r.flac"), a = file_of("r-1-400_x.flac");
    ck_assert_double_gt(sound_ms(&mix), 900);
    ck_assert_int_eq(mix.told, (sf_count_t)mix.count);
    ck_assert_uint_eq(a.count, mix.count);
    json_t *json = timeline();
    ck_assert_str_eq(text_of(json, "state"), "closed");
    json_decref(json);
    free(mix.samples);
    free(a.samples);
    mixer = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room record");
    TCase *c = tcase_create("rooms");

    tcase_set_timeout(c, 180);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, tracks_are_the_mix, 0, 2);
    tcase_add_test(c, opus_keeps_the_clock);
    tcase_add_loop_test(c, timeline_tells_who_talked_when, 0, 2);
    tcase_add_test(c, pause_is_left_out);
    tcase_add_test(c, muted_members_are_not_recorded);
    tcase_add_test(c, plays_to_the_room_are_in_the_mix);
    tcase_add_test(c, who_comes_back_gets_a_new_track);
    tcase_add_loop_test(c, rate_of_the_files_stays, 0, 2);
    tcase_add_loop_test(c, full_disk_ends_the_recording_only, 0, 2);
    tcase_add_test(c, folder_may_be_missing);
    tcase_add_test(c, what_makes_no_sense_is_refused);
    tcase_add_test(c, stop_of_the_engine_completes_the_files);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

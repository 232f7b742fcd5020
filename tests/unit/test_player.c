/*
 * A play as its listener hears it: places, pauses, speed, and packets cut from what is encoded already.
 */
#include "mixer/codec.h"
#include "mixer/files.h"
#include "mixer/sound_internal.h"
#include "tests/unit/mixer_double.h"

#include <math.h>
#include <sndfile.h>
#include <unistd.h>

#define RAMP_STEP 4 /* samples at 16 kHz for each step of a ramp, so that a sample's value is its place */

static struct mixer mixer;

static void set_up(void)
{
    folder_make();
    double_start(&mixer);
}

static void tear_down(void)
{
    double_stop(&mixer);
    folder_remove();
}

static sound_id sound_of(const char *name, const int16_t *samples, size_t count, unsigned rate)
{
    SF_INFO info = {.samplerate = (int)rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(in_folder(name), SFM_WRITE, &info);
    sound_id id = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(sf_writef_short(file, samples, (sf_count_t)count), (sf_count_t)count);
    sf_close(file);
    ck_assert_int_eq(sound_load_now(&mixer, in_folder(name), false, &id), 0);
    return id;
}

static sound_id tone_of(double hz, unsigned seconds)
{
    static int16_t in[16000 * 20];

    ck_assert_uint_le(seconds, 20);
    for (size_t i = 0; i < 16000 * seconds; i++)
        in[i] = (int16_t)lrint(8000 * sin(2 * M_PI * hz * (double)i / 16000));
    return sound_of("tone.wav", in, 16000 * seconds, 16000);
}

/* Its value tells the place: up to eight seconds. */
static sound_id ramp_of(const char *name, unsigned seconds, int first)
{
    static int16_t in[16000 * 8];

    for (size_t i = 0; i < 16000 * seconds; i++)
        in[i] = (int16_t)(first + (int)(i / RAMP_STEP));
    return sound_of(name, in, 16000 * seconds, 16000);
}

/* Something like a voice: harmonics that swell and move; another one for another seed. */
static size_t voice_make(int16_t *out, unsigned seconds, unsigned seed)
{
    double phase = 0;

    for (size_t i = 0; i < 16000 * seconds; i++) {
        double t = (double)i / 16000, swell = fmax(0.1, sin(2 * M_PI * 2.3 * t + seed)), value = 0;

        phase += 2 * M_PI * (120 + 30 * sin(2 * M_PI * 0.7 * t + seed)) / 16000;
        for (int k = 1; k <= 20; k++)
            value += sin(k * phase) / k * (1 + sin(2 * M_PI * (0.3 + 0.1 * k) * t));
        out[i] = (int16_t)lrint(3000 * swell * value);
    }
    return 16000 * seconds;
}

static void start(struct player *p, const struct play_item *items, unsigned count, bool repeat)
{
    ck_assert_int_eq(player_hold(mixer.sounds, items, count), 0);
    player_start(p, mixer.sounds, 7, items, count, repeat);
}

static size_t render(struct player *p, unsigned rate, int16_t *out, unsigned frames)
{
    for (unsigned i = 0; i < frames; i++)
        ck_assert(player_render(p, rate, out + i * rate / 100));
    return frames * rate / 100;
}

/* The ramp's place, in ms, at the end of the next 10 ms, by which a leap's blend is over. */
static double place_in(struct player *p, int first)
{
    int16_t out[160];

    ck_assert(player_render(p, 16000, out));
    return (out[159] - first) * RAMP_STEP / 16.0 - 10;
}

/* -- places
 * -----------------------------------------------------------------------------------------------------------
 */

/* To whichever item, with the count of what was played, for a sound of any codec. */
START_TEST(seek_lands_in_any_item)
{
    static const unsigned places[] = {0, 700, 1980, 2000, 2043, 4100, 6500, 7000, 3};
    struct player p = {0};
    struct play_item items[] = {{0}, {.ms = 100}, {0}, {0}};

    items[0].sound = ramp_of("a.wav", 2, -30000);
    items[2].sound = ramp_of("b.wav", 2, -20000);
    items[3].sound = ramp_of("c.wav", 4, 0);
    start(&p, items, 4, false);
    p.kind = _i ? ENCODING_OPUS : ENCODING_NONE;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        double wanted = places[i], place;

        player_seek(&p, places[i]);
        ck_assert_double_eq_tol(p.played_ms, wanted, 10);
        if (wanted < 2000) {
            place = place_in(&p, -30000);
        } else if (wanted < 2100) {
            ck_assert_uint_eq(p.at, 1);
            continue;
        } else if (wanted < 4100) {
            place = 2100 + place_in(&p, -20000);
        } else {
            place = 4100 + place_in(&p, 0);
        }
        ck_assert_double_eq_tol(place, wanted, 10);
        ck_assert_double_eq_tol(p.played_ms, place + 10, 1);
    }
    player_seek(&p, 8101);
    ck_assert(player_ended(&p));
    ck_assert_uint_eq(p.played_ms, 8100);
}
END_TEST

START_TEST(skip_crosses_items_both_ways)
{
    int16_t out[480];
    struct player p = {0};
    struct play_item items[] = {{0}, {0}, {.ms = 50}};

    items[0].sound = ramp_of("a.wav", 2, -30000);
    items[1].sound = ramp_of("b.wav", 2, 0);
    start(&p, items, 3, false);
    player_skip(&p, 500);
    ck_assert_double_eq_tol(place_in(&p, -30000), 500, 1);
    ck_assert_uint_eq(p.played_ms, 510);
    player_skip(&p, 2000);
    ck_assert_double_eq_tol(place_in(&p, 0), 510, 1);
    ck_assert_uint_eq(p.played_ms, 2520);
    player_skip(&p, -1000);
    ck_assert_double_eq_tol(place_in(&p, -30000), 1520, 1);
    player_skip(&p, INT32_MIN);
    ck_assert_double_eq_tol(place_in(&p, -30000), 0, 1);
    ck_assert_uint_eq(p.played_ms, 10);
    player_skip(&p, 4000); /* 10 ms into the silence */
    ck_assert(player_render(&p, 16000, out));
    ck_assert(player_render(&p, 16000, out));
    for (int i = 0; i < 160; i++)
        ck_assert_int_eq(out[i], 0);
    ck_assert_uint_eq(p.played_ms, 4030);
    player_skip(&p, 60000);
    ck_assert(player_ended(&p));
    ck_assert_uint_eq(p.played_ms, 4050);
}
END_TEST

/* "From … received …", then the message: skipping back stays in the message, skipping on misses none of it.
 */
START_TEST(skip_stops_at_a_chapter)
{
    struct player p = {0};
    struct play_item items[] = {{0}, {0}, {.chapter = true}, {0}};

    items[0].sound = ramp_of("a.wav", 2, -30000);
    items[1].sound = ramp_of("b.wav", 2, -20000);
    items[2].sound = ramp_of("c.wav", 2, 0);
    items[3].sound = ramp_of("d.wav", 2, 10000);
    start(&p, items, 4, false);
    player_skip(&p, 3000);
    ck_assert_double_eq_tol(place_in(&p, -20000), 1000, 1);
    player_skip(&p, 3000);
    ck_assert_double_eq_tol(place_in(&p, 0), 0, 1);
    player_skip(&p, 3000);
    ck_assert_double_eq_tol(place_in(&p, 10000), 1010, 1);
    player_skip(&p, -3000);
    ck_assert_double_eq_tol(place_in(&p, 0), 20, 1);
    player_skip(&p, -3000);
    ck_assert_double_eq_tol(place_in(&p, 0), 0, 1);
    ck_assert_uint_eq(p.played_ms, 4010);
    player_skip(&p, INT32_MIN);
    ck_assert_double_eq_tol(place_in(&p, 0), 0, 1);
    player_stop(&p);
}
END_TEST

/* -- without a click
 * ------------------------------------------------------------------------------------------------- */

/* The steepest bend of a curve; a tone's own is amplitude times (2 pi f / rate) squared. */
static double bend(const int16_t *in, size_t count)
{
    double most = 0;

    for (size_t i = 2; i < count; i++)
        most = fmax(most, fabs((double)in[i] - 2.0 * in[i - 1] + in[i - 2]));
    return most;
}

static double tone_bend(double hz, unsigned rate)
{
    return 8000 * (2 * M_PI * hz / rate) * (2 * M_PI * hz / rate);
}

static const unsigned all_rates[] = {8000, 16000, 48000};

START_TEST(pause_comes_and_goes_softly)
{
    static int16_t out[48000];
    unsigned rate = all_rates[_i], frame = rate / 100;
    struct play_item item = {.sound = tone_of(300, 2)};
    struct player p = {0};
    size_t n;
    uint32_t place;

    start(&p, &item, 1, false);
    n = render(&p, rate, out, 20);
    player_pause(&p, true);
    n += render(&p, rate, out + n, 1); /* fades */
    place = p.position;
    for (int i = 0; i < 10; i++) {
        ck_assert(!player_render(&p, rate, out + n));
        ck_assert(!player_ended(&p));
        memset(out + n, 0, frame * sizeof *out);
        n += frame;
    }
    ck_assert_uint_eq(p.position, place);
    ck_assert_uint_eq(p.played_ms, 210);
    player_pause(&p, false);
    n += render(&p, rate, out + n, 20);
    ck_assert_uint_eq(p.position, place + 20 * 160);
    /* A cut of this tone would bend by thousands. */
    ck_assert_double_le(bend(out + frame, n - frame), 1.5 * tone_bend(300, rate) + 40);
    player_stop(&p);
}
END_TEST

/* A play that is paused before its first sound is not heard at all until it goes on. */
START_TEST(pause_before_the_beginning)
{
    struct play_item item = {.sound = tone_of(300, 2)};
    struct player p = {0};
    int16_t out[160];

    start(&p, &item, 1, false);
    player_pause(&p, true);
    ck_assert(!player_render(&p, 16000, out));
    player_pause(&p, false);
    ck_assert(player_render(&p, 16000, out));
    player_stop(&p);
}
END_TEST

static unsigned crossings(const int16_t *in, size_t count)
{
    unsigned n = 0;

    for (size_t i = 1; i < count; i++)
        n += in[i - 1] < 0 && in[i] >= 0;
    return n;
}

static const struct {
    unsigned percent, rate;
    double hz;
} speeds[] = {{75, 8000, 440},   {200, 8000, 440},   {75, 16000, 440},  {200, 16000, 440}, {150, 16000, 130},
              {125, 48000, 700}, {200, 48000, 1000}, {100, 16000, 440}, {80, 8000, 90}};

/* Another length, the same pitch, nowhere a click. */
START_TEST(speed_keeps_the_pitch)
{
    static int16_t out[48000 * 14];
    unsigned rate = speeds[_i].rate;
    double hz = speeds[_i].hz, wanted = 8.0 * 100 / speeds[_i].percent;
    struct play_item item = {.sound = tone_of(hz, 8)};
    struct player p = {0};
    size_t n = 0;

    start(&p, &item, 1, false);
    player_speed(&p, speeds[_i].percent);
    while (!player_ended(&p))
        n += render(&p, rate, out + n, 1);
    ck_assert_double_eq_tol((double)n / rate, wanted, 0.02 * wanted);
    ck_assert_uint_eq(p.played_ms, 8000);
    n -= rate / 20;
    ck_assert_double_eq_tol(crossings(out, n) * (double)rate / (double)n, hz, 0.01 * hz);
    ck_assert_double_le(bend(out + rate / 100, n - rate / 100), 2 * tone_bend(hz, rate) + 60);
}
END_TEST

/* Changes at any time, and back, act at once; the place counts in the sound's own time. */
START_TEST(speed_changes_softly)
{
    static const unsigned steps[] = {100, 200, 75, 100, 133, 100, 180};
    static int16_t out[48000 * 8];
    struct play_item item = {.sound = tone_of(300, 20)};
    struct player p = {0};
    double wanted = 0;
    size_t n = 0;

    start(&p, &item, 1, false);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        player_speed(&p, steps[i]);
        n += render(&p, 16000, out + n, 37);
        wanted += 370 * steps[i] / 100.0;
        /* Back at normal speed it may be some milliseconds ahead or behind, up to a leap's reach. */
        ck_assert_double_eq_tol(p.played_ms, wanted, 40);
    }
    ck_assert_double_le(bend(out + 160, n - 160), 2 * tone_bend(300, 16000) + 60);
    player_stop(&p);
}
END_TEST

START_TEST(leaps_are_blended)
{
    static int16_t out[16000];
    struct play_item item = {.sound = tone_of(300, 20)};
    struct player p = {0};
    size_t n;

    start(&p, &item, 1, false);
    n = render(&p, 16000, out, 10);
    player_skip(&p, 3001);
    n += render(&p, 16000, out + n, 10);
    player_seek(&p, 0);
    n += render(&p, 16000, out + n, 10);
    player_skip(&p, 1235);
    n += render(&p, 16000, out + n, 10);
    ck_assert_double_le(bend(out + 160, n - 160), 2 * tone_bend(300, 16000) + 60);
    player_stop(&p);
}
END_TEST

static double power_db(const int16_t *in, size_t count)
{
    double power = 0;

    for (size_t i = 0; i < count; i++)
        power += (double)in[i] * in[i];
    return 10 * log10(power / (double)count + 1e-9);
}

START_TEST(gain_changes_softly)
{
    static int16_t out[48000];
    struct play_item item = {.sound = tone_of(300, 4)};
    struct player p = {0};
    size_t n;

    start(&p, &item, 1, false);
    n = render(&p, 16000, out, 50);
    player_gain(&p, gain_q12(6));
    n += render(&p, 16000, out + n, 50);
    player_gain(&p, gain_q12(-12));
    n += render(&p, 16000, out + n, 50);
    ck_assert_double_eq_tol(power_db(out + 8800, 6400) - power_db(out + 800, 6400), 6, 0.1);
    ck_assert_double_eq_tol(power_db(out + 16800, 6400) - power_db(out + 800, 6400), -12, 0.1);
    ck_assert_double_le(bend(out, n), 2 * tone_bend(300, 16000) * 2 + 60);
    player_stop(&p);
}
END_TEST

/* -- what is encoded already
 * ----------------------------------------------------------------------------------------- */

/* Two plays ask, as two callers do; the file thread makes it. */
static void encode(sound_id sound, enum encoding_kind kind)
{
    struct sound *s = sound_slot(mixer.sounds, sound);

    for (int i = 0; i < 2; i++)
        (void)encoding_get(mixer.sounds, s, kind, true);
    while (!encoding_get(mixer.sounds, s, kind, false))
        usleep(1000);
}

/* A list of sounds and silences, of lengths that fit no packet: the same bytes as rendered and encoded. */
START_TEST(g711_is_the_same_to_the_bit)
{
    static const enum encoding_kind kinds[] = {ENCODING_PCMU, ENCODING_PCMA};
    static const enum codec codecs[] = {CODEC_PCMU, CODEC_PCMA};
    static int16_t voice[16000 * 3];
    struct play_item items[] = {{0}, {.ms = 33}, {0}, {0}, {.ms = 7}};
    struct player cut = {0}, live = {0};
    unsigned ms = _i % 2 ? 30 : 20, packets = 0;
    uint8_t payload[ENCODING_PAYLOAD_MAX], expected[ENCODING_PAYLOAD_MAX];
    int16_t frame[480];
    struct encoder *e;

    voice_make(voice, 3, 1);
    items[0].sound = sound_of("a.wav", voice, 16000 * 2 + 1234, 16000);
    items[2].sound = sound_of("b.wav", voice + 5000, 779, 8000);
    items[3].sound = sound_of("c.wav", voice + 9000, 44100 / 2, 44100);
    for (int i = 0; i < 4; i++) {
        if (items[i].sound)
            encode(items[i].sound, kinds[_i / 2]);
    }
    ck_assert_int_eq(encoder_new(&e, codecs[_i / 2], 8000, ms, false, false), 0);
    start(&cut, items, 5, false);
    start(&live, items, 5, false);
    while (!player_ended(&live)) {
        size_t length = player_cut(&cut, kinds[_i / 2], ms, payload);

        ck_assert_uint_eq(length, 8 * ms);
        memset(frame, 0, sizeof frame);
        for (unsigned k = 0; k < ms / 10; k++)
            (void)player_render(&live, 8000, frame + 80 * k);
        ck_assert_uint_eq(encoder_encode(e, frame, 8 * ms, expected, sizeof expected), length);
        ck_assert_mem_eq(payload, expected, length);
        ck_assert_uint_eq(cut.played_ms, live.played_ms);
        packets++;
    }
    ck_assert(player_ended(&cut));
    ck_assert_uint_eq(player_cut(&cut, kinds[_i / 2], ms, payload), 0);
    ck_assert_uint_ge(packets, 2500 / ms);
    encoder_free(e);
}
END_TEST

/* dB of a sound over what is wrong with `got`, which may come later by a codec's delay. */
static double snr_db(const int16_t *wanted, const int16_t *got, size_t count, unsigned delay_most)
{
    double best = -INFINITY;

    for (size_t delay = 0; delay <= delay_most; delay++) {
        double power = 1e-9, error = 1e-9;

        for (size_t i = 0; i + delay < count; i++) {
            double d = (double)got[i + delay] - wanted[i];

            power += (double)wanted[i] * wanted[i];
            error += d * d;
        }
        best = fmax(best, 10 * log10(power / error));
    }
    return best;
}

/* Plays the item to its end, cut or rendered; what a phone decodes goes to `out`. */
static size_t phone_hears(const struct play_item *item, enum encoding_kind kind, bool cut, int16_t *out)
{
    bool opus = kind >= ENCODING_OPUS;
    enum codec codec = opus ? CODEC_OPUS : CODEC_G722;
    unsigned rate = codec_rate(codec);
    uint8_t payload[ENCODING_PAYLOAD_MAX];
    int16_t frames[960];
    struct player p = {0};
    struct decoder *d;
    struct encoder *e;
    size_t n = 0, length;

    ck_assert_int_eq(decoder_new(&d, codec, rate), 0);
    ck_assert_int_eq(encoder_new(&e, codec, rate, 20, kind == ENCODING_OPUS_FEC, false), 0);
    start(&p, item, 1, false);
    p.fresh = true;
    while (!player_ended(&p)) {
        if (cut) {
            length = player_cut(&p, kind, 20, payload);
            ck_assert_uint_gt(length, 0);
        } else {
            memset(frames, 0, sizeof frames);
            (void)player_render(&p, rate, frames);
            (void)player_render(&p, rate, frames + rate / 100);
            length = encoder_encode(e, frames, rate / 50, payload, sizeof payload);
        }
        n += decoder_decode(d, payload, length, out + n, rate / 50);
    }
    encoder_free(e);
    decoder_free(d);
    return n;
}

static const enum encoding_kind wide_kinds[] = {ENCODING_G722, ENCODING_OPUS, ENCODING_OPUS_FEC};

START_TEST(encoded_once_sounds_as_encoded_live)
{
    static int16_t voice[16000 * 5], wanted[48000 * 6], live[48000 * 6], cut[48000 * 6];
    enum encoding_kind kind = wide_kinds[_i];
    unsigned rate = kind >= ENCODING_OPUS ? 48000 : 16000;
    struct play_item item = {0};
    struct player p = {0};
    double live_db, cut_db;
    size_t n = 0, heard;

    item.sound = sound_of("voice.wav", voice, voice_make(voice, 5, 2), 16000);
    encode(item.sound, kind);
    start(&p, &item, 1, false);
    while (!player_ended(&p))
        n += render(&p, rate, wanted + n, 1);
    heard = phone_hears(&item, kind, false, live);
    ck_assert_uint_eq(heard, n);
    ck_assert_uint_eq(phone_hears(&item, kind, true, cut), n);
    live_db = snr_db(wanted, live, n, rate / 100);
    cut_db = snr_db(wanted, cut, n, rate / 100);
    ck_assert_double_ge(live_db, kind >= ENCODING_OPUS ? 2 : 20);
    ck_assert_msg(cut_db >= live_db - 0.5, "%.1f dB live, %.1f cut", live_db, cut_db);
}
END_TEST

/* A port's way of sending (coded.c) and the phone at its other end. */
struct line {
    struct player p;
    enum encoding_kind kind;
    unsigned rate, cut;
    struct encoder *encoder;
    struct decoder *decoder;
    bool stale;
};

static void line_start(struct line *line, enum encoding_kind kind, const struct play_item *item)
{
    enum codec codec = kind >= ENCODING_OPUS ? CODEC_OPUS : CODEC_G722;

    *line = (struct line){.kind = kind, .rate = codec_rate(codec)};
    ck_assert_int_eq(decoder_new(&line->decoder, codec, line->rate), 0);
    ck_assert_int_eq(encoder_new(&line->encoder, codec, line->rate, 20, kind == ENCODING_OPUS_FEC, false), 0);
    start(&line->p, item, 1, false);
    line->p.fresh = true;
}

static void line_end(struct line *line)
{
    player_stop(&line->p);
    decoder_free(line->decoder);
    encoder_free(line->encoder);
}

/* 20 ms: what was played, where it is rendered, and what the phone hears. */
static void line_run(struct line *line, bool may_cut, int16_t *said, int16_t *heard)
{
    size_t packet = line->rate / 50, warm = line->kind >= ENCODING_OPUS ? packet : 3 * packet;
    uint8_t payload[ENCODING_PAYLOAD_MAX];
    int16_t recent[960];
    size_t length = may_cut ? player_cut(&line->p, line->kind, 20, payload) : 0;

    if (length > 0) {
        line->stale = true;
        line->cut++;
    } else {
        if (line->stale) {
            player_recent(&line->p, line->rate, recent, warm);
            for (size_t at = 0; at < warm; at += packet)
                (void)encoder_encode(line->encoder, recent + at, packet, payload, sizeof payload);
        }
        line->stale = false;
        render(&line->p, line->rate, said, 2);
        length = encoder_encode(line->encoder, said, packet, payload, sizeof payload);
    }
    line->p.fresh = false;
    ck_assert_uint_eq(decoder_decode(line->decoder, payload, length, heard, packet), packet);
}

/* From encoded before to encoded now and back, a second each: the phone's decoder hardly notices. */
START_TEST(splice_is_hardly_heard)
{
    static int16_t voice[16000 * 6], said[48000 * 3], plain[48000 * 3], spliced[48000 * 3], dummy[960];
    struct play_item item = {0};
    struct line a, b;
    size_t packet;

    item.sound = sound_of("a.wav", voice, voice_make(voice, 6, 3), 16000);
    encode(item.sound, wide_kinds[_i]);
    line_start(&a, wide_kinds[_i], &item);
    line_start(&b, wide_kinds[_i], &item);
    packet = a.rate / 50;
    for (unsigned i = 0; i < 150; i++) {
        line_run(&a, false, said + i * packet, plain + i * packet);
        line_run(&b, i < 50 || i >= 100, dummy, spliced + i * packet);
        ck_assert_uint_eq(a.p.position, b.p.position);
    }
    ck_assert_uint_eq(b.cut, 100);
    for (unsigned change = 50; change <= 100; change += 50) {
        const struct {
            unsigned from, count;
            double loss;
        } parts[] = {{0, 3, b.kind == ENCODING_G722 ? 28 : 5}, {15, 30, 1.5}};

        for (int k = 0; k < 2; k++) {
            size_t from = (change + parts[k].from) * packet, count = parts[k].count * packet;
            double before = snr_db(said + from, plain + from, count, a.rate / 100);
            double now = snr_db(said + from, spliced + from, count, a.rate / 100);

            ck_assert_msg(now >= before - parts[k].loss, "packet %u: %.1f dB, was %.1f",
                          change + parts[k].from, now, before);
        }
    }
    line_end(&a);
    line_end(&b);
}
END_TEST

/* G.722 adapts too slowly for a sound's beginning: it is cut when both ends are new, else from later on. */
START_TEST(g722_is_cut_where_it_is_good)
{
    static int16_t voice[16000 * 6], heard[48000];
    struct play_item item = {0};
    struct line line;
    int16_t said[960];

    item.sound = sound_of("a.wav", voice, voice_make(voice, 6, 3), 16000);
    encode(item.sound, ENCODING_G722);
    line_start(&line, ENCODING_G722, &item);
    for (int i = 0; i < 20; i++)
        line_run(&line, true, said, heard);
    ck_assert_uint_eq(line.cut, 20);
    player_seek(&line.p, 2000);
    for (int i = 0; i < 20; i++)
        line_run(&line, true, said, heard);
    ck_assert_uint_eq(line.cut, 25); /* after 300 ms */
    line_end(&line);
    item.sound = sound_of("b.wav", voice, 16000, 16000); /* a word */
    encode(item.sound, ENCODING_G722);
    line_start(&line, ENCODING_G722, &item);
    for (int i = 0; i < 20; i++)
        line_run(&line, true, said, heard);
    ck_assert_uint_eq(line.cut, 0);
    line_end(&line);
}
END_TEST

/* What one caller hears once is not encoded; what a second one hears is, in the codec that he has. */
START_TEST(second_play_has_it_encoded)
{
    struct play_item item = {.sound = tone_of(300, 2)};
    uint8_t payload[ENCODING_PAYLOAD_MAX];
    struct player first = {0}, second = {0};
    int16_t out[160];

    start(&first, &item, 1, false);
    for (int i = 0; i < 20; i++) {
        ck_assert_uint_eq(player_cut(&first, ENCODING_PCMA, 20, payload), 0);
        ck_assert_uint_eq(first.played_ms, 20U * (unsigned)i); /* nothing has moved */
        render(&first, 8000, out, 2);
    }
    usleep(700000); /* a turn of the file thread */
    ck_assert_uint_eq(player_cut(&first, ENCODING_PCMA, 20, payload), 0);
    ck_assert_uint_eq(sounds_encoded_bytes(mixer.sounds), 0);
    start(&second, &item, 1, false);
    while (player_cut(&second, ENCODING_PCMA, 20, payload) == 0)
        usleep(1000);
    ck_assert_uint_eq(player_cut(&first, ENCODING_PCMA, 20, payload), 160);
    ck_assert_uint_eq(player_cut(&first, ENCODING_PCMU, 20, payload), 0);
    ck_assert_uint_ge(sounds_encoded_bytes(mixer.sounds), 16000);
    ck_assert_uint_le(sounds_encoded_bytes(mixer.sounds), 17000);
    /* Each has its own place in it. */
    ck_assert_uint_eq(first.played_ms, 420);
    ck_assert_uint_eq(second.played_ms, 20);
    player_stop(&first);
    player_stop(&second);
}
END_TEST

/* Whatever touches the sound itself is rendered. */
START_TEST(touched_sound_is_not_cut)
{
    struct play_item items[] = {{0}, {.hz1 = 500, .level_dbov = -20, .ms = 100}};
    uint8_t payload[ENCODING_PAYLOAD_MAX];
    struct player p = {0};
    int16_t out[960];

    items[0].sound = tone_of(300, 1);
    encode(items[0].sound, ENCODING_PCMU);
    start(&p, items, 2, false);
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 160);
    player_speed(&p, 150);
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 0);
    render(&p, 8000, out, 3);
    player_speed(&p, 100);
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 160);
    player_gain(&p, gain_q12(3));
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 0);
    player_gain(&p, gain_q12(0));
    render(&p, 8000, out, 2);
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 160);
    player_pause(&p, true);
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 0);
    render(&p, 8000, out, 1);
    player_pause(&p, false);
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 0);
    render(&p, 8000, out, 1);
    player_skip(&p, 200); /* the blend first */
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 0);
    render(&p, 8000, out, 1);
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 160);
    player_seek(&p, 990); /* half of the packet is a tone */
    render(&p, 8000, out, 1);
    player_seek(&p, 990);
    p.left = NULL;
    ck_assert_uint_eq(player_cut(&p, ENCODING_PCMU, 20, payload), 0);
    ck_assert_uint_eq(p.played_ms, 990);
    ck_assert_uint_eq(p.at, 0);
    player_stop(&p);
}
END_TEST

static void wait_for_no_sound(void)
{
    while (sounds_count(mixer.sounds) > 0)
        usleep(1000);
}

/* Dropped while it plays from its encoding: the play ends well, and all memory comes back. */
START_TEST(memory_comes_back)
{
    struct play_item item = {.sound = tone_of(300, 5)};
    uint8_t payload[ENCODING_PAYLOAD_MAX];
    struct player p = {0};
    unsigned packets = 0;

    for (unsigned kind = 1; kind < ENCODING_COUNT; kind++)
        encode(item.sound, kind);
    ck_assert_uint_ge(sounds_encoded_bytes(mixer.sounds), 5 * 3 * 8000);
    start(&p, &item, 1, false);
    ck_assert_uint_gt(player_cut(&p, ENCODING_OPUS, 20, payload), 0);
    sound_drop(&mixer, item.sound);
    usleep(700000); /* a turn of the file thread, which must leave it alone */
    for (packets = 1; !player_ended(&p); packets++)
        ck_assert_uint_gt(player_cut(&p, ENCODING_OPUS, 20, payload), 0);
    ck_assert_uint_eq(packets, 250);
    wait_for_no_sound();
    ck_assert_uint_eq(sounds_encoded_bytes(mixer.sounds), 0);
}
END_TEST

/* Dropped while the file thread is at it, again and again. */
START_TEST(encoding_is_abandoned_with_its_sound)
{
    for (int i = 0; i < 10; i++) {
        sound_id sound = tone_of(300, 20);
        struct sound *s = sound_slot(mixer.sounds, sound);

        for (int k = 0; k < 2; k++) {
            (void)encoding_get(mixer.sounds, s, ENCODING_OPUS, true);
            (void)encoding_get(mixer.sounds, s, ENCODING_G722, true);
        }
        usleep(100000 * (unsigned)i);
        sound_drop(&mixer, sound);
    }
    wait_for_no_sound();
    ck_assert_uint_eq(sounds_encoded_bytes(mixer.sounds), 0);
}
END_TEST

/* Eleven minutes: kept decoded only. */
START_TEST(long_sounds_are_not_encoded)
{
    static int16_t quiet[8000 * 60 * 11];
    uint8_t payload[ENCODING_PAYLOAD_MAX];
    struct play_item item = {.sound = sound_of("long.wav", quiet, sizeof quiet / sizeof *quiet, 8000)};
    struct player p[2] = {{0}, {0}};
    struct sound *s = sound_slot(mixer.sounds, item.sound);

    for (int i = 0; i < 2; i++) {
        start(&p[i], &item, 1, false);
        ck_assert_uint_eq(player_cut(&p[i], ENCODING_PCMU, 20, payload), 0);
    }
    while (atomic_load(&s->asked[ENCODING_PCMU]) != ASKED_IN_VAIN)
        usleep(1000);
    ck_assert_uint_eq(player_cut(&p[0], ENCODING_PCMU, 20, payload), 0);
    for (int i = 0; i < 2; i++)
        player_stop(&p[i]);
}
END_TEST

/* Opus: a sound begins with a packet and fills its last one up, also in a list with tones between. */
START_TEST(opus_keeps_to_packets)
{
    struct play_item items[] = {{0}, {.hz1 = 500, .level_dbov = -20, .ms = 50}, {0}};
    uint8_t payload[ENCODING_PAYLOAD_MAX];
    int16_t voice[1600] = {0}, out[480];
    struct player p = {0};
    unsigned cut = 0, rendered = 0;

    items[0].sound = sound_of("a.wav", voice, 1600 - 100, 16000); /* 94 ms: five packets */
    items[2].sound = items[0].sound;
    encode(items[0].sound, ENCODING_OPUS);
    start(&p, items, 3, false);
    p.kind = ENCODING_OPUS;
    while (!player_ended(&p)) {
        if (player_cut(&p, ENCODING_OPUS, 20, payload)) {
            cut++;
            continue;
        }
        for (int half = 0; half < 2; half++) {
            p.within = half > 0;
            rendered += player_render(&p, 48000, out);
        }
        p.within = false;
    }
    ck_assert_uint_eq(cut, 10);
    ck_assert_uint_eq(rendered, 5); /* 50 ms of tone; the sixth frame waits for the packet after it */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("player");
    TCase *c = tcase_create("player");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, seek_lands_in_any_item, 0, 2);
    tcase_add_test(c, skip_crosses_items_both_ways);
    tcase_add_test(c, skip_stops_at_a_chapter);
    tcase_add_loop_test(c, pause_comes_and_goes_softly, 0, 3);
    tcase_add_test(c, pause_before_the_beginning);
    tcase_add_loop_test(c, speed_keeps_the_pitch, 0, sizeof speeds / sizeof *speeds);
    tcase_add_test(c, speed_changes_softly);
    tcase_add_test(c, leaps_are_blended);
    tcase_add_test(c, gain_changes_softly);
    tcase_add_loop_test(c, g711_is_the_same_to_the_bit, 0, 4);
    tcase_add_loop_test(c, encoded_once_sounds_as_encoded_live, 0, 3);
    tcase_add_loop_test(c, splice_is_hardly_heard, 0, 3);
    tcase_add_test(c, g722_is_cut_where_it_is_good);
    tcase_add_test(c, second_play_has_it_encoded);
    tcase_add_test(c, touched_sound_is_not_cut);
    tcase_add_test(c, memory_comes_back);
    tcase_add_test(c, encoding_is_abandoned_with_its_sound);
    tcase_add_test(c, long_sounds_are_not_encoded);
    tcase_add_test(c, opus_keeps_to_packets);
    suite_add_tcase(s, c);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

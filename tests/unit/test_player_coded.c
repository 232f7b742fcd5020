/* A play's packets cut from what is encoded already: the same to the listener, and cheaper. */
#include "tests/unit/player_kit.h"

#include <unistd.h>

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
    Suite *s = suite_create("player_coded");
    TCase *c = tcase_create("player_coded");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, player_begin, player_end);
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

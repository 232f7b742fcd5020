/* A fax over a port of the engine: sound in RTP, with what a network does to it, and T.38 in its place. */
#include "tests/unit/fax_far.h"
#include "tests/unit/stage.h"

#include "mixer/udptl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP_MS 20
#define PATIENCE_MS 180000
#define FRAME (8 * STEP_MS)

static int16_t says[FRAME];
static size_t said, heard;

/* The modem's samples, one by one. */
static int16_t voice_modem(struct member *m, uint64_t at)
{
    (void)m;
    (void)at;
    if (said == FRAME) {
        fax_far_say(says, FRAME);
        said = 0;
    }
    return says[said++];
}

static void modem_listen(struct member *m)
{
    while (m->heard.count >= heard + FRAME) {
        fax_far_hear(m->heard.samples + heard, FRAME);
        heard += FRAME;
    }
}

static struct member *caller_begin(void)
{
    stage_begin("plain", 4);
    memset(&stage_recorded, 0, sizeof stage_recorded);
    struct member *m = member_open(CODEC_PCMU);
    fax_far_call(NULL);
    said = FRAME;
    heard = 0;
    m->voice = voice_modem;
    return m;
}

static void caller_end(void)
{
    fax_far_hang_up();
    stage_end();
}

/* His calling tone is noticed; then the machine takes the port and all pages come. */
START_TEST(sound_brings_all_pages)
{
    struct member *m = caller_begin();

    ck_assert_int_eq(port_listen_fax(stage, m->port, true), 0);
    for (unsigned ms = 0; ms < 5000 && !stage_events[EVENT_FAX_TONE]; ms += STEP_MS)
        stage_run(STEP_MS);
    ck_assert_uint_gt(stage_events[EVENT_FAX_TONE], 0);
    ck_assert_int_eq(port_listen_fax(stage, m->port, false), 0);
    ck_assert_int_eq(port_fax(stage, m->port, 7, fax_came, "1001", &(struct fax_limits){0}), 0);
    for (unsigned ms = 0; ms < PATIENCE_MS && !(fax_far_done() && stage_events[EVENT_RECORDED]);
         ms += STEP_MS) {
        stage_run(STEP_MS);
        modem_listen(m);
    }
    ck_assert(fax_far_content());
    ck_assert(stage_recorded.is_fax);
    ck_assert_uint_eq(stage_recorded.serial, 7);
    ck_assert_int_eq(stage_recorded.end, RECORD_STOPPED);
    ck_assert_int_eq(stage_recorded.error, 0);
    ck_assert(stage_recorded.fax.complete);
    ck_assert_uint_eq(stage_recorded.fax.pages, FAX_PAGES);
    ck_assert_str_eq(stage_recorded.fax.sender, FAX_IDENT);
    caller_end();
    fax_pages_compare(FAX_PAGES);
}
END_TEST

/* Who hangs up before a page has come leaves none, and the port's end waits until that is known. */
START_TEST(hang_up_tells_before_the_port_closes)
{
    struct member *m = caller_begin();

    ck_assert_int_eq(port_fax(stage, m->port, 8, fax_came, "1001", &(struct fax_limits){0}), 0);
    for (unsigned ms = 0; ms < 4000; ms += STEP_MS) {
        stage_run(STEP_MS);
        modem_listen(m);
    }
    port_close(stage, m->port);
    stage_run(50);
    ck_assert_uint_eq(stage_events[EVENT_RECORDED], 1);
    ck_assert_uint_eq(stage_events[EVENT_PORT_CLOSED], 1);
    ck_assert_int_eq(stage_recorded.end, RECORD_CLOSED);
    ck_assert_int_eq(stage_recorded.error, ENODATA);
    ck_assert_uint_eq(stage_recorded.fax.pages, 0);
    caller_end();
}
END_TEST

/* -- T.38 */

static int far_fd;
static struct sockaddr_in engine;

static void far_sends(const uint8_t *datagram, size_t length)
{
    ck_assert_int_eq(sendto(far_fd, datagram, length, 0, (struct sockaddr *)&engine, sizeof engine),
                     (int)length);
}

/* From another port than the sound came from, as a gateway does. */
START_TEST(t38_brings_all_pages)
{
    struct member *m = caller_begin();
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    struct fax_t38 format = {.max_datagram = 400};

    far_fd = socket(AF_INET, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(far_fd, (struct sockaddr *)&here, sizeof here), 0);
    getsockname(far_fd, (struct sockaddr *)&here, &length);
    engine = m->to;
    ck_assert_int_eq(port_fax(stage, m->port, 9, fax_came, "1001", &(struct fax_limits){0}), 0);
    for (int i = 0; i < 50; i++) {
        stage_run(STEP_MS);
        modem_listen(m);
    }
    m->voice = voice_silent;
    m->mute = true;
    fax_far_hang_up();
    fax_far_call(far_sends);
    ck_assert_int_eq(port_fax_packets(stage, m->port, (struct sockaddr *)&here, &format), 0);
    for (unsigned ms = 0; ms < PATIENCE_MS && !(fax_far_done() && stage_events[EVENT_RECORDED]);
         ms += STEP_MS) {
        uint8_t datagram[UDPTL_MOST];
        ssize_t got;
        fax_far_pass(STEP_MS);
        stage_run(STEP_MS);
        while ((got = recv(far_fd, datagram, sizeof datagram, MSG_DONTWAIT)) > 0)
            if (datagram[0] >> 6 != 2 || got < 100) /* no RTP that was on its way */
                fax_far_take(datagram, (size_t)got);
    }
    ck_assert(fax_far_content());
    ck_assert(stage_recorded.fax.complete);
    ck_assert_uint_eq(stage_recorded.fax.pages, FAX_PAGES);
    close(far_fd);
    caller_end();
    fax_pages_compare(FAX_PAGES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fax_port");
    TCase *tests = tcase_create("fax_port");

    tcase_add_checked_fixture(tests, fax_far_begin, fax_far_end);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, sound_brings_all_pages);
    tcase_add_test(tests, hang_up_tells_before_the_port_closes);
    tcase_add_test(tests, t38_brings_all_pages);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

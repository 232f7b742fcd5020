/* Packets in and out, both ways: each test runs on plain sockets and, where the machine permits it, on
 * io_uring. */
#include "core/base/log.h"
#include "mixer/io.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS 4

static const char *way;
static struct io *io;
static int fds[SOCKETS], far;
static struct sockaddr_in own[SOCKETS], far_own;
static struct {
    unsigned packets, bytes;
    struct sockaddr_in from;
    int64_t arrival_us;
    uint8_t last[IO_PACKET_MAX];
} got[SOCKETS];

static int bind_local(struct sockaddr_in *address, uint16_t port)
{
    socklen_t length = sizeof(*address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = port};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, length), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &length), 0);
    return fd;
}

static void setup(void)
{
    memset(got, 0, sizeof(got));
    ck_assert_int_eq(io_new(&io, way, SOCKETS), 0);
    ck_assert_str_eq(io_name(io), way);
    ck_assert_int_eq(io_start(io), 0);
    far = bind_local(&far_own, 0);
    for (unsigned i = 0; i < SOCKETS; i++) {
        fds[i] = bind_local(&own[i], 0);
        ck_assert_int_eq(io_add(io, fds[i], i), 0);
    }
    io_flush(io);
}

static void setup_plain(void)
{
    way = "plain";
    setup();
}

static void setup_uring(void)
{
    way = "uring";
    setup();
}

static void teardown(void)
{
    io_stop(io);
    io_free(io);
    close(far);
    for (unsigned i = 0; i < SOCKETS; i++)
        close(fds[i]);
}

static void take(void *arg, const struct io_packet *packet)
{
    (void)arg;
    ck_assert_uint_lt(packet->tag, SOCKETS);
    got[packet->tag].packets++;
    got[packet->tag].bytes = (unsigned)packet->length;
    memcpy(&got[packet->tag].from, packet->from, sizeof(struct sockaddr_in));
    got[packet->tag].arrival_us = packet->arrival_us;
    memcpy(got[packet->tag].last, packet->data, packet->length);
}

static void far_send(unsigned to, const void *data, size_t length)
{
    (void)!sendto(far, data, length, 0, (struct sockaddr *)&own[to], sizeof(own[to]));
}

START_TEST(packet_comes_with_tag_sender_and_time)
{
    struct timespec now;

    for (unsigned i = 0; i < 3; i++) { /* again and again, without being asked for */
        far_send(2, "abcde", 5);
        io_receive(io, take, NULL);
        ck_assert_uint_eq(got[2].packets, i + 1);
    }
    clock_gettime(CLOCK_REALTIME, &now);
    ck_assert_uint_eq(got[2].bytes, 5);
    ck_assert_mem_eq(got[2].last, "abcde", 5);
    ck_assert_uint_eq(got[2].from.sin_port, far_own.sin_port);
    ck_assert_int_le(llabs(now.tv_sec - got[2].arrival_us / 1000000), 10);
    ck_assert_uint_eq(got[0].packets + got[1].packets + got[3].packets, 0);
}
END_TEST

/* None of ours is that long; what is cut off is not half understood. */
START_TEST(overlong_packet_is_dropped)
{
    static uint8_t data[4000];

    far_send(0, data, IO_PACKET_MAX + 1);
    far_send(0, data, sizeof(data));
    far_send(0, data, IO_PACKET_MAX);
    io_receive(io, take, NULL);
    ck_assert_uint_eq(got[0].packets, 1);
    ck_assert_uint_eq(got[0].bytes, IO_PACKET_MAX);
}
END_TEST

/* One socket is filled to the brim, more than there are buffers; the others' packets come in the same tick.
 */
START_TEST(flood_of_one_keeps_nobody_waiting)
{
    unsigned before = 0;

    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 600; i++)
            far_send(0, "flood", 5);
        far_send(1, "x", 1);
        far_send(3, "y", 1);
        io_receive(io, take, NULL);
        ck_assert_uint_le(got[0].packets - before, IO_FAIR);
        ck_assert_uint_gt(got[0].packets, before);
        ck_assert_uint_eq(got[1].packets, round + 1);
        ck_assert_uint_eq(got[3].packets, round + 1);
        before = got[0].packets;
    }
}
END_TEST

/* What goes out in one tick, more than a batch: all of it, to the right side, each with its own bytes. */
START_TEST(many_sends_keep_their_bytes)
{
    uint8_t data[IO_PACKET_MAX];
    struct sockaddr_storage to = {0};
    unsigned next = 0;

    memcpy(&to, &far_own, sizeof(far_own));
    for (unsigned i = 0; i < 1500; i++) {
        uint8_t *at = io_claim(io);
        size_t length = 8 + i % 400;
        memset(at, (int)(i & 0xff), length);
        memcpy(at, &i, sizeof(i));
        io_commit(io, fds[i % SOCKETS], &to, length);
        if (i % 100 != 99)
            continue;
        io_flush(io);
        ssize_t size;
        while ((size = recv(far, data, sizeof(data), 0)) > 0) {
            unsigned number;
            memcpy(&number, data, sizeof(number));
            ck_assert_uint_eq(number, next++);
            ck_assert_int_eq(size, 8 + number % 400);
            ck_assert_uint_eq(data[size - 1], number & 0xff);
        }
    }
    ck_assert_uint_eq(next, 1500);
}
END_TEST

START_TEST(connected_socket_needs_no_address)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    char data[8] = "";

    ck_assert_int_eq(connect(fds[1], (const struct sockaddr *)&far_own, sizeof(far_own)), 0);
    memcpy(io_claim(io), "wired", 5);
    io_commit(io, fds[1], NULL, 5);
    io_flush(io);
    ck_assert_int_eq(recv(far, data, sizeof(data), 0), 5);
    ck_assert_mem_eq(data, "wired", 5);
    far_send(1, "back", 4);
    io_receive(io, take, NULL);
    ck_assert_uint_eq(got[1].packets, 1);
    ck_assert_int_eq(connect(fds[1], &nobody, sizeof(nobody)), 0);
}
END_TEST

/* What was committed goes first; then the socket is let go of, and its number and tag may be another's. */
START_TEST(removed_socket_is_free)
{
    struct sockaddr_storage to = {0};
    uint8_t data[16];

    memcpy(&to, &far_own, sizeof(far_own));
    for (unsigned i = 0; i < 50; i++) {
        struct sockaddr_in old = own[1];
        far_send(1, "for the old one", 15);
        memcpy(io_claim(io), "bye", 3);
        io_commit(io, fds[1], &to, 3);
        io_remove(io, fds[1], 1);
        close(fds[1]);
        ck_assert_int_eq(recv(far, data, sizeof(data), 0), 3);
        int again = bind_local(&old, old.sin_port);
        fds[1] = bind_local(&own[1], 0);
        close(again);
        ck_assert_int_eq(io_add(io, fds[1], 1), 0);
        io_receive(io, take, NULL);
        ck_assert_uint_eq(got[1].packets, i);
        far_send(1, "new", 3);
        io_receive(io, take, NULL);
        ck_assert_uint_eq(got[1].packets, i + 1);
        ck_assert_uint_eq(got[1].bytes, 3);
    }
}
END_TEST

/* A worker has ended; signalling closes its ports, which say goodbye. */
START_TEST(after_the_stop_sends_still_go)
{
    struct sockaddr_storage to = {0};
    uint8_t data[16];

    memcpy(&to, &far_own, sizeof(far_own));
    io_stop(io);
    memcpy(io_claim(io), "bye", 3);
    io_commit(io, fds[0], &to, 3);
    io_remove(io, fds[0], 0);
    ck_assert_int_eq(recv(far, data, sizeof(data), 0), 3);
}
END_TEST

START_TEST(unknown_way_is_refused)
{
    struct io *other = NULL;

    ck_assert_int_ne(io_new(&other, "epoll", 2), 0);
    ck_assert_ptr_null(other);
    ck_assert_int_eq(io_new(&other, "auto", 2), 0);
    ck_assert(!strcmp(io_name(other), "uring") || !strcmp(io_name(other), "plain"));
    io_free(other);
}
END_TEST

static void add_tests(Suite *suite, const char *name, void (*begin)(void))
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, begin, teardown);
    tcase_add_test(tcase, packet_comes_with_tag_sender_and_time);
    tcase_add_test(tcase, overlong_packet_is_dropped);
    tcase_add_test(tcase, flood_of_one_keeps_nobody_waiting);
    tcase_add_test(tcase, many_sends_keep_their_bytes);
    tcase_add_test(tcase, connected_socket_needs_no_address);
    tcase_add_test(tcase, removed_socket_is_free);
    tcase_add_test(tcase, after_the_stop_sends_still_go);
    tcase_add_test(tcase, unknown_way_is_refused);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    Suite *suite = suite_create("mixer io");
    struct io *tried;

    log_set_level(LEVEL_WARNING);
    add_tests(suite, "plain", setup_plain);
    if (io_new(&tried, "uring", SOCKETS) == 0) { /* else the log has said why not */
        io_free(tried);
        add_tests(suite, "uring", setup_uring);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

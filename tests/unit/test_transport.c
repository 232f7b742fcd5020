/* Which address of ours reaches a far side: what is remembered of it says the same as the kernel. */
#include "core/sip/session_internal.h"

#include "core/base/clock.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

/* As the kernel has it now; false: there is no way to `host`. */
static bool kernel_says(const char *host, struct sockaddr_storage *out)
{
    struct sockaddr_storage remote;
    socklen_t size = sizeof *out;
    bool said;
    int fd;

    ck_assert_int_eq(address_parse(&remote, host, "9"), 0);
    fd = socket(remote.ss_family, SOCK_DGRAM, 0);
    said = fd >= 0 && connect(fd, (struct sockaddr *)&remote, sizeof remote) == 0 &&
           getsockname(fd, (struct sockaddr *)out, &size) == 0;
    if (fd >= 0)
        close(fd);
    return said;
}

static void expect(const char *wildcard, const char *host)
{
    struct transport transport = {0};
    struct sockaddr_storage remote, found, right;
    char text[HOST_PORT_TEXT];

    ck_assert_int_eq(address_parse(&transport.local, wildcard, "5070"), 0);
    ck_assert_int_eq(address_parse(&remote, host, "6000"), 0);
    transport_address(&transport, &remote, &found);
    if (!kernel_says(host, &right))
        right = transport.local; /* the best that is known */
    ck_assert_msg(address_same_host(&found, &right), "%s", host);
    address_text(&found, true, text);
    ck_assert_msg(strcmp(strrchr(text, ':'), ":5070") == 0, "%s", text);
}

static void expect_all(void)
{
    char host[64];

    /* More than are remembered; two ways, of which one may not be there. */
    for (unsigned i = 1; i <= 40; i++) {
        snprintf(host, sizeof host, i % 2 ? "127.0.0.%u" : "192.0.2.%u", i);
        expect("0.0.0.0", host);
    }
    expect("::", "::1");
    expect("0.0.0.0", "127.0.0.1");
}

START_TEST(way_is_the_kernels)
{
    expect_all();
    expect_all();
    clock_advance(UINT64_C(6000000)); /* none is remembered as long as that */
    expect_all();
    sources_forget();
    expect_all();
}
END_TEST

START_TEST(socket_with_an_address_has_that)
{
    struct transport transport = {0};
    struct sockaddr_storage remote, found;

    ck_assert_int_eq(address_parse(&transport.local, "127.0.0.7", "5070"), 0);
    ck_assert_int_eq(address_parse(&remote, "127.0.0.1", "6000"), 0);
    transport_address(&transport, &remote, &found);
    ck_assert(address_same_host(&found, &transport.local));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transport");
    TCase *c = tcase_create("addresses");
    SRunner *runner;
    int failed;

    tcase_set_timeout(c, 60);
    tcase_add_test(c, way_is_the_kernels);
    tcase_add_test(c, socket_with_an_address_has_that);
    suite_add_tcase(suite, c);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#include "tests/unit/phone.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct agent *phone_agent;
const struct settings *phone_settings;

/* An address of the process's own on the loopback: no other test can have its port. */
static char server_host[16];
#define SERVER_PORT 5060

/* -- the server
 * -------------------------------------------------------------------------------------------------------- */

static void invited(void *arg, struct session *session, const struct invitation *invitation)
{
    (void)arg, (void)invitation;
    session_reject(session, 480, NULL, NULL, 0);
}

static unsigned refuse_call(void *arg)
{
    (void)arg;
    return 0;
}

static const struct agent_handlers handlers = {.invited = invited, .refuse_call = refuse_call};

static int bind_udp(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void complain(const char *line, void *arg)
{
    (void)arg;
    ck_abort_msg("%s", line);
}

static void settings_make(void)
{
    char path[256];
    FILE *file;

    snprintf(server_host, sizeof server_host, "127.%d.%d.%d", 64 + (int)(getpid() >> 16 & 63),
             (int)(getpid() >> 8 & 255), (int)(getpid() & 255));
    kit_path(path, sizeof path, "sip.conf");
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "realm = \"confab\"\nsip {\n listen = {\"%s:%u\"}\n registration_min = 60\n}\n"
            "peer \"pbx\" { address = {\"127.0.0.9\"} }\n"
            "number \"1001-1010\" { application = \"user\" }\n"
            "number \"*97\" { application = \"voicemail\" argument = \"own\" }\n",
            server_host, SERVER_PORT);
    fclose(file);
    ck_assert_int_eq(settings_load(&phone_settings, path, complain, NULL), 0);
}

void phones_begin(void)
{
    kit_setup();
    settings_make();
    ck_assert_int_eq(agent_start(&phone_agent, kit.loop, phone_settings, kit.st, &handlers, NULL), 0);
}

void phones_restart(void)
{
    agent_stop(phone_agent);
    ck_assert_int_eq(agent_start(&phone_agent, kit.loop, phone_settings, kit.st, &handlers, NULL), 0);
}

void phones_end(void)
{
    agent_stop(phone_agent);
    settings_free(phone_settings);
    kit_teardown();
}

/* -- a phone
 * -----------------------------------------------------------------------------------------------------------
 */

void phone_open(struct phone *p, const char *user)
{
    static unsigned serial;
    static char password[64];

    memset(p, 0, sizeof *p);
    p->fd = bind_udp(&p->port);
    p->user = user;
    snprintf(password, sizeof password, "confab-%s", user);
    p->password = strdup(password);
    p->algorithm = DIGEST_SHA256;
    snprintf(p->call_id, sizeof p->call_id, "call-%d-%u", (int)getpid(), ++serial);
    snprintf(p->tag, sizeof p->tag, "tag%u", serial);
}

void phone_close(struct phone *p)
{
    close(p->fd);
    free((char *)p->password);
}

static void put(const struct phone *p, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(SERVER_PORT)};

    ck_assert_int_eq(inet_pton(AF_INET, server_host, &address.sin_addr), 1);
    ck_assert_int_eq(sendto(p->fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof address),
                     (ssize_t)strlen(text));
}

void phone_send(struct phone *p, const char *method, const char *target, const char *headers)
{
    static unsigned branch;
    char text[MESSAGE_TEXT], to[160];

    if (p->to_tag[0])
        snprintf(to, sizeof to, "<sip:%s@confab>;tag=%s", p->user, p->to_tag);
    else
        snprintf(to, sizeof to, "<sip:%s@confab>", p->user);
    snprintf(
        text, sizeof text,
        "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%d.%u\r\nMax-Forwards: 70\r\n"
        "From: <sip:%s@confab>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n%sContent-Length: 0\r\n\r\n",
        method, target, p->port, (int)getpid(), ++branch, p->user, p->tag, to, p->call_id, ++p->cseq, method,
        headers);
    put(p, text);
}

void phone_send_signed(struct phone *p, const char *method, const char *target, const char *headers,
                       unsigned nc)
{
    struct digest_credentials c = {.algorithm = p->algorithm, .cnonce = "0a4f113b"};
    char ha1[DIGEST_TEXT], all[MESSAGE_TEXT];
    int used;

    snprintf(c.nonce, sizeof c.nonce, "%s", p->nonce);
    snprintf(c.uri, sizeof c.uri, "%s", target);
    snprintf(c.nc_text, sizeof c.nc_text, "%08x", nc ? nc : ++p->nc);
    ck_assert_int_eq(digest_ha1(p->algorithm, p->user, "confab", p->password, ha1), 0);
    ck_assert_int_eq(digest_response(&c, ha1, method, c.response), 0);
    used = snprintf(all, sizeof all,
                    "Authorization: Digest username=\"%s\", realm=\"confab\", nonce=\"%s\", uri=\"%s\", "
                    "response=\"%s\", algorithm=%s, cnonce=\"%s\", qop=auth, nc=%s\r\n%s",
                    p->user, c.nonce, c.uri, c.response, p->algorithm == DIGEST_MD5 ? "MD5" : "SHA-256",
                    c.cnonce, c.nc_text, headers);
    ck_assert_int_lt(used, (int)sizeof all);
    phone_send(p, method, target, all);
}

static bool take(struct phone *p)
{
    ssize_t size = recv(p->fd, p->last, sizeof p->last - 1, MSG_DONTWAIT);

    if (size <= 0)
        return false;
    p->last[size] = '\0';
    return true;
}

void phone_wait(struct phone *p)
{
    time_t end = time(NULL) + 20;

    while (!take(p)) {
        ck_assert_msg(time(NULL) < end, "nothing came to %s; the last was: %s", p->user, p->last);
        loop_step(kit.loop, 5);
    }
}

const char *phone_header(const struct phone *p, const char *name, char *out, size_t size)
{
    char search[64];
    const char *at;

    snprintf(search, sizeof search, "\r\n%s: ", name);
    at = strstr(p->last, search);
    ck_assert_msg(at, "no %s in %s", name, p->last);
    at += strlen(search);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
    return out;
}

void phone_expect(struct phone *p, int status)
{
    char challenge[512], *nonce;

    do
        phone_wait(p);
    while (p->ignores_requests && strncmp(p->last, "SIP/2.0 ", 8) != 0);
    ck_assert_msg(strncmp(p->last, "SIP/2.0 ", 8) == 0 && atoi(p->last + 8) == status, "not %d: %s", status,
                  p->last);
    if (status != 401)
        return;
    nonce = strstr(phone_header(p, "WWW-Authenticate", challenge, sizeof challenge), "nonce=\"");
    ck_assert_ptr_nonnull(nonce);
    snprintf(p->nonce, sizeof p->nonce, "%.*s", (int)strcspn(nonce + 7, "\""), nonce + 7);
    p->nc = 0;
}

void phone_expect_nothing(struct phone *p)
{
    for (int i = 0; i < 80; i++) {
        loop_step(kit.loop, 5);
        ck_assert_msg(!take(p), "unwanted: %s", p->last);
    }
}

void phone_request(struct phone *p, const char *method, const char *target, const char *headers, int status)
{
    phone_send(p, method, target, headers);
    phone_expect(p, 401);
    phone_send_signed(p, method, target, headers, 0);
    phone_expect(p, status);
}

void phone_register(struct phone *p, const char *contact, const char *headers)
{
    char all[2048], own[64];

    snprintf(own, sizeof own, "<sip:%s@127.0.0.1:%u>", p->user, p->port);
    snprintf(all, sizeof all, "Contact: %s\r\n%s", *contact ? contact : own, headers);
    phone_request(p, "REGISTER", "sip:confab", all, 200);
}

bool phone_has(const struct phone *p, const char *text)
{
    return strstr(p->last, text) != NULL;
}

/* Copies the lines that a response repeats. */
static size_t echo(const struct phone *p, const char *name, char *out, size_t size)
{
    char value[1024];

    phone_header(p, name, value, sizeof value);
    return (size_t)snprintf(out, size, "%s: %s\r\n", name, value);
}

void phone_notified(struct phone *p, int status, ...)
{
    static const char *const names[] = {"Via", "From", "To", "Call-ID", "CSeq"};
    char answer_text[MESSAGE_TEXT];
    const char *wanted;
    size_t used;
    va_list list;

    phone_wait(p);
    ck_assert_msg(strncmp(p->last, "NOTIFY ", 7) == 0, "not NOTIFY: %s", p->last);
    va_start(list, status);
    while ((wanted = va_arg(list, const char *)))
        ck_assert_msg(phone_has(p, wanted), "no %s in %s", wanted, p->last);
    va_end(list);
    if (status == 0)
        return;
    used = (size_t)snprintf(answer_text, sizeof answer_text, "SIP/2.0 %d X\r\n", status);
    for (size_t i = 0; i < 5; i++)
        used += echo(p, names[i], answer_text + used, sizeof answer_text - used);
    snprintf(answer_text + used, sizeof answer_text - used, "Content-Length: 0\r\n\r\n");
    put(p, answer_text);
}

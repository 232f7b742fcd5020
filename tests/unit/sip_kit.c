/* Agents, owners and a hand-made peer for the tests of core/sip's sessions. */
#include "tests/unit/sip_kit.h"

#define NTA_LEG_MAGIC_T struct session
#define NTA_INCOMING_MAGIC_T struct session
#define NTA_OUTGOING_MAGIC_T struct session
#include "core/sip/internal.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define PATIENCE_US 4000000 /* for what must come */

struct loop *loop;
struct side a, b;
unsigned port;

static int raw = -1;
static const char *host_b = "127.0.11.2";
static unsigned port_b;
static const struct settings *settings_a, *settings_b;

/* -- doubles of what asks the database ------------------------------------------------------------------- */

struct auth {
    struct agent *agent;
    struct timer *timer;
    nta_incoming_t *irq;
    auth_verdict *fn;
    void *arg;
};

int auth_new(struct auth **out, struct agent *agent)
{
    *out = calloc(1, sizeof **out);
    (*out)->agent = agent;
    return 0;
}

void auth_free(struct auth *auth)
{
    timer_stop(&auth->timer);
    free(auth);
}

static void auth_later(void *arg)
{
    struct auth *auth = arg;

    auth->fn(auth->arg, auth->irq, "1001");
}

/* Whoever sends any credentials is 1001, and it takes the database a moment to say so. */
void auth_check(struct auth *auth, enum auth_kind kind, nta_incoming_t *irq, const sip_t *sip,
                auth_verdict *fn, void *arg)
{
    ck_assert_int_eq(kind, AUTH_PROXY);
    if (!sip->sip_proxy_authorization) {
        auth->agent->stats.challenged++;
        agent_reply(irq, SIP_407_PROXY_AUTH_REQUIRED,
                    SIPTAG_PROXY_AUTHENTICATE_STR("Digest realm=\"x\", nonce=\"y\""), TAG_END());
        fn(arg, irq, NULL);
        return;
    }
    auth->irq = irq;
    auth->fn = fn;
    auth->arg = arg;
    ck_assert_int_eq(timer_start(auth->agent->loop, &auth->timer, 50, auth_later, auth), 0);
}

int registrar_new(struct registrar **out, struct agent *agent)
{
    (void)agent;
    *out = NULL;
    return 0;
}

void registrar_free(struct registrar *registrar)
{
    (void)registrar;
}

void registrar_request(struct registrar *registrar, struct transport *transport, nta_incoming_t *irq,
                       const sip_t *sip)
{
    (void)registrar;
    (void)transport;
    (void)sip;
    agent_reply(irq, 299, "Registrar", TAG_END());
}

int notifier_new(struct notifier **out, struct agent *agent)
{
    (void)agent;
    *out = NULL;
    return 0;
}

void notifier_free(struct notifier *notifier)
{
    (void)notifier;
}

void notifier_request(struct notifier *notifier, struct transport *transport, nta_incoming_t *irq,
                      const sip_t *sip)
{
    (void)notifier;
    (void)transport;
    (void)sip;
    agent_reply(irq, 298, "Notifier", TAG_END());
}

void notifier_events(char out[EVENTS_TEXT])
{
    snprintf(out, EVENTS_TEXT, "conference");
}

bool notifier_in_session(struct session *session, nta_incoming_t *irq, const sip_t *sip)
{
    (void)session;
    (void)irq;
    (void)sip;
    return false;
}

void notifier_part(struct session *session)
{
    (void)session;
}

unsigned notifier_count(const struct notifier *notifier)
{
    (void)notifier;
    return 0;
}

/* -- owners ---------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void note(struct side *side, const char *format, ...)
{
    size_t used = strlen(side->heard);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(side->heard + used, sizeof side->heard - used, format, arguments);
    va_end(arguments);
}

static const char *keep_sdp(struct side *side, const char *sdp)
{
    snprintf(side->sdp, sizeof side->sdp, "%s", sdp ? sdp : "");
    return sdp ? " sdp" : "";
}

static void on_progress(void *owner, int status, const char *reason, const char *sdp)
{
    (void)reason;
    note(owner, "progress %d%s\n", status, keep_sdp(owner, sdp));
}

static void on_answered(void *owner, const char *sdp)
{
    note(owner, "answered%s\n", keep_sdp(owner, sdp));
}

static void side_over(struct side *side)
{
    struct session *s = side->session;

    if (!side->release_when_told)
        return;
    side->session = NULL;
    session_release(s, 0, NULL);
}

static void on_failed(void *owner, int status, const char *reason, const char *redirect)
{
    struct side *side = owner;

    note(side, "failed %d\n", status);
    snprintf(side->reason, sizeof side->reason, "%s", reason);
    snprintf(side->redirect, sizeof side->redirect, "%s", redirect ? redirect : "");
    side_over(side);
}

static void on_offered(void *owner, const char *sdp)
{
    note(owner, "offered%s\n", keep_sdp(owner, sdp));
}

static void on_reanswered(void *owner, int status, const char *sdp)
{
    note(owner, "reanswered %d%s\n", status, keep_sdp(owner, sdp));
}

static void on_digit(void *owner, char digit, unsigned ms)
{
    note(owner, "digit %c %u\n", digit, ms);
}

static void on_ended(void *owner, int status, const char *reason)
{
    struct side *side = owner;

    note(side, "ended %d\n", status);
    snprintf(side->reason, sizeof side->reason, "%s", reason);
    side_over(side);
}

static const struct session_handlers handlers = {
    .progress = on_progress,
    .answered = on_answered,
    .failed = on_failed,
    .offered = on_offered,
    .reanswered = on_reanswered,
    .digit = on_digit,
    .ended = on_ended,
};

const struct session_handlers *kit_handlers(void)
{
    return &handlers;
}

static void on_invited(void *arg, struct session *session, const struct invitation *invitation)
{
    struct side *side = arg;

    side->session = session;
    side->invitation = *invitation;
    snprintf(side->call_id, sizeof side->call_id, "%s", invitation->call_id);
    snprintf(side->offer, sizeof side->offer, "%s", invitation->offer ? invitation->offer : "");
    snprintf(side->params, sizeof side->params, "%s", invitation->target_params);
    snprintf(side->user, sizeof side->user, "%s", invitation->user ? invitation->user : "");
    snprintf(side->peer, sizeof side->peer, "%s", invitation->peer ? invitation->peer : "");
    session_own(session, &handlers, side);
    note(side, "invited\n");
}

static unsigned on_refuse(void *arg)
{
    return ((struct side *)arg)->wait_s;
}

static const struct agent_handlers agent_handlers = {.invited = on_invited, .refuse_call = on_refuse};

/* -- the kit --------------------------------------------------------------------------------------------- */

static void complain(const char *line, void *arg)
{
    (void)arg;
    ck_abort_msg("%s", line);
}

static const struct settings *load(const char *listen, const char *peers, const char *sip_extra)
{
    char file[] = "/tmp/confab-test-sip-XXXXXX";
    const struct settings *s = NULL;
    int fd = mkstemp(file);

    ck_assert_int_ge(fd, 0);
    dprintf(fd, "realm = \"confab\"\nsip { listen = {\"%s\"} %s }\n%s\n", listen, sip_extra, peers);
    close(fd);
    ck_assert_int_eq(settings_load(&s, file, complain, NULL), 0);
    unlink(file);
    return s;
}

static void side_start(struct side *side, const struct settings **settings, const char *listen,
                       const char *peers, const char *sip_extra)
{
    memset(side, 0, sizeof *side);
    side->release_when_told = true;
    *settings = load(listen, peers, sip_extra);
    ck_assert_int_eq(agent_start(&side->agent, loop, *settings, NULL, &agent_handlers, side), 0);
}

static void start(const char *listen_a, const char *listen_b, const char *peers, const char *sip_extra)
{
    log_set_level(LEVEL_WARNING);
    ck_assert_int_eq(loop_new(&loop), 0);
    side_start(&a, &settings_a, listen_a, peers, sip_extra);
    side_start(&b, &settings_b, listen_b, peers, sip_extra);
}

void kit_start(const char *peers, const char *sip_extra)
{
    char listen_a[64], listen_b[64];

    port = port_b = 16000 + (unsigned)getpid() % 16000;
    host_b = "127.0.11.2";
    snprintf(listen_a, sizeof listen_a, "127.0.11.1:%u", port);
    snprintf(listen_b, sizeof listen_b, "127.0.11.2:%u", port);
    start(listen_a, listen_b, peers, sip_extra);
}

void kit_start_six(void)
{
    char listen_a[64], listen_b[64];

    port = 16000 + 2 * ((unsigned)getpid() % 8000);
    port_b = port + 1;
    host_b = "[::1]";
    snprintf(listen_a, sizeof listen_a, "[::1]:%u", port);
    snprintf(listen_b, sizeof listen_b, "[::1]:%u", port + 1);
    start(listen_a, listen_b, "peer \"loop\" { address = {\"::1\"} }", "");
}

void kit_start_wildcard(void)
{
    char listen_a[64], listen_b[64];

    port = 16000 + 2 * ((unsigned)getpid() % 8000);
    port_b = port + 1;
    host_b = "127.0.0.1";
    snprintf(listen_a, sizeof listen_a, "127.0.0.1:%u", port);
    snprintf(listen_b, sizeof listen_b, "0.0.0.0:%u", port_b);
    start(listen_a, listen_b, "peer \"loop\" { address = {\"127.0.0.1\"} }", "");
}

struct agent_stats stats_of(const struct side *side)
{
    struct agent_stats stats;

    agent_read_stats(side->agent, &stats);
    return stats;
}

static void side_check_empty(struct side *side)
{
    struct agent_stats stats = stats_of(side);

    ck_assert_uint_eq(stats.sessions, 0);
    ck_assert_uint_eq(stats.dialogs, 0);
    ck_assert_uint_eq(stats.transactions_in, 0);
    ck_assert_uint_eq(stats.transactions_out, 0);
}

void kit_stop_side(struct side *side)
{
    agent_stop(side->agent);
    settings_free(side == &a ? settings_a : settings_b);
}

void kit_stop(void)
{
    pass_time(80); /* twice 64*T1 and a little: a lost answer to a BYE after a lost ACK */
    side_check_empty(&a);
    side_check_empty(&b);
    kit_stop_side(&a);
    kit_stop_side(&b);
    loop_free(loop);
    if (raw >= 0)
        close(raw);
    raw = -1;
}

void pump(unsigned ms)
{
    uint64_t until = clock_now_us() + (uint64_t)ms * 1000;

    do
        loop_step(loop, 5);
    while (clock_now_us() < until);
}

void pass_time(unsigned seconds)
{
    for (unsigned i = 0; i < 2 * seconds; i++) {
        clock_advance(500000);
        for (int step = 0; step < 4; step++)
            loop_step(loop, 0);
    }
    pump(20);
}

void hear(struct side *side, const char *text)
{
    uint64_t until = clock_now_us() + PATIENCE_US;

    while (!strstr(side->heard, text) && clock_now_us() < until)
        loop_step(loop, 5);
    ck_assert_msg(strstr(side->heard, text) != NULL, "not heard \"%s\" but:\n%s", text, side->heard);
}

void forget(struct side *side)
{
    side->heard[0] = '\0';
}

void call_begin(const char *transport)
{
    static char uri[128];

    snprintf(uri, sizeof uri, "sip:1002@%s:%u;transport=%s", host_b, port_b, transport);
    a.target = (struct session_target){.uri = uri,
                                       .route = "",
                                       .received = "",
                                       .from = {"1001", "confab", "Anna \"A\" \\ Beta"},
                                       .to = {"1002", "confab", ""},
                                       .max_forwards = 69};
    ck_assert_int_eq(session_invite(a.agent, &a.session, &a.target, OFFER_A, &handlers, &a), 0);
    hear(&b, "invited");
}

void call_establish(const char *transport)
{
    call_begin(transport);
    ck_assert_int_eq(session_answer(b.session, ANSWER_B), 0);
    hear(&a, "answered sdp\n");
    hear(&b, "answered\n");
    forget(&a);
    forget(&b);
}

void hang_up(struct side *side, const char *reason)
{
    struct session *s = side->session;

    side->session = NULL;
    session_release(s, 200, reason);
}

void hang_up_and_check(struct side *side)
{
    struct side *other = side == &a ? &b : &a;

    hang_up(side, NULL);
    hear(other, "ended 200\n");
    pump(50);
    ck_assert_uint_eq(stats_of(side).sessions, 0);
    ck_assert_uint_eq(stats_of(other).sessions, 0);
}

/* -- a peer by hand -------------------------------------------------------------------------------------- */

void raw_open(void)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    inet_pton(AF_INET, "127.0.11.9", &local.sin_addr);
    raw = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(raw, (struct sockaddr *)&local, sizeof local), 0);
}

void raw_send_bytes(struct side *to, const void *data, size_t size)
{
    struct sockaddr_in remote = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    inet_pton(AF_INET, to == &a ? "127.0.11.1" : "127.0.11.2", &remote.sin_addr);
    ck_assert_int_eq(sendto(raw, data, size, 0, (struct sockaddr *)&remote, sizeof remote), (ssize_t)size);
}

void raw_send(struct side *to, const char *format, ...)
{
    char text[8192];
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ck_assert(n > 0 && (size_t)n < sizeof text);
    raw_send_bytes(to, text, (size_t)n);
}

const char *raw_receive(const char *skip)
{
    static char text[16384];
    uint64_t until = clock_now_us() + PATIENCE_US;

    while (clock_now_us() < until) {
        ssize_t n = recv(raw, text, sizeof text - 1, 0);

        if (n > 0) {
            text[n] = '\0';
            if (!skip || strncmp(text, skip, strlen(skip)) == 0)
                return text;
            continue;
        }
        loop_step(loop, 5);
    }
    return "";
}

bool raw_silent(unsigned ms)
{
    char text[16384];

    pump(ms);
    return recv(raw, text, sizeof text, 0) < 0;
}

const char *raw_header(const char *message, const char *name)
{
    static char values[8][1024];
    static unsigned next;
    char *value = values[next++ % 8];
    size_t length = strlen(name);

    *value = '\0';
    for (const char *line = strchr(message, '\n'); line; line = strchr(line + 1, '\n'))
        if (strncasecmp(line + 1, name, length) == 0 && line[1 + length] == ':') {
            const char *from = line + 2 + length + strspn(line + 2 + length, " ");

            snprintf(value, 1024, "%.*s", (int)strcspn(from, "\r\n"), from);
            return value;
        }
    return value;
}

void raw_respond(struct side *to, const char *request, const char *status, const char *tag, const char *extra,
                 const char *body)
{
    const char *known = raw_header(request, "To");

    raw_send(to,
             "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: "
             "%s\r\n%s%sContent-Length: %zu\r\n\r\n%s",
             status, raw_header(request, "Via"), raw_header(request, "From"), known,
             tag && !strstr(known, ";tag=") ? ";tag=" : "", tag && !strstr(known, ";tag=") ? tag : "",
             raw_header(request, "Call-ID"), raw_header(request, "CSeq"), extra,
             *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

const char *raw_headers(const char *method, unsigned cseq, const char *branch, const char *to_tag)
{
    static char text[1024];

    snprintf(text, sizeof text,
             "Via: SIP/2.0/UDP 127.0.11.9:%u;branch=z9hG4bK%s;rport\r\nFrom: <sip:raw@127.0.11.9>;tag=raw\r\n"
             "To: <sip:1002@confab>%s%s\r\nCall-ID: raw-%u@127.0.11.9\r\nCSeq: %u %s\r\nMax-Forwards: 70\r\n",
             port, branch, *to_tag ? ";tag=" : "", to_tag, port, cseq, method);
    return text;
}

void raw_request(struct side *to, const char *method, const char *uri, unsigned cseq, const char *branch,
                 const char *to_tag, const char *extra, const char *body)
{
    raw_send(to, "%s %s SIP/2.0\r\n%sContact: <sip:raw@127.0.11.9:%u>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
             method, uri, raw_headers(method, cseq, branch, to_tag), port, extra,
             *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

/* The far side's tag of the dialog that `message` belongs to. */
const char *to_tag_of(const char *message)
{
    static char tag[128];
    const char *at = strstr(raw_header(message, "To"), ";tag=");

    snprintf(tag, sizeof tag, "%.*s", at ? (int)strcspn(at + 5, ";\r\n") : 0, at ? at + 5 : "");
    return tag;
}

void expect_status(const char *status, const char *header, const char *value)
{
    char begin[32];
    const char *message;

    snprintf(begin, sizeof begin, "SIP/2.0 %s", status);
    message = raw_receive(begin);
    ck_assert_msg(*message != '\0', "no %s came", status);
    if (header)
        ck_assert_msg(strstr(raw_header(message, header), value) != NULL, "%s: %s in %s", header, value,
                      message);
}

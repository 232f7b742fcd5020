/* See test_call_fakes.h: phones. */
#include "tests/unit/test_call_fakes_internal.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct session fake_sessions[FAKE_SESSIONS];
unsigned fake_session_count;

static const struct agent_handlers *handlers;
static void *handlers_arg;

void fake_sip_begin(void)
{
    fake_session_count = 0;
}

static struct session *session_make(bool incoming)
{
    struct session *s = &fake_sessions[fake_session_count++];

    ck_assert_uint_le(fake_session_count, FAKE_SESSIONS);
    *s = (struct session){.used = true, .incoming = incoming};
    return s;
}

int session_invite(struct agent *agent, struct session **out, const struct session_target *target,
                   const char *sdp, const struct session_handlers *h, void *owner)
{
    struct session *s = session_make(false);

    (void)agent;
    s->handlers = h;
    s->owner = owner;
    snprintf(s->uri, sizeof s->uri, "%s", target->uri);
    snprintf(s->sent, sizeof s->sent, "%s", sdp);
    s->from = target->from;
    s->diversion_count = target->diversion_count;
    memcpy(s->diversions, target->diversions, sizeof s->diversions);
    s->to = target->to;
    s->referrer = target->referrer;
    snprintf(s->replaces, sizeof s->replaces, "%s", target->replaces ? target->replaces : "");
    NOTE(s->log, "invite");
    *out = s;
    return 0;
}

void session_own(struct session *s, const struct session_handlers *h, void *owner)
{
    s->handlers = h;
    s->owner = owner;
}

void session_tags(const struct session *s, const char **own, const char **theirs)
{
    (void)s;
    *own = "own";
    *theirs = "theirs";
}

const char *session_call_id(const struct session *s)
{
    (void)s;
    return "fake";
}

void *session_owner(const struct session *s)
{
    return s->let_go ? NULL : s->owner;
}

/* A dialog's Call-ID is its session's place. */
struct session *session_find(struct agent *agent, const struct dialog_name *name, bool *ended)
{
    struct session *s = &fake_sessions[atoi(name->call_id)];

    (void)agent;
    *ended = s->let_go;
    return s->let_go ? NULL : s;
}

struct refer {
    struct session *session;
};

int session_accept_referral(struct session *s, struct refer **out)
{
    ck_assert(!s->let_go);
    *out = malloc(sizeof **out);
    ck_assert_ptr_nonnull(*out);
    (*out)->session = s;
    NOTE(s->log, "accept");
    return 0;
}

void session_refuse_referral(struct session *s, int status)
{
    ck_assert(!s->let_go);
    NOTE(s->log, "refuse%d", status);
}

bool session_refers(const struct session *s)
{
    return !s->let_go;
}

int session_refer(struct session *s, const char *uri, const char *replaces, const struct party *referrer)
{
    (void)referrer;
    NOTE(s->log, "refer=%s%s%s", uri, replaces ? "?" : "", replaces ? replaces : "");
    return 0;
}

void session_own_uri(const struct session *s, char *out, size_t size)
{
    (void)s;
    snprintf(out, size, "sip:127.0.0.1:5060");
}

/* The last word is the last: who says more touches what is gone. */
void refer_tell(struct refer *refer, int status)
{
    NOTE(refer->session->log, "tell%d", status);
    if (status >= 200)
        free(refer);
}

const char *session_far_id(const struct session *s)
{
    (void)s;
    return "";
}

void session_set_near_id(struct session *s, const char *id)
{
    (void)s;
    (void)id;
}

static void local_address(struct sockaddr_storage *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    memset(out, 0, sizeof *out);
    memcpy(out, &in, sizeof in);
}

void session_local_address(const struct session *s, struct sockaddr_storage *out)
{
    ck_assert(!s->let_go);
    local_address(out);
}

int session_target_address(struct agent *agent, const struct session_target *target,
                           struct sockaddr_storage *out)
{
    (void)agent;
    (void)target;
    local_address(out);
    return 0;
}

void session_remote_address(const struct session *s, struct sockaddr_storage *out)
{
    (void)s;
    local_address(out);
}

unsigned session_fork(const struct session *s)
{
    (void)s;
    return 1;
}

bool session_is_reliable(const struct session *s)
{
    (void)s;
    return false;
}

int session_ring(struct session *s, int status, const char *sdp)
{
    ck_assert(!s->let_go);
    NOTE(s->log, "ring%d%s", status, sdp ? "+sdp" : "");
    if (sdp)
        snprintf(s->sent, sizeof s->sent, "%s", sdp);
    return 0;
}

int session_answer(struct session *s, const char *sdp)
{
    ck_assert(!s->let_go);
    NOTE(s->log, "answer");
    snprintf(s->sent, sizeof s->sent, "%s", sdp);
    s->confirmed = true;
    return 0;
}

void session_reject(struct session *s, int status, const char *reason, const char *redirect,
                    unsigned retry_after_s)
{
    (void)reason;
    (void)retry_after_s;
    NOTE(s->log, "reject%d", status);
    snprintf(s->redirect, sizeof s->redirect, "%s", redirect ? redirect : "");
}

const char *session_failure_reason(const struct session *s)
{
    (void)s;
    return "";
}

void session_set_reason(struct session *s, const char *value)
{
    (void)s, (void)value;
}

int session_offer_anew(struct session *s, const char *sdp)
{
    (void)s, (void)sdp;
    return EINVAL;
}

const char *session_target_peer(struct agent *agent, const struct session_target *target)
{
    (void)agent;
    (void)target;
    return NULL;
}

int session_set_metadata(struct session *s, const char *metadata)
{
    (void)s;
    (void)metadata;
    return 0;
}

int session_reoffer(struct session *s, const char *sdp)
{
    ck_assert(!s->let_go);
    if (s->reoffer_error)
        return s->reoffer_error;
    NOTE(s->log, "reoffer");
    snprintf(s->sent, sizeof s->sent, "%s", sdp);
    return 0;
}

int session_reanswer(struct session *s, int status, const char *sdp)
{
    ck_assert(!s->let_go);
    NOTE(s->log, "reanswer%d", status);
    if (sdp)
        snprintf(s->sent, sizeof s->sent, "%s", sdp);
    return 0;
}

int session_send_digit(struct session *s, char digit, unsigned ms)
{
    (void)ms;
    NOTE(s->log, "info%c", digit);
    return 0;
}

void session_release(struct session *s, int status, const char *reason)
{
    ck_assert(!s->let_go);
    s->let_go = true;
    NOTE(s->log, "release%d", status);
    if (reason)
        NOTE(s->log, "%s", reason);
}

int agent_start(struct agent **out, struct loop *l, const struct settings *s, struct storage *storage,
                const struct agent_handlers *h, void *arg)
{
    (void)l;
    (void)s;
    (void)storage;
    handlers = h;
    handlers_arg = arg;
    *out = (struct agent *)&handlers;
    return 0;
}

void agent_reload(struct agent *agent, const struct settings *s)
{
    (void)agent;
    (void)s;
}

void agent_dialog_changed(struct agent *agent, const char *number)
{
    (void)agent;
    (void)number;
}

void session_set_focus(struct session *s, const char *user)
{
    (void)s;
    (void)user;
}

void agent_conference_judged(struct agent *agent, struct ticket ticket, int error, const char *room)
{
    (void)agent;
    (void)ticket;
    (void)error;
    (void)room;
}

void agent_conference_put(struct agent *agent, const char *room, const struct conference_member *member)
{
    (void)agent;
    (void)room;
    (void)member;
}

void agent_conference_drop(struct agent *agent, const char *room, unsigned id)
{
    (void)agent;
    (void)room;
    (void)id;
}

void agent_conference_describe(struct agent *agent, const char *room, const struct conference_state *state)
{
    (void)agent;
    (void)room;
    (void)state;
}

void agent_conference_left(struct agent *agent, const char *room, const struct session *session,
                           const char *user)
{
    (void)agent;
    (void)room;
    (void)session;
    (void)user;
}

void agent_conference_gone(struct agent *agent, const char *room)
{
    (void)agent;
    (void)room;
}

void agent_read_stats(const struct agent *agent, struct agent_stats *out)
{
    (void)agent;
    *out = (struct agent_stats){0};
}

void agent_drain(struct agent *agent)
{
    (void)agent;
}

void agent_stop(struct agent *agent)
{
    (void)agent;
}

struct session *fake_call(const char *user, const char *number, const char *offer)
{
    return fake_call_naming(user, number, offer, NULL, NULL);
}

struct session *fake_call_naming(const char *user, const char *number, const char *offer,
                                 const struct dialog_name *replaces, const struct dialog_name *join)
{
    struct session *s = session_make(true);
    struct invitation invitation = {.call_id = "fake",
                                    .target_params = "",
                                    .user = user,
                                    .peer = user ? NULL : "pbx",
                                    .offer = offer,
                                    .max_forwards = 70,
                                    .replaces = replaces,
                                    .join = join};

    snprintf(invitation.from.user, sizeof invitation.from.user, "%s", user ? user : "555");
    snprintf(invitation.target.user, sizeof invitation.target.user, "%s", number);
    if (handlers->refuse_call(handlers_arg)) {
        NOTE(s->log, "refused");
        s->let_go = true;
        return s;
    }
    handlers->invited(handlers_arg, s, &invitation);
    fake_settle();
    return s;
}

struct session *fake_invited(unsigned n)
{
    for (unsigned i = 0; i < fake_session_count; i++)
        if (!fake_sessions[i].incoming && n-- == 0)
            return &fake_sessions[i];
    return NULL;
}

const char *fake_sdp(unsigned port, const char *pts, const char *direction)
{
    static char texts[8][SDP_TEXT];
    static unsigned next;
    char *text = texts[next++ % 8];

    snprintf(text, SDP_TEXT,
             "v=0\r\no=- %u 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\n"
             "m=audio %u RTP/AVP %s\r\na=rtpmap:101 telephone-event/8000\r\na=%s\r\n",
             port, port, pts, direction);
    return text;
}

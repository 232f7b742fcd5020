/* See test_call_fakes.h. */
#include "tests/unit/test_call_fakes.h"

#include "core/base/clock.h"
#include "mixer/recording.h"
#include "storage/mailbox.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct session fake_sessions[FAKE_SESSIONS];
unsigned fake_session_count;
char fake_media[4096];
uint32_t fake_serial;
struct subscriber fake_subscribers[8];
int fake_storage_error;
struct fake_app fake_probe, fake_voicemail;
const char *fake_links = "";

static struct server *server;
static struct loop *loop;
static const struct settings *settings;
static const struct agent_handlers *handlers;
static void *handlers_arg;
static int event_fd;
static port_id last_port;
static unsigned open_ports;
static struct mixer_event events[64];
static unsigned event_count;

struct question {
    char number[NUMBER_TEXT];
    struct ticket ticket;
    subscriber_reply *reply;
};
static struct question questions[16];
static unsigned question_count;

__attribute__((format(printf, 3, 4))) static void note(char *log, size_t size, const char *format, ...)
{
    size_t used = strlen(log);
    va_list args;

    va_start(args, format);
    vsnprintf(log + used, size - used, format, args);
    va_end(args);
}
#define NOTE(log, ...) note(log, sizeof(log), " " __VA_ARGS__)

static bool noted(const char *log, const char *word)
{
    size_t length = strlen(word);

    for (const char *p = strstr(log, word); p; p = strstr(p + 1, word))
        if (p > log && p[-1] == ' ' && (p[length] == ' ' || p[length] == '\0'))
            return true;
    return false;
}

bool fake_did(const struct session *s, const char *word)
{
    return noted(s->log, word);
}

bool fake_media_did(const char *word)
{
    return noted(fake_media, word);
}

/* -- SIP ------------------------------------------------------------------------------------------------- */

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

/* -- the mixer ------------------------------------------------------------------------------------------- */

int mixer_start(struct mixer **out, const struct mixer_config *config)
{
    ck_assert_uint_gt(config->max_ports, 0);
    *out = (struct mixer *)&last_port;
    return 0;
}

void mixer_stop(struct mixer *m)
{
    (void)m;
}

int mixer_event_fd(const struct mixer *m)
{
    (void)m;
    return event_fd;
}

bool mixer_next_event(struct mixer *m, struct mixer_event *out)
{
    uint64_t dummy;

    (void)m;
    if (event_count == 0) {
        if (read(event_fd, &dummy, sizeof dummy) < 0)
            return false;
        return false;
    }
    *out = events[0];
    memmove(events, events + 1, --event_count * sizeof events[0]);
    return true;
}

void fake_event(const struct mixer_event *event)
{
    uint64_t one = 1;

    ck_assert_uint_lt(event_count, 64);
    events[event_count++] = *event;
    ck_assert_int_eq(write(event_fd, &one, sizeof one), sizeof one);
}

void mixer_read_stats(struct mixer *m, struct mixer_stats *out)
{
    (void)m;
    *out = (struct mixer_stats){.ports = open_ports};
}

int port_open(struct mixer *m, const struct sockaddr *local, port_id *out, uint16_t *rtp_port)
{
    (void)m;
    (void)local;
    *out = ++last_port;
    *rtp_port = (uint16_t)(20000 + 2 * last_port);
    open_ports++;
    NOTE(fake_media, "open%u", *out);
    return 0;
}

void port_close(struct mixer *m, port_id port)
{
    (void)m;
    NOTE(fake_media, "close%u", port);
    open_ports--;
    fake_event(&(struct mixer_event){.type = EVENT_PORT_CLOSED, .port = port});
}

int port_set_format(struct mixer *m, port_id port, const struct media_format *format)
{
    (void)m;
    NOTE(fake_media, "format%u=%s/%s%s", port, codec_name(format->codecs[0].codec), format->send ? "s" : "",
         format->receive ? "r" : "");
    return 0;
}

int port_connect_none(struct mixer *m, port_id port)
{
    (void)m;
    NOTE(fake_media, "none%u", port);
    return 0;
}

int port_connect_echo(struct mixer *m, port_id port)
{
    (void)m;
    NOTE(fake_media, "echo%u", port);
    return 0;
}

int port_connect_bridge(struct mixer *m, port_id a, port_id b)
{
    (void)m;
    NOTE(fake_media, "bridge%u-%u", a, b);
    return 0;
}

int port_connect_room(struct mixer *m, port_id port, room_id room)
{
    (void)m;
    NOTE(fake_media, "room%u-%u", port, room);
    return 0;
}

int port_set_gains(struct mixer *m, port_id port, int talk_db, int listen_db)
{
    (void)m;
    NOTE(fake_media, "gains%u=%d,%d", port, talk_db, listen_db);
    return 0;
}

int port_set_mute(struct mixer *m, port_id port, bool mute)
{
    (void)m;
    NOTE(fake_media, "mute%u=%d", port, (int)mute);
    return 0;
}

unsigned port_level(struct mixer *m, port_id port)
{
    (void)m;
    (void)port;
    return 127;
}

int port_set_deaf(struct mixer *m, port_id port, bool deaf)
{
    (void)m;
    NOTE(fake_media, "deaf%u=%d", port, (int)deaf);
    return 0;
}

int port_set_softer(struct mixer *m, port_id listener, port_id talker, int db)
{
    (void)m;
    NOTE(fake_media, "softer%u,%u=%d", listener, talker, db);
    return 0;
}

int port_set_whisper(struct mixer *m, port_id talker, port_id to)
{
    (void)m;
    NOTE(fake_media, "whisper%u=%u", talker, to);
    return 0;
}

int port_set_source(struct mixer *m, port_id port, port_id source)
{
    (void)m;
    NOTE(fake_media, "source%u=%u", port, source);
    return 0;
}

int port_keep_digits(struct mixer *m, port_id port, bool keep)
{
    (void)m;
    NOTE(fake_media, "keep%u=%d", port, (int)keep);
    return 0;
}

int port_set_denoise(struct mixer *m, port_id port, bool denoise)
{
    (void)m;
    NOTE(fake_media, "denoise%u=%d", port, (int)denoise);
    return 0;
}

int room_set_loudness(struct mixer *m, room_id room, bool loudness)
{
    (void)m;
    NOTE(fake_media, "loudness%u=%d", room, (int)loudness);
    return 0;
}

int port_send_digit(struct mixer *m, port_id port, char digit, unsigned ms)
{
    (void)m;
    (void)ms;
    NOTE(fake_media, "digit%u=%c", port, digit);
    return 0;
}

int room_open(struct mixer *m, unsigned rate, room_id *out)
{
    (void)m;
    (void)rate;
    *out = 77;
    return 0;
}

void room_close(struct mixer *m, room_id room)
{
    (void)m;
    (void)room;
}

int port_set_label(struct mixer *m, port_id port, const char *name, const char *call)
{
    (void)m;
    (void)call;
    NOTE(fake_media, "label%u=%s", port, name);
    return 0;
}

const char *const record_format_names[RECORD_FORMATS] = {"wav", "flac", "opus"};

int record_format_from_name(const char *name)
{
    return strcmp(name, "opus") == 0 ? RECORD_OPUS : -1;
}

/* The name within the folder follows the clock and a die: only the room's part of it is noted. */
int room_record(struct mixer *m, room_id room, uint32_t serial, const struct room_recording *what)
{
    (void)m;
    (void)serial;
    NOTE(fake_media, "record%u=%s/%.5s/%d/%d", room, what->title, what->name, what->format, what->tracks);
    return 0;
}

int room_record_pause(struct mixer *m, uint32_t room, bool pause)
{
    (void)m;
    NOTE(fake_media, "record-pause%u=%d", room, (int)pause);
    return 0;
}

void room_record_stop(struct mixer *m, uint32_t room)
{
    (void)m;
    NOTE(fake_media, "record-stop%u", room);
}

int room_play(struct mixer *m, room_id room, const struct play_item *items, size_t count)
{
    (void)m;
    (void)room;
    (void)items;
    (void)count;
    return 0;
}

int port_play(struct mixer *m, port_id port, uint32_t serial, const struct play_item *items, size_t count,
              bool repeat)
{
    (void)m;
    (void)items;
    fake_serial = serial;
    NOTE(fake_media, "%s%u=%zu", repeat ? "loop" : "play", port, count);
    return 0;
}

void port_play_stop(struct mixer *m, port_id port)
{
    (void)m;
    NOTE(fake_media, "stop%u", port);
}

void port_play_pause(struct mixer *m, port_id port, bool paused)
{
    (void)m;
    NOTE(fake_media, "pause%u=%d", port, (int)paused);
}

void port_play_skip(struct mixer *m, port_id port, int ms)
{
    (void)m;
    NOTE(fake_media, "skip%u=%d", port, ms);
}

int port_play_seek(struct mixer *m, port_id port, uint32_t ms)
{
    (void)m;
    NOTE(fake_media, "seek%u=%u", port, ms);
    return 0;
}

int port_play_speed(struct mixer *m, port_id port, unsigned percent)
{
    (void)m;
    NOTE(fake_media, "speed%u=%u", port, percent);
    return 0;
}

int port_play_gain(struct mixer *m, port_id port, int db)
{
    (void)m;
    NOTE(fake_media, "volume%u=%d", port, db);
    return 0;
}

int sound_load(struct mixer *m, const char *path, bool level, sound_id *out)
{
    (void)m;
    *out = strcmp(path, "/fake.wav") == 0 ? 800 : 900;
    ck_assert(level || *out == 900); /* phrases are joined to sentences */
    return 0;
}

void sound_drop(struct mixer *m, sound_id sound)
{
    (void)m;
    NOTE(fake_media, "drop%u", sound);
}

int port_record(struct mixer *m, uint32_t port, uint32_t serial, const char *path,
                const struct record_limits *limits)
{
    (void)m;
    (void)limits;
    fake_serial = serial;
    NOTE(fake_media, "record%u=%s", port, path);
    return strcmp(path, "/full") == 0 ? ENOSPC : 0;
}

void port_record_stop(struct mixer *m, uint32_t port)
{
    (void)m;
    NOTE(fake_media, "recordstop%u", port);
}

int port_fax(struct mixer *m, uint32_t port, uint32_t serial, const char *path, const char *ident)
{
    (void)m;
    fake_serial = serial;
    NOTE(fake_media, "fax%u=%s as %s", port, path, ident);
    return 0;
}

void port_fax_stop(struct mixer *m, uint32_t port)
{
    (void)m;
    NOTE(fake_media, "faxstop%u", port);
}

int port_fax_packets(struct mixer *m, uint32_t port, const struct sockaddr *remote, const struct fax_t38 *format)
{
    (void)m;
    (void)remote;
    NOTE(fake_media, "packets%u max=%u", port, format->max_datagram);
    return 0;
}

int port_listen_fax(struct mixer *m, uint32_t port, bool listen)
{
    (void)m;
    NOTE(fake_media, "%s%u", listen ? "listenfax" : "nofax", port);
    return 0;
}

/* -- storage, prompts ------------------------------------------------------------------------------------ */

int storage_start(struct storage **out, const struct settings *s, struct loop *l)
{
    (void)s;
    (void)l;
    *out = (struct storage *)&fake_storage_error;
    return 0;
}

void storage_stop(struct storage *st)
{
    (void)st;
}

int subscriber_find(struct storage *st, const char *number, struct ticket ticket, subscriber_reply *reply)
{
    struct question *q = &questions[question_count++];

    (void)st;
    ck_assert_uint_le(question_count, 16);
    q->ticket = ticket;
    q->reply = reply;
    snprintf(q->number, sizeof q->number, "%s", number);
    return 0;
}

/* The newest record is kept for who wants to read it. */
json_t *fake_record;

int record_save(struct storage *st, struct record *record)
{
    (void)st;
    json_decref(fake_record);
    fake_record = json_loadb(record->text, record->length, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(fake_record);
    record_free(record);
    return 0;
}

int cache_discard(struct storage *st, const char *path, struct ticket ticket, storage_done *reply)
{
    (void)st;
    (void)ticket;
    (void)reply;
    NOTE(fake_media, "discard=%s", path);
    return 0;
}

static void storage_reply(void)
{
    while (question_count > 0) {
        struct question q = questions[0];
        const struct subscriber *found = NULL;

        memmove(questions, questions + 1, --question_count * sizeof questions[0]);
        for (size_t i = 0; i < 8 && !found; i++)
            if (strcmp(fake_subscribers[i].number, q.number) == 0)
                found = &fake_subscribers[i];
        if (fake_storage_error)
            q.reply(q.ticket, fake_storage_error, NULL);
        else
            q.reply(q.ticket, found ? 0 : ENOENT, found);
    }
}

int prompts_load(struct prompts **out, const struct prompts_config *config)
{
    (void)config;
    *out = (struct prompts *)&last_port;
    return 0;
}

void prompts_free(struct prompts *p)
{
    (void)p;
}

/* One language, whatever is wanted. */
const struct prompts *prompts_in(const struct prompts *p, const char *wanted)
{
    (void)wanted;
    return p;
}

void say(const struct prompts *p, struct phrase *to, const char *name)
{
    (void)p;
    NOTE(fake_media, "say=%s", name);
    to->fragments[to->count++] = 0;
}

void say_digits(const struct prompts *p, struct phrase *to, const char *text)
{
    (void)p;
    NOTE(fake_media, "digits=%s", text);
    to->fragments[to->count++] = 0;
}

size_t prompts_count(const struct prompts *p)
{
    (void)p;
    return 3;
}

const char *prompts_path(const struct prompts *p, uint16_t fragment)
{
    (void)p;
    (void)fragment;
    return "/fake.wav";
}

const char *prompts_music(const struct prompts *p, size_t i)
{
    (void)p;
    return i < 2 ? "/music.wav" : NULL;
}

/* -- applications ---------------------------------------------------------------------------------------- */

static struct fake_app *fake_of(const struct link *link)
{
    return strcmp(link->app->name, "probe") == 0 ? &fake_probe : &fake_voicemail;
}

static void app_invited(struct link *link, const struct request *request)
{
    if (fake_of(link)->invited)
        fake_of(link)->invited(link, request);
    else
        link_continue(link);
}

static bool app_failed(struct link *link, int status)
{
    fake_of(link)->last_failure = status;
    fake_of(link)->failures++;
    return fake_of(link)->failed && fake_of(link)->failed(link, status);
}

static bool app_heard(struct link *link, const struct news *news)
{
    return fake_of(link)->heard(link, news);
}

static void app_answered(struct link *link)
{
    if (fake_of(link)->answered)
        fake_of(link)->answered(link);
}

static void app_held(struct link *link, bool held)
{
    if (held)
        fake_of(link)->held++;
    else
        fake_of(link)->resumed++;
}

static void app_ended(struct link *link)
{
    fake_of(link)->ended++;
}

#define FAKE_APP(NAME)                                                                                       \
    {                                                                                                        \
        .name = NAME, .invited = app_invited, .failed = app_failed, .answered = app_answered,                \
        .held = app_held, .ended = app_ended                                                                 \
    }
static struct app probe_app = FAKE_APP("probe");
static const struct app voicemail_app = FAKE_APP("voicemail");
const struct app *const applications[] = {&probe_app, &voicemail_app, NULL};

/* -- the scene ------------------------------------------------------------------------------------------- */

static void complain(const char *line, void *arg)
{
    (void)arg;
    ck_abort_msg("%s", line);
}

static void subscriber_make(size_t i, const char *number, const char *name, size_t contacts,
                            const char *mailbox)
{
    struct subscriber *s = &fake_subscribers[i];

    *s = (struct subscriber){.binding_count = contacts};
    snprintf(s->number, sizeof s->number, "%s", number);
    snprintf(s->name, sizeof s->name, "%s", name);
    snprintf(s->mailbox, sizeof s->mailbox, "%s", mailbox);
    for (size_t c = 0; c < contacts; c++)
        snprintf(s->bindings[c].contact, sizeof s->bindings[c].contact, "sip:%s@127.0.0.1:%zu", number,
                 6000 + c);
}

struct server *fake_server_start(void)
{
    static const char conf[] = "realm = \"test\"\nsip { listen = {\"127.0.0.1:5060\"} }\n"
                               "limits { calls = 4 }\n"
                               "database { migrations = \"/tmp\" }\n"
                               "prompts { sounds = \"/tmp\" voices = \"/tmp\" }\n"
                               "peer \"pbx\" { address = {\"127.0.0.2\"} uri = \"sip:127.0.0.2:5062\" }\n"
                               "number \"100X\" { application = \"user\" }\n"
                               "number \"0.\" { application = \"peer\" argument = \"pbx\" }\n"
                               "number \"5000\" { application = \"probe\" argument = \"five\" }\n"
                               "number \"6000\" { application = \"unheard-of\" }\n";
    char name[] = "/tmp/test_call_XXXXXX";
    int fd = mkstemp(name);

    ck_assert_int_eq(write(fd, conf, sizeof conf - 1), (ssize_t)sizeof conf - 1);
    ck_assert_int_eq(write(fd, fake_links, strlen(fake_links)), (ssize_t)strlen(fake_links));
    close(fd);
    ck_assert_int_eq(settings_load(&settings, name, complain, NULL), 0);
    unlink(name);
    event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    subscriber_make(0, "1001", "Ada", 1, "1001");
    subscriber_make(1, "1002", "Bo", 2, "1002");
    subscriber_make(2, "1003", "Cy", 0, "");
    subscriber_make(3, "1004", "Di", 1, "");
    fake_session_count = question_count = event_count = open_ports = 0;
    last_port = 0;
    fake_storage_error = 0;
    fake_media[0] = '\0';
    fake_probe = fake_voicemail = (struct fake_app){0};
    fake_probe_hears(NULL);
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(server_start(&server, loop, settings), 0);
    return server;
}

void fake_server_end(void)
{
    struct server_stats stats;

    fake_later(0);
    server_read_stats(server, &stats);
    ck_assert_uint_eq(stats.calls, 0);
    ck_assert_uint_eq(stats.legs, 0);
    ck_assert_uint_eq(stats.ports, 0);
    for (unsigned i = 0; i < fake_session_count; i++)
        ck_assert_msg(fake_sessions[i].let_go, "session %u was never let go:%s", i, fake_sessions[i].log);
    server_stop(server);
    loop_free(loop);
    settings_free(settings);
    close(event_fd);
}

struct loop *fake_loop(void)
{
    return loop;
}

void fake_settle(void)
{
    for (int i = 0; i < 8; i++) {
        storage_reply();
        loop_step(loop, 1);
    }
}

void fake_later(unsigned ms)
{
    fake_settle();
    clock_advance((uint64_t)ms * 1000);
    fake_settle();
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

port_id fake_port_of(const struct session *s)
{
    return ((const struct leg *)s->owner)->port;
}

void fake_probe_hears(bool (*heard)(struct link *link, const struct news *news))
{
    fake_probe.heard = heard;
    probe_app.heard = heard ? app_heard : NULL;
}

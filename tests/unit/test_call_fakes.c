/* See test_call_fakes.h. */
#include "tests/unit/test_call_fakes_internal.h"

#include "core/base/clock.h"
#include "storage/mailbox.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct subscriber fake_subscribers[8];
int fake_storage_error;
struct fake_app fake_probe, fake_voicemail;
const char *fake_links = "";

static struct server *server;
static struct loop *loop;
static const struct settings *settings;

struct question {
    char number[NUMBER_TEXT];
    struct ticket ticket;
    subscriber_reply *reply;
};
static struct question questions[16];
static unsigned question_count;

void fake_note(char *log, size_t size, const char *format, ...)
{
    size_t used = strlen(log);
    va_list args;

    va_start(args, format);
    vsnprintf(log + used, size - used, format, args);
    va_end(args);
}
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
    *out = (struct prompts *)&fake_storage_error;
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
    fake_sip_begin();
    fake_mixer_begin();
    subscriber_make(0, "1001", "Ada", 1, "1001");
    subscriber_make(1, "1002", "Bo", 2, "1002");
    subscriber_make(2, "1003", "Cy", 0, "");
    subscriber_make(3, "1004", "Di", 1, "");
    question_count = 0;
    fake_storage_error = 0;
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
    fake_mixer_end();
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

port_id fake_port_of(const struct session *s)
{
    return ((const struct leg *)s->owner)->port;
}

void fake_probe_hears(bool (*heard)(struct link *link, const struct news *news))
{
    fake_probe.heard = heard;
    probe_app.heard = heard ? app_heard : NULL;
}

/* The core of app_double.h. */
#include "tests/unit/app_double.h"

#include "core/call/desk.h"
#include "core/call/siprec.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct server server;
struct settings settings = {.room_record = (char[]){"off"}, .room_record_format = (char[]){"flac"}};
struct link calls[LINKS];
unsigned call_count;
char logged[4096];

/* -- the core's part
 * ------------------------------------------------------------------------------------------ */

static void tell(char *told, size_t size, const char *text)
{
    size_t length = strlen(told);

    snprintf(told + length, size - length, "%s%s", length ? " " : "", text);
}

#define link_tell(link, ...)                                                                                 \
    do {                                                                                                     \
        char told_text[1200];                                                                                \
        snprintf(told_text, sizeof told_text, __VA_ARGS__);                                                  \
        tell((link)->told, sizeof(link)->told, told_text);                                                   \
    } while (0)

/* Fragments by name, tones by frequency, silence by length: "vm-goodbye+1000Hz+500ms". */
static const char *list_text(const struct list *list)
{
    static char text[1024];
    size_t length = 0;

    *text = '\0';
    for (unsigned i = 0; i < list->count; i++) {
        const struct list_item *item = &list->items[i];
        length += (size_t)snprintf(text + length, sizeof text - length, "%s", i ? "+" : "");
        if (item->kind == ITEM_FRAGMENT) {
            const char *path = prompts_path(server.prompts, (uint16_t)item->what);
            const char *name =
                strstr(path, "Allison/") ? strstr(path, "Allison/") + 8 : strstr(path, "/en/") + 4;
            length +=
                (size_t)snprintf(text + length, sizeof text - length, "%.*s", (int)strcspn(name, "."), name);
        } else if (item->kind == ITEM_SOUND) {
            length += (size_t)snprintf(text + length, sizeof text - length, "file");
        } else {
            length += (size_t)snprintf(text + length, sizeof text - length, "%u%s",
                                       item->kind == ITEM_TONE ? item->what : item->ms,
                                       item->kind == ITEM_TONE ? "Hz" : "ms");
        }
    }
    return text;
}

void link_continue(struct link *link)
{
    link_tell(link, "continue");
}

void link_reject(struct link *link, int status, const char *reason)
{
    (void)reason;
    link_tell(link, "reject=%d", status);
}

void link_retarget(struct link *link, const char *number, int cause)
{
    (void)cause;
    link_tell(link, "retarget=%s", number);
}

void link_fail(struct link *link, const char *why)
{
    link_tell(link, "fail(%s)", why);
}

bool link_early(struct link *link)
{
    if (!link->deaf)
        link_tell(link, "early");
    return !link->deaf;
}

bool link_ends(const struct link *link)
{
    return !link->passing;
}

const json_t *link_service(const struct link *link, const char *name)
{
    return json_object_get(link->services, name);
}

void link_answer(struct link *link)
{
    link_tell(link, "answer");
}

void link_hangup(struct link *link)
{
    link_tell(link, "hangup");
}

const struct request *link_request(const struct link *link)
{
    return &link->request;
}

void link_source(const struct link *link, char *out, size_t size)
{
    (void)link;
    snprintf(out, size, "192.0.2.1");
}

void link_set_state(struct link *link, void *state)
{
    link->state = state;
}

void *link_state(const struct link *link)
{
    return link->state;
}

struct ticket link_ticket(const struct link *link)
{
    return (struct ticket){(uint64_t)(link - calls), 1};
}

struct link *link_of(struct ticket ticket)
{
    return calls[ticket.owner].over ? NULL : &calls[ticket.owner];
}

void link_after(struct link *link, uint32_t ms, void (*fn)(struct link *link))
{
    link->timer = fn;
    link->timer_ms = ms;
}

struct server *link_server(const struct link *link)
{
    (void)link;
    return &server;
}

const struct settings *link_settings(const struct link *link)
{
    (void)link;
    return &settings;
}

const struct prompts *server_prompts(const struct server *of)
{
    return of->prompts;
}

const struct prompts *link_prompts(const struct link *of)
{
    return server_prompts(link_server(of));
}

void link_set_language(struct link *of, const char *language)
{
    if (language && *language)
        snprintf(of->language, sizeof of->language, "%s", language);
}

void link_offer_language(struct link *of, const char *language)
{
    (void)of;
    (void)language;
}

struct loop *server_loop(const struct server *of)
{
    return of->loop;
}

const struct settings *server_settings(const struct server *of)
{
    (void)of;
    return &settings;
}

/* Nobody sits at a desk. */
bool server_is_read(const struct server *of)
{
    (void)of;
    return false;
}

void server_publish(struct server *of, const char *topic, const char *room, const char *mailbox, json_t *data)
{
    (void)of;
    (void)topic;
    (void)room;
    (void)mailbox;
    json_decref(data);
}

bool server_levels_watched(const struct server *of)
{
    (void)of;
    return false;
}

void server_publish_levels(struct server *of, const char *room, json_t *data)
{
    (void)of;
    (void)room;
    json_decref(data);
}

bool server_is_ending(const struct server *of)
{
    return of->ending;
}

struct storage *server_storage(const struct server *of)
{
    (void)of;
    return NULL;
}

void link_log(const struct link *link, int level, const char *format, ...)
{
    char text[600];
    va_list args;

    (void)link;
    (void)level;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tell(logged, sizeof logged, text);
}

/* As the core does: what does not fit is left out. */
static void list_add(struct list *list, struct list_item item)
{
    if (list->count < LIST_MAX)
        list->items[list->count++] = item;
}

void list_phrase(struct list *list, const struct phrase *phrase)
{
    for (unsigned i = 0; i < phrase->count; i++)
        list_add(list, (struct list_item){.kind = ITEM_FRAGMENT, .what = phrase->fragments[i]});
}

void list_silence(struct list *list, unsigned ms)
{
    list_add(list, (struct list_item){.kind = ITEM_SILENCE, .ms = ms});
}

void list_tone(struct list *list, unsigned hz, unsigned ms)
{
    list_add(list, (struct list_item){.kind = ITEM_TONE, .what = hz, .ms = ms});
}

void list_beep(struct list *list)
{
    list_tone(list, 1000, 250);
}

/* What was given is told apart by its path; unlinking is the core's affair. */
void list_file(struct link *link, struct list *list, const char *path, bool unlink_it)
{
    link_tell(link, "file=%s%s", path, unlink_it ? "!" : "");
    list_add(list, (struct list_item){.kind = ITEM_SOUND});
}

/* A play, menu or question takes the place of the one before. */
static void media_replace(struct link *link)
{
    link->played = NULL;
    link->menu = NULL;
    link->typed = NULL;
    link->recorded = NULL;
    link->faxed = NULL;
}

void link_play(struct link *link, const struct list *list, link_step *done)
{
    media_replace(link);
    link->played = done;
    link_tell(link, "play=%s", list_text(list));
}

void link_music(struct link *link)
{
    media_replace(link);
    link_tell(link, "music");
}

void link_quiet(struct link *link)
{
    media_replace(link);
    link_tell(link, "quiet");
}

void link_menu_live(struct link *link, const struct list *list, const char *keys, const char *live,
                    unsigned wait_ms, link_key *fn)
{
    media_replace(link);
    link->menu = fn;
    link->wait_ms = wait_ms;
    snprintf(link->keys, sizeof link->keys, "%s", keys);
    snprintf(link->live, sizeof link->live, "%s", live);
    link_tell(link, "menu=%s", list_text(list));
}

void link_menu(struct link *link, const struct list *list, const char *keys, unsigned wait_ms, link_key *fn)
{
    link_menu_live(link, list, keys, "", wait_ms, fn);
}

void link_pause(struct link *link, bool paused)
{
    link_tell(link, "pause=%d", paused);
}

void link_skip(struct link *link, int ms)
{
    link_tell(link, "skip=%d", ms);
}

void link_play_speed(struct link *link, unsigned percent)
{
    link_tell(link, "speed=%u", percent);
}

void link_play_gain(struct link *link, int db)
{
    link_tell(link, "gain=%d", db);
}

void link_record(struct link *link, const char *path, uint32_t max_ms, uint32_t silence_ms, const char *keys,
                 link_recorded *fn)
{
    media_replace(link);
    link->recorded = fn;
    link->max_ms = max_ms;
    link->silence_ms = silence_ms;
    snprintf(link->path, sizeof link->path, "%s", path);
    link_tell(link, "record=%s", keys);
}

void link_record_more(struct link *link, const char *path, uint32_t max_ms, uint32_t silence_ms,
                      const char *keys, link_recorded *fn)
{
    link_record(link, path, max_ms, silence_ms, keys, fn);
    link_tell(link, "more");
}

bool link_waits(const struct link *link)
{
    return !link->over;
}

void link_record_stop(struct link *link)
{
    link_tell(link, "stop");
}

/* That none is waited for any more is told only where one was. */
void link_on_fax(struct link *link, link_step *fn)
{
    if (fn)
        link_tell(link, "onfax");
    else if (link->on_fax)
        link_tell(link, "nofax");
    link->on_fax = fn;
}

void link_receive_fax(struct link *link, const char *path, const char *ident, const struct fax_most *most,
                      link_faxed *fn)
{
    media_replace(link);
    link->on_fax = NULL;
    link->faxed = fn;
    link->most = *most;
    link_tell(link, "fax=%s/%s", path, ident);
}

void link_fax_stop(struct link *link)
{
    link_tell(link, "faxstop");
}

void link_remark(struct link *link, const struct list *list)
{
    link_tell(link, "remark=%s", list_text(list));
}

void link_ask(struct link *link, const struct list *list, unsigned max, unsigned wait_ms, link_digits *fn)
{
    (void)max;
    media_replace(link);
    link->wait_ms = wait_ms;
    link->typed = fn;
    link_tell(link, "ask=%s", list_text(list));
}

void link_ask_until(struct link *link, const struct list *list, unsigned max, unsigned wait_ms,
                    const char *keys, link_digits *fn)
{
    link_ask(link, list, max, wait_ms, fn);
    link_tell(link, "until=%s", keys);
}

const char *link_name(const struct link *link)
{
    (void)link;
    return "double";
}

void link_on_key(struct link *link, link_key *fn)
{
    link->on_key = fn;
}

void link_echo(struct link *link)
{
    link_tell(link, "echo");
}

void link_enter(struct link *link, uint32_t room)
{
    link_tell(link, "enter=%u", room);
}

void link_gains(struct link *link, int talk_db, int listen_db)
{
    link_tell(link, "gains=%d/%d", talk_db, listen_db);
}

void link_mute(struct link *link, bool mute)
{
    link_tell(link, "mute=%d", mute);
}

unsigned link_level(const struct link *link)
{
    (void)link;
    return 127;
}

void link_deaf(struct link *link, bool deaf)
{
    link_tell(link, "deaf=%d", deaf);
}

static unsigned link_number(const struct link *link)
{
    return (unsigned)(link - calls);
}

int link_soften(struct link *link, struct link *talker, int db)
{
    link_tell(link, "soften=%u/%d", link_number(talker), db);
    return 0;
}

int link_whisper(struct link *link, struct link *to)
{
    if (to)
        link_tell(link, "whisper=%u", link_number(to));
    else
        link_tell(link, "unwhisper");
    return 0;
}

/* -- the recording server's: only told of -- */

int siprec_start(struct siprec **out, struct server *of, const char *uri, const char *name, uint32_t mix)
{
    (void)mix;
    (void)uri;
    tell(of->told, sizeof of->told, "siprec");
    *out = (struct siprec *)(void *)of;
    (void)name;
    return 0;
}

void siprec_stop(struct siprec *siprec)
{
    struct server *of = (struct server *)(void *)siprec;

    tell(of->told, sizeof of->told, "siprec-stop");
}

int siprec_join(struct siprec *siprec, unsigned number, struct link *link, const char *user, const char *name)
{
    (void)siprec;
    (void)name;
    link_tell(link, "recorded=%u/%s", number, user);
    return 0;
}

void siprec_leave(struct siprec *siprec, unsigned number)
{
    (void)siprec;
    (void)number;
}

void siprec_talks(struct siprec *siprec, unsigned number)
{
    (void)siprec;
    (void)number;
}

void link_denoise(struct link *link, bool denoise)
{
    link_tell(link, "denoise=%d", denoise);
}

/* -- a focus ----------------------------------------------------------------------------------------------
 */

void link_set_focus(struct link *link, const char *user)
{
    snprintf(link->focus, sizeof link->focus, "%s", user);
}

__attribute__((format(printf, 2, 3))) static void roster_tell(struct server *of, const char *format, ...)
{
    char text[200];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tell(of->roster, sizeof of->roster, text);
}

void focus_judged(struct server *of, struct ticket ticket, int error, const char *room)
{
    (void)ticket;
    roster_tell(of, "judged=%s/%d", room, error);
}

void focus_describe(struct server *of, const char *room, const struct conference_state *state)
{
    (void)room;
    roster_tell(of, "count=%u%s%s", state->count, state->locked ? "/locked" : "",
                state->active ? "" : "/over");
}

void focus_put(struct server *of, const char *room, const struct conference_member *member)
{
    static const char *const statuses[] = {"pending", "dialing-out", "on-hold", "connected", "muted"};

    (void)room;
    roster_tell(of, "put=%u/%s%s", member->id, statuses[member->status], member->host ? "/host" : "");
}

void focus_drop(struct server *of, const char *room, unsigned id)
{
    (void)room;
    roster_tell(of, "drop=%u", id);
}

void focus_left(struct server *of, const char *room, const struct link *link, const char *user)
{
    (void)room;
    (void)link;
    if (user)
        roster_tell(of, "blind=%s", user);
}

void focus_gone(struct server *of, const char *room)
{
    (void)room;
    roster_tell(of, "gone");
}

int mix_open(struct server *of, uint32_t *room)
{
    if (of->mix_error)
        return of->mix_error;
    *room = ++of->next_mix;
    tell(of->told, sizeof of->told, "open");
    return 0;
}

void mix_close(struct server *of, uint32_t room)
{
    (void)room;
    tell(of->told, sizeof of->told, "close");
}

void mix_set_loudness(struct server *of, uint32_t room, bool loudness)
{
    char text[40];

    snprintf(text, sizeof text, "loudness%u=%d", room, loudness);
    tell(of->told, sizeof of->told, text);
}

int mix_record(struct server *of, uint32_t room, const char *name, bool tracks, const char *format,
               char *file, size_t size)
{
    char line[100];

    snprintf(file, size, "%s-file", name);
    if (of->record_error)
        return of->record_error;
    snprintf(line, sizeof line, "record=%u/%s/%s/%s", room, name, tracks ? "tracks" : "mix", format);
    tell(of->told, sizeof of->told, line);
    return 0;
}

int mix_pause_recording(struct server *of, uint32_t room, bool pause)
{
    (void)room;
    tell(of->told, sizeof of->told, pause ? "record-pause" : "record-resume");
    return 0;
}

void mix_stop_recording(struct server *of, uint32_t room)
{
    (void)room;
    tell(of->told, sizeof of->told, "record-stop");
}

void mix_play(struct server *of, uint32_t room, const struct list *list)
{
    (void)room;
    tell(of->told, sizeof of->told, list_text(list));
}

/* -- the caller's part
 * ---------------------------------------------------------------------------------------- */

void double_begin(void)
{
    const struct prompts_config config = {SOUNDS_DIR, TEST_VOICES, "en", NULL, 0};

    log_set_level(LEVEL_ERROR);
    ck_assert_int_eq(prompts_load(&server.prompts, &config), 0);
}

void double_end(void)
{
    for (unsigned i = 0; i < call_count; i++) {
        if (!calls[i].over)
            hang_up(&calls[i]);
    }
    prompts_free(server.prompts);
}

/* -- calls that the server makes, and REFER ----------------------------------------------------------------
 */

int call_make(struct server *of, const struct call_order *order)
{
    char text[2 * NUMBER_TEXT];

    if (of->make_error)
        return of->make_error;
    snprintf(text, sizeof text, "call=%s%s", order->number, order->phones_only ? "/phones" : "");
    tell(of->told, sizeof of->told, text);
    snprintf(of->made.number, sizeof of->made.number, "%s", order->number);
    snprintf(of->made.user, sizeof of->made.user, "%s", order->user ? order->user : "");
    snprintf(of->made.argument, sizeof of->made.argument, "%s", order->argument ? order->argument : "");
    of->made.done = order->done;
    of->made.arg = order->arg;
    return 0;
}

void call_cancel_origin(struct server *of, const void *arg)
{
    (void)arg;
    tell(of->told, sizeof of->told, "cancel");
}

bool uri_user(const char *uri, char *out, size_t size)
{
    const char *begin = strchr(uri, ':') + 1;
    int length = (int)strcspn(begin, "@;");

    return length > 0 && snprintf(out, size, "%.*s", length, begin) < (int)size;
}

void refer_tell(struct refer *refer, int status)
{
    char text[24];

    snprintf(text, sizeof text, "referred=%d", status);
    tell(((struct link *)(void *)refer)->told, sizeof calls->told, text);
}

int link_accept_referral(struct link *link, struct refer **out)
{
    link_tell(link, "accept");
    *out = (struct refer *)(void *)link;
    return 0;
}

int link_bring(struct link *link, const struct dialog_name *name, const char *argument, const char *number)
{
    (void)name;
    (void)argument;
    link_tell(link, "bring=%s", number);
    return ENOENT;
}

/* A dialog is named by the place of its call. */
struct link *link_named(struct server *of, const struct dialog_name *name)
{
    (void)of;
    return &calls[atoi(name->call_id)];
}

struct link *call_with(const struct app *app, const struct request *request)
{
    struct link *link = &calls[call_count++];

    ck_assert_uint_le(call_count, LINKS);
    link->app = app;
    link->request = *request;
    app->invited(link, &link->request);
    return link;
}

struct link *call(const struct app *app, const char *number, const char *argument, const char *params)
{
    const struct request request = {.call = "test", .number = number, .argument = argument, .params = params};

    return call_with(app, &request);
}

void hang_up(struct link *link)
{
    link->over = true;
    link->app->ended(link);
}

void answer(struct link *link)
{
    ck_told(link, "answer");
    link->app->answered(link);
}

void play_over(struct link *link)
{
    link_step *done = link->played;

    ck_assert(done != NULL);
    link->played = NULL;
    done(link);
}

/* A key that the menu does not take is none of its business; one of `live` leaves it standing. */
void press(struct link *link, char key)
{
    link_key *fn = link->menu ? link->menu : link->on_key;

    ck_assert(fn != NULL);
    if (link->menu && key)
        ck_assert(strchr(link->keys, key) || strchr(link->live, key));
    if (!key || !strchr(link->live, key))
        link->menu = NULL;
    fn(link, key);
}

void type(struct link *link, const char *digits)
{
    link_digits *fn = link->typed;

    ck_assert(fn != NULL);
    link->typed = NULL;
    fn(link, digits);
}

void record(struct link *link, enum recorded_end end, uint32_t ms, uint32_t speech_ms)
{
    const struct recorded recorded = {
        .end = end, .ms = ms, .speech_ms = speech_ms, .error = end == RECORDED_FAILED ? 28 : 0};
    link_recorded *fn = link->recorded;

    ck_assert(fn != NULL);
    link->recorded = NULL;
    fn(link, &recorded);
}

void fax_calls(struct link *link)
{
    link_step *fn = link->on_fax;

    ck_assert(fn != NULL);
    link->on_fax = NULL;
    fn(link);
}

void fax_over(struct link *link, int error, unsigned pages, bool complete)
{
    const struct faxed faxed = {.error = error, .pages = pages, .complete = complete, .sender = "+44 20"};
    link_faxed *fn = link->faxed;

    ck_assert(fn != NULL);
    link->faxed = NULL;
    fn(link, &faxed);
}

void record_hang_up(struct link *link, uint32_t ms, uint32_t speech_ms)
{
    link->over = true;
    record(link, RECORDED_HUNG_UP, ms, speech_ms);
    hang_up(link);
}

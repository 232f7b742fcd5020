/* The storage of voicemail_double.h. */
#include "tests/unit/voicemail_double.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- storage's part
 * ---------------------------------------------------------------------------------------------- */

struct asked asked;

static int ask(struct ticket ticket, const char *what, const char *key)
{
    size_t length = strlen(asked.told);

    snprintf(asked.told + length, sizeof asked.told - length, "%s%s=%s", length ? " " : "", what, key);
    asked.ticket = ticket;
    return asked.refuse;
}

int subscriber_find(struct storage *st, const char *number, struct ticket ticket, subscriber_reply *reply)
{
    (void)st;
    asked.subscriber = reply;
    return ask(ticket, "subscriber", number);
}

int subscriber_each_of_mailbox(struct storage *st, const char *mailbox, struct ticket ticket,
                               subscriber_reply *reply)
{
    (void)st;
    asked.subscriber = reply;
    return ask(ticket, "owners", mailbox);
}

int mailbox_find(struct storage *st, const char *number, struct ticket ticket, mailbox_reply *reply)
{
    (void)st;
    asked.mailbox = reply;
    return ask(ticket, "find", number);
}

int mailbox_find_first(struct storage *st, const char *const *numbers, size_t count, struct ticket ticket,
                       mailbox_first_reply *reply)
{
    char text[512] = "";

    (void)st;
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? "," : "", numbers[i]);
    asked.first = reply;
    return ask(ticket, "first", text);
}

int mailbox_check_pin(struct storage *st, const char *number, const char *pin, const struct guesser *from,
                      struct ticket ticket, mailbox_reply *reply)
{
    char text[128];

    (void)st;
    asked.from = *from;
    asked.mailbox = reply;
    snprintf(text, sizeof text, "%s/%s", number, pin);
    return ask(ticket, "check", text);
}

int mailbox_trust(struct storage *st, const char *number, const struct guesser *from, struct ticket ticket,
                  mailbox_reply *reply)
{
    (void)st;
    (void)from;
    asked.mailbox = reply;
    return ask(ticket, "trust", number);
}

int pin_judge(const char *pin, const char *number)
{
    return strlen(pin) < PIN_MIN ? EINVAL : strstr(pin, number) ? EPERM : 0;
}

int mailbox_set_pin(struct storage *st, const char *number, const char *pin, struct ticket ticket,
                    storage_done *reply)
{
    char text[128];

    (void)st;
    asked.done = reply;
    snprintf(text, sizeof text, "%s/%s", number, pin);
    return ask(ticket, "set", text);
}

int mailbox_count(struct storage *st, const char *number, struct ticket ticket, counts_reply *reply)
{
    (void)st;
    asked.counts = reply;
    return ask(ticket, "count", number);
}

static const char *const kinds[GREETING_COUNT] = {"unavailable", "busy",   "name",  "temporary",
                                                  "no-answer",   "closed", "caller"};

int greeting_fetch(struct storage *st, const char *number, enum greeting_kind kind, struct ticket ticket,
                   file_reply *reply)
{
    (void)st;
    (void)number;
    asked.file = reply;
    return ask(ticket, "greeting", kinds[kind]);
}

int greeting_fetch_for(struct storage *st, const char *number, const char *caller, bool alone,
                       struct ticket ticket, file_reply *reply)
{
    (void)st;
    (void)number;
    asked.file = reply;
    return ask(ticket, alone ? "greeting-alone" : "greeting-for", caller);
}

int greeting_store(struct storage *st, const char *number, enum greeting_kind kind, const char *callers,
                   const char *path, const char *source, struct ticket ticket, storage_done *reply)
{
    char text[128];

    (void)source;
    (void)st;
    (void)number;
    asked.done = reply;
    snprintf(text, sizeof text, "%s%s%s", kinds[kind], *callers ? "/" : "", callers);
    return ask(ticket, path ? "store" : "reset", text);
}

int greeting_set_end(struct storage *st, const char *number, enum greeting_kind kind, time_t ends,
                     struct ticket ticket, storage_done *reply)
{
    char text[128];

    (void)st;
    (void)number;
    asked.done = reply;
    snprintf(text, sizeof text, "%s/%lld", kinds[kind], (long long)ends);
    return ask(ticket, "end", text);
}

int mailbox_end_tutorial(struct storage *st, const char *number, struct ticket ticket, storage_done *reply)
{
    (void)st;
    asked.done = reply;
    return ask(ticket, "shown", number);
}

int cache_discard(struct storage *st, const char *path, struct ticket ticket, storage_done *reply)
{
    (void)st;
    (void)reply;
    ck_assert_str_eq(path, calls[ticket.owner].path);
    return ask(ticket, "discard", "file");
}

int entries_list(struct storage *st, const char *mailbox, const struct entry_query *query,
                 struct ticket ticket, entries_reply *reply)
{
    char text[256];

    (void)st;
    asked.entries = reply;
    snprintf(text, sizeof text, "%s/%d%s%s%s%s%s", mailbox, (int)query->folder,
             query->newest_first ? ",newest" : "", *query->caller ? ",caller=" : "", query->caller,
             *query->after ? ",after=" : "", query->after);
    return ask(ticket, "list", text);
}

int entry_fetch(struct storage *st, const char *reader, const char *id, struct ticket ticket,
                file_reply *reply)
{
    (void)st;
    (void)reader;
    asked.file = reply;
    return ask(ticket, "fetch", id);
}

int entry_update(struct storage *st, const struct entry *entry, struct ticket ticket, entry_reply *reply)
{
    char text[128];

    (void)st;
    asked.entry = reply;
    asked.wanted = *entry;
    snprintf(text, sizeof text, "%s%s%s/%d", entry->id, entry->heard ? ",heard" : ",fresh",
             entry->deleted ? ",deleted" : "", (int)entry->folder);
    return ask(ticket, "update", text);
}

int entry_mail(struct storage *st, const char *reader, const char *id, struct ticket ticket,
               storage_done *reply)
{
    (void)st;
    (void)reader;
    asked.done = reply;
    return ask(ticket, "mail", id);
}

int mailbox_prefer(struct storage *st, const struct mailbox *box, struct ticket ticket, storage_done *reply)
{
    char text[128];

    (void)st;
    asked.done = reply;
    snprintf(text, sizeof text, "%s%s%s%s", box->number, box->newest_first ? ",newest" : "",
             box->autoplay ? ",autoplay" : "", box->envelope ? ",envelope" : "");
    return ask(ticket, "prefer", text);
}

int entry_claim(struct storage *st, const struct entry *entry, struct ticket ticket, entry_reply *reply)
{
    (void)st;
    asked.entry = reply;
    asked.wanted = *entry;
    return ask(ticket, "claim", entry->id);
}

int entry_send(struct storage *st, const char *id, const char *target, const char *sender,
               const char *introduction, struct ticket ticket, sent_reply *reply)
{
    char text[128];

    (void)st;
    asked.sent = reply;
    snprintf(text, sizeof text, "%s/%s/%s%s", id, target, sender, introduction ? "/introduced" : "");
    return ask(ticket, "send", text);
}

int introduction_fetch(struct storage *st, const char *reader, const char *id, struct ticket ticket,
                       file_reply *reply)
{
    (void)st;
    (void)reader;
    asked.file = reply;
    return ask(ticket, "introduction", id);
}

int undelivered_find(struct storage *st, const char *message, struct ticket ticket, sent_reply *reply)
{
    (void)st;
    asked.sent = reply;
    ck_assert_str_eq(message, asked.deposit.id);
    return ask(ticket, "undelivered", "deposit");
}

int recipient_find(struct storage *st, const char *number, const char *sender, struct ticket ticket,
                   mailbox_reply *reply)
{
    (void)st;
    (void)sender;
    asked.mailbox = reply;
    return ask(ticket, "recipient", number);
}

/* The list's name is a uuid: a test tells the members. */
int recipients_store(struct storage *st, const char *id, const char *sender,
                     const char numbers[][NUMBER_TEXT], size_t count, struct ticket ticket,
                     storage_done *reply)
{
    char text[128] = "";

    (void)st;
    (void)sender;
    asked.done = reply;
    snprintf(asked.list, sizeof asked.list, "%s", id);
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? "/" : "", numbers[i]);
    return ask(ticket, "recipients", text);
}

int list_change(struct storage *st, const char *owner, const char *list, const char *member, bool add,
                struct ticket ticket, storage_done *reply)
{
    char text[128];

    (void)st;
    asked.done = reply;
    snprintf(text, sizeof text, "%s/%s/%c%s", owner, list, add ? '+' : '-', member);
    return ask(ticket, "list-change", text);
}

int directory_find(struct storage *st, const char *keys, struct ticket ticket, found_reply *reply)
{
    (void)st;
    asked.found = reply;
    return ask(ticket, "directory", keys);
}

int call_out_begin(struct storage *st, const char *mailbox, const char *number, unsigned most,
                   struct ticket ticket, leave_reply *reply)
{
    char text[128];

    (void)st;
    asked.leave = reply;
    snprintf(text, sizeof text, "%s/%s/%u", mailbox, number, most);
    return ask(ticket, "call-out", text);
}

int call_out_end(struct storage *st, int64_t id, int status, struct ticket ticket, storage_done *reply)
{
    char text[128];

    (void)st;
    (void)reply;
    snprintf(text, sizeof text, "%d/%d", (int)id, status);
    return ask(ticket, "call-over", text);
}

int receipts_take(struct storage *st, const char *mailbox, struct ticket ticket, receipts_reply *reply)
{
    (void)st;
    asked.receipts = reply;
    return asked.receipts_due ? ask(ticket, "receipts", mailbox) : ENOENT; /* he is welcomed at once */
}

int deposit_open(struct storage *st, const struct deposit *deposit, struct ticket ticket, file_reply *reply)
{
    (void)st;
    asked.file = reply;
    asked.deposit = *deposit;
    return ask(ticket, "open", deposit->mailbox);
}

int deposit_commit(struct storage *st, const char *id, unsigned marks, struct ticket ticket,
                   storage_done *reply)
{
    (void)st;
    asked.done = reply;
    asked.marks = marks;
    ck_assert_str_eq(id, asked.deposit.id);
    return ask(ticket, "commit",
               marks & DEPOSIT_PRIVATE   ? "private"
               : marks & DEPOSIT_RECEIPT ? "receipt"
               : marks & DEPOSIT_URGENT  ? "urgent"
                                         : "normal");
}

int deposit_commit_fax(struct storage *st, const char *id, unsigned marks, const char *sender,
                       struct ticket ticket, storage_done *reply)
{
    snprintf(asked.sender, sizeof asked.sender, "%s", sender);
    return deposit_commit(st, id, marks, ticket, reply);
}

int deposit_find_cut(struct storage *st, const char *mailbox, const char *caller, struct ticket ticket,
                     cut_reply *reply)
{
    (void)st;
    (void)caller;
    asked.cut = reply;
    return asked.may_resume ? ask(ticket, "cut", mailbox) : ENOENT;
}

int deposit_discard(struct storage *st, const char *id, struct ticket ticket, storage_done *reply)
{
    (void)st;
    (void)reply;
    ck_assert_str_eq(id, asked.deposit.id);
    return ask(ticket, "discard", "deposit");
}

/* -- the caller's part
 * ------------------------------------------------------------------------------------------- */

const struct mailbox plain = {
    .number = "1002", .zone = "Europe/London", .envelope = true, .max_messages = 100};
const struct subscriber callee = {.number = "1002", .mailbox = "1002"};

void voicemail_begin(void)
{
    static char none[] = "", realm[] = "confab";

    double_begin();
    settings.message_max_s = 300;
    settings.message_min_ms = 1000;
    settings.message_silence_s = 10;
    settings.diverted_to = (char *)"first";
    settings.operator_number = none;
    settings.realm = realm;
    settings.screen_keep = true;
    settings.calls_a_day = 20;
    settings.call_minutes = 120;
    settings.cache_dir = (char *)"/cache";
}

/* A subscriber's call fails with `status`; up to the answer of the mailbox. */
struct link *call_fails(int status, int error, const struct mailbox *box)
{
    const struct request request = {.call = "test",
                                    .number = "1002",
                                    .argument = "",
                                    .params = "",
                                    .caller = {.user = "1001", .display = "Alice"},
                                    .callee = &callee};
    struct link *link = call_with(&voicemail_app, &request);

    ck_told(link, "continue");
    ck_assert(link->app->failed(link, status));
    ck_told(&asked, "find=1002");
    asked.mailbox(asked.ticket, error, error ? NULL : box);
    return link;
}

struct link *call_deposit(int status, const struct mailbox *box)
{
    struct link *link = call_fails(status, 0, box);

    answer(link);
    return link;
}

void open_deposit(void)
{
    asked.file(asked.ticket, 0, "/spool/open/a.wav");
}

/* Up to the recording. */
struct link *call_records(void)
{
    struct link *link = call_deposit(486, &plain);

    press(link, 0);
    open_deposit();
    play_over(link);
    ck_assert_str_eq(link->path, "/spool/open/a.wav");
    *link->told = *asked.told = '\0';
    return link;
}

const struct entry entries[] = {
    {.id = "one", .version = 1, .caller = "1001", .left = 1700000000},
    {.id = "two", .version = 7, .left = 1700000100},
    {.id = "three", .version = 1, .caller = "1003", .left = 1700000200},
};

void list_entries(size_t count, const struct entry *from)
{
    struct entry_list *list = malloc(sizeof *list + count * sizeof list->entries[0]);

    list->count = count;
    memcpy(list->entries, from, count * sizeof list->entries[0]);
    asked.entries(asked.ticket, 0, list);
    free(list);
}

/* The owner's own phone, up to the question for his PIN. */
struct link *call_own(void)
{
    static const struct subscriber owner = {.number = "1002", .mailbox = "1002"};
    const struct request request = {
        .call = "test", .number = "*97", .argument = "own", .params = "", .user = "1002"};
    struct link *link = call_with(&voicemail_app, &request);

    ck_told(&asked, "subscriber=1002");
    asked.subscriber(asked.ticket, 0, &owner);
    answer(link);
    ck_told(&asked, "trust=1002");
    asked.mailbox(asked.ticket, EACCES, NULL);
    ck_told(link, "ask=300ms+vm-password");
    return link;
}

/* Let in, up to the main menu. */
struct link *visit_as(const struct mailbox *box, unsigned fresh, unsigned old)
{
    const struct mailbox_counts counts = {.number = "1002", .fresh = fresh, .old = old};
    struct link *link = call_own();

    type(link, "739146");
    ck_told(&asked, "check=1002/739146");
    asked.mailbox(asked.ticket, 0, box);
    ck_told(&asked, "count=1002");
    asked.counts(asked.ticket, 0, &counts);
    play_over(link);
    ck_assert(strstr(link->told, "menu=") != NULL);
    *link->told = '\0';
    return link;
}

struct link *visit(void)
{
    return visit_as(&plain, 3, 0);
}

/* The folder is open and its first message plays. */
struct link *listens(void)
{
    struct link *link = visit();

    press(link, '1');
    ck_told(&asked, "list=1002/0");
    list_entries(3, entries);
    ck_told(&asked, "fetch=one");
    asked.file(asked.ticket, 0, "/cache/one.wav");
    return link;
}

/* Storage has written what was asked: version and flags move on. */
void updated(void)
{
    struct entry entry = asked.wanted;

    entry.version++;
    *asked.told = '\0';
    asked.entry(asked.ticket, 0, &entry);
}

/*
 * Who asks, and what he may. A program shows a token (RFC 6750), a browser the cookie of a session that was
 * begun with a token, or with a mailbox's number and PIN. Secrets are compared by their digests.
 */
#include "core/control/internal.h"

#include "core/base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX 1024
#define SESSION_US (UINT64_C(3600) * 1000000) /* since it was last used */
#define SESSION_LONGEST_S (12 * 3600)
#define SESSIONS_EACH 8                     /* of one token or owner */
#define CHECK_US (UINT64_C(60) * 1000000)   /* a session's token or PIN is looked up again */
#define MEMORY_US (UINT64_C(300) * 1000000) /* for so long the database may be away */
#define PINS_AT_ONCE 2                      /* are checked: calls wait for storage, too */
#define SESSION_BYTES 32
#define SECRET_LEAST                                                                                         \
    16 /* characters of a token; a shorter one could be guessed, and an empty one is none                    \
        */
#define LIMITS 4096
#define FAILURES_A_MINUTE 20 /* of one address */
#define TOKENS_KEPT 64       /* those seen last, for when the database is away */

struct session {
    struct session *next;
    char sha256[SHA256_TEXT];
    char token[SHA256_TEXT]; /* digest of the one that began it; "": a PIN did */
    int64_t pin_set_us;      /* that one */
    struct identity who;     /* expires: with the token, and some day in any case */
    uint64_t until_us, checked_us, sent_us;
};

struct limit {
    uint64_t key, at_us;
    double left;
};

struct seen {
    char sha256[SHA256_TEXT];
    struct token token;
    uint64_t at_us;
};

struct access_book {
    struct session *sessions; /* used last first */
    unsigned session_count;
    uint64_t session_numbers;
    unsigned pins;               /* that are being checked */
    struct limit limits[LIMITS]; /* by key; who comes to another's place begins anew */
    struct seen seen[TOKENS_KEPT];
    unsigned seen_next;
    uint64_t failures;
};

int access_new(struct access_book **out)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL ? 0 : ENOMEM;
}

void access_free(struct access_book *book)
{
    while (book != NULL && book->sessions != NULL) {
        struct session *session = book->sessions;

        book->sessions = session->next;
        free(session);
    }
    free(book);
}

uint64_t access_failures(const struct access_book *book)
{
    return book->failures;
}

/* -- limits ------------------------------------------------------------------------------------------- */

static uint64_t key_number(const char *key)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return hash;
}

/* As full as it is by now. */
static struct limit *limit_find(struct access_book *book, const char *key, unsigned per_minute)
{
    uint64_t number = key_number(key), now = clock_now_us();
    struct limit *limit = &book->limits[number % LIMITS];

    if (limit->key != number)
        *limit = (struct limit){.key = number, .at_us = now, .left = per_minute};
    limit->left += (double)(now - limit->at_us) * per_minute / 60e6;
    limit->left = limit->left < per_minute ? limit->left : per_minute;
    limit->at_us = now;
    return limit;
}

static unsigned limit_wait_s(const struct limit *limit, unsigned per_minute)
{
    return limit->left >= 1 ? 0 : 1 + (unsigned)((1 - limit->left) * 60 / per_minute);
}

unsigned limit_take(struct access_book *book, const char *key, unsigned per_minute)
{
    struct limit *limit;
    unsigned wait_s;

    if (per_minute == 0)
        return 0;
    limit = limit_find(book, key, per_minute);
    wait_s = limit_wait_s(limit, per_minute);
    if (wait_s == 0)
        limit->left -= 1;
    return wait_s;
}

void network_text(char out[ADDRESS_TEXT], const char *address)
{
    struct in6_addr bits;

    snprintf(out, ADDRESS_TEXT, "%s", address);
    if (inet_pton(AF_INET6, address, &bits) != 1 || IN6_IS_ADDR_V4MAPPED(&bits))
        return;
    memset(bits.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &bits, out, ADDRESS_TEXT);
}

static const char *failure_key(char out[ADDRESS_TEXT + 8], const struct exchange *exchange)
{
    char network[ADDRESS_TEXT];

    network_text(network, exchange->address);
    snprintf(out, ADDRESS_TEXT + 8, "failed %s", network);
    return out;
}

/* True: he has tried too often, and was told so. */
static bool failures_bar(struct exchange *exchange)
{
    char key[ADDRESS_TEXT + 8];
    unsigned wait_s =
        limit_wait_s(limit_find(exchange->control->access, failure_key(key, exchange), FAILURES_A_MINUTE),
                     FAILURES_A_MINUTE);

    if (wait_s == 0)
        return false;
    answer_header(&exchange->answer, "Retry-After", "%u", wait_s);
    reply_problem(exchange, 429, NULL, "Too many attempts from this address.");
    return true;
}

/* A PIN costs a slow hash: an attempt counts before it is judged, so that many at once are not all let in; a
 * good one is given back. */
static void failure_count(struct exchange *exchange)
{
    char key[ADDRESS_TEXT + 8];

    (void)limit_take(exchange->control->access, failure_key(key, exchange), FAILURES_A_MINUTE);
}

static void failure_forgive(struct exchange *exchange)
{
    char key[ADDRESS_TEXT + 8];

    limit_find(exchange->control->access, failure_key(key, exchange), FAILURES_A_MINUTE)->left += 1;
}

static void refuse(struct exchange *exchange, const char *why)
{
    exchange->control->access->failures++;
    log_event(LEVEL_NOTICE, "http", NULL, "login-refused address=%s path=%s", exchange->address,
              exchange->path);
    answer_header(&exchange->answer, "WWW-Authenticate", "Bearer realm=\"confab\", error=\"invalid_token\"");
    reply_problem(exchange, 401, NULL, "%s", why);
}

/* -- rights ------------------------------------------------------------------------------------------- */

static enum asker asker_from_name(const char *role)
{
    static const struct {
        const char *name;
        enum asker role;
    } roles[] = {
        {"admin", ASKER_ADMIN}, {"read-only", ASKER_READER}, {"host", ASKER_HOST}, {"owner", ASKER_OWNER}};

    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(roles[i].name, role) == 0)
            return roles[i].role;
    return ASKER_NOBODY;
}

static const char *asker_name(enum asker role)
{
    static const char *const names[] = {"nobody", "read-only", "owner", "host", "admin"};

    return names[role];
}

static bool may(const struct exchange *exchange)
{
    const struct identity *who = &exchange->who;
    bool own = strcmp(who->subject, exchange->params.value[0]) == 0;

    if (who->role == ASKER_ADMIN)
        return true;
    switch (exchange->route->access) {
    case ACCESS_OPEN:
    case ACCESS_ANY:
        return true;
    case ACCESS_READ:
        return who->role == ASKER_READER;
    case ACCESS_SEE_ROOM:
        return who->role == ASKER_READER || (who->role == ASKER_HOST && own);
    case ACCESS_ROOM:
        return who->role == ASKER_HOST && own;
    case ACCESS_MAILBOX:
        return who->role == ASKER_OWNER && own;
    case ACCESS_ADMIN:
        break;
    }
    return false;
}

/* A page of somebody else's must not act with a cookie of ours; SameSite keeps it back already. */
static bool comes_from_elsewhere(const struct exchange *exchange)
{
    const char *host = strstr(exchange->origin, "://");

    if (!exchange->who.session || *exchange->origin == '\0' || strcmp(exchange->method, "GET") == 0 ||
        strcmp(exchange->method, "HEAD") == 0)
        return false;
    return host == NULL || strcmp(host + 3, exchange->host) != 0;
}

static void admit(struct exchange *exchange)
{
    unsigned wait_s =
        limit_take(exchange->control->access, exchange->who.name, exchange->control->settings->http_requests);

    if (wait_s > 0) {
        answer_header(&exchange->answer, "Retry-After", "%u", wait_s);
        reply_problem(exchange, 429, NULL, "Too many requests.");
    } else if (comes_from_elsewhere(exchange)) {
        reply_problem(exchange, 403, NULL, "A page from elsewhere may not do this.");
    } else if (!may(exchange)) {
        reply_problem(exchange, 403, NULL, "Who asks may not do this.");
    } else {
        exchange->route->handle(exchange);
    }
}

/* -- tokens ------------------------------------------------------------------------------------------- */

static void identity_of_token(struct identity *out, const struct token *token)
{
    *out = (struct identity){.role = asker_from_name(token->role), .expires = token->expires};
    snprintf(out->name, sizeof out->name, "token:%s", token->name);
    snprintf(out->subject, sizeof out->subject, "%s", token->subject);
}

static void token_remember(struct access_book *book, const char *sha256, const struct token *token)
{
    unsigned i = 0;

    while (i < TOKENS_KEPT && strcmp(book->seen[i].sha256, sha256) != 0)
        i++;
    if (i == TOKENS_KEPT)
        i = book->seen_next++ % TOKENS_KEPT;
    snprintf(book->seen[i].sha256, SHA256_TEXT, "%s", sha256);
    book->seen[i].token = *token;
    book->seen[i].at_us = clock_now_us();
}

static void token_forget(struct access_book *book, const char *sha256)
{
    for (unsigned i = 0; i < TOKENS_KEPT; i++)
        if (strcmp(book->seen[i].sha256, sha256) == 0)
            book->seen[i] = (struct seen){0};
}

/* NULL: it has not been seen, or is over. */
static const struct seen *token_recall(const struct access_book *book, const char *sha256)
{
    for (unsigned i = 0; i < TOKENS_KEPT; i++) {
        const struct token *token = &book->seen[i].token;

        if (strcmp(book->seen[i].sha256, sha256) == 0 &&
            (token->expires == 0 || token->expires > clock_wall()))
            return &book->seen[i];
    }
    return NULL;
}

/* An attacker at the same address, behind the same proxy perhaps, bars nobody whose secret is known. */
static bool token_is_known(const struct exchange *exchange)
{
    char sha256[SHA256_TEXT];

    sha256_text(sha256, exchange->secret);
    return token_recall(exchange->control->access, sha256) != NULL;
}

/* While the database is away, who was known a while ago may look: it is when somebody wants to. */
static bool memory_serves(const struct exchange *exchange, int error, uint64_t known_us)
{
    bool looks = strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0;

    return error == ENOTCONN && looks &&
           (exchange->route->access == ACCESS_READ || exchange->route->access == ACCESS_SEE_ROOM) &&
           clock_now_us() - known_us < MEMORY_US;
}

/* What storage says of a token, or the memory in its place; NULL: it is not valid. `error` as storage's, and
 * left only where nobody can know. */
static const struct token *token_judge(struct exchange *exchange, int *error, const struct token *token)
{
    struct access_book *book = exchange->control->access;
    const struct seen *seen;
    char sha256[SHA256_TEXT];

    sha256_text(sha256, exchange->secret);
    if (*error == 0)
        token_remember(book, sha256, token);
    else if (*error == ENOENT)
        token_forget(book, sha256);
    seen = *error != 0 ? token_recall(book, sha256) : NULL;
    if (seen != NULL && memory_serves(exchange, *error, seen->at_us))
        token = &seen->token;
    if (token != NULL || *error == ENOENT)
        *error = 0;
    return token;
}

static void token_found(struct ticket ticket, int error, const struct token *token)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange == NULL)
        return;
    token = token_judge(exchange, &error, token);
    explicit_bzero(exchange->secret, sizeof exchange->secret);
    if (error) {
        reply_error(exchange, error);
    } else if (token == NULL) {
        failure_count(exchange);
        refuse(exchange, "The token is not valid.");
    } else {
        identity_of_token(&exchange->who, token);
        admit(exchange);
    }
}

static void token_ask(struct exchange *exchange, token_reply *reply)
{
    char sha256[SHA256_TEXT];
    int error = ENOENT;

    sha256_text(sha256, exchange->secret);
    if (strlen(exchange->secret) >= SECRET_LEAST)
        error = token_find(exchange_storage(exchange), sha256, exchange_ticket(exchange), reply);
    if (error)
        reply(exchange_ticket(exchange), error, NULL);
}

/* -- sessions ----------------------------------------------------------------------------------------- */

/* Who listens by it hears no more. */
static void session_end(struct control *control, struct session **at)
{
    struct session *session = *at;

    *at = session->next;
    control->access->session_count--;
    events_end_session(control->events, session->who.session);
    free(session);
}

/* The place of the one with this cookie; what is over goes on the way. */
static struct session **session_named(struct control *control, const char *cookie)
{
    uint64_t now = clock_now_us();
    struct session **at = &control->access->sessions, **found = NULL;
    char sha256[SHA256_TEXT];

    sha256_text(sha256, cookie);
    while (*at != NULL) {
        struct session *session = *at;

        if (session->until_us < now || session->who.expires <= clock_wall()) {
            session_end(control, at);
            continue;
        }
        if (strcmp(session->sha256, sha256) == 0)
            found = at;
        at = &session->next;
    }
    return found;
}

static void cookie_send(struct exchange *exchange, const char *value, unsigned seconds)
{
    answer_header(&exchange->answer, "Set-Cookie", "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%u%s",
                  SESSION_COOKIE, value, seconds, exchange->control->tls ? "; Secure" : "");
}

static json_t *identity_json(const struct identity *who)
{
    return json_pack("{s:s, s:o, s:o}", "role", asker_name(who->role), "name", json_words(who->name),
                     "subject", json_words(who->subject));
}

/* The ones that were used longest ago make room: his own first. */
static void sessions_trim(struct control *control, const char *name)
{
    struct session **at = &control->access->sessions;
    unsigned own = 0, all = 0;

    while (*at != NULL) {
        own += strcmp((*at)->who.name, name) == 0;
        all++;
        if ((own > SESSIONS_EACH && strcmp((*at)->who.name, name) == 0) || all > SESSIONS_MAX)
            session_end(control, at);
        else
            at = &(*at)->next;
    }
}

/* `token`: the digest of the one that begins it; "": a PIN does, which was set then. */
static void session_begin(struct exchange *exchange, const char *token, int64_t pin_set_us)
{
    struct access_book *book = exchange->control->access;
    struct session *session = calloc(1, sizeof *session);
    time_t latest = clock_wall() + SESSION_LONGEST_S;
    char cookie[2 * SESSION_BYTES + 1];

    failure_forgive(exchange);
    if (session == NULL) {
        reply_error(exchange, ENOMEM);
        return;
    }
    random_hex(cookie, SESSION_BYTES);
    sha256_text(session->sha256, cookie);
    snprintf(session->token, sizeof session->token, "%s", token);
    session->pin_set_us = pin_set_us;
    exchange->who.session = ++book->session_numbers;
    if (exchange->who.expires == 0 || exchange->who.expires > latest)
        exchange->who.expires = latest;
    session->who = exchange->who;
    session->checked_us = session->sent_us = clock_now_us();
    session->until_us = session->sent_us + SESSION_US;
    session->next = book->sessions;
    book->sessions = session;
    book->session_count++;
    sessions_trim(exchange->control, exchange->who.name);
    cookie_send(exchange, cookie, (unsigned)(SESSION_US / 1000000));
    explicit_bzero(cookie, sizeof cookie);
    log_event(LEVEL_INFO, "http", NULL, "login by=%s address=%s", exchange->who.name, exchange->address);
    reply_json(exchange, 201, identity_json(&exchange->who));
}

/* The browser forgets the cookie an hour after it had it last. */
static void session_admit(struct exchange *exchange, struct session *session)
{
    uint64_t now = clock_now_us();

    session->until_us = now + SESSION_US;
    if (now - session->sent_us > SESSION_US / 2) {
        session->sent_us = now;
        cookie_send(exchange, exchange->cookie, (unsigned)(SESSION_US / 1000000));
    }
    exchange->who = session->who;
    admit(exchange);
}

static void session_refuse(struct exchange *exchange)
{
    answer_header(&exchange->answer, "WWW-Authenticate", "Bearer realm=\"confab\"");
    reply_problem(exchange, 401, NULL, "A token or a session is needed.");
}

/* What began it was looked up again; ENOENT: it is valid no longer. */
static void session_judge(struct exchange *exchange, int error, const struct identity *now)
{
    struct session **at = session_named(exchange->control, exchange->cookie);

    if (at == NULL) {
        session_refuse(exchange);
    } else if (error == ENOENT) {
        session_end(exchange->control, at);
        session_refuse(exchange);
    } else if (error == 0) {
        (*at)->checked_us = clock_now_us();
        if (now != NULL) {
            (*at)->who.role = now->role;
            memcpy((*at)->who.subject, now->subject, sizeof now->subject);
            if (now->expires != 0 && now->expires < (*at)->who.expires)
                (*at)->who.expires = now->expires;
        }
        session_admit(exchange, *at);
    } else if (memory_serves(exchange, error, (*at)->checked_us)) {
        session_admit(exchange, *at);
    } else {
        reply_error(exchange, error);
    }
}

static void session_token_found(struct ticket ticket, int error, const struct token *token)
{
    struct exchange *exchange = exchange_of(ticket);
    struct identity now;

    if (exchange == NULL)
        return;
    if (!error)
        identity_of_token(&now, token);
    session_judge(exchange, error, error ? NULL : &now);
}

static void session_mailbox_found(struct ticket ticket, int error, const struct mailbox *mailbox)
{
    struct exchange *exchange = exchange_of(ticket);
    struct session **at;

    if (exchange == NULL)
        return;
    at = session_named(exchange->control, exchange->cookie);
    if (!error && at != NULL && (mailbox->pin_set_us != (*at)->pin_set_us || mailbox->pin_must_change))
        error = ENOENT;
    session_judge(exchange, error, NULL);
}

/* False: there is none; else it was answered, or will be. */
static bool session_check(struct exchange *exchange)
{
    struct access_book *book = exchange->control->access;
    struct storage *storage = exchange_storage(exchange);
    struct ticket ticket = exchange_ticket(exchange);
    struct session **at = session_named(exchange->control, exchange->cookie), *session;
    int error;

    if (at == NULL)
        return false;
    session = *at; /* to the front, used last */
    *at = session->next;
    session->next = book->sessions;
    book->sessions = session;
    if (clock_now_us() - session->checked_us < CHECK_US) {
        session_admit(exchange, session);
        return true;
    }
    error = *session->token != '\0'
                ? token_find(storage, session->token, ticket, session_token_found)
                : mailbox_find(storage, session->who.subject, ticket, session_mailbox_found);
    if (error)
        session_judge(exchange, error, NULL);
    return true;
}

static void login_token_found(struct ticket ticket, int error, const struct token *token)
{
    struct exchange *exchange = exchange_of(ticket);
    char sha256[SHA256_TEXT];

    if (exchange == NULL)
        return;
    token = token_judge(exchange, &error, token);
    sha256_text(sha256, exchange->secret);
    explicit_bzero(exchange->secret, sizeof exchange->secret);
    if (error) {
        reply_error(exchange, error);
    } else if (token == NULL) {
        refuse(exchange, "The token is not valid.");
    } else {
        identity_of_token(&exchange->who, token);
        session_begin(exchange, sha256, 0);
    }
}

static void login_pin_checked(struct ticket ticket, int error, const struct mailbox *mailbox)
{
    struct exchange *exchange = exchange_of(ticket);

    if (exchange == NULL)
        return;
    exchange->control->access->pins--;
    if (error == EACCES) {
        refuse(exchange, "The number or the PIN is wrong, or the mailbox is locked.");
    } else if (error) {
        reply_error(exchange, error);
    } else if (mailbox->pin_must_change) {
        failure_forgive(exchange);
        reply_problem(exchange, 403, NULL, "The PIN must be changed by phone first.");
    } else {
        exchange->who = (struct identity){.role = ASKER_OWNER};
        snprintf(exchange->who.name, sizeof exchange->who.name, "mailbox:%s", mailbox->number);
        snprintf(exchange->who.subject, sizeof exchange->who.subject, "%s", mailbox->number);
        session_begin(exchange, "", mailbox->pin_set_us);
    }
}

static void login_by_token(struct exchange *exchange, const char *token)
{
    snprintf(exchange->secret, sizeof exchange->secret, "%s", token);
    if (!token_is_known(exchange) && failures_bar(exchange))
        return;
    failure_count(exchange);
    token_ask(exchange, login_token_found);
}

static void login_by_pin(struct exchange *exchange)
{
    struct access_book *book = exchange->control->access;
    const char *mailbox = NULL, *pin = NULL;
    struct guesser from = {.source = "api"};
    int error;

    if (failures_bar(exchange) || !body_text(exchange, "mailbox", WANTED, NUMBER_TEXT - 1, &mailbox) ||
        !body_text(exchange, "pin", WANTED, PIN_MAX, &pin))
        return;
    if (book->pins >= PINS_AT_ONCE) {
        answer_header(&exchange->answer, "Retry-After", "%d", 1);
        reply_problem(exchange, 429, NULL, "Too many PINs are being checked.");
        return;
    }
    failure_count(exchange);
    snprintf(from.address, sizeof from.address, "%s", exchange->address);
    book->pins++;
    error = mailbox_check_pin(exchange_storage(exchange), mailbox, pin, &from, exchange_ticket(exchange),
                              login_pin_checked);
    if (error)
        login_pin_checked(exchange_ticket(exchange), error, NULL);
}

static void session_post(struct exchange *exchange)
{
    const char *token = NULL;

    if (!body_only(exchange, "token mailbox pin") ||
        !body_text(exchange, "token", PERHAPS, SECRET_TEXT - 1, &token))
        return;
    if (token != NULL)
        login_by_token(exchange, token);
    else
        login_by_pin(exchange);
}

static void session_get(struct exchange *exchange)
{
    reply_json(exchange, 200, identity_json(&exchange->who));
}

static void session_delete(struct exchange *exchange)
{
    struct session **at = session_named(exchange->control, exchange->cookie);

    if (at != NULL)
        session_end(exchange->control, at);
    cookie_send(exchange, "", 0);
    reply_none(exchange);
}

const struct route session_routes[] = {
    {"POST", "/api/v1/session", ACCESS_OPEN, BODY_JSON, session_post},
    {"GET", "/api/v1/session", ACCESS_ANY, BODY_NONE, session_get},
    {"DELETE", "/api/v1/session", ACCESS_OPEN, BODY_NONE, session_delete},
    {0},
};

/* -- the gate ----------------------------------------------------------------------------------------- */

void access_check(struct exchange *exchange)
{
    if (exchange->route->access == ACCESS_OPEN) {
        exchange->route->handle(exchange);
    } else if (*exchange->secret != '\0') {
        if (token_is_known(exchange) || !failures_bar(exchange))
            token_ask(exchange, token_found);
    } else if (*exchange->cookie == '\0' || !session_check(exchange)) {
        session_refuse(exchange);
    }
}

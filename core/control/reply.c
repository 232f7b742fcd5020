/* Answers, and faults as problem details (RFC 9457). */
#include "core/control/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_TYPE "application/json"
#define PROBLEM_TYPE "application/problem+json"

/* -- the answer --------------------------------------------------------------------------------------- */

void answer_header(struct answer *answer, const char *name, const char *format, ...)
{
    unsigned i = 0;
    va_list args;

    while (i < HEADERS_MAX && answer->headers[i].name != NULL)
        i++;
    if (i == HEADERS_MAX)
        return;
    answer->headers[i].name = name;
    va_start(args, format);
    vsnprintf(answer->headers[i].value, HEADER_TEXT, format, args);
    va_end(args);
}

void answer_free(struct answer *answer)
{
    json_decref(answer->json);
    free(answer->text);
    free(answer->path);
    *answer = (struct answer){0};
}

static const char *status_title(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"},         {401, "Unauthorized"},           {403, "Forbidden"},
        {404, "Not Found"},           {405, "Method Not Allowed"},     {409, "Conflict"},
        {413, "Content Too Large"},   {415, "Unsupported Media Type"}, {416, "Range Not Satisfiable"},
        {421, "Misdirected Request"}, {429, "Too Many Requests"},      {500, "Internal Server Error"},
        {501, "Not Implemented"},     {503, "Service Unavailable"},
    };

    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

/* "about:blank": the status says what it is (RFC 9457 §4.2.1); `member` is an extension of ours. */
void answer_problem(struct answer *answer, unsigned status, const char *member, const char *detail)
{
    answer->status = status;
    answer->type = PROBLEM_TYPE;
    answer->json = json_pack("{s:s, s:s, s:i}", "type", "about:blank", "title", status_title(status),
                             "status", (int)status);
    json_object_set_new(answer->json, "detail", json_words(detail));
    if (member != NULL)
        json_object_set_new(answer->json, "member", json_words(member));
}

void reply_json(struct exchange *exchange, unsigned status, json_t *json)
{
    if (json == NULL) {
        reply_error(exchange, ENOMEM);
        return;
    }
    exchange->answer.status = status;
    exchange->answer.type = JSON_TYPE;
    exchange->answer.json = json;
    exchange_finish(exchange);
}

void reply_text(struct exchange *exchange, const char *type, char *text)
{
    if (text == NULL) {
        reply_error(exchange, ENOMEM);
        return;
    }
    exchange->answer.status = 200;
    exchange->answer.type = type != NULL ? type : JSON_TYPE;
    exchange->answer.text = text;
    exchange_finish(exchange);
}

void reply_none(struct exchange *exchange)
{
    exchange->answer.status = 204;
    exchange_finish(exchange);
}

void reply_file(struct exchange *exchange, const char *type, const char *path)
{
    exchange->answer.path = strdup(path);
    if (exchange->answer.path == NULL) {
        reply_error(exchange, ENOMEM);
        return;
    }
    exchange->answer.status = 200;
    exchange->answer.type = type;
    exchange_finish(exchange);
}

void reply_kept_file(struct exchange *exchange, const char *type, const char *path)
{
    exchange->answer.kept = true;
    reply_file(exchange, type, path);
}

void reply_stream(struct exchange *exchange, struct stream *stream)
{
    exchange->answer.status = 200;
    exchange->answer.type = "text/event-stream";
    exchange->answer.stream = stream;
    exchange_finish(exchange);
}

void reply_problem(struct exchange *exchange, unsigned status, const char *member, const char *format, ...)
{
    char detail[512];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    answer_problem(&exchange->answer, status, member, detail);
    exchange->control->problems++;
    exchange_finish(exchange);
}

void reply_error(struct exchange *exchange, int error)
{
    static const struct {
        int error;
        unsigned status;
        const char *detail;
    } errors[] = {
        {ENOENT, 404, "There is nothing of that name."},
        {EACCES, 403, "This may not be done with it."},
        {EPERM, 403, "This may not be done with it."},
        {EINVAL, 400, "A value makes no sense."},
        {EALREADY, 409, "It is so already."},
        {EEXIST, 409, "It is there already."},
        {ESTALE, 409, "It has changed meanwhile: read it again."},
        {EBUSY, 409, "Not now."},
        {EMFILE, 503, "The server takes no more calls now."},
        {EAGAIN, 503, "Not now."},
        {ENOSPC, 409, "There is no room for it."},
        {ENOTSUP, 501, "This room cannot do that."},
        {ENOTCONN, 503, "The database is away."},
        {ENOBUFS, 503, "Too many wait for the database."},
    };

    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].error != error)
            continue;
        if (errors[i].status == 503)
            answer_header(&exchange->answer, "Retry-After", "%d", 5);
        reply_problem(exchange, errors[i].status, NULL, "%s", errors[i].detail);
        return;
    }
    reply_problem(exchange, 500, NULL, "%s", strerrordesc_np(error));
}

void reply_if(struct exchange *exchange, int error)
{
    if (error)
        reply_error(exchange, error);
}

/* -- what the request says ---------------------------------------------------------------------------- */

const char *query_text(const struct exchange *exchange, const char *name, const char *usual)
{
    const char *text = json_string_value(json_object_get(exchange->query, name));

    return text != NULL ? text : usual;
}

int query_number(struct exchange *exchange, const char *name, unsigned low, unsigned high, unsigned *out)
{
    const char *text = query_text(exchange, name, NULL);
    unsigned long value;
    char *end;

    if (text == NULL)
        return 0;
    errno = 0;
    value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno || value < low || value > high) {
        reply_problem(exchange, 400, name, "%s is to be a number from %u to %u.", name, low, high);
        return EINVAL;
    }
    *out = (unsigned)value;
    return 0;
}

/* *value NULL: it is not there, and need not be. */
static bool body_member(struct exchange *exchange, const char *name, enum presence presence, json_t **value)
{
    *value = json_object_get(exchange->body, name);
    if (*value == NULL && presence == WANTED) {
        reply_problem(exchange, 400, name, "%s is missing.", name);
        return false;
    }
    return true;
}

bool body_text(struct exchange *exchange, const char *name, enum presence presence, size_t most,
               const char **out)
{
    json_t *value;

    if (!body_member(exchange, name, presence, &value))
        return false;
    if (value == NULL)
        return true;
    if (!json_is_string(value) || json_string_length(value) > most) {
        reply_problem(exchange, 400, name, "%s is to be a string of at most %zu bytes.", name, most);
        return false;
    }
    *out = json_string_value(value);
    return true;
}

bool body_truth(struct exchange *exchange, const char *name, enum presence presence, bool *out)
{
    json_t *value;

    if (!body_member(exchange, name, presence, &value))
        return false;
    if (value == NULL)
        return true;
    if (!json_is_boolean(value)) {
        reply_problem(exchange, 400, name, "%s is to be true or false.", name);
        return false;
    }
    *out = json_is_true(value);
    return true;
}

bool body_number(struct exchange *exchange, const char *name, enum presence presence, long low, long high,
                 long *out)
{
    json_t *value;

    if (!body_member(exchange, name, presence, &value))
        return false;
    if (value == NULL)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < low || json_integer_value(value) > high) {
        reply_problem(exchange, 400, name, "%s is to be a whole number from %ld to %ld.", name, low, high);
        return false;
    }
    *out = (long)json_integer_value(value);
    return true;
}

bool body_only(struct exchange *exchange, const char *names)
{
    const char *name;
    json_t *value;

    json_object_foreach(exchange->body, name, value)
    {
        size_t length = strlen(name);
        const char *at = length > 0 ? strstr(names, name) : NULL;

        while (at != NULL && ((at > names && at[-1] != ' ') || (at[length] != ' ' && at[length] != '\0')))
            at = strstr(at + 1, name);
        if (at == NULL || strchr(name, ' ') != NULL) {
            reply_problem(exchange, 400, name, "There is no member of that name here.");
            return false;
        }
    }
    return true;
}

/*
 * Bodies of one type: alone, or as a part of a multipart one (RFC 5621, RFC 2046 §5.1). Read here, with
 * bounds, for Sofia's own reader of multipart bodies cannot be trusted with what strangers send.
 */
#include "core/sip/session_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/ids.h"

#define PARTS_MAX 16
#define BOUNDARY_MAX 70 /* RFC 2046 §5.1.1 */
#define TYPE_HEADER "Content-Type:"
#define DISPOSITION_HEADER "Content-Disposition:"

struct text {
    const char *begin, *end;
};

struct wanted {
    const char *type, *disposition; /* NULL: whatever is said */
};

static bool text_starts(struct text text, const char *what)
{
    size_t length = strlen(what);

    return (size_t)(text.end - text.begin) >= length && strncasecmp(text.begin, what, length) == 0;
}

/* "--BOUNDARY" for the body's delimiter lines. */
static bool delimiter_read(char *out, size_t size, const sip_content_type_t *type)
{
    const char *value = msg_params_find(type->c_params, "boundary=");
    size_t length;

    if (!value)
        return false;
    value += *value == '"';
    length = strcspn(value, "\"");
    if (length == 0 || length > BOUNDARY_MAX || length + 3 > size)
        return false;
    snprintf(out, size, "--%.*s", (int)length, value);
    return true;
}

/* RFC 2046 §5.1.1: "--", padding, a line break. More text makes it the boundary of a multipart within. */
static bool delimiter_ends(const char *at, const char *end)
{
    return at == end || strchr(" \t\r\n-", *at);
}

/* Where the next delimiter stands, at the beginning of a line; NULL: nowhere. */
static const char *delimiter_find(struct text text, const char *delimiter, bool begins)
{
    size_t length = strlen(delimiter);

    while ((size_t)(text.end - text.begin) >= length) {
        const char *found = memmem(text.begin, (size_t)(text.end - text.begin), delimiter, length);

        if (!found)
            return NULL;
        if ((found == text.begin ? begins : found[-1] == '\n') && delimiter_ends(found + length, text.end))
            return found;
        text.begin = found + 1;
        begins = false;
    }
    return NULL;
}

/* Splits a line off; without its line break. */
static struct text line_take(struct text *rest)
{
    const char *newline = memchr(rest->begin, '\n', (size_t)(rest->end - rest->begin));
    struct text line = {rest->begin, newline ? newline : rest->end};

    rest->begin = newline ? newline + 1 : rest->end;
    if (line.end > line.begin && line.end[-1] == '\r')
        line.end--;
    return line;
}

/* A header's value is `word`, whatever parameters follow. */
static bool value_is(struct text line, size_t name_length, const char *word)
{
    line.begin += name_length;
    while (line.begin < line.end && (*line.begin == ' ' || *line.begin == '\t'))
        line.begin++;
    return text_starts(line, word) &&
           (line.begin + strlen(word) == line.end || strchr("; \t", line.begin[strlen(word)]));
}

/* Leaves what follows the part's headers in it. */
static bool part_is(struct text *part, const struct wanted *wanted)
{
    bool type = false, disposition = true;

    while (part->begin < part->end) {
        struct text line = line_take(part);

        if (line.begin == line.end)
            return type && disposition;
        if (text_starts(line, TYPE_HEADER))
            type = value_is(line, strlen(TYPE_HEADER), wanted->type);
        else if (wanted->disposition && text_starts(line, DISPOSITION_HEADER))
            disposition = value_is(line, strlen(DISPOSITION_HEADER), wanted->disposition);
    }
    return false;
}

static bool multipart_find(struct text body, const char *delimiter, const struct wanted *wanted,
                           struct text *out)
{
    const char *at = delimiter_find(body, delimiter, true);

    for (unsigned i = 0; at && i < PARTS_MAX; i++) {
        struct text part = {at + strlen(delimiter), body.end};

        if (text_starts(part, "--"))
            return false; /* the closing one */
        (void)line_take(&part);
        at = delimiter_find(part, delimiter, true);
        if (!at)
            return false;
        body.begin = at;
        part.end = at;
        /* The line break before a delimiter is the delimiter's. */
        if (part.end > part.begin)
            part.end--;
        if (part.end > part.begin && part.end[-1] == '\r')
            part.end--;
        if (part_is(&part, wanted)) {
            *out = part;
            return part.begin < part.end;
        }
    }
    return false;
}

/* The body's own disposition, of a message that has no parts. */
static bool disposition_is(const sip_t *sip, const char *wanted)
{
    const sip_content_disposition_t *said = sip->sip_content_disposition;

    return !wanted || !said || !said->cd_type || strcasecmp(said->cd_type, wanted) == 0;
}

static const char *body_find(const sip_t *sip, const struct wanted *wanted, size_t *length)
{
    const sip_payload_t *body = sip ? sip->sip_payload : NULL;
    const sip_content_type_t *type = sip ? sip->sip_content_type : NULL;
    char delimiter[BOUNDARY_MAX + 3];
    struct text found;

    if (!body || body->pl_len == 0 || !type || !type->c_type)
        return NULL;
    found = (struct text){body->pl_data, body->pl_data + body->pl_len};
    if (strncasecmp(type->c_type, "multipart/", 10) == 0) {
        if (!delimiter_read(delimiter, sizeof delimiter, type) ||
            !multipart_find(found, delimiter, wanted, &found))
            return NULL;
    } else if (strcasecmp(type->c_type, wanted->type) != 0 || !disposition_is(sip, wanted->disposition)) {
        return NULL;
    }
    *length = (size_t)(found.end - found.begin);
    return found.begin;
}

const char *body_sdp(const sip_t *sip, size_t *length)
{
    return body_find(sip, &(struct wanted){.type = SDP_TYPE}, length);
}

const char *body_recipients(const sip_t *sip, size_t *length)
{
    return body_find(sip, &(struct wanted){.type = RECIPIENTS_TYPE, .disposition = "recipient-list"}, length);
}

int body_make(struct body *out, struct session *s, const char *sdp)
{
    char boundary[33];

    out->type = sdp ? SDP_TYPE : NULL;
    out->text = sdp;
    if (!sdp || !s->metadata)
        return 0;
    random_hex(boundary, (sizeof boundary - 1) / 2);
    out->type = su_sprintf(s->home, "multipart/mixed;boundary=%s", boundary);
    out->text = su_sprintf(s->home,
                           "--%s\r\nContent-Type: " SDP_TYPE "\r\n\r\n%s\r\n--%s\r\n"
                           "Content-Type: application/rs-metadata+xml\r\n"
                           "Content-Disposition: recording-session\r\n\r\n%s\r\n--%s--\r\n",
                           boundary, sdp, boundary, s->metadata, boundary);
    return out->type && out->text ? 0 : ENOMEM;
}

void body_free(struct body *body, struct session *s)
{
    if (!s->metadata || !body->text)
        return;
    su_free(s->home, (char *)body->type);
    su_free(s->home, (char *)body->text);
}

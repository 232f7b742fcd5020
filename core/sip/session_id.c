/*
 * Session-ID (RFC 7989): each end of a call has an identifier of its own, and every message names the
 * sender's and then the far end's. A server between them says on each side what the other side has said of
 * itself, so that the pair is the same on all legs of the call; in the name of an end that says nothing it
 * makes one.
 */
#include "core/sip/session_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/ids.h"

#define NIL "00000000000000000000000000000000" /* RFC 7989 §5: not known yet */

static bool id_take(char out[SESSION_ID_TEXT], const char *text)
{
    for (size_t i = 0; i < SESSION_ID_TEXT - 1; i++) {
        if (!isxdigit((unsigned char)text[i]))
            return false;
        out[i] = (char)tolower((unsigned char)text[i]);
    }
    out[SESSION_ID_TEXT - 1] = '\0';
    return !isalnum((unsigned char)text[SESSION_ID_TEXT - 1]) && strcmp(out, NIL) != 0;
}

/* The sender's and, as far as he knows it, the receiver's; "" for what is not there. RFC 7329 had the first
 * alone. */
static void ids_read(const sip_t *sip, char sender[SESSION_ID_TEXT], char receiver[SESSION_ID_TEXT])
{
    const char *remote;

    *sender = *receiver = '\0';
    for (const sip_unknown_t *h = sip ? sip->sip_unknown : NULL; h; h = h->un_next) {
        if (strcasecmp(h->un_name, "Session-ID") != 0 || !h->un_value)
            continue;
        if (!id_take(sender, h->un_value))
            *sender = '\0';
        remote = strcasestr(h->un_value, "remote=");
        if (!remote || !id_take(receiver, remote + strlen("remote=")))
            *receiver = '\0';
        return;
    }
}

static void line_write(char out[SESSION_ID_LINE], const char *sender, const char *receiver)
{
    snprintf(out, SESSION_ID_LINE, "Session-ID: %s;remote=%s", *sender ? sender : NIL,
             *receiver ? receiver : NIL);
}

void session_id_read(const sip_t *sip, char out[SESSION_ID_TEXT])
{
    char receiver[SESSION_ID_TEXT];

    ids_read(sip, out, receiver);
}

void session_id_make(char out[SESSION_ID_TEXT])
{
    char uuid[UUID_TEXT];
    size_t used = 0;

    uuid_make(uuid);
    for (const char *p = uuid; *p; p++)
        if (*p != '-')
            out[used++] = *p;
    out[used] = '\0';
}

void session_id_reply(nta_incoming_t *irq, char out[SESSION_ID_LINE])
{
    char sender[SESSION_ID_TEXT], receiver[SESSION_ID_TEXT];
    msg_t *msg = nta_incoming_getrequest(irq);

    ids_read(msg ? sip_object(msg) : NULL, sender, receiver);
    *out = '\0';
    if (*sender)
        line_write(out, receiver, sender);
    if (msg)
        msg_destroy(msg);
}

void session_id_note(struct session *s, const sip_t *sip)
{
    char sender[SESSION_ID_TEXT], receiver[SESSION_ID_TEXT];

    ids_read(sip, sender, receiver);
    if (*sender)
        memcpy(s->far_id, sender, sizeof s->far_id);
    else if (sip && !*s->far_id)
        session_id_make(s->far_id);
}

/* Whoever answers and has no identifier is given one: no final response leaves without (RFC 7989 §6). */
const char *session_id_line(struct session *s, bool known)
{
    if (known && !*s->near_id)
        session_id_make(s->near_id);
    line_write(s->id_line, s->near_id, s->far_id);
    return s->id_line;
}

const char *session_far_id(const struct session *s)
{
    return s->far_id;
}

void session_set_near_id(struct session *s, const char *id)
{
    if (strlen(id) < sizeof s->near_id)
        memcpy(s->near_id, id, strlen(id) + 1);
}

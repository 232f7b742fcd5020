/*
 * Rows of the outbox that leave by mail. The Message-ID follows from the entry, and from the parts that were
 * added to it: a mail that is sent twice, since a server's yes was lost, is one mail for who reads it; that
 * about a message which was gone on with is another.
 */
#include "storage/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/settings.h"
#include "core/base/zone.h"

#define GIVE_UP_S (2 * 86400)
#define TEXT_MAX 80000 /* of one mail's words; the longest transcript fits */

/* The row's message as it is told. */
struct told {
    char mailbox[NUMBER_TEXT], name[128], zone[64], caller[NUMBER_TEXT], caller_name[128];
    bool attach, deletes, urgent, transcript;
    time_t started, created;
    unsigned seconds, parts;
    char *words; /* the transcript; "" without one */
    PGresult *sound;
};

/* Who has called: name and number, as far as they are known. */
static void caller_write(char *out, size_t size, const struct told *told)
{
    if (told->caller_name[0] != '\0' && told->caller[0] != '\0') {
        snprintf(out, size, "%s (%s)", told->caller_name, told->caller);
    } else {
        snprintf(out, size, "%s", told->caller[0] != '\0' ? told->caller : "a withheld number");
    }
}

static int told_read(struct told *out, struct database *db, const char *entry, bool transcript)
{
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select b.number, b.name, b.zone, m.caller, m.caller_name, b.mail_attach, b.mail_delete, e.urgent, "
        "extract(epoch from m.started)::bigint, extract(epoch from e.created)::bigint, m.duration_ms / 1000, "
        "coalesce(t.text, ''), (select count(*) from message_part p where p.message = m.id) from entry e "
        "join mailbox b on b.number = e.mailbox join message m "
        "on m.id = e.message left join message_transcript t on t.message = m.id where e.id = $1",
        VALUES(value_text(entry)));

    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        PQclear(result);
        return ENOENT;
    }
    row_text(result, 0, 0, out->mailbox, sizeof out->mailbox);
    row_text(result, 0, 1, out->name, sizeof out->name);
    row_text(result, 0, 2, out->zone, sizeof out->zone);
    row_text(result, 0, 3, out->caller, sizeof out->caller);
    row_text(result, 0, 4, out->caller_name, sizeof out->caller_name);
    out->attach = row_truth(result, 0, 5) && !transcript;
    out->deletes = row_truth(result, 0, 6) && out->attach;
    out->urgent = row_truth(result, 0, 7);
    out->started = (time_t)row_number(result, 0, 8);
    out->created = (time_t)row_number(result, 0, 9);
    out->seconds = (unsigned)row_number(result, 0, 10);
    out->parts = (unsigned)row_number(result, 0, 12);
    out->transcript = transcript;
    out->words = strdup(transcript ? PQgetvalue(result, 0, 11) : "");
    PQclear(result);
    if (out->words == NULL) {
        return ENOMEM;
    }
    return out->attach
               ? database_query_binary(db, &out->sound,
                                       "select b.audio, b.id::text from entry e join message m on m.id = "
                                       "e.message join blob b on b.id = m.blob where e.id = $1",
                                       VALUES(value_text(entry)))
               : 0;
}

static void told_free(struct told *told)
{
    free(told->words);
    PQclear(told->sound);
}

/* Text of strangers within HTML. False: it does not fit. */
static bool html_write(char *out, size_t size, const char *text)
{
    size_t used = 0;

    for (; *text != '\0' && used + 8 < size; text++) {
        const char *safe = *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '&' ? "&amp;" : NULL;

        if (*text == '\n') {
            safe = "<br>\n";
        }
        used += safe != NULL ? (size_t)sprintf(out + used, "%s", safe) : 1;
        if (safe == NULL) {
            out[used - 1] = *text;
        }
    }
    out[used] = '\0';
    return *text == '\0';
}

static void text_write(char *out, size_t size, const struct told *told)
{
    char caller[256], when[64] = "";
    struct tm tm;

    caller_write(caller, sizeof caller, told);
    zones_local(zones_shared(), told->zone, told->started, &tm);
    strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
    if (told->transcript) {
        snprintf(out, size, "%s said on %s:\n\n%s\n", caller, when, told->words);
        return;
    }
    snprintf(out, size, "A%s message for mailbox %s\n\nFrom: %s\nLeft: %s\nLength: %u:%02u\n%s",
             told->urgent ? "n urgent" : "", told->mailbox, caller, when, told->seconds / 60,
             told->seconds % 60, told->attach ? "\nThe sound is attached.\n" : "");
}

/* As it is stored, or made smaller; what cannot be made smaller goes as it is. `opus` is to be freed. */
static void sound_attach(const struct settings *settings, const struct told *told, struct mail *mail,
                         struct audio *opus)
{
    if (!told->attach || PQntuples(told->sound) == 0) {
        return;
    }
    mail->sound = PQgetvalue(told->sound, 0, 0);
    mail->sound_size = (size_t)PQgetlength(told->sound, 0, 0);
    if (strcmp(settings->mail_format, "opus") == 0 &&
        audio_to_opus(opus, mail->sound, mail->sound_size) == 0) {
        mail->sound = opus->bytes;
        mail->sound_size = opus->size;
        mail->sound_type = "audio/ogg"; /* RFC 7845 §9 */
    }
}

static int told_send(const struct settings *settings, const struct told *told, struct parcel *parcel,
                     const atomic_bool *stops)
{
    const struct mail_server server = {.url = settings->mail_server,
                                       .user = settings->mail_user,
                                       .password = settings->mail_password,
                                       .ca = settings->mail_ca,
                                       .tls = settings->mail_tls};
    const char *to = parcel_text(parcel, "to"), *entry = parcel_text(parcel, "entry");
    char subject[400], caller[256], id[256], first[200], part[16], name[64];
    char *text = malloc(TEXT_MAX), *html = malloc(TEXT_MAX * 6);
    struct audio opus = {.bytes = NULL};
    int error = ENOMEM;

    if (text == NULL || html == NULL) {
        goto out;
    }
    caller_write(caller, sizeof caller, told);
    snprintf(subject, sizeof subject, "%s from %s (%u:%02u)",
             told->transcript ? "Transcript of the message"
             : told->urgent   ? "Urgent voice message"
                              : "Voice message",
             caller, told->seconds / 60, told->seconds % 60);
    snprintf(part, sizeof part, told->parts > 0 ? ".%u" : "", told->parts);
    snprintf(first, sizeof first, "%s%s@%s", entry, part, settings->realm);
    snprintf(id, sizeof id, "%s%s", told->transcript ? "transcript." : "", first);
    text_write(text, TEXT_MAX, told);
    if (!html_write(html, (size_t)TEXT_MAX * 6, text)) {
        goto out;
    }
    struct mail mail = {.from = settings->mail_from,
                        .to = to,
                        .subject = subject,
                        .id = id,
                        .reply_to = told->transcript ? first : NULL,
                        .date = told->created,
                        .text = text,
                        .html = html,
                        .sound_name = name,
                        .sound_type = "audio/wav"};
    sound_attach(settings, told, &mail, &opus);
    snprintf(name, sizeof name, "message-%.8s.%s", entry, opus.bytes != NULL ? "opus" : "wav");
    error = courier_mail(&server, &mail, stops, parcel->fault);
out:
    free(opus.bytes);
    free(text);
    free(html);
    return error;
}

/* A line feed in an address would be a header of its own. */
static bool address_is_one(const char *address)
{
    for (const char *at = address; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || *at == '<' || *at == '>') {
            return false;
        }
    }
    return strchr(address, '@') != NULL && strlen(address) < 255;
}

/* Not where its caller has gone on meanwhile: nobody has the whole elsewhere. */
static int sound_delete(struct database *db, const char *entry, const char *blob)
{
    return database_query(db, NULL,
                          "update entry e set deleted_at = now() from message m where e.id = $1 "
                          "and e.deleted_at is null and m.id = e.message and m.blob = $2",
                          VALUES(value_text(entry), value_text(blob)));
}

static int mail_deliver(const struct settings *settings, struct database *db, struct parcel *parcel,
                        const atomic_bool *stops)
{
    const char *entry = parcel_text(parcel, "entry");
    struct told told = {.words = NULL};
    int error;

    if (!address_is_one(parcel_text(parcel, "to"))) {
        snprintf(parcel->fault, sizeof parcel->fault, "the mailbox's address is none");
        return EINVAL;
    }
    error = told_read(&told, db, entry, json_is_true(json_object_get(parcel->payload, "transcript")));
    if (error == 0) {
        error = told_send(settings, &told, parcel, stops);
    }
    if (error == 0 && told.deletes && PQntuples(told.sound) > 0) {
        error = sound_delete(db, entry, PQgetvalue(told.sound, 0, 1));
    }
    told_free(&told);
    return error;
}

const struct courier courier_of_mail = {.kind = "mail", .give_up_s = GIVE_UP_S, .deliver = mail_deliver};

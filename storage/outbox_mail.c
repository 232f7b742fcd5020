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

#include "core/base/log.h"
#include "core/base/settings.h"
#include "core/base/zone.h"
#include "storage/document.h"

#define GIVE_UP_S (2 * 86400)
#define TEXT_MAX 80000 /* of one mail's words; the longest transcript fits */

/* The row's message as it is told. */
struct told {
    char mailbox[NUMBER_TEXT], name[128], zone[64], caller[NUMBER_TEXT], caller_name[128];
    bool attach, deletes, urgent, transcript;
    time_t started, created;
    unsigned seconds, parts;
    bool fax, cut;
    unsigned pages;
    char sender[FAX_SENDER_TEXT]; /* of a fax */
    char *words;                  /* the transcript; "" without one */
    PGresult *blob;
    uint8_t *pdf;      /* a fax's pages */
    struct audio opus; /* a sound made smaller */
    const void *file;  /* what is attached: sound or pages */
    size_t file_size;
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

/* A sound goes as it is stored, or made smaller where it can be. Pages go as PDF, which everybody can open;
 * those that nobody can show are told of all the same. */
static int told_attach(struct told *told, const struct settings *settings, struct database *db,
                       const char *entry)
{
    int error = database_query_binary(db, &told->blob,
                                      "select b.audio, b.id::text from entry e join message m on m.id = "
                                      "e.message join blob b on b.id = m.blob where e.id = $1",
                                      VALUES(value_text(entry)));

    if (error != 0) {
        return error;
    }
    if (PQntuples(told->blob) == 0) {
        return ENOENT;
    }
    told->file = PQgetvalue(told->blob, 0, 0);
    told->file_size = (size_t)PQgetlength(told->blob, 0, 0);
    if (!told->fax && strcmp(settings->mail_format, "opus") == 0 &&
        audio_convert(&told->opus, SOUND_OPUS, told->file, told->file_size) == 0) {
        told->file = told->opus.bytes;
        told->file_size = told->opus.size;
    }
    if (!told->fax) {
        return 0;
    }
    error = document_pdf(told->file, told->file_size, &told->pdf, &told->file_size);
    told->file = told->pdf;
    if (error != 0 && error != ENOMEM) {
        log_event(LEVEL_ERROR, "storage", NULL, "fax-broken entry=%s", entry);
        told->attach = told->deletes = false;
        error = 0;
    }
    return error;
}

/* Of the box that the mail is for, as long as there is one; one of a team may have taken the entry meanwhile.
 */
static int told_read(struct told *out, const struct settings *settings, struct database *db,
                     const struct parcel *parcel)
{
    const char *entry = parcel_text(parcel, "entry");
    bool transcript = json_is_true(json_object_get(parcel->payload, "transcript"));
    PGresult *result = NULL;
    int error = database_query(
        db, &result,
        "select b.number, b.name, b.zone, m.caller, m.caller_name, b.mail_attach, b.mail_delete, e.urgent, "
        "extract(epoch from m.started)::bigint, extract(epoch from e.created)::bigint, m.duration_ms / 1000, "
        "coalesce(t.text, ''), (select count(*) from message_part p where p.message = m.id), m.kind = 'fax', "
        "m.pages, m.cut, m.sender from entry e join mailbox b on b.number = "
        "coalesce((select number from mailbox where number = $2), e.mailbox) join message m "
        "on m.id = e.message left join message_transcript t on t.message = m.id where e.id = $1",
        VALUES(value_text(entry), value_text(parcel_text(parcel, "mailbox"))));

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
    out->fax = row_truth(result, 0, 13);
    out->pages = (unsigned)row_number(result, 0, 14);
    out->cut = row_truth(result, 0, 15);
    row_text(result, 0, 16, out->sender, sizeof out->sender);
    out->words = strdup(transcript ? PQgetvalue(result, 0, 11) : "");
    PQclear(result);
    if (out->words == NULL) {
        return ENOMEM;
    }
    return out->attach ? told_attach(out, settings, db, entry) : 0;
}

static void told_free(struct told *told)
{
    free(told->words);
    free(told->pdf);
    free(told->opus.bytes);
    PQclear(told->blob);
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

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

static void fax_write(char *out, size_t size, const struct told *told, const char *caller, const char *when)
{
    char sender[FAX_SENDER_TEXT + 16] = "";

    if (told->sender[0] != '\0') {
        snprintf(sender, sizeof sender, "Its machine: %s\n", told->sender);
    }
    snprintf(out, size, "A%s fax for mailbox %s\n\nFrom: %s\n%sReceived: %s\nPages: %u\n%s%s",
             told->urgent ? "n urgent" : "", told->mailbox, caller, sender, when, told->pages,
             told->cut ? "\nThe fax is not complete: the call ended before all pages had come.\n" : "",
             told->attach ? "\nThe fax is attached.\n" : "");
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
    if (told->fax) {
        fax_write(out, size, told, caller, when);
        return;
    }
    snprintf(out, size, "A%s message for mailbox %s\n\nFrom: %s\nLeft: %s\nLength: %u:%02u\n%s",
             told->urgent ? "n urgent" : "", told->mailbox, caller, when, told->seconds / 60,
             told->seconds % 60, told->attach ? "\nThe sound is attached.\n" : "");
}

static void subject_write(char *out, size_t size, const struct told *told)
{
    char caller[256];

    caller_write(caller, sizeof caller, told);
    if (told->fax) {
        snprintf(out, size, "%s from %s (%u page%s%s)", told->urgent ? "Urgent fax" : "Fax", caller,
                 told->pages, plural(told->pages), told->cut ? ", not complete" : "");
        return;
    }
    snprintf(out, size, "%s from %s (%u:%02u)",
             told->transcript ? "Transcript of the message"
             : told->urgent   ? "Urgent voice message"
                              : "Voice message",
             caller, told->seconds / 60, told->seconds % 60);
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
    char subject[400], id[256], first[200], part[16] = "", name[64];
    char *text = malloc(TEXT_MAX), *html = malloc(TEXT_MAX * 6);
    int error = ENOMEM;

    if (text == NULL || html == NULL) {
        goto out;
    }
    subject_write(subject, sizeof subject, told);
    if (told->parts > 0) {
        snprintf(part, sizeof part, ".%u", told->parts);
    }
    snprintf(first, sizeof first, "%s%s@%s", entry, part, settings->realm);
    snprintf(id, sizeof id, "%s%s", told->transcript ? "transcript." : "", first);
    snprintf(name, sizeof name, told->fax ? "fax-%.8s.pdf" : "message-%.8s.%s", entry,
             told->opus.bytes != NULL ? "opus" : "wav");
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
                        .context = told->fax ? "fax-message" : "voice-message",
                        .attached_name = name,
                        .attached_type = told->fax                  ? "application/pdf"
                                         : told->opus.bytes != NULL ? "audio/ogg" /* RFC 7845 §9 */
                                                                    : "audio/wav"};
    if (told->attach) {
        mail.attached = told->file;
        mail.attached_size = told->file_size;
    }
    error = courier_mail(&server, &mail, stops, parcel->fault);
out:
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

/* Not where its caller has gone on meanwhile, or goes on just now: nobody has the whole elsewhere. Nor where
 * another has it who got no mail. */
static int told_delete(struct database *db, const struct parcel *parcel, const char *blob)
{
    const char *entry = parcel_text(parcel, "entry");
    PGresult *result = NULL;
    int error = database_query(db, &result,
                               "select 1 from message where id = (select message from entry where id = $1) "
                               "and blob = $2 for share",
                               VALUES(value_text(entry), value_text(blob)));

    if (error == 0 && PQntuples(result) > 0) {
        error = database_query(
            db, NULL,
            "update entry set deleted_at = now() where id = $1 and mailbox = $2 and deleted_at is null",
            VALUES(value_text(entry), value_text(parcel_text(parcel, "mailbox"))));
    }
    PQclear(result);
    return error;
}

static int mail_deliver(const struct settings *settings, struct database *db, struct parcel *parcel,
                        const atomic_bool *stops)
{
    struct told told = {.words = NULL};
    int error;

    if (!address_is_one(parcel_text(parcel, "to"))) {
        snprintf(parcel->fault, sizeof parcel->fault, "the mailbox's address is none");
        return EINVAL;
    }
    error = told_read(&told, settings, db, parcel);
    if (error == 0) {
        error = told_send(settings, &told, parcel, stops);
    }
    if (error == 0 && told.deletes && PQntuples(told.blob) > 0) {
        error = told_delete(db, parcel, PQgetvalue(told.blob, 0, 1));
    }
    told_free(&told);
    return error;
}

const struct courier courier_of_mail = {.kind = "mail", .give_up_s = GIVE_UP_S, .deliver = mail_deliver};

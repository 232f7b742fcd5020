/* The metadata of a recording session (RFC 7865): always the complete document, which no loss can put out of
 * step. */
#include "core/call/siprec_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void text_put(FILE *to, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        default:
            fputc((unsigned char)*text < 0x20 ? ' ' : *text, to);
        }
    }
}

/* RFC 7865 §6.10: identifiers are base64 of 128 bits. */
static void id_put(FILE *to, const char *hex)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[18] = {0};
    char out[25];

    for (unsigned i = 0; i < 16; i++) {
        unsigned byte = 0;

        (void)sscanf(hex + 2 * (size_t)i, "%2x", &byte);
        bytes[i] = (unsigned char)byte;
    }
    for (unsigned i = 0; i < 6; i++) {
        unsigned word = bytes[3 * i] << 16 | bytes[3 * i + 1] << 8 | bytes[3 * i + 2];

        for (unsigned k = 0; k < 4; k++)
            out[4 * i + k] = digits[word >> (18 - 6 * k) & 63];
    }
    memcpy(out + 22, "==", 3);
    fputs(out, to);
}

static void time_put(FILE *to, const char *element, int64_t wall_us)
{
    time_t second = (time_t)(wall_us / 1000000);
    char text[32];
    struct tm tm;

    if (!gmtime_r(&second, &tm))
        return;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    fprintf(to, "<%s>%s</%s>", element, text, element);
}

static void reference_put(FILE *to, const char *element, const char *id)
{
    fprintf(to, "<%s>", element);
    id_put(to, id);
    fprintf(to, "</%s>", element);
}

static void attribute_put(FILE *to, const char *name, const char *id)
{
    fprintf(to, " %s=\"", name);
    id_put(to, id);
    fputc('"', to);
}

static void person_put(FILE *to, const struct siprec *siprec, const struct siprec_person *person)
{
    fputs("<participant", to);
    attribute_put(to, "participant_id", person->id);
    fputs("><nameID aor=\"sip:", to);
    text_put(to, *person->user ? person->user : "anonymous");
    fputc('@', to);
    text_put(to, *person->user ? siprec->server->settings->realm : "anonymous.invalid");
    fputs("\">", to);
    if (*person->name) {
        fputs("<name xml:lang=\"en\">", to);
        text_put(to, person->name);
        fputs("</name>", to);
    }
    fputs("</nameID></participant>", to);
}

static void session_put(FILE *to, const struct siprec *siprec)
{
    fputs("<group", to);
    attribute_put(to, "group_id", siprec->group);
    fputc('>', to);
    time_put(to, "associate-time", (int64_t)siprec->began_us);
    fputs("</group><session", to);
    attribute_put(to, "session_id", siprec->id);
    fputc('>', to);
    reference_put(to, "group-ref", siprec->group);
    time_put(to, "start-time", (int64_t)siprec->began_us);
    fputs("</session>", to);
}

static void associations_put(FILE *to, const struct siprec *siprec)
{
    fputs("<sessionrecordingassoc", to);
    attribute_put(to, "session_id", siprec->id);
    fputc('>', to);
    time_put(to, "associate-time", (int64_t)siprec->began_us);
    fputs("</sessionrecordingassoc>", to);
    for (const struct siprec_person *person = siprec->persons; person; person = person->next) {
        fputs("<participantsessionassoc", to);
        attribute_put(to, "participant_id", person->id);
        attribute_put(to, "session_id", siprec->id);
        fputc('>', to);
        time_put(to, "associate-time", person->joined_us);
        if (person->gone)
            time_put(to, "disassociate-time", person->left_us);
        fputs("</participantsessionassoc>", to);
        if (!person->stream)
            continue;
        fputs("<participantstreamassoc", to);
        attribute_put(to, "participant_id", person->id);
        fputc('>', to);
        reference_put(to, "send", person->stream->id);
        fputs("</participantstreamassoc>", to);
    }
}

int metadata_write(char **out, const struct siprec *siprec)
{
    size_t size;
    FILE *to = open_memstream(out, &size);

    if (!to)
        return ENOMEM;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<recording xmlns=\"urn:ietf:params:xml:ns:recording:1\"><datamode>complete</datamode>",
          to);
    session_put(to, siprec);
    for (const struct siprec_person *person = siprec->persons; person; person = person->next)
        person_put(to, siprec, person);
    for (unsigned i = 0; i < SIPREC_STREAMS; i++) {
        const struct siprec_stream *stream = &siprec->streams[i];

        if (!stream->person)
            continue;
        fputs("<stream", to);
        attribute_put(to, "stream_id", stream->id);
        attribute_put(to, "session_id", siprec->id);
        fprintf(to, "><label>%u</label></stream>", stream->label);
    }
    associations_put(to, siprec);
    fputs("</recording>\n", to);
    return fclose(to) == 0 ? 0 : ENOMEM;
}

void persons_forget(struct siprec *siprec)
{
    for (struct siprec_person **at = &siprec->persons; *at;) {
        struct siprec_person *person = *at;

        if (person->gone && !siprec->changed) {
            *at = person->next;
            free(person);
        } else {
            at = &person->next;
        }
    }
}

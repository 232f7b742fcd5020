/* The metadata of a recording session (RFC 7865): always the complete document, which no loss can put out of
 * step. */
#include "core/call/siprec_internal.h"

#include "core/sip/xml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* All has to go through as one message with the SDP, perhaps as one datagram. */
#define METADATA_TEXT 49152
#define FRAME_TEXT (1024 + SIPREC_STREAMS * 128)
#define PERSON_TEXT 640 /* what is said of one, but for what he is called */

/* RFC 7865 §6.10: identifiers are base64 of 128 bits. */
static void id_put(struct xml *to, const char *hex)
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
    xml_put(to, "%s", out);
}

static void time_put(struct xml *to, const char *element, int64_t wall_us)
{
    time_t second = (time_t)(wall_us / 1000000);
    char text[32];
    struct tm tm;

    if (!gmtime_r(&second, &tm))
        return;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    xml_put(to, "<%s>%s</%s>", element, text, element);
}

static void reference_put(struct xml *to, const char *element, const char *id)
{
    xml_put(to, "<%s>", element);
    id_put(to, id);
    xml_put(to, "</%s>", element);
}

static void attribute_put(struct xml *to, const char *name, const char *id)
{
    xml_put(to, " %s=\"", name);
    id_put(to, id);
    xml_put(to, "\"");
}

static void person_put(struct xml *to, const struct siprec *siprec, const struct siprec_person *person)
{
    xml_put(to, "<participant");
    attribute_put(to, "participant_id", person->id);
    xml_put(to, "><nameID aor=\"");
    if (*person->user)
        xml_put_uri(to, person->user, siprec->server->settings->realm);
    else
        xml_put_uri(to, "anonymous", "anonymous.invalid");
    xml_put(to, "\">");
    if (*person->name) {
        xml_put(to, "<name xml:lang=\"en\">");
        xml_put_escaped(to, person->name);
        xml_put(to, "</name>");
    }
    xml_put(to, "</nameID></participant>");
}

static void session_put(struct xml *to, const struct siprec *siprec)
{
    xml_put(to, "<group");
    attribute_put(to, "group_id", siprec->group);
    xml_put(to, ">");
    time_put(to, "associate-time", (int64_t)siprec->began_us);
    xml_put(to, "</group><session");
    attribute_put(to, "session_id", siprec->id);
    xml_put(to, ">");
    reference_put(to, "group-ref", siprec->group);
    time_put(to, "start-time", (int64_t)siprec->began_us);
    xml_put(to, "</session>");
}

static void associations_put(struct xml *to, const struct siprec *siprec)
{
    xml_put(to, "<sessionrecordingassoc");
    attribute_put(to, "session_id", siprec->id);
    xml_put(to, ">");
    time_put(to, "associate-time", (int64_t)siprec->began_us);
    xml_put(to, "</sessionrecordingassoc>");
    for (const struct siprec_person *person = siprec->persons; person; person = person->next) {
        if (!person->told)
            continue;
        xml_put(to, "<participantsessionassoc");
        attribute_put(to, "participant_id", person->id);
        attribute_put(to, "session_id", siprec->id);
        xml_put(to, ">");
        time_put(to, "associate-time", person->joined_us);
        if (person->gone)
            time_put(to, "disassociate-time", person->left_us);
        xml_put(to, "</participantsessionassoc>");
    }
    for (const struct siprec_person *person = siprec->persons; person; person = person->next) {
        if (!person->told || !person->stream)
            continue;
        xml_put(to, "<participantstreamassoc");
        attribute_put(to, "participant_id", person->id);
        xml_put(to, ">");
        reference_put(to, "send", person->stream->id);
        xml_put(to, "</participantstreamassoc>");
    }
}

/* Of all that is said of him, at its longest. */
static size_t person_length(const struct siprec *siprec, const struct siprec_person *person)
{
    size_t length = PERSON_TEXT + 3 * strlen(person->user) + strlen(siprec->server->settings->realm);

    for (const char *c = person->name; *c; c++)
        length += strchr("&<>\"", *c) ? 6 : 1;
    return length;
}

/*
 * Those with a stream are told of in any case. Of a crowd that listens as many as there is room for, those
 * first who have been told of before.
 */
static void persons_choose(const struct siprec *siprec)
{
    size_t left = METADATA_TEXT - FRAME_TEXT;

    for (unsigned pass = 0; pass < 3; pass++)
        for (struct siprec_person *person = siprec->persons; person; person = person->next) {
            size_t length = person_length(siprec, person);

            if (pass != (person->stream ? 0 : person->told ? 1 : 2))
                continue;
            person->told = length <= left;
            left -= person->told ? length : 0;
        }
}

int metadata_write(char **out, const struct siprec *siprec)
{
    struct xml w = {.text = malloc(METADATA_TEXT), .size = METADATA_TEXT}, *to = &w;

    if (!w.text)
        return ENOMEM;
    persons_choose(siprec);
    xml_put(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<recording xmlns=\"urn:ietf:params:xml:ns:recording:1\"><datamode>complete</datamode>");
    session_put(to, siprec);
    for (const struct siprec_person *person = siprec->persons; person; person = person->next)
        if (person->told)
            person_put(to, siprec, person);
    for (unsigned i = 0; i < SIPREC_STREAMS; i++) {
        const struct siprec_stream *stream = &siprec->streams[i];

        if (!stream->person)
            continue;
        xml_put(to, "<stream");
        attribute_put(to, "stream_id", stream->id);
        attribute_put(to, "session_id", siprec->id);
        xml_put(to, "><label>%u</label></stream>", stream->label);
    }
    associations_put(to, siprec);
    xml_put(to, "</recording>\n");
    if (w.full) {
        free(w.text);
        return ENOSPC;
    }
    *out = w.text;
    return 0;
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

/*
 * Mailboxes, greetings and messages that another voicemail system has left, brought into the tables: for
 * confabctl, which has no loop and may wait. What is there already stays as it is, so that it may be done
 * again.
 *
 * Ownership: importer_open() makes, importer_close() ends. Threads: one. Failure: EEXIST it is there already;
 * ENOENT no such file or mailbox, EINVAL the file is no sound that can be read, EFBIG, ERANGE no time of a
 * message, ENOTCONN, EIO.
 */
#ifndef CONFAB_STORAGE_IMPORT_H
#define CONFAB_STORAGE_IMPORT_H

#include "storage/mailbox.h"

struct importer;

/* `dry`: everything is read and judged, nothing is written. */
STORAGE_CHECK int importer_open(struct importer **out, const struct settings *settings, bool dry);
void importer_close(struct importer *importer);

struct import_mailbox {
    char number[NUMBER_TEXT], name[128], email[256];
    char zone[64], language[16]; /* "": UTC; the server's */
    char pin[PIN_MAX + 1];       /* "": no PIN will open it. Only its hash is kept, and must be changed */
    unsigned max_messages, max_message_s; /* 0: confab's own default */
    bool no_envelope;
};
STORAGE_CHECK int import_mailbox(struct importer *importer, const struct import_mailbox *box);

struct import_message {
    const char *source;  /* names it for ever: the same source is the same message */
    const char *mailbox; /* one that import_mailbox() made or found */
    const char
        *path; /* of the sound: anything libsndfile reads, or raw by .gsm, .ulaw, .alaw, .sln, .sln16 */
    char caller[NUMBER_TEXT], caller_name[128];
    int64_t started_s; /* wall time */
    enum folder folder;
    bool heard, urgent;
};
/* Nobody is mailed about it, and no quota keeps it out. */
STORAGE_CHECK int import_message(struct importer *importer, const struct import_message *message);

STORAGE_CHECK int import_greeting(struct importer *importer, const char *mailbox, enum greeting_kind kind,
                                  const char *path);

#endif

/*
 * Mailboxes: PIN, greetings, counts, and the entries in their folders. Contract: storage/storage.h.
 *
 * An entry is one message in one mailbox. It is named by its uuid and changed only in the version that was
 * read.
 */
#ifndef CONFAB_STORAGE_MAILBOX_H
#define CONFAB_STORAGE_MAILBOX_H

#include "storage/storage.h"

#include <stdbool.h>
#include <time.h>

enum greeting_kind { GREETING_UNAVAILABLE, GREETING_BUSY, GREETING_NAME, GREETING_TEMPORARY, GREETING_COUNT };
enum folder { FOLDER_INBOX, FOLDER_OLD, FOLDER_WORK, FOLDER_FAMILY, FOLDER_FRIENDS, FOLDER_COUNT };

#define PIN_MIN 6
#define PIN_MAX 16
#define ENTRIES_MAX 1000 /* of one listing; the oldest that are left out come when these are gone */

enum mailbox_kind { MAILBOX_PERSON, MAILBOX_SHARED, MAILBOX_DISPATCH, MAILBOX_GREETING, MAILBOX_KIND_COUNT };

struct mailbox {
    enum mailbox_kind kind;
    char number[NUMBER_TEXT];
    char name[128], zone[64], language[16];
    bool greetings[GREETING_COUNT]; /* which of his own he has recorded */
    bool pin_must_change;
    bool tutorial;                     /* he is to be led through it on his next visit */
    char keymap[16];                   /* "": the server's */
    bool newest_first;                 /* the order in which messages come */
    bool autoplay;                     /* the next begins when one was heard */
    bool envelope;                     /* when and from whom is said before each */
    bool login_from_greeting;          /* callers from outside may */
    char operator_number[NUMBER_TEXT]; /* "": the server's */
    unsigned max_messages;             /* quotas; 0: none */
    unsigned max_seconds;
    uint64_t max_bytes;
    unsigned message_count; /* used of them, without what is in the trash */
    unsigned seconds;
    uint64_t bytes;
    unsigned max_message_s; /* 0: the server's */
};
typedef void mailbox_reply(struct ticket ticket, int error, const struct mailbox *mailbox);
STORAGE_CHECK int mailbox_find(struct storage *st, const char *number, struct ticket ticket,
                               mailbox_reply *reply);

/*
 * Checks a PIN (yescrypt). EACCES alike for a wrong PIN, no such mailbox, and one that is locked: after 10
 * wrong ones in a row, for 15 minutes, over calls and restarts. A locked box still takes deposits.
 */
STORAGE_CHECK int mailbox_check_pin(struct storage *st, const char *number, const char *pin,
                                    struct ticket ticket, mailbox_reply *reply);
/* 0, or why this PIN will not do: EINVAL not PIN_MIN to PIN_MAX digits, EPERM trivial or the extension. Any
 * thread. */
STORAGE_CHECK int pin_judge(const char *pin, const char *number);
/* As pin_judge() first; then stores the hash. */
STORAGE_CHECK int mailbox_set_pin(struct storage *st, const char *number, const char *pin,
                                  struct ticket ticket, storage_done *reply);

struct mailbox_counts {
    char number[NUMBER_TEXT];
    unsigned fresh, old, fresh_urgent, old_urgent; /* RFC 3842 §5.2: new/old (urgent new/urgent old) */
    unsigned fax_fresh, fax_old, fax_fresh_urgent, fax_old_urgent;
};
typedef void counts_reply(struct ticket ticket, int error, const struct mailbox_counts *counts);
STORAGE_CHECK int mailbox_count(struct storage *st, const char *number, struct ticket ticket,
                                counts_reply *reply);

/* A file below settings->cache_dir that the receiver plays and then unlinks. ENOENT. */
typedef void file_reply(struct ticket ticket, int error, const char *path);
STORAGE_CHECK int greeting_fetch(struct storage *st, const char *number, enum greeting_kind kind,
                                 struct ticket ticket, file_reply *reply);
/* Stores the recording at `path` as the greeting; unlinks the file in any case once the job runs; path NULL:
 * back to the default. */
STORAGE_CHECK int greeting_store(struct storage *st, const char *number, enum greeting_kind kind,
                                 const char *path, struct ticket ticket, storage_done *reply);
/* Unlinks a file below settings->cache_dir that is not wanted after all. */
STORAGE_CHECK int cache_discard(struct storage *st, const char *path, struct ticket ticket,
                                storage_done *reply);

struct entry {
    char id[UUID_TEXT];
    int64_t version;
    enum folder folder;
    bool heard, urgent, deleted;
    char caller[NUMBER_TEXT], caller_name[128]; /* "" when withheld */
    time_t left;                                /* when the caller spoke */
    uint32_t duration_ms;
};
struct entry_list {
    size_t count;
    struct entry entries[]; /* oldest first; deleted ones are not listed */
};
typedef void entries_reply(struct ticket ticket, int error, const struct entry_list *list);
/* FOLDER_INBOX lists what was not heard; FOLDER_OLD what was heard and not filed. */
STORAGE_CHECK int entries_list(struct storage *st, const char *mailbox, enum folder folder,
                               struct ticket ticket, entries_reply *reply);
STORAGE_CHECK int entry_fetch(struct storage *st, const char *id, struct ticket ticket, file_reply *reply);

/* Writes folder, heard and deleted where id and version still hold; the reply has the entry's new version.
 * ESTALE. */
typedef void entry_reply(struct ticket ticket, int error, const struct entry *entry);
STORAGE_CHECK int entry_update(struct storage *st, const struct entry *entry, struct ticket ticket,
                               entry_reply *reply);

/*
 * Puts the entry's message into another mailbox too, as new there: one row more, the sound is shared. Again
 * to the same one: it is new there again. ENOENT no such entry or no such mailbox.
 */
STORAGE_CHECK int entry_forward(struct storage *st, const char *id, const char *mailbox, struct ticket ticket,
                                storage_done *reply);

#endif

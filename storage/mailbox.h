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

#define FAX_SENDER_TEXT 21 /* T.30 section 5.3.6.2.4: twenty characters */

enum greeting_kind {
    GREETING_UNAVAILABLE,
    GREETING_BUSY,
    GREETING_NAME,
    GREETING_TEMPORARY,
    GREETING_NO_ANSWER,
    GREETING_CLOSED,
    GREETING_CALLER, /* for single callers: there may be many */
    GREETING_COUNT
};
enum folder { FOLDER_INBOX, FOLDER_OLD, FOLDER_WORK, FOLDER_FAMILY, FOLDER_FRIENDS, FOLDER_COUNT };
#define FOLDER_TRASH                                                                                         \
    FOLDER_COUNT /* what was deleted and can be brought back: a listing, no entry's folder                   \
                  */

#define PIN_MIN 6
#define PIN_MAX 16
#define ENTRIES_MAX 1000 /* of one listing; the next one begins after its last */

/* A list is no mailbox, but what is left at its number is left in many (storage/send.h). */
enum mailbox_kind {
    MAILBOX_PERSON,
    MAILBOX_SHARED,
    MAILBOX_DISPATCH,
    MAILBOX_GREETING,
    MAILBOX_LIST,
    MAILBOX_KIND_COUNT
};

/* Whether fax machines that call it find one. */
enum mailbox_fax { FAX_AS_SERVER, FAX_TAKEN, FAX_REFUSED };

struct mailbox {
    enum mailbox_kind kind;
    char number[NUMBER_TEXT];
    char name[128], zone[64], language[16];
    bool greetings[GREETING_COUNT]; /* which of his own he has recorded, and hold now */
    time_t temporary_ends;          /* of that greeting; 0: when he erases it */
    bool closed;                    /* it is outside his hours, or a holiday */
    bool pin_must_change;
    int64_t pin_set_us;       /* since 1970: another one is another PIN */
    bool tutorial;            /* he is to be led through it on his next visit */
    char keymap[16];          /* "": the server's */
    bool newest_first;        /* the order in which messages come */
    bool autoplay;            /* the next begins when one was heard */
    bool envelope;            /* when and from whom is said before each */
    bool login_from_greeting; /* callers from outside may */
    enum mailbox_fax fax;
    bool screen;                       /* his phones are called while a message is left */
    char operator_number[NUMBER_TEXT]; /* "": the server's */
    unsigned max_messages;             /* quotas; 0: none */
    unsigned max_seconds;
    uint64_t max_bytes;
    unsigned message_count; /* used of them, without what is in the trash */
    unsigned seconds;
    uint64_t bytes;
    unsigned max_message_s; /* 0: the server's */
    unsigned pin_refused;   /* only of mailbox_check_pin(): wrong PINs before this right one */
};
typedef void mailbox_reply(struct ticket ticket, int error, const struct mailbox *mailbox);
STORAGE_CHECK int mailbox_find(struct storage *st, const char *number, struct ticket ticket,
                               mailbox_reply *reply);

/* The first of these numbers that has a mailbox: one of that number, or the one of the subscriber who has it.
 * `which` of them it was counts from 0. ENOENT: none has. */
#define NUMBERS_MAX 16
typedef void mailbox_first_reply(struct ticket ticket, int error, size_t which,
                                 const struct mailbox *mailbox);
STORAGE_CHECK int mailbox_find_first(struct storage *st, const char *const *numbers, size_t count,
                                     struct ticket ticket, mailbox_first_reply *reply);

/*
 * Checks a PIN (yescrypt). EACCES alike for a wrong PIN, no such mailbox, a guesser who is locked out (as for
 * rooms: table pin_guess), and a mailbox that is locked: after 10 wrong ones in a row, for 15 minutes, then
 * for twice as long each time until a right one, over calls and restarts. A locked box still takes deposits.
 * A PIN older than settings->pin_days comes back as one that must change.
 */
STORAGE_CHECK int mailbox_check_pin(struct storage *st, const char *number, const char *pin,
                                    const struct guesser *from, struct ticket ticket, mailbox_reply *reply);
/* Lets a subscriber whose mailbox it is in without a PIN, and writes that down, where it trusts its phones;
 * `from->caller` has proved that he is that subscriber. EACCES: it does not, or is not his. */
STORAGE_CHECK int mailbox_trust(struct storage *st, const char *number, const struct guesser *from,
                                struct ticket ticket, mailbox_reply *reply);
/* 0, or why this PIN will not do: EINVAL not PIN_MIN to PIN_MAX digits, EPERM trivial or the extension. Any
 * thread. */
STORAGE_CHECK int pin_judge(const char *pin, const char *number);
/* As pin_judge() first, EPERM also for one of the last settings->pin_history; then stores the hash. */
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
/* The one that is for this caller: for his very number, else, unless `alone`, the eldest with a pattern that
 * fits. */
STORAGE_CHECK int greeting_fetch_for(struct storage *st, const char *number, const char *caller, bool alone,
                                     struct ticket ticket, file_reply *reply);
/* Stores the recording at `path` as the greeting; unlinks the file in any case once the job runs; path NULL:
 * back to the default. `callers`: who hears a GREETING_CALLER; "" for other kinds. `source`: by which way, as
 * the table audit has it; "": by phone. */
STORAGE_CHECK int greeting_store(struct storage *st, const char *number, enum greeting_kind kind,
                                 const char *callers, const char *path, const char *source,
                                 struct ticket ticket, storage_done *reply);
/* When it ends by itself; 0: never. ENOENT. */
STORAGE_CHECK int greeting_set_end(struct storage *st, const char *number, enum greeting_kind kind,
                                   time_t ends, struct ticket ticket, storage_done *reply);
/* The owner has been led through his box. ENOENT. */
STORAGE_CHECK int mailbox_end_tutorial(struct storage *st, const char *number, struct ticket ticket,
                                       storage_done *reply);
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
    bool fax;                     /* there is nothing to play */
    unsigned pages;               /* of a fax */
    bool cut;                     /* of a fax: pages are missing */
    char mailbox[NUMBER_TEXT];    /* in which it lies: the reader's own, or that of a team of his */
    char reader[NUMBER_TEXT];     /* as whose it was listed: `heard` is his, in the team's box too */
    char claimed_by[NUMBER_TEXT]; /* the member of the team who takes care of it; "": nobody */
    bool introduced;              /* introduction_fetch() has what is said before it */
    char source[8];               /* by which way it is changed, as the table audit has it; "": by phone */
};
struct entry_list {
    size_t count;
    struct entry entries[];
};
typedef void entries_reply(struct ticket ticket, int error, const struct entry_list *list);
struct entry_query {
    enum folder folder;
    char caller[NUMBER_TEXT]; /* instead of a folder: all whose caller's number ends so; "": the folder */
    bool newest_first;
    char after[UUID_TEXT]; /* goes on after this entry; "": from the beginning */
};
/*
 * FOLDER_INBOX lists what was not heard, urgent ones first; FOLDER_OLD what was heard and not filed;
 * FOLDER_TRASH what was deleted no longer ago than the mailbox keeps it (the settings' trash_days where it
 * does not say). Deleted ones are in no other. Messages of the teams that the mailbox is a member of are
 * among its own; a broadcast comes first, and only once.
 */
STORAGE_CHECK int entries_list(struct storage *st, const char *mailbox, const struct entry_query *query,
                               struct ticket ticket, entries_reply *reply);
/* ENOENT also where the reader does not reach it any more: another of his team has it. */
STORAGE_CHECK int entry_fetch(struct storage *st, const char *reader, const char *id, struct ticket ticket,
                              file_reply *reply);
enum sound_format { SOUND_WAV, SOUND_OPUS, SOUND_FLAC }; /* Opus in Ogg */
/* The same in another format, byte by byte the same each time; a fax is PDF always. ENOTSUP:
 * it cannot be had so. */
STORAGE_CHECK int entry_fetch_as(struct storage *st, const char *reader, const char *id,
                                 enum sound_format format, struct ticket ticket, file_reply *reply);

typedef void entry_reply(struct ticket ticket, int error, const struct entry *entry);
/* One of those that the mailbox would list, also from the trash. ENOENT. */
STORAGE_CHECK int entry_find(struct storage *st, const char *mailbox, const char *id, struct ticket ticket,
                             entry_reply *reply);

/* Writes folder, heard, urgent and deleted where id and version still hold; the reply has the entry's new
 * version. Who files or deletes a message of a dispatch box has taken it into his own, as by entry_claim();
 * marked urgent it stays there. ESTALE. */
STORAGE_CHECK int entry_update(struct storage *st, const struct entry *entry, struct ticket ticket,
                               entry_reply *reply);

/* Has the entry mailed to the mailbox's owner once more. ENOENT: nobody's address; ESTALE: the reader does
 * not reach it any more. */
STORAGE_CHECK int entry_mail(struct storage *st, const char *reader, const char *id, struct ticket ticket,
                             storage_done *reply);

/* Stores what the owner has chosen by phone: newest_first, autoplay and envelope. ENOENT. */
STORAGE_CHECK int mailbox_prefer(struct storage *st, const struct mailbox *box, struct ticket ticket,
                                 storage_done *reply);

/* The mailboxes, blank between, three at most, that have heard what this one's owner sent and wanted to know
 * about; "": none. They are told once. */
#define RECEIPTS_TEXT (3 * NUMBER_TEXT)
typedef void receipts_reply(struct ticket ticket, int error, const char *heard_by);
STORAGE_CHECK int receipts_take(struct storage *st, const char *mailbox, struct ticket ticket,
                                receipts_reply *reply);

#endif

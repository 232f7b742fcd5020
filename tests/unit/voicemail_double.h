/*
 * A storage that only writes down what voicemail asks it, and the ways of callers and owners up to where a
 * test begins.
 */
#ifndef CONFAB_TESTS_VOICEMAIL_DOUBLE_H
#define CONFAB_TESTS_VOICEMAIL_DOUBLE_H

#include "apps/apps.h"
#include "storage/mailbox.h"
#include "storage/send.h"
#include "storage/spool.h"
#include "storage/subscriber.h"
#include "tests/unit/app_double.h"

struct asked {
    char told[1024]; /* every job, blank between */
    struct ticket ticket;
    int refuse; /* what the next job is refused with */
    subscriber_reply *subscriber;
    mailbox_reply *mailbox;
    mailbox_first_reply *first;
    counts_reply *counts;
    entries_reply *entries;
    entry_reply *entry;
    file_reply *file;
    storage_done *done;
    sent_reply *sent;
    leave_reply *leave;
    found_reply *found;
    struct guesser from;    /* of the last mailbox_check_pin() */
    struct deposit deposit; /* of the last deposit_open() */
    struct entry wanted;    /* of the last entry_update() */
    unsigned marks;         /* of the last deposit_commit() */
    char sender[FAX_SENDER_TEXT];
    bool may_resume;        /* storage has a message that was cut off */
    cut_reply *cut;
    bool receipts_due; /* storage is asked for them, and not refused */
    receipts_reply *receipts;
    char list[UUID_TEXT]; /* of the last recipients_store() */
};
extern struct asked asked;

extern const struct mailbox plain;     /* 1002, without greetings of its own */
extern const struct subscriber callee; /* 1002, who has it */
extern const struct entry entries[];   /* three: one, two and three; the second has no caller */

/* Words that are heard often, as link->told has them. */
#define BEEP "play=1000Hz"
#define DEFAULT_WORDS "menu=300ms+vm-theperson+digits/1+digits/0+digits/0+digits/2+"
#define MAIN_MENU(folder) "menu=vm-onefor+" folder "+vm-messages+vm-opts+vm-helpexit"
#define OPTIONS                                                                                              \
    "menu=vm-options+vm-press+digits/6+key-preferences+vm-press+digits/7+key-greetings+vm-press+digits/"     \
    "8+key-lists"
#define MESSAGE_MENU(delete)                                                                                 \
    "menu=vm-advopts+vm-repeat+vm-next+" delete "+vm-toforward+vm-savemessage+vm-helpexit"

void voicemail_begin(void); /* ends with double_end() */

/* The call of 1001 to the subscriber fails with `status`; up to the answer of storage about the mailbox. */
struct link *call_fails(int status, int error, const struct mailbox *box);
struct link *call_deposit(int status, const struct mailbox *box); /* the greeting plays */
struct link *call_records(void);                                  /* the beep is over */
void open_deposit(void);                                          /* storage's answer to deposit_open() */

/* The owner's own phone: up to the question for his PIN, to the main menu, to the first message's play. */
struct link *call_own(void);
struct link *visit_as(const struct mailbox *box, unsigned fresh, unsigned old);
struct link *visit(void);
struct link *listens(void);
void list_entries(size_t count, const struct entry *from); /* storage's answer to entries_list() */
void updated(void); /* storage has written what was asked: the version has moved on */

#endif

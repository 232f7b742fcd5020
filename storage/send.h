/*
 * Sending from a mailbox: to whom, lists of mailboxes, and calls out of it. Contract: storage/storage.h.
 *
 * A list is named by its number, or by its own id where that must mean it for everybody.
 */
#ifndef CONFAB_STORAGE_SEND_H
#define CONFAB_STORAGE_SEND_H

#include "storage/mailbox.h"

/*
 * Whom a number means for the owner of `sender`: a mailbox, his who has that number, or a list. For a list
 * the reply's number is the list's id, and its kind MAILBOX_LIST. ENOENT: nobody; EACCES: everybody, and the
 * sender may not broadcast.
 */
STORAGE_CHECK int recipient_find(struct storage *st, const char *number, const char *sender,
                                 struct ticket ticket, mailbox_reply *reply);

/* A list for one message: what is left at `id` is left in each. `id` is the asker's (uuid_make()). */
#define SEND_MAX 12
STORAGE_CHECK int recipients_store(struct storage *st, const char *id, const char *sender,
                                   const char numbers[][NUMBER_TEXT], size_t count, struct ticket ticket,
                                   storage_done *reply);

struct sent {
    unsigned placed, missed; /* how many have it, and how many not */
    struct {
        char mailbox[NUMBER_TEXT];
        bool full; /* else there is none */
    } misses[8];   /* the first of them */
};
typedef void sent_reply(struct ticket ticket, int error, const struct sent *sent);
/*
 * Puts the entry's message, for `sender`, whose visit it is, into the mailboxes behind `target` (a mailbox's
 * number or a list's id): a row each, the sound is shared. `introduction`: a file that is said before it, and
 * unlinked once the job runs; NULL: none. Again to the same one: it is new there again. ENOENT: no such
 * entry, or none that `sender` reaches any more; EPERM: it is private.
 */
STORAGE_CHECK int entry_send(struct storage *st, const char *id, const char *target, const char *sender,
                             const char *introduction, struct ticket ticket, sent_reply *reply);
/* Whom a message to several has not reached, as far as that is known now; `placed` is 0. */
STORAGE_CHECK int undelivered_find(struct storage *st, const char *message, struct ticket ticket,
                                   sent_reply *reply);
/* The introduction of an entry, as entry_fetch(). ENOENT: it has none. */
STORAGE_CHECK int introduction_fetch(struct storage *st, const char *reader, const char *id,
                                     struct ticket ticket, file_reply *reply);

/*
 * Of a team's box: the reader takes care of the message, or no longer does; of a dispatch box: he has it in
 * his own from now on, and where he had it there from elsewhere, the reply is that entry. ESTALE: somebody
 * was faster, or he is none of the team.
 */
STORAGE_CHECK int entry_claim(struct storage *st, const struct entry *entry, struct ticket ticket,
                              entry_reply *reply);

/* -- personal lists ---------------------------------------------------------------------------------------
 */

/* Adds to the owner's own list (made with its first member), or takes away (which takes an empty list along).
 * ENOENT: the member is nobody, or is not in it. */
STORAGE_CHECK int list_change(struct storage *st, const char *owner, const char *list, const char *member,
                              bool add, struct ticket ticket, storage_done *reply);

/* -- calls out of a mailbox -------------------------------------------------------------------------------
 */

/*
 * Asks leave for a call and writes it down, allowed or not. The reply's id is the call's; `user` is a
 * subscriber whose box it is. EPERM: no pattern of the box allows it, it is nobody's, or one whose it is may
 * not dial that number; EBUSY: another is on; EDQUOT: `most` have been made within a day. A reply that gives
 * false will make no call: it is written down as given up.
 */
struct call_leave {
    int64_t id;
    char user[NUMBER_TEXT];
};
typedef bool leave_reply(struct ticket ticket, int error, const struct call_leave *leave);
STORAGE_CHECK int call_out_begin(struct storage *st, const char *mailbox, const char *number, unsigned most,
                                 struct ticket ticket, leave_reply *reply);
STORAGE_CHECK int call_out_end(struct storage *st, int64_t id, int status, struct ticket ticket,
                               storage_done *reply);

/* -- by name ----------------------------------------------------------------------------------------------
 */

/* Mailboxes of persons, a word of whose name begins with the letters on these keys, with the name in plain
 * letters. */
#define FOUND_MAX 8
struct found_list {
    size_t count;
    struct found {
        char number[NUMBER_TEXT], name[128];
        bool spoken; /* he has recorded his name */
    } found[FOUND_MAX];
};
typedef void found_reply(struct ticket ticket, int error, const struct found_list *list);
STORAGE_CHECK int directory_find(struct storage *st, const char *keys, struct ticket ticket,
                                 found_reply *reply);

#endif

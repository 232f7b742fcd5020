/*
 * What is known of one conference, in the order in which it became so, and the documents of RFC 4575 that
 * tell it: each reader gets what has changed since its last one, as much as fits.
 *
 * Ownership: the caller owns rosters and readers. Threads: signalling. Failure: ENOMEM, and the roster is as
 * before.
 */
#ifndef CONFAB_SIP_CONFERENCE_ROSTER_H
#define CONFAB_SIP_CONFERENCE_ROSTER_H

#include "core/sip/conference_info.h"

#include <stdint.h>

#define ROSTER_CHECK __attribute__((warn_unused_result))
/* No document may have to be smaller: the frame, and the longest that is said of one user. */
#define ROSTER_TEXT_MIN 8192

struct roster;

/* How far one watcher has been told. */
struct roster_reader {
    bool full;          /* is to be told all anew, beginning with state "full" */
    uint64_t told;      /* the last change of a user … */
    unsigned described; /* … and of the conference */
    unsigned version;   /* of the next document */
};

ROSTER_CHECK int roster_new(struct roster **out, const char *realm);
void roster_free(struct roster *roster);
/* False: nothing is other than it was. */
bool roster_put(struct roster *roster, const struct conference_member *member);
bool roster_drop(struct roster *roster, unsigned id);
bool roster_describe(struct roster *roster, const struct conference_state *state);
bool roster_has_news(const struct roster *roster, const struct roster_reader *reader);
/* How many users who have left are kept, for readers who have not heard of it. */
unsigned roster_left_count(const struct roster *roster);
/* Forgets those whose leaving is no newer than `told`. */
void roster_forget(struct roster *roster, uint64_t told);
/*
 * The next document for this reader, of `most` bytes or fewer: malloc'd, NULL without memory. Its entity is
 * the conference's URI, sip:user@host. What does not fit is left for the next one: of a long roster the first
 * is of state "full" and holds the first users, and partial ones add the others (RFC 4575 §4).
 */
char *roster_document(struct roster *roster, struct roster_reader *reader, const char *user, const char *host,
                      size_t most);

#endif

/*
 * Who talks with whom, for lamps (RFC 4235): the layer above says what goes on at a number, and those who
 * watch it are told.
 *
 * Ownership: plain values, copied. Threads: signalling. Failure: none; a number that nobody watches costs one
 * look-up.
 */
#ifndef CONFAB_SIP_DIALOG_INFO_H
#define CONFAB_SIP_DIALOG_INFO_H

#include "core/sip/session.h"

struct agent;

#define DIALOGS_MAX 20 /* told of one number; what is above is left out, so that a NOTIFY has its bounds */
#define TAG_TEXT 64

/* RFC 4235 §3.7.1, as far as a server can tell them apart. */
enum dialog_state { DIALOG_TRYING, DIALOG_EARLY, DIALOG_CONFIRMED, DIALOG_TERMINATED };

/* One dialog as the phone of the watched number sees it; "" where there is nothing to say. */
struct dialog_entry {
    uint64_t id; /* one that no other dialog has */
    enum dialog_state state;
    bool initiator; /* that phone made the call */
    bool holds;     /* that phone holds the other side */
    char call_id[128], local_tag[TAG_TEXT], remote_tag[TAG_TEXT];
    struct party remote; /* user "": unknown, or he does not want to be named */
};

struct dialog_list {
    struct dialog_entry entries[DIALOGS_MAX];
    size_t count;
};

/* Something may have changed at this number. Who watches it is told what agent_handlers.dialogs then says,
 * soon and not too often. */
void agent_dialog_changed(struct agent *agent, const char *number);

/* An application/dialog-info+xml document of full state: malloc'd; NULL: no memory. */
char *dialog_info_write(const char *number, const char *realm, unsigned version,
                        const struct dialog_entry *entries, size_t count);

#endif

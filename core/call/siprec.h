/*
 * Export of a conference to a session recording server (RFC 7866; we are its client, SRC): one recording
 * session a room, an audio stream for each who speaks, and metadata (RFC 7865) that say who is who.
 *
 * Ownership: who starts it stops it. Threads: signalling. Failure: a server that refuses, or ends the
 * session, is called again after a while; meanwhile the conference goes on unrecorded, with a line in the log
 * each time.
 */
#ifndef CONFAB_CALL_SIPREC_H
#define CONFAB_CALL_SIPREC_H

#include "core/call/app.h"

#define SIPREC_STREAMS 16 /* at once; of more members those who spoke last have one */

struct siprec;

/* `uri`: of the server; `name`: of what is recorded, `mix` its room. EINVAL a URI that is none, ENOMEM. */
__attribute__((warn_unused_result)) int siprec_start(struct siprec **out, struct server *server,
                                                     const char *uri, const char *name, uint32_t mix);
void siprec_stop(struct siprec *siprec);

/*
 * A member with a number of his own; "" for what he withholds. He is in the metadata from here on, and has a
 * stream as far as there are some left. ENOMEM: he is not recorded.
 */
__attribute__((warn_unused_result)) int siprec_join(struct siprec *siprec, unsigned number, struct link *link,
                                                    const char *user, const char *name);
void siprec_leave(struct siprec *siprec, unsigned number);
/* He speaks: if he has no stream he gets that of who has been silent longest. */
void siprec_talks(struct siprec *siprec, unsigned number);
/* Whether the server has it now. */
bool siprec_is_up(const struct siprec *siprec);

#endif

/*
 * RTP header extensions in offer and answer (RFC 8285 §5 to §7): which of those that the engine knows, with
 * which identifier, in which direction. Private to core/sip.
 *
 * Ownership: values. Threads: signalling. Failure: none; a line that makes no sense is as if it were not
 * there.
 */
#ifndef CONFAB_SIP_EXTMAP_H
#define CONFAB_SIP_EXTMAP_H

#include "core/base/media.h"

#define EXTMAP_TEXT 96 /* bytes of a line that is written */

enum extmap_kind { EXTMAP_LEVEL, EXTMAP_CSRC_LEVEL, EXTMAP_KINDS };

/* What one SDP says of the extensions of a stream; the directions are its author's. */
struct extmap_list {
    struct extmap {
        uint16_t id; /* 0: not there; 4096 and more: offered, but the number is for the answer to choose */
        bool sends, receives;
        bool vad; /* of a level (RFC 6464 §4) */
    } maps[EXTMAP_KINDS];
    uint16_t taken; /* bit map of the identifiers 1 to 14 that have a meaning */
};

/* Identifiers keep their meaning for as long as a session lasts. */
struct extmap_session {
    uint8_t ids[EXTMAP_KINDS];
    uint16_t taken;
};

/* One line, from behind "a=extmap:". Where two lines contradict each other the first one read holds. */
void extmap_read(struct extmap_list *list, const char *line);
/* The line for `kind` with its "a=" and line end; "" when there is none. `out` has EXTMAP_TEXT bytes. */
void extmap_write(char *out, const struct extmap_list *list, unsigned kind);

void extmap_offer(struct extmap_session *session, struct extmap_list *ours);
/* The answer to an offer of extmap_offer(). */
void extmap_accept(struct extmap_session *session, const struct extmap_list *theirs,
                   struct media_format *format);
void extmap_answer(const struct extmap_list *theirs, struct extmap_list *ours, struct media_format *format);
/* That answer has become the session's state. */
void extmap_adopt(struct extmap_session *session, const struct extmap_list *theirs,
                  const struct extmap_list *ours);

#endif

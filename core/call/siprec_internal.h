/* What siprec.c and its metadata share. Private to core/call; ownership and threads as siprec.h says. */
#ifndef CONFAB_CALL_SIPREC_INTERNAL_H
#define CONFAB_CALL_SIPREC_INTERNAL_H

#include "core/call/internal.h"
#include "core/call/siprec.h"

#define SIPREC_ID 33 /* 128 bits in hexadecimal digits */

struct siprec_person;

/* One m= line: its place stays when who spoke there is gone. */
struct siprec_stream {
    unsigned label; /* in SDP and metadata */
    bool used;      /* has stood in an offer */
    bool offered;   /* the open offer tells of him who has it now */
    bool up;        /* is joined to the room; whether it sends the format says */
    char id[SIPREC_ID];
    struct siprec_person *person; /* NULL: free */
    struct negotiation *negotiation;
    struct media_format format;
    port_id port;
    struct sockaddr_storage address;
};

struct siprec_person {
    struct siprec_person *next;
    unsigned number;
    port_id port; /* his, in the room */
    char id[SIPREC_ID];
    char user[NUMBER_TEXT], name[128];
    int64_t joined_us, left_us; /* on the wall */
    uint64_t talked_us;
    bool told; /* is in the metadata: not all of a crowd are */
    bool gone; /* told of once more, with when he left */
    struct siprec_stream *stream;
};

struct siprec {
    struct server *server;
    struct session *session; /* NULL: it is to be called (again) */
    struct timer *timer;
    struct sockaddr_storage local;
    uint32_t mix;
    char uri[URI_TEXT], name[NUMBER_TEXT], id[SIPREC_ID], group[SIPREC_ID];
    uint64_t began_us; /* on the wall */
    char peer[64];     /* that the server is; "": none */
    uint64_t up_us;    /* since when it is answered */
    unsigned retry_ms; /* waited before the last call; 0: it was the first */
    unsigned version;  /* of the SDP */
    bool up;           /* answered */
    bool waits;        /* for the answer to an offer */
    bool changed;      /* since the last offer */
    struct siprec_stream streams[SIPREC_STREAMS];
    struct siprec_person *persons; /* newest first */
};

#define SIPREC_SDP (SIPREC_STREAMS * 1024) /* longest that is written */

/*
 * siprec_sdp.c: an offer of all streams; what the server answers to it; and an answer to an offer of his.
 * ENOSPC; EINVAL an offer without media.
 */
CALL_CHECK int streams_offer(struct siprec *siprec, char *out, size_t size);
void streams_take(struct siprec *siprec, const char *answer);
CALL_CHECK int streams_answer(struct siprec *siprec, const char *offer, char *out, size_t size);
/* siprec_metadata.c: the document (RFC 7865), malloc'd. ENOMEM, ENOSPC. */
CALL_CHECK int metadata_write(char **out, const struct siprec *siprec);
/* Whoever has gone and was told of is forgotten. */
void persons_forget(struct siprec *siprec);

#endif

/*
 * What the tests of core/sip's sessions share: agents on loopback addresses, owners that write down what they
 * hear, a raw socket that speaks SIP by hand, and doubles of the parts that need a database.
 *
 * Ownership: kit_start() and kit_stop() bracket a test. Threads: one. Failure: the test fails.
 */
#ifndef CONFAB_TESTS_SIP_KIT_H
#define CONFAB_TESTS_SIP_KIT_H

#include "core/base/loop.h"
#include "core/sip/agent.h"
#include "core/sip/session.h"

#include <netinet/in.h>

#define OFFER_A                                                                                              \
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
#define ANSWER_B                                                                                             \
    "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n"
#define OFFER_HOLD                                                                                           \
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"    \
    "a=sendonly\r\n"

/* One end of a call, and all it heard: "progress 183 sdp", "answered sdp", "ended 200", … each followed by a
 * newline. */
struct side {
    struct agent *agent;
    struct session *session;
    char heard[4096];
    char sdp[1024]; /* the last one */
    char reason[256], redirect[256];
    unsigned wait_s;              /* what refuse_call says */
    struct invitation invitation; /* the last one; its strings are copied below */
    char call_id[256], offer[1024], params[256], user[64], peer[64];
    bool release_when_told; /* session_release() within failed and ended, as owners do */
    struct session_target target;
};

extern struct loop *loop;
extern struct side a, b;
extern unsigned port; /* of every agent and socket of this process */

/* Agents A on 127.0.11.1 and B on 127.0.11.2 (or [::1], when `six`, with a port of its own); peers as
 * confab.conf. */
void kit_start(const char *peers, const char *sip_extra);
void kit_start_six(void);
void kit_start_wildcard(void); /* B on 0.0.0.0 with a port of its own */
void kit_stop_side(struct side *side);
void kit_stop(void); /* lets all timers pass, checks that every counter is back at 0, frees everything */

/* Runs the loop until side->heard contains `text`; fails after some seconds. */
void hear(struct side *side, const char *text);
void forget(struct side *side);
void pump(unsigned ms);
void pass_time(unsigned seconds); /* by the clock's hook */

/* A calls B. `transport` is "udp" or "tcp". */
void call_begin(const char *transport);
void call_establish(const char *transport);
void hang_up(struct side *side, const char *reason);
void hang_up_and_check(struct side *side); /* both ends over */
const struct session_handlers *kit_handlers(void);
struct agent_stats stats_of(const struct side *side);

/* -- a peer by hand on 127.0.11.9 */
void raw_open(void);
void raw_send(struct side *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void raw_send_bytes(struct side *to, const void *data, size_t size);
/* The next message, or with `skip` the next that begins with it; "" after some seconds. Lives until the next
 * call. */
const char *raw_receive(const char *skip);
bool raw_silent(unsigned ms);
const char *raw_header(const char *message, const char *name); /* its value; "" when there is none */
/* A response to `request` with its Via, From, To (with ";tag=" when not NULL), Call-ID, CSeq. */
void raw_respond(struct side *to, const char *request, const char *status, const char *tag, const char *extra,
                 const char *body);
/* Headers of a request from the raw peer: Via, From, To, Call-ID, CSeq. */
const char *raw_headers(const char *method, unsigned cseq, const char *branch, const char *to_tag);
/* A whole request from the raw peer, with Contact; `extra` are header lines, `body` SDP or "". */
void raw_request(struct side *to, const char *method, const char *uri, unsigned cseq, const char *branch,
                 const char *to_tag, const char *extra, const char *body);
/* Waits for a response with this status; `header`, when not NULL, contains `value`. */
void expect_status(const char *status, const char *header, const char *value);
const char *to_tag_of(const char *message);

#define URI "sip:1002@127.0.11.2"

#endif

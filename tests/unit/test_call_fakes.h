/*
 * Phones, storage and a mixer that only write down what is asked of them: the call layer under test thinks
 * that it runs a server. Offer/answer is the real one.
 */
#ifndef CONFAB_TEST_CALL_FAKES_H
#define CONFAB_TEST_CALL_FAKES_H

#include "core/call/internal.h"

#define FAKE_SESSIONS 32

/* One dialog with a phone. The log has a word for each act: "invite", "ring180", "ring183+sdp", "answer",
 * "reject486"… */
struct session {
    bool used, incoming, let_go, confirmed;
    const struct session_handlers *handlers;
    void *owner;
    char log[512], sent[SDP_TEXT], uri[URI_TEXT], redirect[URI_TEXT];
    struct party from, to, referrer;
    char replaces[REFER_TEXT];
    struct diversion diversions[DIVERSIONS_MAX];
    unsigned diversion_count;
    int reoffer_error;
};
extern struct session fake_sessions[FAKE_SESSIONS];
extern unsigned fake_session_count;
extern char fake_media[4096]; /* "open1 format1=PCMU/sr bridge1-2 play1 …" */
extern uint32_t fake_serial;  /* of the last play or recording */
extern json_t *fake_record;
extern struct subscriber fake_subscribers[8];
extern int fake_storage_error;

struct server *fake_server_start(void);
void fake_server_end(void); /* fails the test when something was left behind */
struct loop *fake_loop(void);
/* Lets replies, events and timers that are due have their turn. */
void fake_settle(void);
/* As that, `ms` later. */
void fake_later(unsigned ms);

/* A phone calls; the session is the one that stands for its leg. `offer` NULL: without one. */
struct session *fake_call(const char *user, const char *number, const char *offer);
/* The same with Replaces or Join, or NULL. A dialog's Call-ID is its session's index. */
struct session *fake_call_naming(const char *user, const char *number, const char *offer,
                                 const struct dialog_name *replaces, const struct dialog_name *join);
/* The nth (from 0) INVITE that went out since the start, or NULL. */
struct session *fake_invited(unsigned n);
/* SDP of a phone: "0 8 101", "sendrecv". One of a few buffers. */
const char *fake_sdp(unsigned port, const char *pts, const char *direction);
bool fake_did(const struct session *s, const char *word);
bool fake_media_did(const char *word);
void fake_event(const struct mixer_event *event);
port_id fake_port_of(const struct session *s);

/* Behind the configuration of the next fake_server_start(): links of the path. */
extern const char *fake_links;

/* What the applications "probe" and "voicemail" do. */
struct fake_app {
    bool (*heard)(struct link *link, const struct news *news);
    void (*invited)(struct link *link, const struct request *request);
    bool (*failed)(struct link *link, int status);
    void (*answered)(struct link *link);
    unsigned ended, held, resumed;
    int last_failure;
    unsigned failures;
};
extern struct fake_app fake_probe, fake_voicemail;
/* "probe" wants to hear news from now on; as the others it has no such handler else. */
void fake_probe_hears(bool (*heard)(struct link *link, const struct news *news));

#endif

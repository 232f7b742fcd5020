/*
 * Phones for the tests of registrar and events: raw SIP on UDP sockets against a real agent with a real
 * database.
 *
 * Ownership: phones_begin() makes agent, storage and loop, phones_end() ends them. Threads: the test's own.
 * Failure: the case fails.
 */
#ifndef CONFAB_TESTS_PHONE_H
#define CONFAB_TESTS_PHONE_H

#include "tests/unit/test_storage_kit.h"

#include "core/sip/agent.h"
#include "core/sip/digest.h"

#define MESSAGE_TEXT 8192

struct phone {
    int fd;
    unsigned port;
    const char *user, *password;
    char call_id[40], tag[24];
    unsigned cseq, nc;
    enum digest_algorithm algorithm;
    bool ignores_requests;   /* NOTIFYs are not what the test is about */
    char nonce[128];         /* of the last challenge */
    char to_tag[64];         /* of the dialog, when there is one */
    char last[MESSAGE_TEXT]; /* what came last */
};

extern struct agent *phone_agent;
extern const struct settings *phone_settings;

void phones_begin(void);
void phones_end(void);
/* The agent alone, as by a restart of the daemon. */
void phones_restart(void);

void phone_open(struct phone *p, const char *user);
void phone_close(struct phone *p);
/* Sends a request; `headers` are whole lines with CRLF. A new Via branch and CSeq each. */
void phone_send(struct phone *p, const char *method, const char *target, const char *headers);
/* The same with an Authorization for the last challenge. `nc` 0: the next one. */
void phone_send_signed(struct phone *p, const char *method, const char *target, const char *headers,
                       unsigned nc);
/* Waits for the next message, to p->last. */
void phone_wait(struct phone *p);
/* The next message is a response of this status. */
void phone_expect(struct phone *p, int status);
/* Nothing comes for some time. */
void phone_expect_nothing(struct phone *p);
/* A request without credentials, its 401, and the same with them; ends with the final response in p->last. */
void phone_request(struct phone *p, const char *method, const char *target, const char *headers, int status);
/* Registers `contact` ("" for the phone's own) and expects 200. */
void phone_register(struct phone *p, const char *contact, const char *headers);
/* Waits for a NOTIFY, checks what it holds (NULL-ended), and answers it; `status` 0: does not answer. */
void phone_notified(struct phone *p, int status, ...) __attribute__((sentinel));
bool phone_has(const struct phone *p, const char *text);
/* The value of a header in p->last. */
const char *phone_header(const struct phone *p, const char *name, char *out, size_t size);

#endif

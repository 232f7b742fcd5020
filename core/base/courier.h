/*
 * Hands one thing over to a far server and waits for its answer: a mail by SMTP, a body by HTTP (libcurl).
 *
 * Ownership: all texts are the caller's. Threads: any that may block for COURIER_WAIT_S; never signalling.
 * Failure: EAGAIN not now (no answer, 4xx of SMTP, anything but 2xx of HTTP); EINVAL refused for good (5xx of
 * SMTP); ECANCELED `stops` became true. `fault` says why in words. Whatever a server says is untrusted: no
 * redirects, a bounded reply, TLS verified.
 */
#ifndef CONFAB_BASE_COURIER_H
#define CONFAB_BASE_COURIER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define COURIER_WAIT_S 60
#define COURIER_FAULT 256
#define COURIER_REPLY_MAX 65536

struct mail_server {
    const char *url;             /* "smtp://HOST:PORT" or "smtps://…" */
    const char *user, *password; /* "": none */
    const char *ca;              /* file of certificates to trust; NULL: the system's */
    const char *tls;             /* of smtp: "off", "optional", "required" */
};

/* All text is UTF-8 without control characters, but for line feeds in `text` and `html`. */
struct mail {
    const char *from, *to, *subject;
    const char *id, *reply_to; /* Message-IDs without brackets; reply_to NULL: no In-Reply-To */
    time_t date;
    const char *text, *html;
    const char *context;  /* RFC 3458: "voice-message", "fax-message" */
    const void *attached; /* a file; NULL: none */
    size_t attached_size;
    const char *attached_name, *attached_type; /* "audio/wav" */
};

struct post {
    const char *url, *type; /* of the body */
    const void *body;
    size_t size;
    const char *headers[2]; /* "Name: value"; NULL: none */
    unsigned deadline_ms;
    char *reply; /* COURIER_REPLY_MAX bytes, ends in a NUL; NULL: not wanted */
};

/* libcurl's start, once, before any thread. ENOMEM. */
__attribute__((warn_unused_result)) int courier_init(void);
/* 0: the server has answered the end of DATA with 250. */
__attribute__((warn_unused_result)) int courier_mail(const struct mail_server *server,
                                                     const struct mail *mail, const atomic_bool *stops,
                                                     char fault[COURIER_FAULT]);
__attribute__((warn_unused_result)) int courier_post(const struct post *post, const atomic_bool *stops,
                                                     char fault[COURIER_FAULT]);
/* "X-Confab-Signature: t=SECONDS,v1=HEX": HMAC-SHA256 of "SECONDS.BODY". False: it does not fit. */
__attribute__((warn_unused_result)) bool courier_sign(char *out, size_t size, const char *secret,
                                                      const char *body);

#endif

/*
 * Posts JSON to outside web servers (libcurl), in a thread of its own, so that nobody who asks waits.
 *
 * Ownership: web_new() to web_free(); texts are copied; a reply lives until its handler returns. Threads: all
 * functions and handlers belong to the loop's thread. Failure: each post that was taken gets exactly one
 * reply, unless web_free() comes first. Whatever a server says is untrusted: no redirects, a bounded body,
 * TLS verified.
 */
#ifndef CONFAB_BASE_WEB_H
#define CONFAB_BASE_WEB_H

#include "core/base/ids.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct web;

#define WEB_BODY_MAX 65536       /* bytes of a reply */
#define WEB_FILE_MAX (10L << 20) /* of a file that is fetched */
#define WEB_PENDING_MAX 512      /* posts without a reply; more are refused */

struct web_reply {
    struct ticket ticket;
    int status;        /* of HTTP; 0: there was none, and `fault` says why */
    const char *fault; /* "" with a status */
    const char *body;  /* ends in a NUL */
    size_t length;
    bool fetched;      /* it was a file that was asked for */
    const char *saved; /* the file that was fetched, the handler's from now on; NULL: none was wanted, or
                          there is none */
};
typedef void web_done(void *arg, const struct web_reply *reply);

struct web_post {
    struct ticket ticket;   /* comes back with the reply */
    const char *url, *body; /* body NULL: GET */
    const char *save; /* the file to which a body of status 200 goes; must not exist. NULL: to the reply */
    const char *headers[4]; /* "Name: value"; NULL: none */
    unsigned deadline_ms;   /* from connecting to the last byte */
};

__attribute__((warn_unused_result)) int web_new(struct web **out, struct loop *loop, web_done *done,
                                                void *arg);
void web_free(struct web *web);
/* ENOBUFS: too many are under way; EINVAL: the URL is neither http nor https; ENOMEM. Then no reply comes. */
__attribute__((warn_unused_result)) int web_post(struct web *web, const struct web_post *post);

#endif

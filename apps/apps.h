/*
 * The applications of this server. Each is one `struct app`; nothing else of an application is seen from
 * outside.
 *
 * Ownership: constants. Threads: any. Failure: none.
 */
#ifndef CONFAB_APPS_H
#define CONFAB_APPS_H

#include "core/call/app.h"

extern const struct app announcement_app; /* announcement.c */
extern const struct app callers_app;      /* service/ */
extern const struct app callout_app;      /* callout.c */
extern const struct app conference_app;   /* conference/ */
extern const struct app dnd_app;          /* service/ */
extern const struct app echo_app;         /* echo.c */
extern const struct app features_app;     /* service/ */
extern const struct app findme_app;       /* service/ */
extern const struct app forward_app;      /* service/ */
extern const struct app http_app;         /* http/ */
extern const struct app ivr_app;          /* ivr/ */
extern const struct app page_app;         /* page.c */
extern const struct app park_app;         /* park.c */
extern const struct app pickup_app;       /* pickup.c */
extern const struct app redial_app;       /* redial.c */
extern const struct app outgoing_app;     /* service/ */
extern const struct app screening_app;    /* service/ */
extern const struct app tag_app;          /* tag.c */
extern const struct app tap_app;          /* service/ */
extern const struct app voicemail_app;    /* voicemail/ */

#endif

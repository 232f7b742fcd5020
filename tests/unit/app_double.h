/*
 * A core that only writes down what an application tells it, for tests of apps/: link and list verbs, and the
 * caller's side of a call. What storage is asked stands in the tests themselves.
 */
#ifndef CONFAB_TESTS_APP_DOUBLE_H
#define CONFAB_TESTS_APP_DOUBLE_H

#include "core/base/log.h"
#include "core/call/focus.h"
#include "core/call/media.h"

#define LINKS 40

struct server {
    struct prompts *prompts;
    char told[512];    /* what the rooms were told */
    char roster[2048]; /* … and those who watch them */
    uint32_t next_mix;
    int mix_error, record_error, make_error;
    struct loop *loop; /* of a test that needs one */
    bool ending;
    /* The last call that it was to make. */
    struct {
        char number[NUMBER_TEXT], user[NUMBER_TEXT], argument[NUMBER_TEXT];
        void (*done)(void *arg, int status);
        void *arg;
    } made;
};

struct link {
    const struct app *app;
    struct request request;
    void *state;
    bool passing; /* a link on the way to somebody, not the number plan's own */
    bool deaf;    /* its caller hears nothing before the answer */
    json_t *services;
    char focus[NUMBER_TEXT]; /* the conference that its Contact names */
    bool over;               /* gone, or its recording is being finished: no storage reply reaches it */
    char told[2048];         /* what the application said, blank between */
    link_step *played;
    link_key *menu, *on_key;
    link_digits *typed;
    link_recorded *recorded;
    link_step *on_fax;
    link_faxed *faxed;
    struct fax_most most; /* of the fax */
    link_step *timer;
    uint32_t timer_ms;
    char language[16];
    char keys[24], live[24]; /* of the menu */
    unsigned wait_ms;        /* of the menu or question */
    char path[512];          /* of the recording */
    uint32_t max_ms, silence_ms;
};

extern struct server server;
extern struct settings settings;
extern struct link calls[LINKS];
extern unsigned call_count;
extern char logged[4096]; /* every line of link_log(), blank between */

/* Forgets everything, and loads the prompts. */
void double_begin(void);
void double_end(void); /* ends the calls that stand */

/* An INVITE; the application has been asked when this returns. */
struct link *call_with(const struct app *app, const struct request *request);
struct link *call(const struct app *app, const char *number, const char *argument, const char *params);
void hang_up(struct link *link);
/* The far side's 200, ACK and media: the application may speak. */
void answer(struct link *link);
void play_over(struct link *link);
void press(struct link *link, char key); /* 0: nothing was pressed in time */
void type(struct link *link, const char *digits);
void record(struct link *link, enum recorded_end end, uint32_t ms, uint32_t speech_ms);
void fax_calls(struct link *link);
void fax_over(struct link *link, int error, unsigned pages, bool complete); /* from "+44 20" */
/* Hangs up while it records: first the recording's end, then the call's. */
void record_hang_up(struct link *link, uint32_t ms, uint32_t speech_ms);

#define ck_told(link, expected)                                                                              \
    do {                                                                                                     \
        ck_assert_str_eq((link)->told, expected);                                                            \
        *(link)->told = '\0';                                                                                \
    } while (0)

#endif

/*
 * What an HTTP application answers: a list of verbs in JSON, read into plain values.
 *
 * Ownership: verbs_read() makes what verbs_free() ends; texts live as long. Threads: signalling.
 * Failure: anything that is not exactly understood is refused as a whole, with a sentence that says why.
 */
#ifndef CONFAB_APPS_HTTP_VERBS_H
#define CONFAB_APPS_HTTP_VERBS_H

#include <stddef.h>

#define VERBS_MAX 64
#define PROMPTS_MAX 16
#define DIGITS_MAX 32
#define TEXT_MAX 512 /* bytes of one text */

enum verb_kind {
    VERB_ANSWER,
    VERB_PLAY,     /* prompts, or a tone of `number` Hz for `ms` */
    VERB_GATHER,   /* prompts, up to `number` digits, `ms` between them; then `action` */
    VERB_DIAL,     /* `text` through the number plan; `action` when nobody there takes the call */
    VERB_REDIRECT, /* the verbs of another URL, or 302 to a SIP URI: `text` */
    VERB_REJECT,   /* status `number`, reason `text` */
    VERB_PAUSE,    /* `ms` */
    VERB_HANGUP,
    VERB_TAG,      /* key `text`, value `action` */
    VERB_CONTINUE,
};
struct verb {
    enum verb_kind kind;
    const char *text, *action;  /* NULL where the answer has none */
    int number, ms;
    const char *prompts[PROMPTS_MAX];
    size_t prompt_count;
};
struct verbs {
    struct verb list[VERBS_MAX];
    size_t count;
    void *root; /* holds the texts */
};

/* NULL, or what is wrong; then there is nothing to free. */
__attribute__((warn_unused_result)) const char *verbs_read(struct verbs **out, const char *json, size_t length);
void verbs_free(struct verbs *verbs);

#endif

/*
 * What an HTTP application answers: a list of verbs in JSON, read into plain values.
 *
 * Ownership: verbs_read() makes what verbs_free() ends; texts live as long. Threads: signalling.
 * Failure: anything that is not exactly understood is refused as a whole, with a sentence that says why.
 */
#ifndef CONFAB_APPS_HTTP_VERBS_H
#define CONFAB_APPS_HTTP_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#define VERBS_MAX 64
#define PROMPTS_MAX 16
#define DIGITS_MAX 32
#define NUMBERS_MAX 12
#define TEXT_MAX 512 /* bytes of one text */

enum verb_kind {
    VERB_ANSWER,
    VERB_PLAY,   /* prompts, the sound of `url`, what `say` says, or a tone of `number` Hz for `ms` */
    VERB_GATHER, /* the same but no tone, up to `number` digits, `ms` between them, or a key of `text` ends
                    it; then `action` */
    VERB_RECORD, /* for `ms` at most, `silence_ms` or one of the keys of `text` end it; then `action` */
    VERB_DIAL, /* `numbers` through the number plan, for `number` seconds; `action` when nobody takes the call
                */
    VERB_CONFERENCE, /* room `text` */
    VERB_VOICEMAIL,  /* mailbox `text` */
    VERB_REDIRECT,   /* the verbs of another URL, or 302 to a SIP URI: `text` */
    VERB_REJECT,     /* status `number`, reason `text` */
    VERB_PAUSE,      /* `ms` */
    VERB_HANGUP,
    VERB_TAG, /* key `text`, value `action` */
    VERB_CONTINUE,
};
struct verb {
    enum verb_kind kind;
    const char *text, *action;        /* NULL where the answer has none */
    const char *url, *say, *language; /* of what `say` says; NULL: as the document */
    int number, ms, silence_ms;
    bool confirm; /* who answers a dial presses 1 first */
    const char *numbers[NUMBERS_MAX];
    size_t number_count;
    const char *prompts[PROMPTS_MAX];
    size_t prompt_count;
};
struct verbs {
    struct verb list[VERBS_MAX];
    size_t count;
    const char *language;   /* of what is said from here on; NULL: as before */
    const char *status_url; /* where the call's further fate is told; NULL: nowhere */
    bool tell_ringing, tell_answered, tell_ended;
    void *root; /* holds the texts */
};

/* NULL, or what is wrong; then there is nothing to free. */
__attribute__((warn_unused_result)) const char *verbs_read(struct verbs **out, const char *json,
                                                           size_t length);
void verbs_free(struct verbs *verbs);

#endif

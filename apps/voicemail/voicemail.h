/*
 * Voicemail's own header: one call's way through it, act by act.
 *
 *   voicemail.c  where a call comes from and what it wants      login.c    whose box, and the PIN
 *   deposit.c    greeting, beep, message, "saved"               inbox.c    counts, main menu, folders
 *   take.c       one recording with its review                  message.c  one message: envelope, play, keys
 *   options.c    the menu of settings                           keymap.c   which key does what where
 *   greetings.c  records greetings and the name                 new_pin.c  a PIN of his own
 *   send.c       compose, reply, forward             quota.c    how much a box still takes
 *   toll.c       whom a box may call
 *
 * Ownership: the link owns the struct; it dies in voicemail_ended(). Threads: signalling. Failure: every
 * storage error is told to the person on the phone; none ends the call without a word.
 */
#ifndef CONFAB_VOICEMAIL_H
#define CONFAB_VOICEMAIL_H

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/call/app.h"
#include "core/call/media.h"
#include "storage/mailbox.h"
#include "storage/spool.h"
#include "storage/subscriber.h"

#include <errno.h>

#define MENU_WAIT_MS 5000
#define MENU_ROUNDS 3 /* how often a menu is said to somebody who presses nothing */
#define LOGIN_TRIES 3

struct voicemail;

enum take_result { TAKE_ACCEPTED, TAKE_HUNG_UP, TAKE_EMPTY, TAKE_FAILED };

/* One recording and its review. */
struct take {
    char path[512];
    uint32_t max_ms, silence_ms, min_ms;
    unsigned tries, rounds;
    bool recording;                     /* its end has not been reported yet */
    bool reviewing;                     /* there is a good recording that nobody has judged yet */
    bool *urgent;                       /* what key 4 of the review sets; NULL: it is none */
    void (*redo)(struct voicemail *vm); /* throws the recording away and calls take_start() with a new path */
    void (*done)(struct voicemail *vm, enum take_result result);
};

enum menu { MENU_MAIN, MENU_PLAYING, MENU_MESSAGE, MENU_ADVANCED, MENU_OPTIONS, MENU_TEMPORARY };
enum act {
    ACT_NONE,
    ACT_LISTEN,
    ACT_FOLDER,
    ACT_ADVANCED,
    ACT_OPTIONS,
    ACT_HELP,
    ACT_EXIT,
    ACT_BACK,
    ACT_PREVIOUS,
    ACT_REPEAT,
    ACT_NEXT,
    ACT_DELETE,
    ACT_FORWARD,
    ACT_SAVE,
    ACT_SKIP_ON,
    ACT_SKIP_BACK,
    ACT_PAUSE,
    ACT_RESTART,
    ACT_REPLY,
    ACT_ENVELOPE,
    ACT_COMPOSE,
    ACT_GREET_UNAVAILABLE,
    ACT_GREET_BUSY,
    ACT_NAME,
    ACT_GREET_TEMPORARY,
    ACT_PIN,
    ACT_ERASE,
};
/* The keys of a menu as link_menu() takes them; those that leave a play running (`live`), or the others. */
const char *keymap_keys(enum menu menu, bool live);
enum act keymap_act(enum menu menu, char key);

struct voicemail {
    struct link *link;
    char number[NUMBER_TEXT]; /* the mailbox */
    struct mailbox box;
    bool known; /* box was read: the database was there */
    struct take take;

    /* a deposit */
    int status; /* why the call came here: 486, 408, …; 0 when dialled on purpose */
    struct deposit deposit;
    bool spooled;                       /* the deposit is open and not yet committed or discarded */
    unsigned limit_s;                   /* the receiving mailbox's longest message; 0: the server's */
    char dialled[NUMBER_TEXT];          /* the mailbox a message goes to, when it is not `number` */
    void (*then)(struct voicemail *vm); /* after the deposit; NULL: good-bye */

    /* the owner's visit */
    bool direct; /* his own phone: only the PIN is asked */
    unsigned tries, rounds;
    enum folder folder;
    struct entry_list *list; /* a copy; deleted ones stay in it so that they can be undeleted */
    size_t at;
    bool paused;
    bool left_alone;    /* broken, or put back among the new ones: going on does not mean it was heard */
    link_step *updated; /* what follows once a change of an entry is stored */
    enum greeting_kind greeting;
    bool pin_due; /* he is let in once he has a PIN of his own */
    char new_pin[PIN_MAX + 1];
};

/* voicemail.c */
extern const struct app voicemail_app;
/* A new list that begins with the named prompt; add more by say_to(). */
void say_to(struct voicemail *vm, struct list *list, const char *name);
void say_digits_to(struct voicemail *vm, struct list *list, const char *digits);
/* Says one prompt, then goes on. */
void voicemail_tell(struct voicemail *vm, const char *name, link_step *then);
void voicemail_goodbye(struct link *link);
/* A storage job could not be asked or failed: says so and hangs up. */
void voicemail_trouble(struct voicemail *vm, const char *what, int error);

/* deposit.c: vm->number, ->box and ->status are set; the link has been answered. */
void deposit_greet(struct voicemail *vm);
void deposit_start(struct link *link); /* without a greeting */
void deposit_ended(struct voicemail *vm);

/* take.c */
void take_start(struct voicemail *vm); /* beep, then record to take.path */
void take_ended(struct voicemail *vm); /* the caller has gone */

/* login.c */
void login_start(struct voicemail *vm);

/* inbox.c: the owner has been let in. */
void inbox_welcome(struct voicemail *vm);
void inbox_menu(struct link *link);
void inbox_open(struct voicemail *vm, enum folder folder);
void inbox_close(struct voicemail *vm);
void inbox_advanced(struct voicemail *vm);
/* Asks a question whose answer is a folder's number. */
void inbox_ask_folder(struct voicemail *vm, const char *question, link_key *fn);
const char *folder_prompt(enum folder folder);

/* quota.c */
bool mailbox_is_full(const struct mailbox *box);
bool mailbox_is_almost_full(const struct mailbox *box);
/* The longest message that it takes now, in seconds; not 0. */
unsigned mailbox_longest_s(const struct mailbox *box, const struct settings *settings);

/* toll.c */
bool dial_out_allowed(const struct mailbox *box, const struct settings *settings, const char *number);

/* message.c */
void message_present(struct voicemail *vm); /* the one at vm->at */
void message_menu(struct link *link);
struct entry *message_entry(const struct voicemail *vm);

/* options.c */
void options_menu(struct link *link);

/* greetings.c */
void greeting_record(struct voicemail *vm, enum greeting_kind kind);
void greeting_temporary(struct voicemail *vm);

/* new_pin.c */
void pin_change(struct voicemail *vm);
void pin_first(struct voicemail *vm); /* a PIN of his own, then inbox_welcome() */

/* send.c */
/* Leaves a message in somebody's box, then comes back to the main menu; `number` NULL: he is asked for it. */
void send_compose(struct voicemail *vm, const char *number);
void send_reply(
    struct voicemail *vm); /* to the message at vm->at; then the menu of messages or the main one */
void send_forward(struct voicemail *vm);

#endif

/*
 * Voicemail's own header: one call's way through it, act by act.
 *
 *   voicemail.c  where a call comes from and what it wants      login.c    whose box, and the PIN
 *   deposit.c    greeting, beep, message, "saved"               inbox.c    counts, main menu, folders
 *   take.c       one recording with its review                  message.c  one message: envelope, play, keys
 *   options.c    the menu of settings                           keymap.c   which key does what where
 *   greetings.c  records greetings and the name                 new_pin.c  a PIN of his own
 *   send.c       compose, reply                              recipients.c  who shall have a message
 *   forward.c    what was left here, to others              team.c       messages of a team's box
 *   calls.c      calls out of the box                       directory.c  somebody by his name
 *   lists.c      his own lists
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
#include "storage/send.h"
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
    ACT_CALL_BACK,
    ACT_PLACE_CALL,
    ACT_CLAIM,
    ACT_LISTS,
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

/* Who shall have a message. */
struct receivers {
    char numbers[SEND_MAX][NUMBER_TEXT];
    size_t count;
    char typed[NUMBER_TEXT];  /* what is still to be looked up: "1003*1004" */
    bool more;                /* he is asked for another one then */
    char target[NUMBER_TEXT]; /* at last: one mailbox, or a list */
    unsigned limit_s;         /* its longest message; 0: the server's */
    link_step *then, *nobody; /* `nobody` when there is none */
};

struct directory {
    struct found_list list;
    size_t at;
    void (*chosen)(struct voicemail *vm, const char *number);
    link_step *cancelled;
};

/* A call out of the box. */
struct calling {
    char number[NUMBER_TEXT];
    int64_t id;   /* of its row; 0: none is made or stands */
    uint32_t mix; /* in which both talk; 0: none */
    int status;
    struct ticket other; /* who has answered; of him: who called */
    bool answered;       /* `other` is somebody */
};

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

    /* what he sends */
    struct receivers to;
    struct directory directory;
    struct calling calling;
    char introduction[512]; /* a file that is played before the message that is fetched now, or "" */
    char list_number[NUMBER_TEXT];
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
bool mailbox_is_full(const struct mailbox *box);
/* Asks a question whose answer is a folder's number. */
void inbox_ask_folder(struct voicemail *vm, const char *question, link_key *fn);
const char *folder_prompt(enum folder folder);

/* message.c */
entry_reply message_updated;                /* storage's answer to a change; vm->updated follows */
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
/* To the caller of the message at vm->at, by a message where he has a box here, else by a call; then the
 * menu of messages or the main one. */
void send_reply(struct voicemail *vm);
void send_directory(struct voicemail *vm); /* a message to somebody who is found by his name */

/* recipients.c: asks for one or more; then vm->to.target is a mailbox or a list. */
void recipients_ask(struct voicemail *vm, link_step *then, link_step *nobody);
void recipients_take(struct voicemail *vm, const char *number, link_step *then, link_step *nobody);

/* forward.c */
void send_forward(struct voicemail *vm);

/* team.c */
void send_claim(struct voicemail *vm); /* takes care of the message at vm->at */
void team_say_to(struct voicemail *vm,
                 struct list *list); /* whose box it lies in, and who takes care of it */

/* calls.c: out of the box; then the menu of messages or the main one. */
#define CALLED_ARGUMENT "called:"
void send_call_back(struct voicemail *vm);
void send_place_call(struct voicemail *vm);
void calls_arrived(struct voicemail *vm, const char *argument); /* who was called has answered */
void calls_joined(struct voicemail *vm);
void calls_ended(struct voicemail *vm);

/* directory.c */
void directory_ask(struct voicemail *vm, void (*chosen)(struct voicemail *vm, const char *number),
                   link_step *cancelled);
void directory_visit(struct voicemail *vm); /* a caller: whom he chooses is called */

/* lists.c */
void send_lists(struct voicemail *vm); /* then the menu of settings */

#endif

/*
 * Voicemail's own header: one call's way through it, act by act.
 *
 *   voicemail.c    where a call comes from and what it wants
 *   pilot.c        whose mailbox, of a call that a PBX sends on
 *   greet.c        the greeting that fits
 *   deposit.c      beep, message, "saved"
 *   take.c         one recording with its review
 *   fax.c          a fax in place of it
 *   resume.c       a message that was cut off goes on
 *   quota.c        how much a box still takes
 *   operator.c     somebody who can help
 *   screen.c       the owner listens meanwhile, and takes the call
 *   login.c        whose box, and the PIN
 *   tutorial.c     an owner's first visit
 *   inbox.c        counts, main menu, folders
 *   message.c      one message: envelope, sound, what becomes of it
 *   playing.c      keys while it plays
 *   team.c         messages of a team's box
 *   receipt.c      who has heard what he sent
 *   keymap.c       which key does what where; keymap_judge.c: faults of maps
 *   acts.c         what keys can do, by name
 *   options.c      the menus of settings
 *   greetings.c    records greetings and the name; greeting_end.c: until when
 *   new_pin.c      a PIN of his own
 *   send.c         compose, reply; recipients.c: to whom
 *   forward.c      what was left here, to others
 *   calls.c        calls out of the box
 *   lists.c        his own lists
 *   directory.c    somebody by his name
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
#define ALL_KEYS "0123456789*#" /* of a menu that answers those, too, that do nothing in it */
#define MENU_ROUNDS 3           /* how often a menu is said to somebody who presses nothing */
#define LOGIN_TRIES 3

struct voicemail;

enum take_result { TAKE_ACCEPTED, TAKE_HUNG_UP, TAKE_EMPTY, TAKE_FAILED };

/* One recording and its review. */
struct take {
    char path[512];
    uint32_t max_ms, silence_ms, min_ms;
    unsigned tries, rounds;
    bool recording;         /* its end has not been reported yet */
    bool reviewing;         /* there is a good recording that nobody has judged yet */
    unsigned *marks;        /* enum deposit_mark, set by keys of the review; NULL: it is no message */
    bool own;               /* he who speaks has a mailbox here, and can be told when he was heard */
    bool has_operator;      /* 0 leads to somebody who can help */
    bool wants_operator;    /* it was pressed */
    bool stopped;           /* by take_stop() */
    bool more;              /* what is said next is added to the recording */
    uint32_t ms, speech_ms; /* what it holds already */
    void (*redo)(struct voicemail *vm); /* throws the recording away and calls take_start() with a new path */
    void (*done)(struct voicemail *vm, enum take_result result);
};

/* Where in his visit an owner is, and so which keys he has. */
enum menu {
    MENU_MAIN,
    MENU_PLAYING,
    MENU_MESSAGE,
    MENU_ADVANCED,
    MENU_OPTIONS,
    MENU_PREFERENCES,
    MENU_GREETING,
    MENU_COUNT
};

/* Who shall have a message. */
struct receivers {
    char numbers[SEND_MAX][NUMBER_TEXT];
    size_t count;
    char typed[256];          /* what is still to be looked up: "1003*1004" */
    bool more;                /* he is asked for another one then */
    bool list;                /* `target` is a list */
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
    unsigned marks;                     /* enum deposit_mark */
    char continues[UUID_TEXT];          /* the message that he goes on with; "": a new one */
    bool away;                          /* he was sent on to the operator */
    bool spooled;                       /* the deposit is open and not yet committed or discarded */
    size_t greet_at;                    /* place in the order of greetings (greet.c) */
    unsigned limit_s;                   /* the receiving mailbox's longest message; 0: the server's */
    char dialled[NUMBER_TEXT];          /* the mailbox a message goes to, when it is not `number` */
    void (*then)(struct voicemail *vm); /* after the deposit; NULL: good-bye */

    /* live screening: a deposit's side, and the owner's */
    struct voicemail *next_deposit, *screener, *screened;
    bool listed, rung;    /* it is among the deposits of now; the owners' phones have been called for it */
    unsigned phones_ring; /* owners who are being called now */
    bool taken;           /* the owner talks to the caller */
    bool faxing;          /* a fax machine was heard, and has ours from now on */
    bool receiving;       /* its pages come, and fax_received() is still to say how many */
    bool screening, admitted;
    uint32_t room;

    /* the owner's visit */
    bool direct; /* his own phone: only the PIN is asked */
    unsigned tries, rounds;
    enum menu menu; /* whose keys he has now */
    enum folder folder;
    struct entry_query query;
    struct entry_list
        *list; /* a copy, with those deleted meanwhile, to bring them back; NULL: none is open */
    size_t at;
    bool more; /* there are entries after those of the list */
    bool paused;
    unsigned speed; /* of playing, per cent; 0: as it was spoken */
    int gain_db;
    bool left_alone;    /* broken, or put back among the new ones: going on does not mean it was heard */
    link_step *updated; /* what follows once a change of an entry is stored */
    enum greeting_kind greeting;
    char callers[NUMBER_TEXT]; /* who hears the greeting that he records; "": not for single callers */
    link_step *greeted;        /* what follows once that is done */
    bool pin_due;              /* he is let in once he has a PIN of his own */
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

/* The call's own; NULL: it was refused. */
struct voicemail *voicemail_new(struct link *link);
/* The mailbox that the call is about has been read. */
void voicemail_know(struct voicemail *vm, const struct mailbox *box);

/* pilot.c: the number that a PBX sends calls on to */
void pilot_invited(struct link *link);

/* greet.c: vm->number, ->box and ->status are set; the link has been answered. */
void deposit_greet(struct voicemail *vm);
/* The box takes messages, and another one now, as far as is known. */
bool deposit_is_possible(const struct voicemail *vm);

/* deposit.c */
bool deposit_is_busy(const struct voicemail *vm);
void deposit_start(struct link *link); /* without a greeting */
/* The owner talks to him from now on, or fax_begin() follows: what he has said is kept. */
void deposit_leave(struct voicemail *vm);
bool deposit_is_left(const struct voicemail *vm); /* what its jobs answer leads nowhere any more */
void deposit_ended(struct voicemail *vm);
/* For fax.c: a fresh deposit; it is given up, or becomes a message. */
void deposit_describe(struct voicemail *vm, enum deposit_kind kind);
void deposit_drop(struct voicemail *vm);
void deposit_keep_fax(struct voicemail *vm, bool whole, const char *sender);

/* fax.c: of a call that leaves a message, if the mailbox takes faxes. */
void fax_await(struct voicemail *vm);
void fax_forget(struct voicemail *vm); /* what he sends from now on is no message */
void fax_begin(struct voicemail *vm);  /* no recording goes on */

/* resume.c: as deposit_greet(), but first he is asked whether he goes on with what he has just left. */
void resume_offer(struct voicemail *vm);

/* screen.c */
#define SCREEN_ARGUMENT "=screen"        /* of a call that we have made to the owner's phones */
void screen_begin(struct voicemail *vm); /* somebody is to leave a message; once a call */
void screen_ring(struct voicemail *vm);  /* he leaves it now: owners who want it so are called */
void screen_invited(struct voicemail *vm,
                    const char *mailbox); /* the owner: link_answer() or a refusal follows */
void screen_called(struct voicemail *vm, const char *mailbox);
void screen_join(struct voicemail *vm);  /* he has been let in */
void screen_ended(struct voicemail *vm); /* of either side; also when a caller leaves for somebody else */

/* take.c */
void take_start(struct voicemail *vm); /* beep, then record to take.path */
void take_stop(struct voicemail *vm);  /* enough: done() comes, and no review */
void take_ended(struct voicemail *vm); /* the caller has gone */
/* Greetings and introductions, which come into no spool: starts one, throws it away, and both (take.redo). */
void take_in_cache(struct link *link);
void take_drop(struct voicemail *vm);
void take_again_in_cache(struct voicemail *vm);

/* operator.c */
const char *operator_number(const struct voicemail *vm); /* "": none */
void operator_call(struct voicemail *vm);
/* In vain: true, and he is told. */
bool operator_failed(struct voicemail *vm);

/* login.c */
void login_start(struct voicemail *vm);
/* He is in: what is still due of a first visit, then what he came for. */
void login_go_on(struct voicemail *vm);

/* keymap.c */
/* Says what `list` holds and what the menu's keys do, and waits for one: its act is done (acts.c). */
void keymap_ask(struct voicemail *vm, enum menu menu, struct list *list);
/* Plays `list`; the keys are those of MENU_PLAYING, its end is message_played(). */
void keymap_play(struct voicemail *vm, const struct list *list);
enum menu menu_named(const char *name); /* MENU_COUNT: there is none */
const char *menu_name(enum menu menu);
void keymap_judge(const struct settings *settings, settings_fault *fault, void *arg);

/* acts.c */
struct act {
    const char *name; /* as confab.conf writes it */
    void (*run)(struct voicemail *vm);
    unsigned menus;                                    /* a bit for each menu in which it makes sense */
    bool live;                                         /* leaves a message playing */
    bool message;                                      /* needs one */
    bool (*offered)(const struct voicemail *vm);       /* whether it is worth a word now; NULL: always */
    const char *(*phrase)(const struct voicemail *vm); /* its name as things are now; NULL: `name` */
};
const struct act *act_named(const char *name); /* NULL: there is none */
const struct act *act_at(size_t i);            /* NULL past the last */
void act_open(struct voicemail *vm, enum menu menu);
void act_nobody(struct voicemail *vm); /* nobody presses a key any more: out of this menu */

/* inbox.c: the owner has been let in. */
void inbox_welcome(struct voicemail *vm);
void inbox_menu(struct link *link);
void inbox_open(struct voicemail *vm, enum folder folder);
void inbox_again(struct voicemail *vm); /* what was open, as it is now */
void inbox_more(struct voicemail *vm);  /* goes on behind the last of the list */
void inbox_listen(struct voicemail *vm);
void inbox_change_folder(struct voicemail *vm);
void inbox_find(struct voicemail *vm);
void inbox_close(struct voicemail *vm);
/* Asks for one of the first `count` folders by its number; any other key takes it back. */
void inbox_ask_folder(struct voicemail *vm, const char *question, int count, link_key *fn);
const char *folder_prompt(enum folder folder);

/* receipt.c: tells of them, then inbox_welcome(). */
void receipts_tell(struct voicemail *vm);

/* quota.c */
bool mailbox_is_full(const struct mailbox *box);
bool mailbox_is_almost_full(const struct mailbox *box);
/* The longest message that it takes now, in seconds; not 0. */
unsigned mailbox_longest_s(const struct mailbox *box, const struct settings *settings);

/* message.c */
entry_reply message_updated; /* storage's answer to a change; vm->updated follows */
void message_changed_elsewhere(struct voicemail *vm);
void message_present(struct voicemail *vm); /* the one at vm->at */
void message_menu(struct link *link);
struct entry *message_entry(const struct voicemail *vm);
bool message_has_next(const struct voicemail *vm);
void message_played(struct voicemail *vm); /* to its end */
void message_go_next(struct voicemail *vm);
void message_go_previous(struct voicemail *vm);
void message_toggle_delete(struct voicemail *vm);
void message_save(struct voicemail *vm);
void message_make_new(struct voicemail *vm);
void message_envelope(struct voicemail *vm);
void message_mail_it(struct voicemail *vm);

/* playing.c: of the message that plays; where none does, it begins again. */
void playing_settle(struct voicemail *vm); /* speed and loudness, as he has chosen them in this visit */
void playing_skip_on(struct voicemail *vm);
void playing_skip_back(struct voicemail *vm);
void playing_pause(struct voicemail *vm);
void playing_restart(struct voicemail *vm);
void playing_faster(struct voicemail *vm);
void playing_slower(struct voicemail *vm);
void playing_louder(struct voicemail *vm);
void playing_softer(struct voicemail *vm);

/* options.c */
void options_menu(struct link *link);
void options_prefer(struct link *link); /* the menu of preferences */
void options_order(struct voicemail *vm);
void options_autoplay(struct voicemail *vm);
void options_envelope(struct voicemail *vm);

/* greetings.c */
/* Records it; whoever has one hears it, keeps it or erases it as well. Then the menu of settings. */
void greeting_record(struct voicemail *vm, enum greeting_kind kind);
void greeting_temporary(struct voicemail *vm);
/* The one that he has: heard, recorded again, erased; and what follows when he has done with it. */
void greeting_menu(struct link *link);
void greeting_hear(struct voicemail *vm);
void greeting_again(struct voicemail *vm);
void greeting_erase(struct voicemail *vm);
void greeting_over(struct link *link);
void greeting_others(struct voicemail *vm); /* which of those that few people want? */
/* Records it, whatever there is, and goes on with `then`, whatever comes of it. */
void greeting_take(struct voicemail *vm, enum greeting_kind kind, link_step *then);

/* greeting_end.c */
void greeting_ask_end(struct voicemail *vm);                   /* of the temporary one */
void greeting_remind(struct voicemail *vm, struct list *list); /* that it holds */

/* tutorial.c */
void tutorial_start(struct voicemail *vm);
void tutorial_go_on(struct voicemail *vm); /* he has a PIN of his own */

/* new_pin.c */
void pin_change(struct voicemail *vm);
void pin_first(struct voicemail *vm); /* a PIN of his own, without which he does not go on */

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
/* Adds whom it has not reached: how many, and why for the first of them. */
void recipients_say_missed(struct voicemail *vm, struct list *list, const struct sent *sent);

/* forward.c */
void send_forward(struct voicemail *vm);

/* team.c */
bool team_has(const struct entry *entry, const struct voicemail *vm); /* it is not his alone */
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

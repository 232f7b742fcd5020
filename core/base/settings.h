/*
 * confab.conf (libconfuse), read into plain values. Every error names file and line.
 *
 * Ownership: settings_load() makes a value that settings_free() ends; who needs it for longer (a call) holds
 * a reference by settings_hold(). Threads: signalling loads and reloads; the value itself never changes.
 * Failure: EINVAL with a message for each error, ENOENT, ENOMEM.
 */
#ifndef CONFAB_BASE_SETTINGS_H
#define CONFAB_BASE_SETTINGS_H

#include "core/base/media.h"

#include <stdbool.h>
#include <stddef.h>

#define SETTINGS_LISTEN_MAX 8

/* Another SIP server, known by its address: it is not challenged. */
struct peer_settings {
    char *name;
    char **addresses; /* "127.0.0.2", "10.1.0.0/16", "::1" */
    size_t address_count;
    bool trusted;          /* what it says of who calls is believed, and who calls is told it (RFC 3325) */
    enum srtp_policy srtp; /* its own, or else that of all legs */
    char *uri; /* where calls to it go: "sip:pbx.example:5060;transport=udp"; NULL when it only calls us */
    char *user, *password; /* what answers its digest challenges; "": both are */
    char *realm;           /* … of this realm alone; NULL: of any */
};

/* One row of the number plan; the first that matches a dialled number wins. */
struct number_settings {
    char *pattern;     /* text as dialled; 'X' any digit; 'LOW-HIGH' of equal length; a last '.' one or more
                          characters */
    char *application; /* name of an application, or "user" or "peer" */
    char *argument;    /* what that application makes of it; never NULL */
    int line;          /* in the file, for complaints about it */
};

/*
 * A link of the service path. Regions, in the order of a request's way: neutral (each call), originating (of
 * the caller, or of the user who diverted the call), terminating (of the callee), egress (calls that leave by
 * a peer).
 */
enum region { REGION_NEUTRAL, REGION_ORIGINATING, REGION_TERMINATING, REGION_EGRESS, REGION_COUNT };
enum on_fail { FAIL_CONTINUE, FAIL_REJECT, FAIL_FALLBACK };
struct link_settings {
    char *name;
    char *application; /* an application's name, "sip:…" (a SIP application server) or "http://…", "https://…"
                        */
    char *argument; /* never NULL */
    char *service;  /* in only where the served user has one of these (parted by spaces) on; "": always */
    enum region region;
    int order;                 /* lower ones come first; equal ones as they stand in the file */
    char **callers, **numbers; /* guards: patterns as in the number plan; none: all */
    size_t caller_count, number_count;
    char *when; /* guard: "mon-fri 08:00-18:00" in the served user's zone, several by ','; "": always */
    unsigned deadline_ms; /* for the decision about a request; 0: none */
    enum on_fail on_fail;
    int fail_status;         /* FAIL_REJECT */
    char *fallback;          /* FAIL_FALLBACK: an application's name, and what it is told */
    char *fallback_argument; /* never NULL */
    bool end_late;           /* a failure after it acted ends the call; else the call goes on without it */
    bool mandatory;          /* also in emergency calls, and never skipped by the breaker */
    unsigned breaker_failures,
        breaker_s; /* after so many failures in a row it is left out for so long; 0: never */
    int line;      /* 0: built in, and confab.conf does not mention it */
};
/*
 * Keys of a conference: what each does, or which menu it opens. MENU_MEMBER and MENU_HOST are those of rooms
 * that choose no other.
 */
#define MENU_MEMBER "member"
#define MENU_HOST "host"
#define MENU_KEYS_MAX 12
struct menu_key {
    char key;
    const char *act, *menu; /* one of them, the other NULL */
    const char *text;       /* what the act needs; NULL: nothing */
    int value;              /* likewise */
    bool direct;            /* also where no menu is open */
    int line;               /* 0: built in */
};
struct menu_settings {
    const char *name;
    const char **prompts; /* names of phrases, or files by their whole path, said one after another */
    size_t prompt_count;
    struct menu_key *keys;
    size_t key_count;
    bool reached; /* for settings_load() alone */
    int line;     /* 0: built in */
};

/*
 * What keys do in voicemail: a menu of keys for each place in a visit. What a map leaves out is as in
 * KEYMAP_DEFAULT.
 */
#define KEYMAP_DEFAULT "asterisk"
struct keymap_settings {
    const char *name;
    struct menu_settings *menus;
    size_t menu_count;
    int line; /* 0: built in */
};

#define SERVICE_MAILBOX "mailbox" /* a service that a user has who has a mailbox; no row says so */
const char *region_name(enum region region);

struct settings {
    char *realm;
    char *listen[SETTINGS_LISTEN_MAX]; /* "127.0.0.1:5060", "[::1]:5060"; each on UDP and TCP */
    size_t listen_count;
    unsigned registration_min_s, registration_max_s, registration_default_s;
    unsigned session_expires_s, session_min_se_s; /* RFC 4028 */
    bool prack;        /* RFC 3262: provisional responses with SDP are sent and asked for reliably */
    unsigned ring_s;   /* how long a user rings when his row does not say */
    char *dialog_info; /* who may watch a user's calls: "all", "group", "off" */
    char *refer;       /* "execute" what a REFER asks, or "pass" it on */
    bool recall;       /* a transferor who has hung up rings again when it fails */
    bool hold_music;   /* who is held hears our music, whoever holds him */

    char *media_address4, *media_address6; /* what SDP names; NULL: the address the SIP request came to */
    unsigned rtp_port_low, rtp_port_high;
    unsigned media_workers;         /* 0: cores - 1, at least 1 */
    unsigned wide_room;             /* members on one thread before others of the room spread over more */
    char *media_io;                 /* "auto", "uring", "plain" */
    unsigned rtp_timeout_s;         /* silence on both RTP and RTCP after which a call ends; 0: never */
    enum srtp_policy srtp;          /* of legs that are no peer's */
    enum codec codecs[CODEC_COUNT]; /* preference */
    size_t codec_count;

    char *database; /* libpq connection string */
    unsigned database_connections;
    char *sql_dir, *spool_dir, *cache_dir, *sounds_dir, *voices_dir;
    char *language;   /* of those without one of their own */
    char **languages; /* others that are spoken; none: all that are installed */
    size_t language_count;

    char *room_record, *room_record_format; /* "off", "mix", "tracks"; "wav", "flac", "opus" */
    char *recordings_dir;
    /* Wrong PINs of rooms: a call's, after which it ends; and those that lock out a caller, an address, a
     * room. */
    unsigned pin_tries, pin_caller_tries, pin_address_tries, pin_room_tries, pin_lock_minutes;
    unsigned kick_ban_minutes; /* for which nobody comes in again whom a host has thrown out */

    unsigned max_calls, max_calls_a_second, max_rooms, max_room_members;
    unsigned message_max_s, message_min_ms, message_silence_s; /* voicemail recording limits */
    char *
        diverted_to; /* whose mailbox a call has that was sent on twice: the "first" who did, or the "last" */
    char *keymap;    /* of mailboxes whose row does not say */
    unsigned message_gap_s; /* nothing of the caller comes */
    bool fax;               /* fax machines find one in mailboxes whose row does not say */
    unsigned fax_pages, fax_minutes, fax_mb;
    bool screen_keep;                 /* what was said before the owner took the call */
    char *operator_number;            /* "": none */
    bool room_loudness, room_denoise; /* of rooms whose row does not say */
    unsigned calls_a_day;             /* out of one mailbox */
    unsigned call_minutes;            /* the longest of them */
    unsigned callouts_a_day;          /* to the owner of one, about new messages */
    unsigned audit_days;              /* 0: for ever */
    unsigned keep_days, trash_days;   /* of messages; mailboxes may say otherwise */
    unsigned pin_history, pin_days;   /* of mailboxes: earlier PINs refused; a PIN's life, 0: for ever */
    unsigned http_port;
    char *http_address;
    char *http_web;                    /* the console's files */
    char *http_certificate, *http_key; /* PEM files; both, or NULL: no TLS */
    char **http_cors;                  /* origins whose pages may use the API: "https://intranet.example" */
    size_t http_cors_count;
    char *http_token_file; /* whence confabctl takes its token; NULL: it must be told */
    char **http_hosts;     /* names under which browsers call it, beside its addresses */
    size_t http_host_count;
    unsigned http_requests;             /* of one who asks, in a minute; 0: no limit */
    char *webhook_secret;               /* signs what HTTP applications are asked; "": nothing is signed */
    unsigned webhook_deadline_ms;       /* for one answer of theirs */
    char *webhook_url, *webhook_events; /* where events are posted to, and which; NULL: nowhere */
    char *mail_server;                  /* "smtp://HOST:PORT"; NULL: nothing is mailed */
    char *mail_user, *mail_password, *mail_from, *mail_tls, *mail_ca; /* mail_ca NULL: the system's */
    char *mail_format;                                                /* of the sound: "wav" or "opus" */
    char *transcription_url; /* sound of each message is posted there; NULL: nowhere */
    unsigned transcription_deadline_s;
    unsigned records_keep_days, records_trace_keep_days; /* 0: for ever */
    bool records_trace;
    unsigned records_journal_mb; /* that may wait for the database */
    int log_level;               /* enum log_level */

    struct peer_settings *peers;
    size_t peer_count;
    struct number_settings *numbers;
    size_t number_count;
    struct link_settings *links; /* by region and order; those of confab.conf over those built in */
    size_t link_count;
    struct menu_settings *menus;
    size_t menu_count;
    struct keymap_settings *keymaps; /* without those built in */
    size_t keymap_count;
    char **emergency; /* patterns of numbers that only mandatory links may see and none may refuse */
    size_t emergency_count;
    char **test_fail,
        **test_hang; /* for tests: "LINK/EVENT" that is taken for failed, or for never decided */
    size_t test_fail_count, test_hang_count;
};

/*
 * Reads `file`. `complain` gets each error as one line "FILE:LINE: what is wrong"; with errors *out is not
 * set and the result is EINVAL (or ENOENT, EACCES). Missing settings take the defaults of confab.conf(5).
 */
__attribute__((warn_unused_result)) int settings_load(const struct settings **out, const char *file,
                                                      void (*complain)(const char *line, void *arg),
                                                      void *arg);
const struct settings *settings_hold(const struct settings *s);
void settings_free(const struct settings *s); /* drops one reference; NULL is allowed */

/* Whether one of these patterns fits; with none of them everything does. */
bool settings_any_pattern(char *const *patterns, size_t count, const char *number);
bool settings_is_emergency(const struct settings *s, const char *number);

/* The number plan's row for `number`, or NULL. */
const struct number_settings *settings_number(const struct settings *s, const char *number);

const struct menu_settings *settings_menu(const struct settings *s, const char *name); /* or NULL */
/* The map of that name, also one that is built in; NULL: there is none. */
const struct keymap_settings *settings_keymap(const struct settings *s, const char *name);
/* A map's menu, or that of KEYMAP_DEFAULT; NULL: neither has it. */
const struct menu_settings *keymap_menu(const struct keymap_settings *map, const char *name);

/* The trusted peer that has this address, or NULL. */
const struct peer_settings *settings_peer(const struct settings *s, const struct sockaddr *from);
const struct peer_settings *settings_peer_named(const struct settings *s, const char *name);
/* Whether the peer of that name is one that is trusted. NULL: none. */
bool settings_trusts(const struct settings *s, const char *peer);
/* What holds for a leg to or from the peer of that name; NULL or "": it is no peer's. */
enum srtp_policy settings_srtp(const struct settings *s, const char *peer);

#endif

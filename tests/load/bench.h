/*
 * What the parts of the bench share. The main thread calls, measures and prints (bench.c, table.c, peer.c,
 * delay.c); one thread of its own sends and receives all media (media.c); the server and what only moves
 * packets (floor.c) are processes of their own.
 *
 * Ownership: whoever made a thing ends it. Threads: the main one, unless said. Failure: the bench says what
 * went wrong and exits with 1.
 */
#ifndef CONFAB_BENCH_H
#define CONFAB_BENCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t now_us(void); /* monotonic */
int64_t wall_us(void); /* the clock the kernel stamps packets with */
void sleep_until(uint64_t us);
__attribute__((noreturn)) void die(const char *what);
/* A UDP socket bound to address:port (0: any), non-blocking, its receive buffer `bytes`. */
int udp_socket(const struct sockaddr_in *local, uint16_t port, int bytes);
uint16_t socket_port(int fd);

/* -- voice.c: sound, encoded once
 * -------------------------------------------------------------------------------------- */

#define PACKET_MS 20
#define PACKETS_A_SECOND (1000 / PACKET_MS)
#define PAYLOAD_MAX 512

enum voice_codec { VOICE_PCMU, VOICE_G722, VOICE_OPUS, VOICE_CODECS };
struct voice_facts {
    const char *rtpmap;
    uint8_t pt;
    unsigned clock; /* of RTP */
};
extern const struct voice_facts voice_facts[VOICE_CODECS];

/* A second of a sound, which can be repeated without a click. */
struct voice {
    uint8_t data[PACKETS_A_SECOND][PAYLOAD_MAX];
    uint16_t length[PACKETS_A_SECOND];
};
#define VOICES 4 /* 0 is silence, the others are tones */
const struct voice *voice_get(enum voice_codec codec, unsigned which);
/* More than comfort noise: a packet of PCMU whose sound, all of it or a few milliseconds, is one of ours. */
bool voice_is_loud(const uint8_t *pcmu, size_t length);

/* -- secure.c: SRTP by SDES
 * -------------------------------------------------------------------------------------------- */

#define KEY_TEXT 64 /* base64 of key and salt */

struct secure;
struct secure *secure_new(char key[KEY_TEXT], uint32_t ssrc); /* writes the key we send with */
void secure_set_remote(struct secure *secure, const char *key);
void secure_free(struct secure *secure);
/* Media thread: in place; false: it was not authentic. There is room for 32 bytes more. */
bool secure_protect(struct secure *secure, uint8_t *packet, size_t *length);
bool secure_unprotect(struct secure *secure, uint8_t *packet, size_t *length);

/* -- media.c: all streams
 * ---------------------------------------------------------------------------------------------- */

struct media;
struct media_leg;
struct delay;

struct media_counts {
    uint64_t sent, received;       /* packets, of all streams */
    uint64_t expected, lost, late; /* at the listeners, by the streams' own timestamps */
    uint64_t forged;               /* SRTP that was not authentic */
    uint64_t sent_late, peer_lost; /* our own faults: sent > 5 ms after its time; no room in our sockets */
};

struct media *media_new(const struct sockaddr_in *local);
struct media_leg *media_open(struct media *media, enum voice_codec codec, bool secure);
uint16_t media_port(const struct media_leg *leg);
const char *media_key(const struct media_leg *leg);
uint16_t media_rtcp_port(const struct media *media);
/* Sends silence to `remote` from now on, and takes what comes from there. */
void media_start(struct media_leg *leg, const struct sockaddr_in *remote, const char *remote_key);
void media_say(struct media_leg *leg, unsigned voice);
/* The legs of one group hear each other; the next packet of `leg` begins a burst of sound for so many of
 * them. */
void media_join(struct media_leg *leg, struct delay *delay, unsigned group);
void media_burst(struct media_leg *leg, unsigned listeners);
void media_close(struct media_leg *leg);
/* Counts between the two calls. At the listeners, those who were there all the time. */
void media_count_begin(struct media *media);
struct media_counts media_count_end(struct media *media);

/* -- delay.c: from the first packet of a sound in to the first one out that carries it
 * ---------------------------------- */

struct delay_figures {
    unsigned samples, missed, listeners;
    double median, p95, p99, worst_listener; /* ms; the last: the greatest median of one listener */
};
struct delay *delay_new(unsigned groups);
void delay_free(struct delay *delay);
/* Media thread: a burst begins; sound came to a listener, who is a number of his own. */
void delay_sent(struct delay *delay, unsigned group, unsigned listeners, int64_t us);
void delay_heard(struct delay *delay, unsigned group, unsigned listener, unsigned *serial, int64_t us);
struct delay_figures delay_read(struct delay *delay);

/* -- floor.c: the cost of kernel I/O alone
 * ------------------------------------------------------------------------------- */

enum floor_way { FLOOR_PLAIN, FLOOR_MMSG, FLOOR_URING };
/* CPU µs a leg-second of receiving and sending 50 packets a second a leg and doing nothing else; 0: not
 * available. */
double floor_rtp(struct media *media, const struct sockaddr_in *local, unsigned legs, unsigned seconds,
                 enum floor_way way);
/* CPU µs of receiving one datagram of `bytes` and sending one. */
double floor_message(const struct sockaddr_in *local, size_t bytes, unsigned count);

/* -- nta.c: the cost of SIP alone
 * ---------------------------------------------------------------------------------------- */

/* CPU µs of a call that a bare nta answers on the port above `port`, and ends. */
double floor_nta(struct media *media, const struct sockaddr_in *local, uint16_t port);

/* -- peer.c: calls with their media
 * ------------------------------------------------------------------------------------ */

struct peer;
struct peer_totals {
    unsigned calls, failed; /* calls that were answered; that were not */
    unsigned last_failure;  /* the latest status above 299 since all was hung up */
    uint64_t sip_messages;  /* sent and received */
};

/* A peer at `local` (SIP on `port`) of the server at `server`. */
struct peer *peer_new(struct media *media, const struct sockaddr_in *local, uint16_t port,
                      const struct sockaddr_in *server);
/* Calls `number` in the name of a group (a room, a call), with at most 16 calls on their way. */
void peer_call(struct peer *peer, const char *number, unsigned group, enum voice_codec codec, bool secure);
/* Runs until every call is answered and acknowledged, or for `ms`. True when all stand. */
bool peer_settle(struct peer *peer, unsigned ms);
/* Answers what comes, for `ms`. */
void peer_run(struct peer *peer, unsigned ms);
/* The legs that stand, with their groups; NULL when there are no more. */
struct media_leg *peer_leg(const struct peer *peer, unsigned index, unsigned *group);
/* Calls `number` at a rate, however the calls fare, and waits for them: how many were answered. */
unsigned peer_storm(struct peer *peer, const char *number, unsigned count, unsigned rate);
/* Hangs up all calls and waits for the answers; the totals stay. */
void peer_hang_up(struct peer *peer);
void peer_hang_up_behind(struct peer *peer, unsigned first); /* all but the first ones */
/* Waits until the server has hung up all but the first ones. */
bool peer_left_behind(struct peer *peer, unsigned first);
/* Of the leg with this index: where it was answered, and keys that it presses (INFO). */
void peer_contact(const struct peer *peer, unsigned index, char *user, size_t size);
void peer_press(struct peer *peer, unsigned index, const char *keys);
/* Subscribes to what is told of a mailbox (RFC 3842): `fn` gets the number of new messages of each NOTIFY, and when it
 * came (wall clock). One `fn` serves all. */
typedef void peer_told(void *arg, const char *mailbox, unsigned fresh, int64_t us);
void peer_watch(struct peer *peer, const char *mailbox, peer_told *fn, void *arg);
void peer_watch_end(struct peer *peer); /* what comes of it later is answered, and told nobody */
/* Sets up and ends `count` calls, at most `window` at a time, without media. */
void peer_cycle(struct peer *peer, const char *number, unsigned count, unsigned window);
struct peer_totals peer_totals(const struct peer *peer);
/* Sets up `count` calls without media, which stand until peer_hang_up(); how many legs do. */
unsigned peer_hold(struct peer *peer, const char *number, unsigned count);
/* Calls that come at a rate whatever becomes of them, without media; each is ended once it is answered. */
struct load {
    unsigned rate, seconds;             /* given */
    unsigned offered, answered;         /* calls */
    unsigned refused, refused_politely; /* with any status above 299; with 503 and Retry-After */
    uint32_t *setup_us; /* of each that was answered, from INVITE to 200: the caller's to free */
};
void peer_load(struct peer *peer, const char *number, struct load *load);

/* -- daemon.c: the server that is measured, and the machine
 * --------------------------------------------------------------- */

struct daemon_files {
    const char *program, *configuration, *log;
};
struct tick_figures {
    unsigned long ticks, overruns, p50, p99, p999, most; /* µs */
};
void daemon_start(const struct daemon_files *files);
void daemon_stop(void);
/* CPU time of all threads so far, in µs; resident memory in KiB; what its media workers did since last asked.
 */
uint64_t daemon_cpu(void);
unsigned long daemon_memory(void);
struct tick_figures daemon_ticks(void);
/* Where the server's log ends now; its lines with `words` from there on, each given to `fn` (NULL: to nobody). */
long daemon_log_end(void);
unsigned daemon_log_lines(long from, const char *words, void (*fn)(void *arg, const char *line), void *arg);
uint64_t process_cpu(int pid);
/* CPU time that others took between the two calls, in per cent of one core. */
void machine_watch(void);
double machine_others(void);

/* -- calls.c: calls without media
 * ---------------------------------------------------------------------------------------- */

struct bench {
    struct daemon_files files;
    struct sockaddr_in server, local;
    uint16_t port; /* our SIP port */
    struct media *media;
    struct peer *peer;
    unsigned seconds;
    double floor, nta; /* µs a leg-second; µs a call */
};
struct calls_wanted {
    bool setup, path, half, twice, rss;
};
void calls_run(struct bench *b, const struct calls_wanted *wanted);

/* -- storm.c: a crowd comes and goes */

void storm_run(struct bench *b);

/* -- voicemail.c: messages are left and heard */

void voicemail_run(struct bench *b);

/* -- mwi.c: how soon a lamp is lit, with the server that runs */

void mwi_run(struct bench *b);

/* -- table.c: what is printed
 * ------------------------------------------------------------------------------------------ */

struct row {
    const char *name, *what, *unit;
    unsigned legs;
    double cpu_us, floor, memory_kib;
    double messages; /* of a call, without media: sent and received by the peer */
    struct media_counts counts;
    struct tick_figures ticks;
    bool has_media, has_delay;
    struct delay_figures delay;
    double others; /* per cent of a core */
};
void table_begin(const char *json_path);
void table_floor(const char *what, double us, const char *remark);
void table_floor_call(const char *what, double us);
void table_row(const struct row *row);
/* Two figures, and in words what they are. */
void table_line(const char *name, const char *what, double first, double second, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void table_absent(const char *name, const char *what, const char *why);
void table_end(void);

#endif

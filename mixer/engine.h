/*
 * What the engine's own files share. Two sides meet in it: *signalling* (control.c, connect.c, kit.c,
 * mixer.c) owns the entries and makes everything that takes memory; *workers* (worker.c, command.c,
 * receive.c, hear.c, speak.c, bridge.c, room.c) own the ports and rooms. A thing crosses over inside a
 * command and comes back through the queue of retired things.
 */
#ifndef CONFAB_MIXER_ENGINE_H
#define CONFAB_MIXER_ENGINE_H

#include "core/base/queue.h"
#include "mixer/codec.h"
#include "mixer/files.h"
#include "mixer/io.h"
#include "mixer/jitter.h"
#include "mixer/rtcp.h"
#include "mixer/rtp.h"

#include <pthread.h>
#include <stdatomic.h>

#define TICK_MS FRAME_MS
#define TICKS_A_SECOND (1000 / TICK_MS)
#define RATES 3 /* 8000, 16000, 48000 */
#define PTIME_MAX 60
#define ROOM_SPEAKERS 6 /* heard at once */
#define ROOM_SLOTS 8    /* and those that fade out meanwhile */
#define DIGITS_WAITING 32
#define GAIN_UNITY 4096 /* Q12 */

enum connection { CONNECTED_NONE, CONNECTED_ECHO, CONNECTED_BRIDGE, CONNECTED_ROOM };

/* -- what signalling makes for a worker
 * ------------------------------------------------------------------------------ */

/* All that depends on a port's format. */
struct kit {
    struct media_format format;
    unsigned rate;                         /* of the port's sound, both ways */
    unsigned ticks;                        /* a packet sent */
    struct decoder *decoders[CODEC_COUNT]; /* those that may arrive */
    struct resampler *widen[CODEC_COUNT];  /* from the decoder's rate to `rate`; NULL: the same */
    struct encoder *encoder;
    struct tone_detector *tones; /* without telephone-event only */
    struct resampler *tones_down;
    enum codec heard_codec;
    size_t heard_at, heard_end, heard_size; /* decoded and not yet used, in `heard`; its samples */
    int16_t *heard, *said;
    int16_t frame[FRAME_MAX]; /* what the far side says in this tick */
};
__attribute__((warn_unused_result)) int kit_new(struct kit **out, const struct media_format *format);
void kit_free(struct kit *kit);
/* Worker: takes over from `old` whatever has a state worth keeping. */
void kit_inherit(struct kit *kit, struct kit *old);
unsigned kit_decoder_rate(const struct kit *kit, enum codec codec);

/* Listeners of one room that all get the same packets. */
struct class
{
    enum codec codec;
    unsigned rate, ticks, phase;
    bool fec, dtx;
    struct encoder *encoder;
    struct class *made_next; /* signalling's list, for the room's end */
    struct class *next;      /* the worker's */
    bool listed;
    struct port *listeners;
    unsigned sharing; /* listeners that are not apart */
    uint64_t tick;    /* last one with sound in `said` */
    int16_t said[PTIME_MAX * 48];
};

/* The resamplers of a room, for the slots of its speakers and for the mix that all others share. */
struct room_kit {
    unsigned rate;
    unsigned mask; /* bit i: members of rates[i] */
    struct resampler *in[ROOM_SLOTS][RATES], *out[ROOM_SLOTS][RATES], *shared[RATES];
};
__attribute__((warn_unused_result)) int room_kit_new(struct room_kit **out, unsigned rate, unsigned mask);
void room_kit_free(struct room_kit *kit);

struct recording {
    struct recorder *recorder;
    unsigned rate, from; /* Hz: of the file, and what `down` takes */
    struct resampler *down;
};

struct play_list {
    uint32_t serial;
    bool repeat;
    unsigned count;
    struct play_item items[PLAY_ITEMS_MAX];
};

/* From the rate of one side of a bridge to that of the other. */
struct crossing {
    unsigned from, to;
    struct resampler *resampler; /* NULL: both are the same */
};

extern const unsigned mixer_rates[RATES];
unsigned rate_index(unsigned rate);
int resampler_between(struct resampler **out, unsigned from, unsigned to); /* NULL when they are the same */

/* -- what a worker owns
 * ----------------------------------------------------------------------------------------------- */

/* A packet that a play has cut and not yet sent (coded.c). */
struct coded {
    enum encoding_kind kind;
    unsigned ticks;
    uint64_t tick; /* its first */
    size_t length; /* 0: none */
    bool stale;    /* the port's encoder has missed what was sent */
    uint8_t payload[ENCODING_PAYLOAD_MAX];
};

struct port {
    port_id id;
    unsigned index, place; /* in the mixer's table; in the worker's list */
    int rtp_fd, rtcp_fd;
    struct worker *worker;
    struct mixer *mixer;
    char cname[32];
    struct jitter *jitter;
    struct kit *kit; /* NULL until the first format */

    /* The far side (receive.c) */
    struct sockaddr_storage remote, remote_rtcp, candidate;
    bool remote_known, rtcp_known, locked, rtcp_learnt;
    uint16_t candidate_next;
    struct rtp_source source;
    uint32_t last_sr;
    uint64_t last_sr_tick, alive_tick, report_tick;
    bool media_seen, timed_out;
    struct digit_receiver digits;
    uint64_t received, discarded, lost_before;
    uint32_t jitter_us;

    /* What it says (hear.c) */
    uint64_t hear_tick;
    uint64_t tone_tick; /* last packet that was loud enough for an in-band digit */
    bool hear_got;
    unsigned concealed;
    struct recording *recording;
    struct voice_detector voice;

    /* What it is told (speak.c) */
    uint32_t ssrc, timestamp; /* timestamp: of tick 0 */
    uint16_t sequence;
    unsigned phase;
    uint64_t said_tick, sent_until, sent, octets, sent_before;
    struct player player;
    struct coded coded;
    struct digit_sender sender;
    bool sending_digit;
    struct {
        char digit;
        uint16_t ms;
    } waiting[DIGITS_WAITING];
    unsigned waiting_count, tone_left, tone_at, pause_left; /* tone in samples, pause in ms */

    /* Its connection */
    enum connection connected;
    struct port *peer;
    struct crossing crossing; /* from here to the peer */
    bool relay, relay_known;
    unsigned relay_doubts;
    struct room *room;
    struct class *class;
    struct port *class_next, *class_prev, *active_next, *apart_next, *member_next, *member_prev;
    struct speaker *speaker;
    unsigned loud;        /* -dBov, follows the louder packets at once, the softer ones slowly */
    uint64_t active_tick; /* last packet that was more than silence */
    uint64_t quiet_tick;  /* last packet that was silence */
    bool active, apart, muted, deaf, talking;
    unsigned talk_ticks;
    int32_t talk_gain, listen_gain; /* Q12 */
};

struct speaker {
    struct port *port; /* NULL: free */
    bool entering, leaving, heard;
    unsigned ticks;
    int16_t own[FRAME_MAX]; /* his exact part of the sum */
};

struct room {
    unsigned index;
    struct room_kit *kit;
    struct player player;
    struct speaker speakers[ROOM_SLOTS];
    struct port *members, *active, *apart;
    struct class *classes;
    struct class *made; /* signalling's list */
    uint64_t shared_tick[RATES];
    int16_t shared[RATES][FRAME_MAX];
    int32_t sum[FRAME_MAX];
    struct room *next, *prev; /* of the worker */
};

enum command_type {
    COMMAND_OPEN,
    COMMAND_CLOSE,
    COMMAND_RELEASE,
    COMMAND_FORMAT,
    COMMAND_NONE,
    COMMAND_ECHO,
    COMMAND_BRIDGE,
    COMMAND_CROSSINGS,
    COMMAND_JOIN,
    COMMAND_GAINS,
    COMMAND_MUTE,
    COMMAND_DEAF,
    COMMAND_DIGIT,
    COMMAND_PLAY,
    COMMAND_PLAY_STOP,
    COMMAND_PLAY_PAUSE,
    COMMAND_PLAY_SKIP,
    COMMAND_PLAY_SEEK,
    COMMAND_PLAY_SPEED,
    COMMAND_PLAY_GAIN,
    COMMAND_RECORD,
    COMMAND_RECORD_DOWN,
    COMMAND_RECORD_STOP,
    COMMAND_ROOM_OPEN,
    COMMAND_ROOM_CLOSE,
    COMMAND_ROOM_KIT,
    COMMAND_ROOM_PLAY,
    COMMAND_COUNT
};

struct command {
    enum command_type type;
    struct port *port, *other;
    struct room *room;
    int values[2];
    union {
        struct worker *to;
        struct kit *kit;
        struct room_kit *room_kit;
        struct recording *recording;
        struct play_list *list;
        struct resampler *resamplers[2];
    } made;
    struct class *class; /* with JOIN, and with FORMAT of a member */
    unsigned from;       /* with RECORD_DOWN: the rate it takes */
};

struct worker {
    struct mixer *mixer;
    unsigned index;
    pthread_t thread;
    bool running;
    struct io *io;
    struct queue *commands;
    struct queue *arrivals; /* struct port *: moved here by another worker */
    atomic_uint waiting;    /* commands pushed and not yet done */
    struct command held;    /* waits for a port that is still on its way here */
    bool holding;
    bool *here; /* by index: this worker has the port */
    struct port **ports;
    unsigned port_count;
    struct room *rooms;
    uint64_t tick; /* of the monotonic clock, so that all workers count alike */
    uint32_t dice;
    atomic_uint_fast64_t ticks, overruns, received, sent, encodings, histogram[32];
};
void worker_commands(struct worker *w);
__attribute__((warn_unused_result)) int worker_start(struct worker *w);
static inline int64_t worker_now_ms(const struct worker *w)
{
    return (int64_t)w->tick * TICK_MS;
}

/* -- ways back to signalling
 * ------------------------------------------------------------------------------------------ */

enum retired_kind {
    RETIRED_PORT,
    RETIRED_KIT,
    RETIRED_RESAMPLER,
    RETIRED_RECORDING,
    RETIRED_LIST,
    RETIRED_ROOM,
    RETIRED_ROOM_KIT
};
struct retired {
    enum retired_kind kind;
    void *object;
};
/* Worker: to be freed. NULL is nothing. The queue holds what all commands together can retire. */
void mixer_retire(struct mixer *m, enum retired_kind kind, void *object);
/* Signalling: frees what came back. */
void mixer_collect(struct mixer *m);

/* -- signalling's own books
 * ------------------------------------------------------------------------------------------- */

struct port_entry {
    struct port *port;
    uint32_t generation;
    bool used, open, retired, closed; /* closed: its last event has been made */
    struct worker *worker;
    struct media_format format;
    bool formatted;
    unsigned rate;
    enum connection connected;
    unsigned other;      /* index of the bridge's other port, or of the room */
    unsigned ordinal;    /* in the room */
    unsigned recordings; /* whose end has not been heard of */
    bool recording;
    unsigned record_rate;
    struct mixer_event last; /* kept until the recordings have ended */
};

struct room_entry {
    struct room *room;
    uint32_t generation;
    bool used, open;
    struct worker *worker;
    unsigned fixed_rate, members, joined, by_rate[RATES], kit_rate, kit_mask;
};

struct mixer {
    struct mixer_config config;
    struct queue *events, *retired;
    atomic_uint events_waiting;
    unsigned events_capacity, commands_capacity;
    atomic_uint_fast64_t events_refused, commands_refused;
    atomic_uint ports_open, rooms_open;
    atomic_bool stopping;
    struct sounds *sounds;
    struct worker *workers;
    unsigned worker_count;
    struct port *ports;
    struct port_entry *port_entries;
    struct room_entry *room_entries;
    unsigned next_port, next_room; /* where the search for a free one begins */
    uint16_t next_rtp;
    unsigned last_ready; /* ports whose last event waits in their entry */
};

struct port_entry *port_find(struct mixer *m, port_id port); /* NULL: no such open port */
struct room_entry *room_entry_find(struct mixer *m, room_id room);
__attribute__((warn_unused_result)) int worker_push(struct worker *w, const struct command *command);
struct worker *worker_least_busy(struct mixer *m);
/* Brings books, class and resamplers of what the port is connected to in line with its new rate (connect.c).
 */
__attribute__((warn_unused_result)) int connection_refit(struct mixer *m, struct port_entry *e,
                                                         unsigned old_rate, struct class **class);
void connection_forget(struct mixer *m, struct port_entry *e);

/* -- between the workers' files
 * --------------------------------------------------------------------------------------- */

void port_receive(struct worker *w, const struct io_packet *packet);
void port_set_remote(struct port *p, const struct media_format *format);
void port_report(struct port *p, bool bye);
void port_timers(struct port *p);
void port_stats_fill(const struct port *p, struct port_stats *out);
void port_digit_heard(struct port *p, char digit, unsigned ms);

bool port_keeps_sound(const struct port *p); /* whoever it is connected to: its packets are needed here */
bool port_must_hear(const struct port *p);   /* and decoded now */
/* Decodes 10 ms into kit->frame, once a tick. False: silence. */
bool port_hear(struct port *p);
void port_heard_use(struct port *p); /* recording, tones */
void port_record_end(struct port *p, int end);

void port_speak(struct port *p);
bool port_has_own(const struct port *p); /* a play, a digit: something nobody else hears */
/* 10 ms of what it is told, NULL for silence; sends at the packet's last tick. */
void port_say(struct port *p, const int16_t *frame);
void port_send(struct port *p, const uint8_t *payload, size_t length, unsigned ticks);
bool port_play_over(struct port *p, int16_t *frame, bool over); /* its player's and digits' sound */
void port_play_over_check(struct port *p); /* tells of a play that is over */
/* A port in no room: sends what it plays as it was encoded once for all. False: it is to be rendered. */
bool port_play_coded(struct port *p);
void port_encoder_warm(struct port *p); /* before its encoder takes over */
void port_digit_queue(struct port *p, char digit, unsigned ms);
void port_play_end(struct port *p, int end);
unsigned port_phase(const struct port *p); /* which tick of its packet this one is */

void port_disconnect(struct port *p);
/* True: the packet has gone to the other side and need not be decoded for it. */
bool bridge_relay(struct port *p, const struct rtp_packet *rtp, enum codec codec, bool event,
                  const struct io_packet *packet);
bool bridge_relay_rtcp(struct port *p, const struct io_packet *packet);
bool bridge_relays(const struct port *p);        /* RTCP passes as it is */
bool bridge_relays_events(const struct port *p); /* and so do RFC 4733 events */
/* What the peer says, at this port's rate; NULL: nothing. */
const int16_t *bridge_sound(struct port *p, int16_t *buffer);

void room_join(struct port *p, struct room *room, struct class *class);
void room_leave(struct port *p);
void room_class(struct port *p, struct class *class); /* another class, after a change of format */
void room_note(struct port *p, unsigned level);       /* a packet of this loudness came */
void room_update(struct port *p);                     /* gains, mute, deaf, play changed */
void room_tick(struct worker *w, struct room *room);
/* The choice of speakers (speakers.c). */
void speakers_choose(struct worker *w, struct room *room);
void speakers_hear(struct worker *w, struct room *room);
void speaker_drop(struct port *p); /* at once */

#endif

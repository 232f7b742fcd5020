/*
 * What the engine's own files share. Two sides meet in it: *signalling* (control.c, connect.c, kit.c,
 * mixer.c) owns the entries and makes everything that takes memory; *workers* (worker.c, command.c,
 * receive.c, hear.c, speak.c, bridge.c, room.c, wide.c) own the ports and rooms. A thing crosses over inside
 * a command and comes back through the queue of retired things.
 */
#ifndef CONFAB_MIXER_ENGINE_H
#define CONFAB_MIXER_ENGINE_H

#include "core/base/histogram.h"
#include "core/base/queue.h"
#include "mixer/codec.h"
#include "mixer/denoise.h"
#include "mixer/faxline.h"
#include "mixer/files.h"
#include "mixer/io.h"
#include "mixer/jitter.h"
#include "mixer/loudness.h"
#include "mixer/noise.h"
#include "mixer/quality.h"
#include "mixer/roomrecord.h"
#include "mixer/rtcp.h"
#include "mixer/rtp.h"
#include "mixer/rtpext.h"

#include <pthread.h>
#include <stdatomic.h>

#define TICK_MS FRAME_MS
#define TICKS_A_SECOND (1000 / TICK_MS)
#define RATES 3 /* 8000, 16000, 48000 */
#define PTIME_MAX 60
#define ROOM_SPEAKERS 6 /* heard at once */
#define ROOM_SLOTS 8    /* and those that fade out meanwhile */
#define ROOM_REMOTE 32  /* speakers of other shards that are known of */
#define WIDE_FRAMES 4   /* that a reader may be late by, and two more */
#define RELATIONS_MAX 8 /* of a member to others whom he hears softer or louder */
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
    struct tone_detector *tones; /* without telephone-event only, and not in Opus */
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
    struct rtp_mix mix; /* of the packet that ended with mix_tick, if anybody wants to know */
    uint64_t mix_tick;
};

/* The resamplers of a room, for the slots of its speakers and for the mix that all others share. */
struct room_kit {
    unsigned rate;
    unsigned mask; /* bit i: members of rates[i] */
    struct resampler *in[ROOM_SLOTS][RATES], *out[ROOM_SLOTS][RATES], *shared[RATES];
    struct resampler *own[RATES]; /* without a memory of its own: for all who hear somebody otherwise */
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

/* What a port's new keys bring (secure.c); a context that is NULL ends protection. */
struct secure_change {
    bool sends, receives; /* which of them changes */
    struct srtp *send, *receive;
};

/* -- what a worker owns
 * ----------------------------------------------------------------------------------------------- */

/* What a port's packets say of their loudness, and what speaks against it (levels.c). */
struct levels {
    bool distrusted;
    unsigned heard;                          /* -dBov of what was decoded; follows as port.loud does */
    unsigned loud_lies, soft_lies, vad_lies; /* ticks, packets, ticks */
    uint64_t vad_tick, voice_tick; /* last packet with a V bit, and with one that was set; 0: none */
};

/* Talk that nobody hears (talk.c). */
struct muted_talk {
    bool talking;
    uint64_t tick, since, last; /* last packet looked at; first and last of this talk */
};

/* How loud one hears another, in Q12, where that is not as all do. */
struct relation {
    port_id talker;
    int32_t gain, now; /* wanted; of the last frame, which was in `tick` */
    bool gone;         /* he has left the room, and fades out */
    uint64_t tick;
};

/* Made for a port that hears somebody otherwise than all, once, and kept as long as the port. */
struct relations {
    unsigned count;
    struct relation list[RELATIONS_MAX];
    port_id source; /* the one member whom he hears; 0: the room */
    uint64_t tick;  /* of `before`, at the room's rate then */
    unsigned rate;
    int16_t before[FRAME_MAX]; /* his last mix */
};

/* A packet that a play has cut and not yet sent (coded.c). */
struct coded {
    enum encoding_kind kind;
    unsigned ticks;
    uint64_t tick; /* its first */
    size_t length; /* 0: none */
    bool stale;    /* the port's encoder has missed what was sent */
    uint8_t payload[ENCODING_PAYLOAD_MAX];
};

/*
 * In the order of use, so that a tick and a packet touch few cache lines: first what every tick asks each
 * port, then what comes, then what goes, then what only some do and what is seldom looked at.
 */
struct port {
    /* Every tick */
    struct worker *worker;
    struct mixer *mixer;
    struct kit *kit;       /* NULL until the first format */
    unsigned index, place; /* in the mixer's table; in the worker's list */
    enum connection connected;
    bool media_seen, timed_out;
    struct recording *recording;
    struct fax_line *fax;     /* NULL: none; else it has the port's sound and packets */
    struct cng_detector *cng; /* NULL: nobody asks */
    uint64_t tone_tick; /* last packet that was loud enough for an in-band digit */
    struct digit_receiver digits;

    /* A packet that comes (receive.c, levels.c) */
    bool remote_known, rtcp_known, locked, rtcp_learnt;
    bool wired;         /* rtp_fd is connected to `remote` */
    bool source_follow; /* the next one is believed whatever it is */
    uint16_t rival_next;
    uint32_t rival;     /* another SSRC that was seen */
    unsigned source_ms; /* how long the last packet was */
    int64_t source_us;  /* and when it came */
    struct jitter *jitter;
    struct rtp_source source;
    uint64_t alive_tick;
    uint64_t received;
    struct loss_meter losses;
    uint32_t jitter_us;
    unsigned loud;        /* -dBov, follows the louder packets at once, the softer ones slowly */
    atomic_uint shown;    /* the same, for who shows it */
    uint64_t active_tick; /* last packet that was more than silence */
    uint64_t quiet_tick;  /* last packet that was silence */
    uint64_t noted_tick;  /* last packet of any loudness */
    struct room *room;
    struct levels levels;
    bool active, apart, muted, deaf, talking;

    /* A packet that goes (speak.c, secure.c) */
    int rtp_fd, rtcp_fd;
    uint32_t ssrc, timestamp; /* timestamp: of tick 0 */
    uint16_t sequence;
    unsigned phase;
    struct port *class_next;
    uint64_t said_tick, sent_until, sent, octets;
    struct secure {
        struct srtp *send, *receive; /* NULL: plain RTP */
        struct srtp *previous;       /* of the key before, for a while */
        uint64_t previous_until;     /* tick */
        bool renewed;                /* a packet under the new key has come */
    } secure;
    struct splice { /* how the packets of a bridge join those it sends by itself */
        bool running;
        uint32_t ssrc, timestamp; /* of their source; what is added */
        uint16_t sequence;        /* what is added */
    } splice;
    struct sockaddr_storage remote;

    /* Its connection */
    struct class *class;
    struct port *class_prev, *active_next, *apart_next, *member_next, *member_prev;
    struct speaker *speaker;
    struct port *peer;
    struct crossing crossing; /* from here to the peer */
    bool relay, relay_known;
    unsigned relay_doubts;
    unsigned talk_ticks;
    int32_t talk_gain, listen_gain; /* Q12 */
    int32_t talk_now, listen_now;   /* what the last frame ended with */
    uint64_t apart_until; /* though he hears what all others hear: the encoders' states must agree first */
    struct port_label *label;    /* for tracks; NULL: none */
    struct relations *relations; /* NULL: he has never had any */
    struct port *related_next;
    bool related;                 /* in the room's list of those who have relations */
    port_id whisper, whisper_now; /* to whom alone he speaks; in the last frame. 0: to all */
    uint32_t visit;               /* stays in rooms so far */

    /* What it says (hear.c) */
    uint64_t hear_tick;
    bool hear_got;
    unsigned stretch_rest;          /* ticks until time may be stretched again */
    uint64_t longer_us, shorter_us; /* time added and left out so far */
    struct voice_detector voice;
    struct noise noise;
    struct muted_talk muted_talk;
    struct denoiser *denoiser; /* NULL: none is wanted */
    struct leveller leveller;

    /* Plays and digits */
    struct player player;
    struct coded coded;
    struct digit_sender sender;
    bool sending_digit;
    bool keeps_digits; /* its far side's keys are not passed on by a bridge */
    struct {
        char digit;
        uint16_t ms;
    } waiting[DIGITS_WAITING];
    unsigned waiting_count, tone_left, tone_at, pause_left; /* tone in samples, pause in ms */

    /* Reports, figures, what is learnt once */
    port_id id;
    char cname[32];
    struct sockaddr_storage remote_rtcp, candidate;
    uint16_t candidate_next;
    struct rtcp_report reported; /* by the far side about what it is sent */
    bool reported_on;
    int64_t round_trip_us; /* negative: not known */
    uint32_t last_sr;
    int64_t last_sr_us;
    uint64_t report_tick, sent_before;
    uint64_t discarded, forged, lost_before, repeated_before;
};

struct speaker {
    struct port *port; /* NULL: free */
    bool entering, leaving, heard;
    bool fading,
        faded; /* he is gone from the room; `own` is his last frame, faded out: to be, and in this tick */
    port_id gone;
    uint32_t gone_visit;
    bool resting; /* faded out one tick ago: his own mix and the one of all have grown alike */
    unsigned ticks;
    uint32_t ssrc; /* these three of what was heard in heard_tick, also when he has gone since */
    unsigned level;
    bool voice;
    uint64_t heard_tick;
    int16_t own[FRAME_MAX]; /* his exact part of the sum */
    bool whispers;          /* in this tick `own` is not all he says: that is in `whole` */
    int16_t whole[FRAME_MAX];
};

/* A speaker of another shard, as that one told it. */
struct remote_speaker {
    port_id port;
    unsigned loud, ticks;
    uint32_t ssrc;
    unsigned level;
    bool heard, voice;
};

/* A room, or of a wide one the shard that this worker has: its members, its speakers, what all hear. */
struct room {
    unsigned index, shard; /* in the mixer's table; which of its workers */
    struct wide *wide;     /* NULL: all members are here */
    struct remote_speaker remote[ROOM_REMOTE];
    unsigned remote_count;
    int32_t remote_sum[FRAME_MAX]; /* what the other shards' speakers say */
    bool remote_on;                /* something came from them in the last tick */
    struct room_kit *kit;
    struct player player;
    struct speaker speakers[ROOM_SLOTS];
    struct port *members, *active, *apart, *related;
    unsigned apart_count;
    struct class *classes;
    struct class *made; /* signalling's list */
    uint64_t shared_tick[RATES];
    int16_t shared[RATES][FRAME_MAX];
    int32_t sum[FRAME_MAX];
    int16_t before[FRAME_MAX]; /* the mix of the last tick: what resamplers that join in have missed */
    struct room_kit *next_kit; /* takes over where the sound has been faded out */
    bool fades_in;
    bool loudness, limited; /* wanted; the sum of this tick goes out by `curve` */
    struct limiter limiter;
    int32_t curve[FRAME_MAX];
    struct taping *taping;    /* NULL: not recorded */
    struct room *next, *prev; /* of the worker */
};

/*
 * Where the shards of a wide room meet, without a lock: each writes what its own speakers say into a ring of
 * frames of its own and reads the others' of a tick or two before.
 */
struct wide_frame {
    atomic_uint_fast64_t tick; /* 0: empty, or being written */
    atomic_uint rate, speakers;
    struct {
        atomic_uint port, loud, ticks, ssrc, level, heard; /* heard: 0, 1, or with voice 2 */
    } speaker[ROOM_SLOTS];
    atomic_int sum[FRAME_MAX];
};
struct wide {
    unsigned shards; /* as many as there are workers */
    struct wide_frame frames[][WIDE_FRAMES];
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
    COMMAND_DENOISE,
    COMMAND_DEAF,
    COMMAND_RELATION,
    COMMAND_WHISPER,
    COMMAND_SOURCE,
    COMMAND_KEEP_DIGITS,
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
    COMMAND_FAX,
    COMMAND_FAX_PACKETS,
    COMMAND_LISTEN_FAX,
    COMMAND_ROOM_OPEN,
    COMMAND_ROOM_CLOSE,
    COMMAND_ROOM_KIT,
    COMMAND_ROOM_WIDE,
    COMMAND_ROOM_PLAY,
    COMMAND_ROOM_LOUDNESS,
    COMMAND_ROOM_RECORD,
    COMMAND_ROOM_RECORD_PAUSE,
    COMMAND_ROOM_RECORD_STOP,
    COMMAND_LABEL,
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
        struct wide *wide;
        struct recording *recording;
        struct play_list *list;
        struct taping *taping;
        struct port_label *label;
        struct resampler *resamplers[2];
        struct denoiser *denoiser;
        struct relations *relations;
        struct fax_line *fax;
        struct cng_detector *cng;
    } made;
    struct secure_change secure; /* with FORMAT */
    struct class *class;         /* with JOIN, and with FORMAT of a member */
    unsigned from;               /* with RECORD_DOWN: the rate it takes */
    struct fax_t38 t38;          /* with FAX_PACKETS, and where they come from */
    struct sockaddr_storage remote;
};

struct worker {
    struct mixer *mixer;
    unsigned index;
    unsigned load; /* signalling: ports and rooms that are open here */
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
    uint64_t tick;         /* of the monotonic clock, so that all workers count alike */
    int64_t now_us;        /* of the monotonic clock: when this tick was due */
    int64_t arrival_us;    /* the same for the packet in hand */
    int64_t wall_ahead_us; /* by how much the wall clock is ahead of that one */
    uint32_t dice;
    atomic_uint_fast64_t ticks, overruns, received, sent, levels_distrusted, encodings,
        histogram[HISTOGRAM_BUCKETS];
};
void worker_commands(struct worker *w);
__attribute__((warn_unused_result)) int worker_start(struct worker *w);
void worker_stop(struct worker *w); /* mixer->stopping is set */

/* Tests, in a mixer that is driven by hand: one tick of every worker, on the thread that started it. */
void mixer_tick(struct mixer *m);

/* -- ways back to signalling
 * ------------------------------------------------------------------------------------------ */

enum retired_kind {
    RETIRED_PORT,
    RETIRED_KIT,
    RETIRED_RESAMPLER,
    RETIRED_RECORDING,
    RETIRED_LIST,
    RETIRED_ROOM,
    RETIRED_ROOM_KIT,
    RETIRED_TAPING,
    RETIRED_LABEL,
    RETIRED_DENOISER,
    RETIRED_RELATIONS,
    RETIRED_SRTP,
    RETIRED_CNG
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
    bool denoise;
    bool related;                    /* its struct relations is made */
    port_id softened[RELATIONS_MAX]; /* 0: free; members of the same room */
    unsigned softened_by;            /* relations of others to him */
    struct mixer_event last;         /* kept until the recordings have ended */
};

struct room_shard {
    struct room *room; /* NULL: no member has come to this worker yet */
    unsigned members;
};

struct room_entry {
    struct room_shard *shards; /* one a worker */
    struct wide *wide;         /* from its second shard on */
    bool loudness;             /* of all shards */
    bool tracks;               /* recorded, one for each speaker: who comes now joins the first shard */
    unsigned standing;         /* shards that have not come back yet */
    uint32_t generation;
    bool used, open;
    struct worker *worker; /* of its first members */
    unsigned fixed_rate, members, joined, by_rate[RATES], kit_rate, kit_mask;
    unsigned softeners; /* members with relations */
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
    struct faxes *faxes;
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
/* Takes that back in the books, for a format that no worker took. */
void connection_unfit(struct mixer *m, const struct port_entry *e, unsigned old_rate);
void connection_forget(struct mixer *m, struct port_entry *e);

/* -- shard.c: rooms as signalling sees them, each with a shard on every worker that has members of it */

/* The shard that a port belongs to, on the worker it is to move to; made if need be. */
__attribute__((warn_unused_result)) int shard_choose(struct mixer *m, struct room_entry *r,
                                                     const struct port_entry *e, struct worker **out);
static inline struct room *shard_of(const struct room_entry *r, const struct worker *w)
{
    return r->shards[w->index].room;
}
/* New resamplers for all shards when members of a new rate have come, or the widest have gone. */
__attribute__((warn_unused_result)) int shards_refit(struct mixer *m, struct room_entry *r);
/* One shard has come back from its worker. */
void shard_dispose(struct mixer *m, struct room *room);

/* -- relation.c: who hears whom otherwise than all do */

/* Signalling: before a port leaves its room. */
void relations_forget(struct mixer *m, struct port_entry *e);
/* Worker: */
void relation_set(struct port *listener, const struct port *talker, int32_t gain, struct relations *made);
void whisper_set(struct port *talker, struct port *listener, struct relations *made); /* NULL: to all */
void source_set(struct port *listener, const struct port *source, struct relations *made); /* NULL: the room */
bool relations_sound(const struct port *p); /* he hears something now that no other does */
/* His own mix of this tick, at his rate. False: its resampler is still to come. */
bool relations_mix(struct room *room, struct port *p, int16_t *out);
void relations_wake(struct room *room, struct port *talker); /* he has become a speaker */
void relations_settle(struct room *room);                    /* at the end of a tick */
void relations_part(struct port *p);                   /* he leaves the room: his own, and others' to him */
void whisper_split(struct speaker *s, size_t samples); /* what is his part of the sum, when he whispers */

/* -- SRTP: secure.c
 * -------------------------------------------------------------------------------------------------- */

/* Signalling: contexts for those keys of `format` that differ from `old`, into a COMMAND_FORMAT. */
__attribute__((warn_unused_result)) int secure_make(struct command *c, const struct media_format *old,
                                                    const struct media_format *format);
void secure_drop(struct command *c); /* of one that no worker took */
void secure_dispose(struct port *p); /* of a port that has come back */
/* Worker: */
void secure_change(struct port *p, const struct secure_change *change);
void secure_timer(struct port *p);
/* False: the packet is not the far side's. Else it is in the clear, in `clear` if it was protected. */
bool secure_open(struct port *p, struct io_packet *packet, bool rtcp, uint8_t clear[IO_PACKET_MAX]);
/* Sends what was written to io_claim()'s room, protected if the port has a key. False: it could not be. */
bool secure_commit(struct port *p, uint8_t *data, size_t length, bool rtcp);
/* Protection is a matter of one leg, so where one side of the bridge has it, streams and reports end here. */
bool secure_bridge(const struct port *p);
/*
 * Makes a copied packet the next one of our own stream to `to`: one SSRC, and sequence numbers that never go
 * back, since no index may be used twice under a key. Losses and order stay visible. `now`: our own timestamp
 * of this tick.
 */
void secure_splice(struct port *to, const struct rtp_packet *rtp, uint32_t now, uint8_t *data);

/* -- between the workers' files
 * --------------------------------------------------------------------------------------- */

void port_receive(struct worker *w, const struct io_packet *packet);
void port_expect(void *worker, uint32_t tag, unsigned stage); /* an io_hint */
void port_set_remote(struct port *p, const struct media_format *format);
/* Where its packets go; NULL: the socket knows. */
static inline const struct sockaddr_storage *port_destination(const struct port *p)
{
    return p->wired ? NULL : &p->remote;
}
void port_report(struct port *p, bool bye);
void port_timers(struct port *p);
void port_reported(struct port *p, const struct rtcp_report *report); /* the far side says how it hears us */
void port_voip(const struct port *p, struct rtcp_voip *out);
void port_quality_fill(const struct port *p, struct port_stats *out);
void port_stats_fill(const struct port *p, struct port_stats *out);
void port_digit_heard(struct port *p, char digit, unsigned ms);

bool port_keeps_sound(const struct port *p); /* whoever it is connected to: its packets are needed here */
bool port_must_hear(const struct port *p);   /* and decoded now */
/* Decodes 10 ms into kit->frame, once a tick. False: silence. */
bool port_hear(struct port *p);
void port_heard_use(struct port *p); /* recording, tones */
void port_record_end(struct port *p, int end);

void port_speak(struct port *p);
bool port_has_own(const struct port *p); /* a play, a digit: something that comes from nobody else */
/* 10 ms of what it is told, NULL for silence; sends at the packet's last tick. */
void port_say(struct port *p, const int16_t *frame);
void port_send(struct port *p, const uint8_t *payload, size_t length, unsigned ticks);
bool port_play_over(struct port *p, int16_t *frame, bool over); /* its player's and digits' sound */
void port_play_over_check(struct port *p);                      /* tells of a play that is over */
/* A port in no room: sends what it plays as it was encoded once for all. False: it is to be rendered. */
bool port_play_coded(struct port *p);
void port_encoder_warm(struct port *p); /* before its encoder takes over, where p->coded.stale */
void port_digit_queue(struct port *p, char digit, unsigned ms);
void port_play_end(struct port *p, int end);
uint32_t port_timestamp(const struct port *p, uint64_t tick); /* of its sound that begins with this tick */
unsigned port_phase(const struct port *p);                    /* which tick of its packet this one is */

/* Levels (levels.c). Whether this packet's is needed, and what it is: his word for it, or an estimate. */
bool level_wanted(const struct port *p);
unsigned level_receive(struct port *p, const struct io_packet *in, enum codec codec,
                       const struct rtp_packet *rtp);
void level_check(struct port *p, unsigned level); /* of what was decoded in this tick: was his word true? */
bool level_voice(struct port *p, bool heard);     /* speech, as heard here, and by his own V bit */
/* Behind the fixed header: CSRC list and levels, where they were negotiated. Returns their length. */
size_t levels_write(struct port *p, uint8_t *packet, const uint8_t *payload, size_t length);
/* Copies a packet with what `to` may know of its header extension. Returns its length. */
size_t levels_relay(const struct port *from, const struct port *to, uint8_t *out,
                    const struct io_packet *packet);
void muted_talk_note(struct port *p, unsigned level); /* talk.c: a muted member's packet */
void muted_talk_watch(struct port *p);                /* now and then, and when he is no longer muted */

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
void room_kit_change(struct room *room, struct mixer *m);
/* 10 ms of a sum, less one's own part (NULL: none), at the room's rate and as it limits. */
void room_cut(const struct room *room, const int32_t *sum, const int16_t *own, int16_t *out);
/* The whole mix at one rate; NULL when its resampler is still to come. */
const int16_t *room_shared(struct room *room, unsigned rate, uint64_t tick);
/* The choice of speakers (speakers.c). */
void speakers_choose(struct worker *w, struct room *room);
void speakers_hear(struct worker *w, struct room *room);
void speaker_drop(struct port *p); /* at once */
void speaker_part(struct port *p); /* leaves the room: what he says now is faded out without him */
void room_mute(struct port *p, bool muted);
int32_t port_listen_gain(const struct port *p); /* that he should have: 0 when deaf */
/* A wide room (wide.c): before the choice, what the other shards said; after the hearing, what this one says.
 */
void wide_listen(struct worker *w, struct room *room);
void wide_tell(struct worker *w, struct room *room);

#endif

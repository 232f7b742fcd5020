/*
 * The engine whole: real workers and UDP sockets on the loopback, phones told apart by the tone each of them
 * sends.
 *
 * Ownership: the fixture starts the mixer and opens the phones before each case, and ends them after it.
 * Threads: the test's own, which is the engine's signalling. Failure: the case fails.
 */
#ifndef CONFAB_TESTS_MIXER_KIT_H
#define CONFAB_TESTS_MIXER_KIT_H

#include "mixer/engine.h"

#include <check.h>
#include <netinet/in.h>

#define HEARD_MAX 80000
#define PIECE 400 /* samples; in so many, tones of 20, 40, 60 … Hz do not touch each other */
#define PACKET_MS 20
#define DTMF_PT 101
#define PHONES 4
#define EVENTS_MAX 200

/* A far side: PCMU, 20 ms, one tone. */
struct phone {
    int fd, rtcp_fd;
    port_id port;
    struct sockaddr_in to;
    struct media_format format;
    double hz, amplitude;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    unsigned at; /* samples sent */
    int16_t heard[HEARD_MAX];
    unsigned heard_count, packets;
    uint8_t last[600]; /* the last packet, as it came */
    size_t last_length;
    unsigned events, reports;
    uint8_t sent[40][172]; /* of the last packets: payloads */
    bool silent;
    uint8_t pt;
};

extern struct mixer *mixer;
extern struct phone phones[PHONES];
extern struct mixer_event events[EVENTS_MAX]; /* all that came since the case began */
extern unsigned event_count;
extern unsigned kit_wide_from; /* for the mixer's configuration; before kit_main() */

/* Amplitude of one frequency in what was heard from sample `from` on (Goertzel): the median of its pieces,
 * for on a busy machine a packet may be late, and the phase jumps. */
double tone_in(const struct phone *p, double hz, unsigned from);
int bind_local(struct sockaddr_in *out);
/* What the far side of `p` offers when `codec` is all it knows. */
struct media_format format_of(struct phone *p, enum codec codec);
void phone_open(struct phone *p, double hz);
void phone_send(struct phone *p, uint8_t pt, bool marker, uint32_t timestamp, const uint8_t *payload,
                size_t length);
void phone_talk(struct phone *p);   /* one packet of its tone */
void phone_listen(struct phone *p); /* takes all that has come */
void take_events(void);
/* The first `count` phones talk and listen for a while. */
void run(unsigned count, unsigned ms);
unsigned count_events(enum mixer_event_type type, port_id port);
/* Until the event has come, at most five seconds. */
void wait_event(enum mixer_event_type type, port_id port);
/* Runs the cases that `add` names on plain sockets, and on io_uring where it works. */
int kit_main(const char *name, void (*add)(TCase *tcase));

#endif

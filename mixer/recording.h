/*
 * Recording a room: the whole mix and, where asked, a track for each who speaks, all on one clock; and beside
 * them a timeline in JSON: when it began, its pauses, whose each track is, who talked when.
 *
 * Ownership: the mixer owns recordings; strings are copied. Threads: signalling; the file thread writes.
 * Failure: what goes wrong later (a folder that is missing, a full disk) ends the recording with one
 * EVENT_RECORDED that has `room` and the errno; the room goes on, and what was written before plays. A gap
 * because the disk stood still for seconds is silence in the files, and EIO beside a normal end.
 */
#ifndef CONFAB_MIXER_RECORDING_H
#define CONFAB_MIXER_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

struct mixer;

/* RIFF (RF64 beyond 4 GiB, EBU Tech 3306), FLAC (RFC 9639), Ogg Opus (RFC 7845); mono. */
enum record_format { RECORD_WAV, RECORD_FLAC, RECORD_OPUS, RECORD_FORMATS };
extern const char
    *const record_format_names[RECORD_FORMATS]; /* "wav", "flac", "opus": also the files' endings */
int record_format_from_name(const char *name);  /* -1: none of them */

#define LABEL_TEXT 40
#define LABEL_CALL 24

struct room_recording {
    const char *folder; /* made if only its last part is missing */
    /* NAME.wav is the mix, NAME-N-LABEL.wav (with `tracks`) the Nth who spoke, NAME.json the timeline. None
     * may exist. No
     * '/'. */
    const char *name;
    const char *title; /* the room's name in log and timeline */
    enum record_format format;
    unsigned rate; /* Hz: the files have the room's rate of now, or this one if it is higher; 0: the room's */
    bool tracks;
};

/*
 * Time zero is the tick in which the room's worker hears of it. The timeline has each who spoke, also without
 * `tracks`; then only those whom the same worker mixes. A track is what its member adds to the mix,
 * at the same moment; silence elsewhere; so the sum of the tracks is the mix, less what room_play() played
 * and but for clipping. Who comes back gets a new track. From then on nobody joins on another worker; who was
 * on another one before is in the mix alone. A recording in progress ends first. EINVAL, ENOENT,
 * ENOMEM, ENFILE, ENOBUFS.
 */
__attribute__((warn_unused_result)) int room_record(struct mixer *m, uint32_t room, uint32_t serial,
                                                    const struct room_recording *what);
/* A pause's time is left out of all files alike; the timeline tells where it was, and how long. */
__attribute__((warn_unused_result)) int room_record_pause(struct mixer *m, uint32_t room, bool pause);
/* The room's end does the same, with RECORD_CLOSED. */
void room_record_stop(struct mixer *m, uint32_t room);

/* Who a port is, for tracks: a short name and the id of the call, as logs write it. Cut where too long. */
__attribute__((warn_unused_result)) int port_set_label(struct mixer *m, uint32_t port, const char *name,
                                                       const char *call);

#endif

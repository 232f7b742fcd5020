/*
 * The media of a call that an application has answered: play, ask, record, and rooms.
 *
 * Ownership: files and rooms as said below; lists are values. Threads: signalling; continuations are called
 * there, never before the function that took them has returned, and never once the call is over. Failure:
 * what cannot be played is skipped with a log line; a continuation always comes unless the call ends or a
 * newer play, ask or record replaces it.
 */
#ifndef CONFAB_CALL_MEDIA_H
#define CONFAB_CALL_MEDIA_H

#include "core/call/app.h"
#include "prompts/prompts.h"

/* What is played in one go. Build it with list_*(); what does not fit is left out. */
#define LIST_MAX 48
struct list {
    struct list_item {
        enum { ITEM_FRAGMENT, ITEM_SOUND, ITEM_TONE, ITEM_SILENCE } kind;
        uint32_t what; /* fragment, sound, or frequency in Hz */
        uint32_t ms;
    } items[LIST_MAX];
    unsigned count;
};
void list_phrase(struct list *list, const struct phrase *phrase);
void list_silence(struct list *list, unsigned ms);
void list_tone(struct list *list, unsigned hz, unsigned ms);
void list_beep(struct list *list); /* the tone before a recording: 1000 Hz, 250 ms */
/*
 * A recorded file. It is loaded aside; with `unlink_it` it is removed once loaded. Its memory is freed with
 * the link, or when 16 newer files were loaded.
 */
void list_file(struct link *link, struct list *list, const char *path, bool unlink_it);

typedef void link_step(struct link *link);
typedef void link_key(struct link *link, char key);              /* 0: none came in time */
typedef void link_digits(struct link *link, const char *digits); /* "" when none came */

/* Plays, then calls done. Keys that are pressed meanwhile are kept for the next ask (type-ahead), 16 at most.
 */
void link_play(struct link *link, const struct list *list, link_step *done);
/* Plays music on hold until something else is played or link_quiet() is called. */
void link_music(struct link *link);
void link_quiet(struct link *link); /* stops playing; no continuation is called */

/*
 * Plays and waits for one of `keys`: it stops the play and goes to `fn`. Without one, fn gets 0 `wait_ms`
 * after the play's end. Other keys are ignored. A key already typed ahead counts.
 */
void link_menu(struct link *link, const struct list *list, const char *keys, unsigned wait_ms, link_key *fn);
/* As link_menu(), but a key of `live` is given to `fn` without a stop of the play (pause, skip), as often as
 * pressed. */
void link_menu_live(struct link *link, const struct list *list, const char *keys, const char *live,
                    unsigned wait_ms, link_key *fn);
void link_pause(struct link *link, bool paused);
/* Forward or (negative) back over all that plays, but not past the beginning of a file: INT32_MIN leads
 * there. */
void link_skip(struct link *link, int ms);
/* Of what plays now: place from the list's beginning, speed (75 to 200 per cent, same pitch), gain (-30 to
 * +30 dB). */
void link_play_seek(struct link *link, uint32_t ms);
void link_play_speed(struct link *link, unsigned percent);
void link_play_gain(struct link *link, int db);

/* Collects up to `max` digits; `#` ends early (and is left out), so does a pause of `wait_ms` after the last.
 */
void link_ask(struct link *link, const struct list *list, unsigned max, unsigned wait_ms, link_digits *fn);
/* As link_ask(), but each of `keys` ends it, "": none does; '#' is a digit unless it is one of them. */
void link_ask_until(struct link *link, const struct list *list, unsigned max, unsigned wait_ms,
                    const char *keys, link_digits *fn);

struct recorded {
    int end;  /* enum recorded_end */
    char key; /* which key ended it, or 0 */
    uint32_t ms, speech_ms;
    int error; /* errno of a disk's failure */
};
enum recorded_end { RECORDED_KEY, RECORDED_SILENCE, RECORDED_TOO_LONG, RECORDED_HUNG_UP, RECORDED_FAILED };
typedef void link_recorded(struct link *link, const struct recorded *result);
/*
 * Records what the caller says to `path` until one of `keys`, silence, or `max_ms`. Also when the caller
 * hangs up `fn` is called (RECORDED_HUNG_UP), before `ended`: the file is complete and on disk by then.
 */
void link_record(struct link *link, const char *path, uint32_t max_ms, uint32_t silence_ms, const char *keys,
                 link_recorded *fn);
/* As link_record(), on at the end of a file that it has made in this call; `max_ms` is of this part, the
 * result's length that of the whole. */
void link_record_more(struct link *link, const char *path, uint32_t max_ms, uint32_t silence_ms,
                      const char *keys, link_recorded *fn);
/* Ends it as a key does: `fn` comes with RECORDED_KEY and key 0. */
void link_record_stop(struct link *link);
/* Says something to who is being recorded, and goes on recording; it is not in the file. */
void link_remark(struct link *link, const struct list *list);

/* -- fax
 * ------------------------------------------------------------------------------------------------------------
 */

/* `fn` when a fax machine calls: its tone is heard, or T.38 is offered. NULL: no more. It comes once; then
 * link_receive_fax() follows, or NULL. */
void link_on_fax(struct link *link, link_step *fn);

struct faxed {
    int error;       /* 0; ENODATA: no page came; another errno of the disk */
    unsigned pages;
    bool complete;   /* the sender said that these were all */
    char sender[21]; /* the number that his machine told */
};
struct fax_most { /* what is taken of one sender; 0: as much as he has */
    unsigned pages;
    uint64_t bytes;
};
typedef void link_faxed(struct link *link, const struct faxed *result);
/*
 * Answers as the fax machine `ident`, over sound or by T.38, and writes the pages to the TIFF file `path`. `fn` as in
 * link_record(): once all have come, and also when the caller hangs up, with the file on disk. Ends what plays or records.
 */
void link_receive_fax(struct link *link, const char *path, const char *ident, const struct fax_most *most,
                      link_faxed *fn);
/* Ends it as a hang-up does: `fn` comes with what there is. */
void link_fax_stop(struct link *link);

/* -- rooms
 * ----------------------------------------------------------------------------------------------------------
 */

/* Calls `fn` for every key that no menu, ask or recording takes. NULL: none. */
void link_on_key(struct link *link, link_key *fn);
void link_echo(struct link *link);

/* A mixing room of the media engine: its owner opens and closes it. EAGAIN: no more rooms may be open. */
__attribute__((warn_unused_result)) int mix_open(struct server *server, uint32_t *room);
void mix_close(struct server *server, uint32_t room);
/* All talkers at one level and a mix that does not clip; off in a new room. */
void mix_set_loudness(struct server *server, uint32_t room, bool loudness);
void mix_play(struct server *server, uint32_t room, const struct list *list); /* to all in it */
void link_enter(struct link *link, uint32_t room);                            /* 0: leave */
/*
 * Records the room to the settings' folder until mix_close(): the mix, with `tracks` also each who speaks. `format` is
 * "wav", "flac" or "opus"; `name` is the room's. *file (RECORDING_NAME bytes do) is what its files are called, without what
 * tells their kinds. What goes wrong later ends the recording, with a line in the log.
 */
#define RECORDING_NAME (NUMBER_TEXT + 40)
__attribute__((warn_unused_result)) int mix_record(struct server *server, uint32_t room, const char *name, bool tracks,
                                                   const char *format, char *file, size_t size);
/* A pause's time is in no file, and the timeline tells where it was. ENOENT: nothing records. */
__attribute__((warn_unused_result)) int mix_pause_recording(struct server *server, uint32_t room, bool pause);
void mix_stop_recording(struct server *server, uint32_t room);
void link_gains(struct link *link, int talk_db, int listen_db);
void link_mute(struct link *link, bool mute);
void link_deaf(struct link *link, bool deaf); /* hears what is played to him, not the room */
unsigned link_level(const struct link *link); /* of what he says, -dBov: 0 loudest, 127 silence */
/*
 * One hears another of his room softer by `db` (-30; above 0 louder, to 30) than all do; 0: as all. A whisper is heard
 * by `to` alone; NULL: by all again. ENOENT: they are not in one room; EMFILE: too many have such wishes; ENOTSUP: the
 * room is so large that they are in different parts of it.
 */
__attribute__((warn_unused_result)) int link_soften(struct link *link, struct link *talker, int db);
__attribute__((warn_unused_result)) int link_whisper(struct link *link, struct link *to);
void link_denoise(struct link *link, bool denoise); /* steady noise taken out of what he says to a room */

#endif

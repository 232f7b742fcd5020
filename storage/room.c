/*
 * Rooms with a row of their own.
 */
#include "storage/door_internal.h"
#include "storage/rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"

struct find_job {
    struct job job;
    room_reply *reply;
    char number[NUMBER_TEXT];
    struct room_row room;
};

static enum room_choice row_choice(const PGresult *result, int column)
{
    if (PQgetisnull(result, 0, column)) {
        return ROOM_AS_SERVER;
    }
    return row_truth(result, 0, column) ? ROOM_YES : ROOM_NO;
}

void room_row_init(struct room_row *room, const char *number)
{
    *room = (struct room_row){.music = true, .end_grace_s = 60, .roster = ROSTER_MEMBERS, .dial_out_max = 4};
    snprintf(room->number, sizeof room->number, "%s", number);
}

static const char find_text[] =
    "select r.number, " ROOM_COLUMNS " from room r left join room_profile p on p.name = r.profile "
    "where r.number = $1";

/* The place of a word in a list of them; 0 for one that is not in it, which the table's check has kept out.
 */
static unsigned row_word(const PGresult *result, int column, const char *const *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(PQgetvalue(result, 0, column), words[i]) == 0) {
            return i;
        }
    }
    return 0;
}

static const char *const waiting_words[] = {"off", "host", "admit"};
static const char *const announce_words[] = {"tones", "none", "names"};
static const char *const roster_words[] = {"hosts", "members", "all"};

static void patterns_read(struct room_row *room, char *text)
{
    char *rest = NULL;
    unsigned count = 0;

    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (count == ROOM_PATTERNS || strlen(word) >= NUMBER_TEXT) {
            log_event(LEVEL_WARNING, "storage", NULL, "dial-out-left-out room=%s pattern=%s", room->number,
                      word);
        } else {
            snprintf(room->dial_out[count++], NUMBER_TEXT, "%s", word);
        }
    }
}

void room_read(struct room_row *room, const PGresult *result)
{
    char patterns[ROOM_PATTERNS * NUMBER_TEXT];

    row_text(result, 0, 0, room->number, sizeof room->number);
    row_text(result, 0, 1, room->name, sizeof room->name);
    row_text(result, 0, 2, room->language, sizeof room->language);
    room->has_pin = row_truth(result, 0, 3);
    room->has_moderator_pin = row_truth(result, 0, 4);
    room->max_members = (unsigned)row_number(result, 0, 5);
    room->loudness = row_choice(result, 6);
    room->denoise = row_choice(result, 7);
    row_text(result, 0, 8, room->record, sizeof room->record);
    row_text(result, 0, 9, room->record_format, sizeof room->record_format);
    row_text(result, 0, 10, room->host, sizeof room->host);
    room->max_minutes = (unsigned)row_number(result, 0, 11);
    room->waiting = row_word(result, 12, waiting_words, 3);
    room->end_with_host = row_truth(result, 0, 13);
    room->end_grace_s = (unsigned)row_number(result, 0, 14);
    room->lecture = row_truth(result, 0, 15);
    room->muted_entry = row_truth(result, 0, 16);
    room->announce = row_word(result, 17, announce_words, 3);
    room->announce_count = row_truth(result, 0, 18);
    room->quiet_above = (unsigned)row_number(result, 0, 19);
    room->music = row_truth(result, 0, 20);
    room->roster = row_word(result, 21, roster_words, 3);
    room->dial_out_max = (unsigned)row_number(result, 0, 22);
    row_text(result, 0, 23, room->menu, sizeof room->menu);
    row_text(result, 0, 24, room->host_menu, sizeof room->host_menu);
    row_text(result, 0, 25, room->siprec, sizeof room->siprec);
    row_text(result, 0, 26, patterns, sizeof patterns);
    patterns_read(room, patterns);
    room->dial_out_confirm = row_truth(result, 0, 27);
}

static int find_run(struct storage *st, struct database *db, struct job *job)
{
    struct find_job *j = (struct find_job *)job;
    struct room_row *room = &j->room;
    PGresult *result = NULL;
    int error = database_query(db, &result, find_text, VALUES(value_text(j->number)));

    (void)st;
    if (error != 0) {
        return error;
    }
    if (PQntuples(result) == 0) {
        error = ENOENT;
    } else {
        room_read(room, result);
    }
    PQclear(result);
    return error;
}

static void find_replied(struct job *job)
{
    struct find_job *j = (struct find_job *)job;

    j->reply(job->ticket, job->error, job->error == 0 ? &j->room : NULL);
}

static const struct job_kind find_kind = {.name = "room-find", .run = find_run, .reply = find_replied};

int room_find(struct storage *st, const char *number, struct ticket ticket, room_reply *reply)
{
    struct find_job *j = job_new(st, sizeof *j, &find_kind, ticket);

    if (j == NULL) {
        return ENOMEM;
    }
    j->reply = reply;
    key_copy(j->number, sizeof j->number, number);
    return job_submit(&j->job);
}

/*
 * FreeSWITCH's mod_voicemail: tables voicemail_msgs and voicemail_prefs, exported, and the files that they
 * name, copied to anywhere below the same folder.
 */
#include "core/import_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_TEXT 1024

/*
 * Where the file of this path is now: as it stands, or below our folder with as much of its own folders as
 * the copy has kept. Otherwise `out` is the path as it stands.
 */
static void file_find(const struct move *move, const char *path, char out[PATH_TEXT])
{
    snprintf(out, PATH_TEXT, "%s", path);
    if (access(path, R_OK) == 0 || strstr(path, "..") != NULL) {
        return;
    }
    for (const char *rest = path; rest != NULL; rest = strchr(rest + 1, '/')) {
        snprintf(out, PATH_TEXT, "%s/%s", move->order->folder, rest + (*rest == '/'));
        if (access(out, R_OK) == 0) {
            return;
        }
    }
    snprintf(out, PATH_TEXT, "%s", path);
}

/* False: not asked for, or it cannot be had. */
static bool box_take(struct move *move, const json_t *row)
{
    const char *domain = table_text(row, "domain");
    struct import_mailbox box = {.number = ""};

    if (!move_wants(move, domain)) {
        return false;
    }
    text_put(box.number, sizeof box.number, table_text(row, "username"));
    /* Only who has changed his PIN has one in voicemail_prefs: others' stand in FreeSWITCH's directory. */
    pin_put(&box, table_text(row, "password"));
    return move_mailbox(move, &box, domain);
}

static void prefs_take(struct move *move, const json_t *row)
{
    static const struct {
        const char *column;
        enum greeting_kind kind;
    } greetings[] = {{"greeting_path", GREETING_UNAVAILABLE}, {"name_path", GREETING_NAME}};
    char path[PATH_TEXT];

    if (!box_take(move, row)) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (*table_text(row, greetings[i].column) != '\0') {
            file_find(move, table_text(row, greetings[i].column), path);
            move_greeting(move, table_text(row, "username"), greetings[i].kind, path);
        }
    }
}

static void message_take(struct move *move, const json_t *row)
{
    char path[PATH_TEXT], source[200];
    struct import_message message = {.source = source,
                                     .mailbox = table_text(row, "username"),
                                     .path = path,
                                     .started_s = table_number(row, "created_epoch"),
                                     .heard = table_number(row, "read_epoch") > 0,
                                     .urgent = strstr(table_text(row, "read_flags"), "URGENT") != NULL};

    if (strcmp(table_text(row, "flags"), "delete") == 0 || !box_take(move, row)) {
        return;
    }
    message.folder = message.heard ? FOLDER_OLD : FOLDER_INBOX;
    text_put(message.caller, sizeof message.caller, table_text(row, "cid_number"));
    text_put(message.caller_name, sizeof message.caller_name, table_text(row, "cid_name"));
    if (strcmp(message.caller, "anonymous") == 0) {
        message.caller[0] = '\0';
    }
    snprintf(source, sizeof source, "freeswitch/%.100s", table_text(row, "uuid"));
    file_find(move, table_text(row, "file_path"), path);
    move_message(move, &message);
}

int import_freeswitch(const struct settings *settings, const struct import_order *order)
{
    struct move move;
    json_t *prefs = NULL, *messages = NULL, *row;
    size_t i;
    int error = table_read(&messages, order->folder, "voicemail_msgs");

    if (error == 0) {
        error = table_read(&prefs, order->folder, "voicemail_prefs");
    }
    if (error != 0) {
        goto out;
    }
    error = move_begin(&move, settings, order);
    if (error == 0) {
        json_array_foreach(prefs, i, row)
        {
            prefs_take(&move, row);
        }
        json_array_foreach(messages, i, row)
        {
            message_take(&move, row);
        }
    }
    error = move_end(&move);
out:
    json_decref(prefs);
    json_decref(messages);
    return error;
}

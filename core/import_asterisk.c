/*
 * Asterisk's spool: CONTEXT/NUMBER/FOLDER/msg0000.txt, with the sound beside it in one or more formats, and
 * greetings in CONTEXT/NUMBER.
 */
#include "core/import_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The spool's own path, and below it names of up to 255 bytes each: nothing is cut. */
#define SPOOL_MAX 600
#define BOX_TEXT (SPOOL_MAX + 2 * 256 + 1)
#define FOLDER_TEXT (BOX_TEXT + 16)
#define PATH_TEXT (FOLDER_TEXT + 300)

/* The best first: where a message is there in several, the first that is there is taken. */
static const char *const endings[] = {".wav16", ".sln16", ".flac", ".wav", ".sln", ".ulaw", ".ul", ".mu",
                                      ".pcm",   ".alaw",  ".al",   ".WAV", ".gsm", ".ogg",  ".mp3"};

static const struct place {
    const char *folder;
    enum folder to;
    bool heard, urgent;
} places[] = {
    {"INBOX", FOLDER_INBOX, false, false},  {"Urgent", FOLDER_INBOX, false, true},
    {"Old", FOLDER_OLD, true, false},       {"Work", FOLDER_WORK, true, false},
    {"Family", FOLDER_FAMILY, true, false}, {"Friends", FOLDER_FRIENDS, true, false},
    {"Cust1", FOLDER_OLD, true, false},     {"Cust2", FOLDER_OLD, true, false},
    {"Cust3", FOLDER_OLD, true, false},     {"Cust4", FOLDER_OLD, true, false},
    {"Cust5", FOLDER_OLD, true, false},
};

/* Where the walk is. */
struct walk {
    struct move *move;
    const struct conf *conf;
    const char *context, *number;
};

/* `base` with the ending of a file that is there; false: none is. */
static bool sound_find(char out[PATH_TEXT], const char *base)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(out, PATH_TEXT, "%s%s", base, endings[i]);
        if (access(out, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* -- a message
 * -------------------------------------------------------------------------------------------------------- */

/* "Bob" <1002>, Bob <1002>, 1002, Unknown. */
static void caller_take(struct import_message *message, char *text)
{
    char *number = strrchr(text, '<');

    if (strcasecmp(text, "unknown") == 0 || strstr(text, "<unknown>") != NULL) {
        return;
    }
    if (number == NULL) {
        text_put(message->caller, sizeof message->caller, text);
        return;
    }
    *number++ = '\0';
    number[strcspn(number, ">")] = '\0';
    text_put(message->caller, sizeof message->caller, number);
    text += strspn(text, " \"");
    text[strcspn(text, "\"")] = '\0';
    for (size_t length = strlen(text); length > 0 && text[length - 1] == ' '; length--) {
        text[length - 1] = '\0';
    }
    text_put(message->caller_name, sizeof message->caller_name, text);
}

struct description {
    struct import_message message;
    char id[100], caller[200], duration[16];
};

static void description_line(void *arg, const char *section, char *key, char *value)
{
    struct description *description = arg;

    (void)section;
    if (strcmp(key, "callerid") == 0) {
        text_put(description->caller, sizeof description->caller, value);
        caller_take(&description->message, value);
    } else if (strcmp(key, "origtime") == 0) {
        description->message.started_s = strtoll(value, NULL, 10);
    } else if (strcmp(key, "msg_id") == 0) {
        text_put(description->id, sizeof description->id, value);
    } else if (strcmp(key, "duration") == 0) {
        text_put(description->duration, sizeof description->duration, value);
    } else if (strcmp(key, "flag") == 0 && strcasecmp(value, "Urgent") == 0) {
        description->message.urgent = true;
    }
}

/*
 * What names a message must not change when Asterisk files it elsewhere or counts its files anew: not the
 * path, but the id that newer versions give it, or when and by whom it was left.
 */
static void source_name(char *out, size_t size, const struct walk *walk,
                        const struct description *description)
{
    int used = snprintf(out, size, "asterisk/%s/%s/", walk->context, walk->number);

    if (description->id[0] != '\0') {
        snprintf(out + used, size - (size_t)used, "%s", description->id);
    } else {
        snprintf(out + used, size - (size_t)used, "%lld/%s/%s", (long long)description->message.started_s,
                 description->caller, description->duration);
    }
}

static void message_take(const struct walk *walk, const struct place *place, const char *base)
{
    char text[PATH_TEXT], sound[PATH_TEXT], source[640];
    struct description description = {.message = {.source = source,
                                                  .mailbox = walk->number,
                                                  .path = sound,
                                                  .folder = place->to,
                                                  .heard = place->heard,
                                                  .urgent = place->urgent}};

    snprintf(text, sizeof text, "%s.txt", base);
    if (conf_lines(text, description_line, &description) != 0 || description.message.started_s <= 0) {
        move_note(base, "left out: no .txt beside it that tells when it was left");
        walk->move->messages.left++;
    } else if (!sound_find(sound, base)) {
        move_note(base, "left out: no sound beside it in a format that can be read");
        walk->move->messages.left++;
    } else {
        source_name(source, sizeof source, walk, &description);
        move_message(walk->move, &description.message);
    }
}

static int is_message(const struct dirent *file)
{
    return strncmp(file->d_name, "msg", 3) == 0 && strchr(file->d_name, '.') != NULL;
}

/* Sorted, the files of one message are neighbours. */
static void folder_take(const struct walk *walk, const struct place *place, const char *box)
{
    char path[FOLDER_TEXT], base[PATH_TEXT] = "", last[PATH_TEXT] = "";
    struct dirent **files;

    snprintf(path, sizeof path, "%s/%s", box, place->folder);
    int count = scandir(path, &files, is_message, alphasort);
    if (count < 0) {
        if (errno != ENOENT) {
            move_note(path, "cannot be read: %s", strerror(errno));
            walk->move->messages.left++;
        }
        return;
    }
    for (int i = 0; i < count; i++) {
        snprintf(base, sizeof base, "%s/%.*s", path, (int)(strchr(files[i]->d_name, '.') - files[i]->d_name),
                 files[i]->d_name);
        if (strcmp(base, last) != 0) {
            message_take(walk, place, base);
            strcpy(last, base);
        }
        free(files[i]);
    }
    free(files);
}

/* -- a mailbox
 * -------------------------------------------------------------------------------------------------------- */

static void secret_line(void *arg, const char *section, char *key, char *value)
{
    struct import_mailbox *box = arg;

    (void)section;
    if (strcmp(key, "password") == 0) {
        pin_put(box, value);
    }
}

/* With passwordlocation=spooldir a changed PIN stands in secret.conf, and the one in voicemail.conf is old.
 */
static bool mailbox_take(const struct walk *walk, const struct import_mailbox *from)
{
    char secret[PATH_TEXT];
    struct import_mailbox box = *from;

    snprintf(secret, sizeof secret, "%s/%s/%s/secret.conf", walk->move->order->folder, walk->context,
             walk->number);
    int error = conf_lines(secret, secret_line, &box);
    if (error != 0 && error != ENOENT) {
        move_note(secret, "cannot be read: the PIN is that of voicemail.conf");
    }
    return move_mailbox(walk->move, &box, walk->context);
}

static void box_take(const struct walk *walk)
{
    static const char *const greetings[GREETING_COUNT] = {[GREETING_UNAVAILABLE] = "unavail",
                                                          [GREETING_BUSY] = "busy",
                                                          [GREETING_NAME] = "greet",
                                                          [GREETING_TEMPORARY] = "temp"};
    char box[BOX_TEXT], base[PATH_TEXT], path[PATH_TEXT];

    snprintf(box, sizeof box, "%s/%s/%s", walk->move->order->folder, walk->context, walk->number);
    for (int kind = 0; kind < GREETING_COUNT; kind++) {
        snprintf(base, sizeof base, "%s/%s", box, greetings[kind]);
        if (sound_find(path, base)) {
            move_greeting(walk->move, walk->number, (enum greeting_kind)kind, path);
        }
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        folder_take(walk, &places[i], box);
    }
}

/* -- the spool
 * -------------------------------------------------------------------------------------------------------- */

static void conf_take(struct walk *walk)
{
    for (size_t i = 0; i < walk->conf->count; i++) {
        const struct conf_box *entry = &walk->conf->boxes[i];

        walk->context = entry->context;
        walk->number = entry->box.number;
        if (move_wants(walk->move, entry->context)) {
            mailbox_take(walk, &entry->box);
        }
    }
}

static int is_folder(const struct dirent *file)
{
    return file->d_name[0] != '.' && (file->d_type == DT_DIR || file->d_type == DT_UNKNOWN);
}

/* A mailbox whose settings are in Asterisk's realtime tables, or that was deleted there, has only its files.
 */
static void number_take(struct walk *walk)
{
    struct import_mailbox box = walk->conf->defaults;

    if (!move_has_mailbox(walk->move, walk->number, walk->context)) {
        text_put(box.number, sizeof box.number, walk->number);
        if (!mailbox_take(walk, &box)) {
            return;
        }
        move_note(walk->number, "is not in voicemail.conf, context \"%s\": it has no name", walk->context);
    }
    box_take(walk);
}

static int folders_each(struct walk *walk, const char *path, const char **name, void (*fn)(struct walk *walk))
{
    struct dirent **files;
    int count = scandir(path, &files, is_folder, alphasort);

    if (count < 0) {
        return errno == ENOMEM ? ENOMEM : ENOENT;
    }
    for (int i = 0; i < count; i++) {
        *name = files[i]->d_name;
        fn(walk);
        free(files[i]);
    }
    free(files);
    return 0;
}

static void context_take(struct walk *walk)
{
    char path[PATH_TEXT];

    snprintf(path, sizeof path, "%s/%s", walk->move->order->folder, walk->context);
    if (move_wants(walk->move, walk->context) && folders_each(walk, path, &walk->number, number_take) != 0) {
        move_note(path, "cannot be read");
        walk->move->mailboxes.left++;
    }
}

int import_asterisk(const struct settings *settings, const struct import_order *order)
{
    struct conf conf = {0};
    struct move move;
    struct walk walk = {.move = &move, .conf = &conf};
    int error = conf_read(&conf, order->conf);

    if (error == 0 && strlen(order->folder) > SPOOL_MAX) {
        error = EINVAL;
    }
    if (error == 0 && access(order->folder, R_OK | X_OK) != 0) {
        error = ENOENT;
    }
    if (error != 0) {
        goto out;
    }
    error = move_begin(&move, settings, order);
    if (error == 0) {
        conf_take(&walk);
        error = folders_each(&walk, order->folder, &walk.context, context_take);
    }
    int moved = move_end(&move);
    error = error != 0 ? error : moved;
out:
    free(conf.boxes);
    return error;
}

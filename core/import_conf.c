/*
 * Asterisk's voicemail.conf: [general] holds defaults, [zonemessages] names time zones, and each other
 * section is a context of "number => PIN,name,address,pager,options".
 */
#include "core/import_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_TEXT 2048
#define FOLDERS                                                                                              \
    5 /* Asterisk's maxmsg is for each of INBOX, Old, Work, Family and Friends; our quota is for all */
#define MAXMSG 100

/* -- lines
 * ------------------------------------------------------------------------------------------------------------
 */

static char *trim(char *text)
{
    text += strspn(text, " \t");
    for (size_t length = strlen(text); length > 0 && isspace((unsigned char)text[length - 1]); length--) {
        text[length - 1] = '\0';
    }
    return text;
}

/* A ';' begins a comment unless a '\' stands before it; ";--" begins one that goes on to "--;". */
static void comment_cut(char *line, bool *block)
{
    char *out = line;

    for (const char *in = line; *in != '\0';) {
        if (*block) {
            const char *end = strstr(in, "--;");

            *block = end == NULL;
            in = end != NULL ? end + 3 : in + strlen(in);
        } else if (strncmp(in, ";--", 3) == 0 && in[3] != '-') {
            *block = true;
            in += 3;
        } else if (*in == ';') {
            break;
        } else {
            in += in[0] == '\\' && in[1] == ';';
            *out++ = *in++;
        }
    }
    *out = '\0';
}

int conf_lines(const char *path, conf_line *fn, void *arg)
{
    char line[LINE_TEXT], section[80] = "";
    bool block = false;
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        return errno == ENOENT ? ENOENT : EACCES;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        comment_cut(line, &block);
        char *text = trim(line), *value = strchr(text, '=');

        if (*text == '[') {
            text_put(section, sizeof section, text + 1);
            section[strcspn(section, "]")] = '\0';
        } else if (*text == '#') {
            move_note(path, "\"%s\" is not followed", text);
        } else if (value != NULL) {
            *value = '\0';
            value += value[1] == '>' ? 2 : 1;
            fn(arg, section, trim(text), trim(value));
        }
    }
    int error = ferror(file) ? EINVAL : 0;
    fclose(file);
    return error;
}

/* -- mailboxes
 * -------------------------------------------------------------------------------------------------------- */

struct reading {
    struct conf conf;
    json_t *zones; /* name in [zonemessages] → name in the tz database */
    int error;
};

static bool is_no(const char *value)
{
    return strcasecmp(value, "no") == 0 || strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0;
}

/* What makes no sense is 0, confab's own default. */
static unsigned count_read(const char *value)
{
    unsigned long count = strtoul(value, NULL, 10);

    return count > 1000000 ? 0 : (unsigned)count;
}

/* False: it is no option of which confab has the like. */
static bool option_take(struct import_mailbox *box, const char *key, const char *value)
{
    if (strcmp(key, "tz") == 0) {
        text_put(box->zone, sizeof box->zone, value);
    } else if (strcmp(key, "language") == 0) {
        text_put(box->language, sizeof box->language, value);
    } else if (strcmp(key, "maxmsg") == 0) {
        box->max_messages = FOLDERS * count_read(value);
    } else if (strcmp(key, "maxsecs") == 0 || strcmp(key, "maxmessage") == 0) {
        box->max_message_s = count_read(value);
    } else if (strcmp(key, "envelope") == 0) {
        box->no_envelope = is_no(value);
    } else {
        return false;
    }
    return true;
}

static void options_take(struct import_mailbox *box, char *options, const char *place)
{
    char *rest = options;

    for (char *option; (option = strsep(&rest, "|")) != NULL;) {
        char *value = strchr(option, '=');

        if (value != NULL) {
            *value++ = '\0';
        }
        if (*trim(option) != '\0' && !option_take(box, trim(option), value != NULL ? trim(value) : "")) {
            move_note(place, "option %s=%s is not carried over", option, value != NULL ? value : "");
        }
    }
}

static void box_take(struct reading *reading, const char *context, const char *number, char *value)
{
    char place[200], none[1] = "", *fields[4] = {none, none, none, none}, *rest = value;
    struct conf_box *grown = realloc(reading->conf.boxes, (reading->conf.count + 1) * sizeof *grown);

    if (grown == NULL) {
        reading->error = ENOMEM;
        return;
    }
    reading->conf.boxes = grown;
    struct conf_box *entry = &grown[reading->conf.count++];

    *entry = (struct conf_box){.box = reading->conf.defaults};
    text_put(entry->context, sizeof entry->context, context);
    text_put(entry->box.number, sizeof entry->box.number, number);
    snprintf(place, sizeof place, "mailbox %s@%s", entry->box.number, context);
    for (size_t i = 0; i < 4 && rest != NULL; i++) {
        fields[i] = trim(strsep(&rest, ","));
    }
    pin_put(&entry->box, fields[0]);
    text_put(entry->box.name, sizeof entry->box.name, fields[1]);
    /* Several addresses stand with '|' between them: the first is the owner's. */
    fields[2][strcspn(fields[2], "|")] = '\0';
    text_put(entry->box.email, sizeof entry->box.email, fields[2]);
    if (rest != NULL) {
        options_take(&entry->box, rest, place);
    }
}

static void line_take(void *arg, const char *section, char *key, char *value)
{
    struct reading *reading = arg;

    if (strcmp(section, "general") == 0) {
        option_take(&reading->conf.defaults, key, value);
    } else if (strcmp(section, "zonemessages") == 0) {
        value[strcspn(value, "|")] = '\0';
        json_object_set_new(reading->zones, key, json_string(value));
    } else if (*section != '\0' && strcmp(section, "aliases") != 0) {
        box_take(reading, section, key, value);
    }
}

static void zone_resolve(struct import_mailbox *box, const json_t *zones)
{
    const char *zone = json_string_value(json_object_get(zones, box->zone));

    if (zone == NULL && box->zone[0] != '\0') {
        move_note(box->number, "time zone \"%s\" is not in [zonemessages]: UTC", box->zone);
    }
    text_put(box->zone, sizeof box->zone, zone != NULL ? zone : "");
}

int conf_read(struct conf *out, const char *path)
{
    struct reading reading = {.conf.defaults.max_messages = FOLDERS * MAXMSG, .zones = json_object()};
    int error = conf_lines(path, line_take, &reading);

    error = error != 0 ? error : reading.error;
    for (size_t i = 0; i < reading.conf.count; i++) {
        zone_resolve(&reading.conf.boxes[i].box, reading.zones);
    }
    zone_resolve(&reading.conf.defaults, reading.zones);
    json_decref(reading.zones);
    if (error != 0) {
        free(reading.conf.boxes);
        return error;
    }
    *out = reading.conf;
    return 0;
}

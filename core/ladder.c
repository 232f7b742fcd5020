/*
 * Three upright lines: the caller, confab with the links of the path, and all whom the call went to. A leg is
 * known by its number in the list above the ladder.
 */
#include "core/ladder.h"

#include <stdbool.h>
#include <string.h>

#define WIDTH 100
#define LEFT 11   /* the caller's column */
#define MIDDLE 46 /* confab's */
#define RIGHT 81  /* the others' */
#define LEGS_MAX 64

struct ladder {
    FILE *to;
    json_int_t legs[LEGS_MAX]; /* by their numbers in the list, from 0 */
    bool left[LEGS_MAX];       /* drawn at the caller's side */
    size_t count;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static json_int_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* -- above the ladder
 * ---------------------------------------------------------------------------------------------------- */

static void heading_print(FILE *to, const json_t *call)
{
    const json_t *path = json_object_get(call, "path"), *tags = json_object_get(call, "tags"), *value;
    const char *key;
    size_t i;

    fprintf(to, "call %s   %.23s   session %s\n", text_of(call, "id"), text_of(call, "started"),
            text_of(call, "session_id"));
    fprintf(to, "%s to %s", text_of(call, "caller"), text_of(call, "number"));
    if (strcmp(text_of(call, "number"), text_of(call, "reached")) != 0) {
        fprintf(to, ", sent on to %s", text_of(call, "reached"));
    }
    fprintf(to, ": %d%s%s, %.1f s of talk, ended by %s\n", (int)number_of(call, "status"),
            *text_of(call, "reason") != '\0' ? " " : "", text_of(call, "reason"),
            (double)number_of(call, "talk_ms") / 1000, text_of(call, "hung_up"));
    fprintf(to, "path:");
    json_array_foreach(path, i, value)
    {
        fprintf(to, "%s %s", i > 0 ? "," : "", json_string_value(value));
    }
    json_object_foreach((json_t *)tags, key, value)
    {
        fprintf(to, "   %s=%s", key, json_string_value(value));
    }
    fputc('\n', to);
}

static void legs_print(struct ladder *ladder, const json_t *legs)
{
    const json_t *leg;
    size_t i;

    json_array_foreach(legs, i, leg)
    {
        const char *uri = text_of(leg, "uri");

        if (ladder->count == LEGS_MAX) {
            break;
        }
        ladder->legs[ladder->count] = number_of(leg, "leg");
        ladder->left[ladder->count++] = strcmp(text_of(leg, "role"), "caller") == 0;
        fprintf(ladder->to, "[%zu] %-6s %s", i + 1, text_of(leg, "role"),
                *uri != '\0' ? uri : text_of(leg, "from_number"));
        fprintf(ladder->to, "  %d", (int)number_of(leg, "status"));
        if (json_is_string(json_object_get(leg, "codec"))) {
            fprintf(ladder->to, "  %s", text_of(leg, "codec"));
        }
        if (json_is_number(json_object_get(leg, "mos"))) {
            fprintf(ladder->to, "  MOS %.2f  lost %.1f %%", json_number_value(json_object_get(leg, "mos")),
                    json_number_value(json_object_get(leg, "loss_percent")));
        }
        fputc('\n', ladder->to);
    }
}

/* -- its rungs
 * -----------------------------------------------------------------------------------------------------------
 */

static void rung_begin(char rung[WIDTH + 1], const json_t *step)
{
    char at[16];

    memset(rung, ' ', WIDTH);
    rung[WIDTH] = '\0';
    snprintf(at, sizeof at, "%9.1f", (double)number_of(step, "at_us") / 1000);
    memcpy(rung, at, strlen(at) < LEFT ? strlen(at) : LEFT - 1);
    rung[LEFT] = rung[MIDDLE] = rung[RIGHT] = '|';
}

static void rung_end(FILE *to, char rung[WIDTH + 1])
{
    size_t length = WIDTH;

    while (length > 0 && rung[length - 1] == ' ') {
        length--;
    }
    fprintf(to, "%.*s\n", (int)length, rung);
}

static void message_draw(struct ladder *ladder, char rung[WIDTH + 1], const json_t *step)
{
    json_int_t id = number_of(step, "leg");
    const char *detail = text_of(step, "detail"), *event = text_of(step, "event");
    bool response = strcmp(event, "response") == 0, left, forward;
    char label[MIDDLE - LEFT - 4];
    size_t number = 0, from;

    while (number < ladder->count && ladder->legs[number] != id) {
        number++;
    }
    left = number < ladder->count ? ladder->left[number] : false;
    from = left ? LEFT : MIDDLE;
    /* Towards the right: the caller's own messages, and ours to the others. */
    forward = left != json_is_true(json_object_get(step, "sent"));
    memset(rung + from + 1, '-', MIDDLE - LEFT - 1);
    rung[forward ? from + (MIDDLE - LEFT) - 1 : from + 1] = forward ? '>' : '<';
    if (number < ladder->count) {
        snprintf(label, sizeof label, " [%zu] %s%s%s ", number + 1, response ? "" : event,
                 response || *detail == '\0' ? "" : " ", detail);
    } else {
        snprintf(label, sizeof label, " %s %s ", response ? "" : event, detail);
    }
    memcpy(rung + from + 3, label, strlen(label));
}

static void decision_draw(char rung[WIDTH + 1], const json_t *step)
{
    const char *link = text_of(step, "link"), *decision = text_of(step, "decision");
    const char *detail = *text_of(step, "edits") != '\0' ? text_of(step, "edits") : text_of(step, "detail");
    char text[WIDTH - LEFT];

    if (*decision != '\0') {
        snprintf(text, sizeof text, "%s: %s -> %s (%d us)", link, text_of(step, "event"), decision,
                 (int)number_of(step, "took_us"));
    } else {
        snprintf(text, sizeof text, "%s%s%s %s", link, *link != '\0' ? ": " : "", text_of(step, "event"),
                 detail);
    }
    /* A link's own beside confab's line; what concerns the call as a whole may be long and has the whole
     * rung. */
    if (*link == '\0') {
        memset(rung + LEFT + 1, ' ', WIDTH - LEFT - 1);
        memcpy(rung + LEFT + 3, text, strlen(text) < WIDTH - LEFT - 3 ? strlen(text) : WIDTH - LEFT - 3);
    } else {
        memset(rung + MIDDLE + 1, ' ', WIDTH - MIDDLE - 1);
        memcpy(rung + MIDDLE + 2, text,
               strlen(text) < WIDTH - MIDDLE - 2 ? strlen(text) : WIDTH - MIDDLE - 2);
    }
}

void ladder_print(FILE *to, const json_t *record)
{
    const json_t *call = json_object_get(record, "call"), *trace = json_object_get(record, "trace"), *step;
    struct ladder ladder = {.to = to};
    char rung[WIDTH + 1];
    size_t i;

    heading_print(to, call);
    legs_print(&ladder, json_object_get(record, "legs"));
    if (json_array_size(trace) == 0) {
        fprintf(to, "(no trace is kept of it)\n");
        return;
    }
    fprintf(to, "\n%9s  %-34.34s %-34s %s\n", "ms", text_of(call, "caller"), "confab",
            text_of(call, "reached"));
    json_array_foreach(trace, i, step)
    {
        rung_begin(rung, step);
        if (json_is_integer(json_object_get(step, "leg"))) {
            message_draw(&ladder, rung, step);
        } else {
            decision_draw(rung, step);
        }
        rung_end(to, rung);
    }
}

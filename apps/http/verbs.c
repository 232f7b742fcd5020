/* Reads verbs: [{"answer": {}}, {"play": {"prompts": ["hello-world"]}}], or the same as {"verbs": […]}. */
#include "apps/http/verbs.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MS_MAX 600000
#define GATHER_MS 5000
#define TONE_MS 1000

static bool number_in(json_int_t number, int low, int high)
{
    return number >= low && number <= high;
}

/* Neither too long nor with anything that could end a line of SIP or of the log. */
static bool text_is_plain(const char *text)
{
    if (!*text || strlen(text) > TEXT_MAX)
        return false;
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static bool text_is_absent_or_plain(const char *text)
{
    return !text || text_is_plain(text);
}

static bool is_url(const char *text)
{
    return text_is_plain(text) && (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0);
}

static const char *prompts_read(struct verb *verb, json_t *prompts)
{
    size_t i;
    json_t *item;

    if (!prompts)
        return NULL;
    if (json_array_size(prompts) > PROMPTS_MAX)
        return "too many prompts";
    json_array_foreach(prompts, i, item)
    {
        const char *name = json_string_value(item);

        if (!name || !text_is_plain(name))
            return "a prompt that is no name";
        verb->prompts[verb->prompt_count++] = name;
    }
    return NULL;
}

static const char *play_read(struct verb *verb, json_t *value)
{
    json_int_t tone = 0, ms = TONE_MS;
    json_t *prompts = NULL;

    if (json_unpack(value, "{s?o,s?I,s?I!}", "prompts", &prompts, "tone", &tone, "ms", &ms))
        return "play: wrong members";
    if (!json_is_array(prompts) == !tone)
        return "play: needs either prompts or a tone";
    if (tone && (!number_in(tone, 50, 3800) || !number_in(ms, 10, MS_MAX)))
        return "play: a tone out of bounds";
    verb->number = (int)tone;
    verb->ms = (int)ms;
    return prompts_read(verb, prompts);
}

static const char *gather_read(struct verb *verb, json_t *value)
{
    json_int_t max = 1, ms = GATHER_MS;
    json_t *prompts = NULL;

    if (json_unpack(value, "{s?I,s?I,s?o,s:s!}", "max", &max, "timeout", &ms, "prompts", &prompts, "action",
                    &verb->action))
        return "gather: wrong members";
    if (!number_in(max, 1, DIGITS_MAX) || !number_in(ms, 100, MS_MAX))
        return "gather: max or timeout out of bounds";
    if (prompts && !json_is_array(prompts))
        return "gather: prompts are no array";
    if (!is_url(verb->action))
        return "gather: action is no URL";
    verb->number = (int)max;
    verb->ms = (int)ms;
    return prompts_read(verb, prompts);
}

static const char *dial_read(struct verb *verb, json_t *value)
{
    if (json_unpack(value, "{s:s,s?s!}", "number", &verb->text, "action", &verb->action) ||
        !text_is_plain(verb->text))
        return "dial: needs a number";
    if (verb->action && !is_url(verb->action))
        return "dial: action is no URL";
    return NULL;
}

static const char *redirect_read(struct verb *verb, json_t *value)
{
    const char *url = NULL, *uri = NULL;

    if (json_unpack(value, "{s?s,s?s!}", "url", &url, "uri", &uri) || !url == !uri)
        return "redirect: needs either a url or a uri";
    if (url ? !is_url(url) : !text_is_plain(uri) || strncmp(uri, "sip:", 4) != 0 || strpbrk(uri, "<>\" "))
        return "redirect: leads nowhere";
    verb->text = url ? url : uri;
    return NULL;
}

static const char *reject_read(struct verb *verb, json_t *value)
{
    json_int_t status = 603;

    if (json_unpack(value, "{s?I,s?s!}", "status", &status, "reason", &verb->text) ||
        !number_in(status, 400, 699) || !text_is_absent_or_plain(verb->text))
        return "reject: needs a status from 400 to 699";
    verb->number = (int)status;
    return NULL;
}

static const char *pause_read(struct verb *verb, json_t *value)
{
    json_int_t ms = 0;

    if (json_unpack(value, "{s:I!}", "ms", &ms) || !number_in(ms, 1, MS_MAX))
        return "pause: needs ms";
    verb->ms = (int)ms;
    return NULL;
}

static const char *tag_read(struct verb *verb, json_t *value)
{
    if (json_unpack(value, "{s:s,s:s!}", "key", &verb->text, "value", &verb->action) ||
        !text_is_plain(verb->text) || !text_is_plain(verb->action))
        return "tag: needs key and value";
    return NULL;
}

static const char *bare_read(struct verb *verb, json_t *value)
{
    (void)verb;
    return json_object_size(value) > 0 ? "members of a verb that has none" : NULL;
}

static const struct {
    const char *name;
    enum verb_kind kind;
    const char *(*read)(struct verb *verb, json_t *value);
} known[] = {
    {"answer", VERB_ANSWER, bare_read},
    {"play", VERB_PLAY, play_read},
    {"gather", VERB_GATHER, gather_read},
    {"dial", VERB_DIAL, dial_read},
    {"redirect", VERB_REDIRECT, redirect_read},
    {"reject", VERB_REJECT, reject_read},
    {"pause", VERB_PAUSE, pause_read},
    {"hangup", VERB_HANGUP, bare_read},
    {"tag", VERB_TAG, tag_read},
    {"continue", VERB_CONTINUE, bare_read},
};

static const char *verb_read(struct verb *verb, json_t *item)
{
    void *member = json_object_iter(item);

    if (!member || json_object_size(item) != 1 || !json_is_object(json_object_iter_value(member)))
        return "a verb that is no object with one object in it";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, json_object_iter_key(member)) == 0) {
            verb->kind = known[i].kind;
            return known[i].read(verb, json_object_iter_value(member));
        }
    return "an unknown verb";
}

const char *verbs_read(struct verbs **out, const char *json, size_t length)
{
    json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL), *items, *item;
    struct verbs *verbs;
    const char *fault = NULL;
    size_t i;

    if (!root)
        return "no JSON";
    items = json_is_object(root) ? json_object_get(root, "verbs") : root;
    verbs = calloc(1, sizeof *verbs);
    if (!verbs)
        fault = "no memory";
    else if (!json_is_array(items))
        fault = "no list of verbs";
    else if (json_array_size(items) > VERBS_MAX)
        fault = "too many verbs";
    json_array_foreach(items, i, item)
    {
        if (fault)
            break;
        fault = verb_read(&verbs->list[verbs->count++], item);
    }
    if (fault) {
        free(verbs);
        json_decref(root);
        return fault;
    }
    verbs->root = root;
    *out = verbs;
    return NULL;
}

void verbs_free(struct verbs *verbs)
{
    if (!verbs)
        return;
    json_decref(verbs->root);
    free(verbs);
}

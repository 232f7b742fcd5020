/* Reads verbs: [{"answer": {}}, {"play": {"prompts": ["hello-world"]}}], or the same as {"verbs": […]}. */
#include "apps/http/verbs.h"

#include "core/base/speech.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MS_MAX 600000
#define GATHER_MS 5000
#define TONE_MS 1000
#define RECORD_S 60
#define RECORD_S_MAX 3600
#define SILENCE_S 5
#define RING_S_MAX 600
#define NUMBER_MAX 64 /* with its NUL, as elsewhere */

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

/* What is heard: prompts of the house, a sound from elsewhere, or a text. */
static const char *sound_read(struct verb *verb, json_t *prompts)
{
    if (!!prompts + !!verb->url + !!verb->say > 1)
        return "prompts, url and say exclude each other";
    if (prompts && !json_is_array(prompts))
        return "prompts that are no array";
    if (verb->url && !is_url(verb->url))
        return "a url that is none";
    if (verb->say && !text_is_plain(verb->say))
        return "a text to say that is empty, too long or not plain";
    if (verb->language && !speech_language_fits(verb->language))
        return "a language that is none";
    return prompts_read(verb, prompts);
}

static const char *play_read(struct verb *verb, json_t *value)
{
    json_int_t tone = 0, ms = TONE_MS;
    json_t *prompts = NULL;

    if (json_unpack(value, "{s?o,s?s,s?I,s?I!}", "prompts", &prompts, "url", &verb->url, "tone", &tone, "ms",
                    &ms))
        return "play: wrong members";
    if (!(prompts || verb->url) == !tone)
        return "play: needs either prompts, a url or a tone";
    if (tone && (!number_in(tone, 50, 3800) || !number_in(ms, 10, MS_MAX)))
        return "play: a tone out of bounds";
    verb->number = (int)tone;
    verb->ms = (int)ms;
    return sound_read(verb, prompts);
}

static const char *say_read(struct verb *verb, json_t *value)
{
    if (json_unpack(value, "{s:s,s?s!}", "text", &verb->say, "language", &verb->language))
        return "say: needs a text";
    return sound_read(verb, NULL);
}

static bool text_is_keys(const char *text)
{
    return strlen(text) <= 12 && !text[strspn(text, "0123456789*#")];
}

static const char *gather_read(struct verb *verb, json_t *value)
{
    json_int_t max = 1, ms = GATHER_MS;
    json_t *prompts = NULL;

    verb->text = "#";
    if (json_unpack(value, "{s?I,s?I,s?s,s?o,s?s,s?s,s?s,s:s!}", "max", &max, "timeout", &ms, "finish_on",
                    &verb->text, "prompts", &prompts, "url", &verb->url, "say", &verb->say, "language",
                    &verb->language, "action", &verb->action))
        return "gather: wrong members";
    if (!text_is_keys(verb->text))
        return "gather: finish_on holds what is no key";
    if (!number_in(max, 1, DIGITS_MAX) || !number_in(ms, 100, MS_MAX))
        return "gather: max or timeout out of bounds";
    if (!is_url(verb->action))
        return "gather: action is no URL";
    verb->number = (int)max;
    verb->ms = (int)ms;
    return sound_read(verb, prompts);
}

static const char *record_read(struct verb *verb, json_t *value)
{
    json_int_t max = RECORD_S, silence = SILENCE_S;

    verb->text = "#";
    if (json_unpack(value, "{s?I,s?I,s?s,s?s!}", "max_s", &max, "silence_s", &silence, "finish_on",
                    &verb->text, "action", &verb->action))
        return "record: wrong members";
    if (!number_in(max, 1, RECORD_S_MAX) || !number_in(silence, 0, RECORD_S_MAX))
        return "record: max_s or silence_s out of bounds";
    if (!text_is_keys(verb->text))
        return "record: finish_on holds what is no key";
    if (verb->action && !is_url(verb->action))
        return "record: action is no URL";
    verb->ms = (int)max * 1000;
    verb->silence_ms = (int)silence * 1000;
    return NULL;
}

static bool text_is_number(const char *text)
{
    return text && text_is_plain(text) && strlen(text) < NUMBER_MAX;
}

static const char *dial_read(struct verb *verb, json_t *value)
{
    json_t *numbers = NULL, *item;
    json_int_t seconds = 0;
    const char *number = NULL;
    int confirm = 0;
    size_t i;

    if (json_unpack(value, "{s?s,s?o,s?I,s?b,s?s!}", "number", &number, "numbers", &numbers, "timeout",
                    &seconds, "confirm", &confirm, "action", &verb->action) ||
        !number == !numbers)
        return "dial: needs a number or numbers";
    if (numbers && (!json_array_size(numbers) || json_array_size(numbers) > NUMBERS_MAX))
        return "dial: no numbers, or too many";
    if (number)
        verb->numbers[verb->number_count++] = number;
    json_array_foreach(numbers, i, item) verb->numbers[verb->number_count++] = json_string_value(item);
    for (i = 0; i < verb->number_count; i++)
        if (!text_is_number(verb->numbers[i]))
            return "dial: a number that is none";
    if (!number_in(seconds, 0, RING_S_MAX))
        return "dial: timeout out of bounds";
    if (verb->action && !is_url(verb->action))
        return "dial: action is no URL";
    verb->number = (int)seconds;
    verb->confirm = confirm;
    return NULL;
}

static const char *conference_read(struct verb *verb, json_t *value)
{
    if (json_unpack(value, "{s:s!}", "room", &verb->text) || !text_is_number(verb->text))
        return "conference: needs a room";
    return NULL;
}

static const char *voicemail_read(struct verb *verb, json_t *value)
{
    if (json_unpack(value, "{s:s!}", "mailbox", &verb->text) || !text_is_number(verb->text))
        return "voicemail: needs a mailbox";
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
    {"say", VERB_PLAY, say_read},
    {"gather", VERB_GATHER, gather_read},
    {"record", VERB_RECORD, record_read},
    {"conference", VERB_CONFERENCE, conference_read},
    {"voicemail", VERB_VOICEMAIL, voicemail_read},
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

/* Without a list of events all are wanted. */
static const char *status_read(struct verbs *verbs, json_t *root)
{
    json_t *events = json_object_get(root, "status_events"), *url = json_object_get(root, "status_callback"),
           *item;
    size_t i;

    verbs->status_url = json_string_value(url);
    if (url && (!verbs->status_url || !is_url(verbs->status_url)))
        return "status_callback is no URL";
    if (events && !json_is_array(events))
        return "status_events are no array";
    verbs->tell_ringing = verbs->tell_answered = verbs->tell_ended = url && !events;
    json_array_foreach(events, i, item)
    {
        const char *name = json_is_string(item) ? json_string_value(item) : "";

        if (strcmp(name, "ringing") == 0)
            verbs->tell_ringing = true;
        else if (strcmp(name, "answered") == 0)
            verbs->tell_answered = true;
        else if (strcmp(name, "ended") == 0)
            verbs->tell_ended = true;
        else
            return "an unknown status event";
    }
    return NULL;
}

static const char *language_read(struct verbs *verbs, json_t *root)
{
    json_t *language = json_object_get(root, "language");

    verbs->language = json_string_value(language);
    return language && (!verbs->language || !speech_language_fits(verbs->language))
               ? "a language that is none"
               : NULL;
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
    else if (json_is_object(root))
        fault = status_read(verbs, root);
    if (!fault)
        fault = language_read(verbs, root);
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

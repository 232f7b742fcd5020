/*
 * A conference's roster and its documents (RFC 4575). Each user's part is written once when it changes, for
 * all who watch; users are listed in the order of their last change, so that a document costs what is new.
 */
#include "core/sip/conference_roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/sip/xml.h"

#define BUCKETS 512
#define ENTITY_TEXT 1024         /* a URI, escaped */
#define ENDPOINT_TEXT 2048       /* one of them at its longest */
#define USER_ENDPOINTS_TEXT 4096 /* of one user; what is more becomes a user of its own */
#define TAIL_TEXT 64             /* what closes a document */

struct endpoint {
    struct endpoint *next, *chain; /* of the user; of the bucket */
    struct user *user;
    unsigned id;
    bool host;
    time_t joined;
    char name[128];
    char *text; /* NULL at first */
};

/* Who has left stays, without endpoints, until all who watch have heard of it. */
struct user {
    struct user *older, *newer, *chain;
    uint64_t born, changed;
    struct endpoint *endpoints;
    char *entity; /* as it stands in the document */
};

struct roster {
    char *realm;
    struct user *oldest, *newest;
    struct user *users[BUCKETS];         /* by entity */
    struct endpoint *endpoints[BUCKETS]; /* by id */
    uint64_t serial;                     /* of the last change */
    unsigned left;                       /* users without endpoints */
    struct conference_state state;
    unsigned described; /* how often the state has changed */
};

int roster_new(struct roster **out, const char *realm)
{
    struct roster *roster = calloc(1, sizeof *roster);

    if (roster)
        roster->realm = strdup(realm);
    if (!roster || !roster->realm) {
        free(roster);
        return ENOMEM;
    }
    *out = roster;
    return 0;
}

/* -- users and endpoints --------------------------------------------------------------------------------- */

static struct user **user_bucket(struct roster *roster, const char *entity)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (const char *c = entity; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    return &roster->users[hash % BUCKETS];
}

static void user_unlist(struct roster *roster, struct user *user)
{
    *(user->older ? &user->older->newer : &roster->oldest) = user->newer;
    *(user->newer ? &user->newer->older : &roster->newest) = user->older;
}

static void user_list(struct roster *roster, struct user *user)
{
    user->older = roster->newest;
    user->newer = NULL;
    *(roster->newest ? &roster->newest->newer : &roster->oldest) = user;
    roster->newest = user;
}

static void user_touch(struct roster *roster, struct user *user)
{
    user_unlist(roster, user);
    user_list(roster, user);
    user->changed = ++roster->serial;
}

static void user_free(struct roster *roster, struct user *user)
{
    struct user **place = user_bucket(roster, user->entity);

    while (*place != user)
        place = &(*place)->chain;
    *place = user->chain;
    user_unlist(roster, user);
    while (user->endpoints) {
        struct endpoint *endpoint = user->endpoints;

        user->endpoints = endpoint->next;
        free(endpoint->text);
        free(endpoint);
    }
    free(user->entity);
    free(user);
}

void roster_free(struct roster *roster)
{
    if (!roster)
        return;
    while (roster->oldest)
        user_free(roster, roster->oldest);
    free(roster->realm);
    free(roster);
}

static struct user *user_find(struct roster *roster, const char *entity)
{
    struct user *user = *user_bucket(roster, entity);

    while (user && strcmp(user->entity, entity) != 0)
        user = user->chain;
    return user;
}

static struct user *user_new(struct roster *roster, const char *entity)
{
    struct user *user = calloc(1, sizeof *user);
    struct user **bucket = user_bucket(roster, entity);

    if (user)
        user->entity = strdup(entity);
    if (!user || !user->entity) {
        free(user);
        return NULL;
    }
    user->born = user->changed = ++roster->serial;
    user->chain = *bucket;
    *bucket = user;
    user_list(roster, user);
    roster->left++; /* it has no endpoint yet */
    return user;
}

static size_t user_endpoints_length(const struct user *user)
{
    size_t length = 0;

    for (const struct endpoint *endpoint = user->endpoints; endpoint; endpoint = endpoint->next)
        length += endpoint->text ? strlen(endpoint->text) : 0;
    return length;
}

/*
 * RFC 4575 §5.6: an entity is one user, whatever he calls with. Who does not want to be named is one of his
 * own, under a name that tells nothing but sets him apart.
 */
static void entity_write(struct xml *w, const struct roster *roster, const struct conference_member *member,
                         bool apart)
{
    const struct party *who = &member->who;

    if (*who->user)
        xml_put_uri(w, who->user, *who->host ? who->host : roster->realm);
    else
        xml_put(w, "sip:anonymous-%u@anonymous.invalid", member->id);
    if (apart)
        xml_put(w, ";seat=%u", member->id);
}

static struct user *user_of(struct roster *roster, const struct conference_member *member)
{
    char text[ENTITY_TEXT];
    struct xml w = {.text = text, .size = sizeof text};
    struct user *user;

    entity_write(&w, roster, member, false);
    user = user_find(roster, text);
    if (user && user_endpoints_length(user) > USER_ENDPOINTS_TEXT - ENDPOINT_TEXT) {
        w.used = 0;
        entity_write(&w, roster, member, true);
        user = user_find(roster, text);
    }
    return user ? user : user_new(roster, text);
}

static struct endpoint *endpoint_find(const struct roster *roster, unsigned id)
{
    struct endpoint *endpoint = roster->endpoints[id % BUCKETS];

    while (endpoint && endpoint->id != id)
        endpoint = endpoint->chain;
    return endpoint;
}

static struct endpoint *endpoint_new(struct roster *roster, const struct conference_member *member)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    struct user *user = endpoint ? user_of(roster, member) : NULL;
    struct endpoint **bucket = &roster->endpoints[member->id % BUCKETS];

    if (!user) {
        free(endpoint);
        return NULL;
    }
    endpoint->user = user;
    endpoint->id = member->id;
    endpoint->joined = clock_wall() - (time_t)member->since_s;
    endpoint->chain = *bucket;
    *bucket = endpoint;
    roster->left -= user->endpoints == NULL;
    endpoint->next = user->endpoints;
    user->endpoints = endpoint;
    return endpoint;
}

/* -- what is said of one --------------------------------------------------------------------------------- */

static const char *media_status(const struct conference_member *member)
{
    if (member->speaks)
        return member->hears ? "sendrecv" : "sendonly";
    return member->hears ? "recvonly" : "inactive";
}

/*
 * RFC 4575 §5.7. Its entity is the user's with the seat: a phone's Contact is nobody else's affair, nor are
 * the names of its dialog (call-info), by which others could take the call over.
 */
static void endpoint_write(struct xml *w, const struct roster *roster, const struct endpoint *endpoint,
                           const struct conference_member *member)
{
    static const char *const statuses[] = {"pending", "dialing-out", "on-hold", "connected",
                                           "muted-via-focus"};
    char when[32];
    struct tm tm;

    gmtime_r(&endpoint->joined, &tm);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    xml_put(w, "<endpoint entity=\"");
    entity_write(w, roster, member, true);
    xml_put(w, "\"><status>%s</status><joining-method>%s</joining-method>", statuses[member->status],
            member->invited ? "dialed-out" : "dialed-in");
    xml_put(
        w,
        "<joining-info><when>%s</when></joining-info><media id=\"1\"><type>audio</type><label>audio</label>"
        "<status>%s</status></media></endpoint>\r\n",
        when, media_status(member));
}

bool roster_put(struct roster *roster, const struct conference_member *member)
{
    char text[ENDPOINT_TEXT], *copy;
    struct xml w = {.text = text, .size = sizeof text};
    struct endpoint *endpoint = endpoint_find(roster, member->id);
    const char *name = *member->who.user ? member->who.display : "";

    if (!endpoint)
        endpoint = endpoint_new(roster, member);
    if (!endpoint)
        return false;
    endpoint_write(&w, roster, endpoint, member);
    if (endpoint->text && endpoint->host == member->host && strcmp(endpoint->name, name) == 0 &&
        strcmp(endpoint->text, text) == 0)
        return false;
    copy = strdup(text);
    if (!copy)
        return false;
    free(endpoint->text);
    endpoint->text = copy;
    endpoint->host = member->host;
    snprintf(endpoint->name, sizeof endpoint->name, "%s", name);
    user_touch(roster, endpoint->user);
    return true;
}

bool roster_drop(struct roster *roster, unsigned id)
{
    struct endpoint *endpoint = endpoint_find(roster, id);
    struct endpoint **place;
    struct user *user;

    if (!endpoint)
        return false;
    user = endpoint->user;
    for (place = &roster->endpoints[id % BUCKETS]; *place != endpoint;)
        place = &(*place)->chain;
    *place = endpoint->chain;
    for (place = &user->endpoints; *place != endpoint;)
        place = &(*place)->next;
    *place = endpoint->next;
    free(endpoint->text);
    free(endpoint);
    roster->left += user->endpoints == NULL;
    user_touch(roster, user);
    return true;
}

/* In place: leftovers between the fields must not be compared. */
bool roster_describe(struct roster *roster, const struct conference_state *state)
{
    struct conference_state *old = &roster->state;

    if (roster->described > 0 && strcmp(old->name, state->name) == 0 && old->count == state->count &&
        old->most == state->most && old->active == state->active && old->locked == state->locked)
        return false;
    *old = *state;
    roster->described++;
    return true;
}

unsigned roster_left_count(const struct roster *roster)
{
    return roster->left;
}

void roster_forget(struct roster *roster, uint64_t told)
{
    struct user *next;

    for (struct user *user = roster->oldest; user && user->changed <= told; user = next) {
        next = user->newer;
        if (user->endpoints)
            continue;
        user_free(roster, user);
        roster->left--;
    }
}

/* -- documents ------------------------------------------------------------------------------------------- */

bool roster_has_news(const struct roster *roster, const struct roster_reader *reader)
{
    return reader->full || reader->described != roster->described ||
           (roster->newest && roster->newest->changed > reader->told);
}

/* RFC 4575 §5.3 and §5.5. */
static void state_write(struct xml *w, const struct roster *roster, const char *user)
{
    const struct conference_state *state = &roster->state;

    xml_put(w, "<conference-description>");
    xml_put_element(w, "display-text", *state->name ? state->name : user);
    xml_put_element(w, "subject", state->name);
    xml_put(w, "<conf-uris><entry><uri>");
    xml_put_uri(w, user, roster->realm);
    xml_put(w, "</uri><purpose>participation</purpose></entry></conf-uris>");
    if (state->most)
        xml_put(w, "<maximum-user-count>%u</maximum-user-count>", state->most);
    xml_put(w,
            "<available-media><entry label=\"audio\"><type>audio</type><status>sendrecv</status></entry>"
            "</available-media></conference-description>\r\n<conference-state><user-count>%u</user-count>"
            "<active>%s</active><locked>%s</locked></conference-state>\r\n",
            state->count, state->active ? "true" : "false", state->locked ? "true" : "false");
}

/* Whole, or not at all. */
static void user_write(struct xml *w, const struct user *user)
{
    const char *name = "";
    bool host = false;

    if (!user->endpoints) {
        xml_put(w, "<user entity=\"%s\" state=\"deleted\"/>\r\n", user->entity);
        return;
    }
    for (const struct endpoint *endpoint = user->endpoints; endpoint; endpoint = endpoint->next) {
        host = host || endpoint->host;
        name = *endpoint->name ? endpoint->name : name;
    }
    xml_put(w, "<user entity=\"%s\">", user->entity);
    xml_put_element(w, "display-text", name);
    xml_put(w, "<roles><entry>%s</entry></roles>\r\n", host ? "host" : "participant");
    for (const struct endpoint *endpoint = user->endpoints; endpoint; endpoint = endpoint->next)
        xml_put(w, "%s", endpoint->text ? endpoint->text : "");
    xml_put(w, "</user>\r\n");
}

static const struct user *user_after(const struct roster *roster, uint64_t told)
{
    const struct user *user = roster->newest;

    if (!user || user->changed <= told)
        return NULL;
    while (user->older && user->older->changed > told)
        user = user->older;
    return user;
}

/* Those who came and went since then were never told of. */
static void users_write(struct xml *w, const struct roster *roster, struct roster_reader *reader)
{
    uint64_t since = reader->told;

    for (const struct user *user = user_after(roster, since); user; user = user->newer) {
        size_t used = w->used;

        if (user->endpoints || (!reader->full && user->born <= since))
            user_write(w, user);
        if (w->full) {
            w->used = used;
            w->text[used] = '\0';
            w->full = false;
            break;
        }
        reader->told = user->changed;
    }
}

char *roster_document(struct roster *roster, struct roster_reader *reader, const char *user, const char *host,
                      size_t most)
{
    const char *state = reader->full ? "full" : "partial";
    struct xml w = {.size = most - TAIL_TEXT};
    char *smaller;

    w.text = malloc(most);
    if (!w.text)
        return NULL;
    if (reader->full)
        reader->told = 0;
    xml_put(&w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<conference-info "
                "xmlns=\"urn:ietf:params:xml:ns:conference-info\" entity=\"");
    xml_put_uri(&w, user, host);
    xml_put(&w, "\" state=\"%s\" version=\"%u\">\r\n", state, reader->version++);
    if (reader->full || reader->described != roster->described)
        state_write(&w, roster, user);
    reader->described = roster->described;
    xml_put(&w, "<users state=\"%s\">\r\n", state);
    users_write(&w, roster, reader);
    reader->full = false;
    w.size = most;
    xml_put(&w, "</users>\r\n</conference-info>\r\n");
    smaller = realloc(w.text, w.used + 1);
    return smaller ? smaller : w.text;
}

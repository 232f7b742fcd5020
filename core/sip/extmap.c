/* Header extensions in SDP: see extmap.h. */
#include "core/sip/extmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID_MOST                                                                                              \
    14 /* of the one-byte form (RFC 8285 §4.2), the only one that every receiver of extensions reads */
/* §5: numbers that stand for "any", for offers with more extensions than there are identifiers. */
#define ID_OPEN_FIRST 4096
#define ID_OPEN_LAST 4351

static const char *const names[EXTMAP_KINDS] = {
    [EXTMAP_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",     /* RFC 6464 §4 */
    [EXTMAP_CSRC_LEVEL] = "urn:ietf:params:rtp-hdrext:csrc-audio-level" /* RFC 6465 §4 */
};

/* By whether the author sends and receives. */
static const char *const directions[2][2] = {{"inactive", "recvonly"}, {"sendonly", "sendrecv"}};

static int kind_find(const char *name, size_t length)
{
    for (int kind = 0; kind < EXTMAP_KINDS; kind++)
        if (strlen(names[kind]) == length && strncasecmp(names[kind], name, length) == 0)
            return kind;
    return -1;
}

/* "/sendonly", or nothing, which is sendrecv. False: some other word. */
static bool direction_read(struct extmap *map, const char *text, size_t length)
{
    map->sends = map->receives = true;
    if (length == 0)
        return true;
    for (int k = 0; k < 4; k++) {
        const char *name = directions[k >> 1][k & 1];
        if (strlen(name) + 1 != length || text[0] != '/' || strncasecmp(text + 1, name, length - 1) != 0)
            continue;
        map->sends = k >> 1;
        map->receives = k & 1;
        return true;
    }
    return false;
}

/* RFC 6464 §4: the V bit has a meaning unless the attribute says otherwise. */
static bool vad_read(const char *attributes)
{
    const char *vad = strstr(attributes, "vad=");

    return vad == NULL || strncasecmp(vad + 4, "off", 3) != 0;
}

void extmap_read(struct extmap_list *list, const char *line)
{
    char *end;
    unsigned long id = strtoul(line, &end, 10);
    size_t direction = strcspn(end, " "), name = strspn(end + direction, " "), length;
    struct extmap map = {.id = (uint16_t)id};
    int kind;

    if (end == line || id == 0 || id > ID_OPEN_LAST || name == 0 || !direction_read(&map, end, direction))
        return;
    if (id <= ID_MOST) {
        if (list->taken & 1U << id)
            return;
        list->taken |= (uint16_t)(1U << id);
    } else if (id < ID_OPEN_FIRST) {
        return; /* of the two-byte form, or of none */
    }
    name += direction;
    length = strcspn(end + name, " ");
    kind = kind_find(end + name, length);
    if (kind < 0 || list->maps[kind].id)
        return;
    map.vad = vad_read(end + name + length);
    list->maps[kind] = map;
}

void extmap_write(char *out, const struct extmap_list *list, unsigned kind)
{
    const struct extmap *map = &list->maps[kind];
    bool both = map->sends && map->receives;

    out[0] = '\0';
    if (map->id == 0)
        return;
    snprintf(out, EXTMAP_TEXT, "a=extmap:%u%s%s %s%s\r\n", map->id, both ? "" : "/",
             both ? "" : directions[map->sends][map->receives], names[kind],
             kind == EXTMAP_LEVEL && !map->vad ? " vad=off" : "");
}

static uint8_t id_unused(uint16_t taken)
{
    for (uint8_t id = 1; id <= ID_MOST; id++)
        if (!(taken & 1U << id))
            return id;
    return 0;
}

void extmap_offer(struct extmap_session *session, struct extmap_list *ours)
{
    for (unsigned kind = 0; kind < EXTMAP_KINDS; kind++) {
        if (session->ids[kind] == 0) {
            session->ids[kind] = id_unused(session->taken);
            session->taken |= (uint16_t)(1U << session->ids[kind]);
        }
        ours->maps[kind] =
            (struct extmap){.id = session->ids[kind], .sends = true, .receives = true, .vad = true};
    }
}

/* Each way where both want it. */
static void format_set(struct media_format *format, unsigned kind, const struct extmap *ours,
                       const struct extmap *theirs)
{
    struct media_extension *e = kind == EXTMAP_LEVEL ? &format->level : &format->csrc_level;

    e->send = ours->sends && theirs->receives ? (uint8_t)ours->id : 0;
    e->receive = ours->receives && theirs->sends ? (uint8_t)ours->id : 0;
    if (kind == EXTMAP_LEVEL)
        format->level_vad = ours->vad && theirs->vad;
}

void extmap_accept(struct extmap_session *session, const struct extmap_list *theirs,
                   struct media_format *format)
{
    struct extmap_list ours;

    extmap_offer(session, &ours);
    for (unsigned kind = 0; kind < EXTMAP_KINDS; kind++) {
        /* §6: an answer has the offer's identifiers; with another one it says nothing. */
        if (theirs->maps[kind].id && theirs->maps[kind].id == ours.maps[kind].id)
            format_set(format, kind, &ours.maps[kind], &theirs->maps[kind]);
    }
    session->taken |= theirs->taken;
}

/* §6: what he offers and we know, with his identifier and the mirror of his direction. */
void extmap_answer(const struct extmap_list *theirs, struct extmap_list *ours, struct media_format *format)
{
    uint16_t taken = theirs->taken;

    *ours = (struct extmap_list){0};
    for (unsigned kind = 0; kind < EXTMAP_KINDS; kind++) {
        const struct extmap *his = &theirs->maps[kind];
        struct extmap map = {.id = his->id, .sends = his->receives, .receives = his->sends, .vad = his->vad};

        if (map.id >= ID_OPEN_FIRST)
            map.id = id_unused(taken);
        if (map.id == 0)
            continue;
        taken |= (uint16_t)(1U << map.id);
        ours->maps[kind] = map;
        format_set(format, kind, &map, his);
    }
}

void extmap_adopt(struct extmap_session *session, const struct extmap_list *theirs,
                  const struct extmap_list *ours)
{
    session->taken |= theirs->taken;
    for (unsigned kind = 0; kind < EXTMAP_KINDS; kind++) {
        if (ours->maps[kind].id)
            session->ids[kind] = (uint8_t)ours->maps[kind].id;
        else if (theirs->taken & 1U << session->ids[kind])
            session->ids[kind] = 0; /* he uses the number for something else */
        session->taken |= (uint16_t)(1U << session->ids[kind]);
    }
}

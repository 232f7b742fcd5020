/*
 * All streams of the peer, in one thread that wakes every millisecond: a twentieth of the legs sends then, in
 * one system call through a socket that they share, and what has come to any of the twenty sockets is taken.
 * Legs are told apart by the server's ports. Packets bear the kernel's own time of arrival, so that no figure
 * depends on when this thread gets round to them; what it is late with itself it counts.
 */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SLOTS PACKET_MS
#define TURNS 4 /* sockets are looked at every so many milliseconds */
#define BATCH 64
#define PACKET_MAX (12 + PAYLOAD_MAX + 32)
#define CONTROL_MAX 64
#define BURST_PACKETS 10
#define SENT_LATE_US 5000
#define GAP_LATE_US 40000
#define LINE_LATE_US 20000

/* One stream that is listened to. */
struct stream {
    bool begun;
    uint32_t ssrc, first_timestamp, last_timestamp;
    int64_t first_us, last_us;
    uint64_t expected, received, late;
};

struct media_leg {
    struct media *media;
    struct media_leg *next; /* of its slot */
    enum voice_codec codec;
    struct secure *secure;
    char key[KEY_TEXT];
    struct sockaddr_in remote;
    unsigned number, slot;
    bool running, aside; /* aside: it has come while packets were counted */
    uint16_t sequence;
    uint32_t timestamp, ssrc;
    unsigned voice, at; /* what it says, and which packet of it is next */
    struct delay *delay;
    unsigned group, heard, burst_left, burst_listeners;
    struct stream stream;
};

struct media {
    pthread_t thread;
    pthread_mutex_t lock; /* all below */
    int sockets[SLOTS], rtcp;
    uint32_t dropped[SLOTS]; /* by the kernel, as it says */
    struct media_leg *slots[SLOTS];
    struct media_leg *by_port[65536]; /* the server's */
    unsigned made;
    struct media_counts counts;
    bool counting;
    int64_t counted_from;
    uint8_t packets[BATCH][PACKET_MAX], control[BATCH][CONTROL_MAX];
    struct sockaddr_in addresses[BATCH];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
};

/* -- sending
 * ----------------------------------------------------------------------------------------------------------
 */

static size_t packet_write(struct media_leg *leg, uint8_t *p)
{
    const struct voice *voice = voice_get(leg->codec, leg->burst_left ? 1 : leg->voice);
    size_t length = voice->length[leg->at];

    p[0] = 0x80;
    p[1] = voice_facts[leg->codec].pt;
    p[2] = (uint8_t)(leg->sequence >> 8);
    p[3] = (uint8_t)leg->sequence++;
    for (int i = 0; i < 4; i++) {
        p[4 + i] = (uint8_t)(leg->timestamp >> (24 - 8 * i));
        p[8 + i] = (uint8_t)(leg->ssrc >> (24 - 8 * i));
    }
    memcpy(p + 12, voice->data[leg->at], length);
    length += 12;
    leg->at = (leg->at + 1) % PACKETS_A_SECOND;
    leg->timestamp += voice_facts[leg->codec].clock / PACKETS_A_SECOND;
    if (leg->secure)
        (void)secure_protect(leg->secure, p, &length);
    if (leg->burst_left == BURST_PACKETS && leg->delay)
        delay_sent(leg->delay, leg->group, leg->burst_listeners, wall_us());
    leg->burst_left -= leg->burst_left > 0;
    return length;
}

static void batch_send(struct media *media, unsigned slot, unsigned count)
{
    for (unsigned done = 0; done < count;) {
        int n = sendmmsg(media->sockets[slot], media->messages + done, count - done, 0);
        if (n <= 0)
            return; /* what the server then misses shows as lost, and here as not sent */
        done += (unsigned)n;
        media->counts.sent += (unsigned)n;
    }
}

static void slot_send(struct media *media, unsigned slot, bool late)
{
    unsigned count = 0;

    for (struct media_leg *leg = media->slots[slot]; leg; leg = leg->next) {
        if (!leg->running)
            continue;
        media->parts[count] = (struct iovec){media->packets[count], packet_write(leg, media->packets[count])};
        media->messages[count] = (struct mmsghdr){.msg_hdr = {.msg_name = &leg->remote,
                                                              .msg_namelen = sizeof leg->remote,
                                                              .msg_iov = &media->parts[count],
                                                              .msg_iovlen = 1}};
        media->counts.sent_late += late;
        if (++count == BATCH) {
            batch_send(media, slot, count);
            count = 0;
        }
    }
    batch_send(media, slot, count);
}

/* -- receiving
 * ----------------------------------------------------------------------------------------------------------
 */

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* By its timestamps a stream says itself how many packets there are, also those that were never sent. */
static void stream_note(struct stream *s, uint32_t ssrc, uint32_t timestamp, unsigned clock, int64_t us)
{
    int32_t step = (int32_t)(timestamp - s->last_timestamp), packet = (int32_t)(clock / PACKETS_A_SECOND);

    s->received++;
    if (!s->begun || s->ssrc != ssrc) {
        s->begun = true;
        s->ssrc = ssrc;
        s->first_timestamp = s->last_timestamp = timestamp;
        s->first_us = s->last_us = us;
        s->expected++;
        return;
    }
    int64_t line = s->first_us + (int64_t)(uint32_t)(timestamp - s->first_timestamp) * 1000000 / clock;
    s->late += us - s->last_us > GAP_LATE_US || us - line > LINE_LATE_US;
    if (step > 0) {
        s->expected += (uint64_t)(step / packet);
        s->last_timestamp = timestamp;
    }
    s->last_us = us;
}

static void packet_take(struct media *media, struct media_leg *leg, uint8_t *p, size_t length, int64_t us)
{
    media->counts.received++;
    if (!leg || length < 12 || (p[1] & 0x7f) != voice_facts[leg->codec].pt)
        return;
    if (leg->secure && !secure_unprotect(leg->secure, p, &length)) {
        media->counts.forged++;
        return;
    }
    if (media->counting && !leg->aside)
        stream_note(&leg->stream, word(p + 8), word(p + 4), voice_facts[leg->codec].clock, us);
    if (leg->delay && leg->codec == VOICE_PCMU && voice_is_loud(p + 12, length - 12))
        delay_heard(leg->delay, leg->group, leg->number, &leg->heard, us);
}

/* When it came, and how many before it found no room. */
static int64_t control_read(struct media *media, unsigned slot, struct msghdr *message)
{
    struct timespec stamp = {0};
    uint32_t dropped;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_TIMESTAMPNS)
            memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
        if (c->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
            media->counts.peer_lost += dropped - media->dropped[slot];
            media->dropped[slot] = dropped;
        }
    }
    return stamp.tv_sec ? (int64_t)stamp.tv_sec * 1000000 + stamp.tv_nsec / 1000 : wall_us();
}

static void slot_receive(struct media *media, unsigned slot)
{
    int n;

    do {
        for (int i = 0; i < BATCH; i++) {
            media->parts[i] = (struct iovec){media->packets[i], PACKET_MAX};
            media->messages[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &media->addresses[i],
                                                              .msg_namelen = sizeof media->addresses[i],
                                                              .msg_iov = &media->parts[i],
                                                              .msg_iovlen = 1,
                                                              .msg_control = media->control[i],
                                                              .msg_controllen = CONTROL_MAX}};
        }
        n = recvmmsg(media->sockets[slot], media->messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
            packet_take(media, media->by_port[ntohs(media->addresses[i].sin_port)], media->packets[i],
                        media->messages[i].msg_len, control_read(media, slot, &media->messages[i].msg_hdr));
    } while (n == BATCH);
}

static void *media_main(void *arg)
{
    struct media *media = arg;
    uint64_t due = now_us();

    for (unsigned turn = 0;; turn++, due += 1000) {
        sleep_until(due);
        pthread_mutex_lock(&media->lock);
        slot_send(media, turn % SLOTS, now_us() - due > SENT_LATE_US);
        for (unsigned slot = turn % TURNS; slot < SLOTS; slot += TURNS)
            slot_receive(media, slot);
        pthread_mutex_unlock(&media->lock);
    }
    return NULL;
}

/* -- for the main thread
 * ---------------------------------------------------------------------------------------------- */

struct media *media_new(const struct sockaddr_in *local)
{
    struct media *media = calloc(1, sizeof *media);
    int on = 1, bytes = 1 << 23;

    if (!media)
        die("calloc");
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        int fd = udp_socket(local, 0, bytes);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
        if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) < 0)
            die("setsockopt");
        media->sockets[slot] = fd;
    }
    media->rtcp = udp_socket(local, 0, 4096); /* takes the server's reports, and nobody reads them */
    for (unsigned codec = 0; codec < VOICE_CODECS; codec++)
        for (unsigned which = 0; which < VOICES; which++)
            (void)voice_get(codec, which);
    pthread_mutex_init(&media->lock, NULL);
    errno = pthread_create(&media->thread, NULL, media_main, media);
    if (errno)
        die("pthread_create");
    return media;
}

struct media_leg *media_open(struct media *media, enum voice_codec codec, bool secure)
{
    struct media_leg *leg = calloc(1, sizeof *leg);

    if (!leg)
        die("calloc");
    leg->media = media;
    leg->codec = codec;
    leg->ssrc = (uint32_t)random() | 1;
    leg->sequence = (uint16_t)random();
    leg->timestamp = (uint32_t)random();
    if (secure)
        leg->secure = secure_new(leg->key, leg->ssrc);
    pthread_mutex_lock(&media->lock);
    leg->aside = media->counting;
    leg->number = media->made++;
    leg->slot = leg->number * 7 % SLOTS;
    leg->next = media->slots[leg->slot];
    media->slots[leg->slot] = leg;
    pthread_mutex_unlock(&media->lock);
    return leg;
}

uint16_t media_port(const struct media_leg *leg)
{
    return socket_port(leg->media->sockets[leg->slot]);
}

const char *media_key(const struct media_leg *leg)
{
    return leg->key;
}

uint16_t media_rtcp_port(const struct media *media)
{
    return socket_port(media->rtcp);
}

void media_start(struct media_leg *leg, const struct sockaddr_in *remote, const char *remote_key)
{
    pthread_mutex_lock(&leg->media->lock);
    leg->remote = *remote;
    leg->running = true;
    leg->media->by_port[ntohs(remote->sin_port)] = leg;
    if (leg->secure)
        secure_set_remote(leg->secure, remote_key);
    pthread_mutex_unlock(&leg->media->lock);
}

void media_say(struct media_leg *leg, unsigned voice)
{
    pthread_mutex_lock(&leg->media->lock);
    leg->voice = voice;
    pthread_mutex_unlock(&leg->media->lock);
}

void media_join(struct media_leg *leg, struct delay *delay, unsigned group)
{
    pthread_mutex_lock(&leg->media->lock);
    leg->delay = delay;
    leg->group = group;
    leg->heard = 0;
    pthread_mutex_unlock(&leg->media->lock);
}

void media_burst(struct media_leg *leg, unsigned listeners)
{
    pthread_mutex_lock(&leg->media->lock);
    leg->at = 0;
    leg->burst_left = BURST_PACKETS;
    leg->burst_listeners = listeners;
    pthread_mutex_unlock(&leg->media->lock);
}

void media_close(struct media_leg *leg)
{
    struct media *media = leg->media;
    uint16_t port = ntohs(leg->remote.sin_port);

    pthread_mutex_lock(&media->lock);
    for (struct media_leg **at = &media->slots[leg->slot]; *at; at = &(*at)->next) {
        if (*at == leg) {
            *at = leg->next;
            break;
        }
    }
    if (media->by_port[port] == leg)
        media->by_port[port] = NULL;
    pthread_mutex_unlock(&media->lock);
    secure_free(leg->secure);
    free(leg);
}

void media_count_begin(struct media *media)
{
    pthread_mutex_lock(&media->lock);
    memset(&media->counts, 0, sizeof media->counts);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        for (struct media_leg *leg = media->slots[slot]; leg; leg = leg->next)
            leg->stream = (struct stream){.received = 0}, leg->aside = false;
    media->counting = true;
    media->counted_from = wall_us();
    pthread_mutex_unlock(&media->lock);
}

struct media_counts media_count_end(struct media *media)
{
    pthread_mutex_lock(&media->lock);
    int64_t now = wall_us();
    media->counting = false;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        for (struct media_leg *leg = media->slots[slot]; leg; leg = leg->next) {
            struct stream *s = &leg->stream;
            if (leg->aside)
                continue;
            /* What fell silent before the end, or never began. */
            int64_t since = now - (s->begun ? s->last_us : media->counted_from);
            uint64_t expected = s->expected;
            if (leg->running && since > 2 * GAP_LATE_US)
                expected += (uint64_t)since / (PACKET_MS * 1000);
            media->counts.expected += expected;
            media->counts.lost += expected > s->received ? expected - s->received : 0;
            media->counts.late += s->late;
        }
    }
    struct media_counts counts = media->counts;
    pthread_mutex_unlock(&media->lock);
    return counts;
}

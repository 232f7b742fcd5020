/* A bare SIP peer: as little as it takes to set up calls through the server and to talk in them. */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum leg_state { LEG_CALLING, LEG_UP, LEG_ENDING, LEG_OVER, LEG_FAILED };

struct leg {
    bool called; /* by the server: the other end of a bridged call */
    bool talks;
    enum leg_state state;
    char call_id[128], number[64], from[256], to[256], contact[256];
    char invite[2048]; /* for retransmission, or the 200 of a called leg */
    uint64_t sent_us;
    int fd;
    struct sockaddr_in remote;
    uint16_t sequence;
    uint32_t timestamp, ssrc;
};

struct peer {
    struct sockaddr_in local, server;
    uint16_t port;
    int sip, epoll;
    struct leg **legs;
    unsigned count, room, serial;
    bool media;
    uint8_t tone[400], silence[160]; /* 440 Hz from any sample of its 200 on; one packet of nothing */
    struct peer_totals totals;
};

static uint8_t ulaw(int sample)
{
    int sign = sample < 0 ? 0x80 : 0, exponent = 7;

    sample = (sample < 0 ? -sample : sample) + 132;
    if (sample > 32767)
        sample = 32767;
    for (int mask = 0x4000; exponent > 0 && !(sample & mask); mask >>= 1)
        exponent--;
    return (uint8_t) ~(sign | exponent << 4 | (sample >> (exponent + 3) & 0x0f));
}

struct peer *peer_new(const struct sockaddr_in *local, uint16_t port, const struct sockaddr_in *server)
{
    struct peer *peer = calloc(1, sizeof *peer);

    if (!peer)
        die("calloc");
    peer->local = *local;
    peer->server = *server;
    peer->port = port;
    peer->sip = udp_socket(local, port, 1 << 22);
    peer->epoll = epoll_create1(0);
    for (int i = 0; i < 400; i++)
        peer->tone[i] = ulaw((int)(6000 * sin(2 * M_PI * 440 * i / 8000)));
    memset(peer->silence, 0xff, sizeof peer->silence);
    return peer;
}

/* -- messages
 * -----------------------------------------------------------------------------------------------------------
 */

static void sip_send(struct peer *peer, const char *text)
{
    peer->totals.sip_messages++;
    if (sendto(peer->sip, text, strlen(text), 0, (struct sockaddr *)&peer->server, sizeof peer->server) < 0)
        die("sendto");
}

/* Copies the value of a header ("\r\nName: value\r\n") out; empty when it is not there. */
static void header_get(const char *message, const char *name, char *out, size_t size)
{
    char key[64];

    snprintf(key, sizeof key, "\r\n%s:", name);
    const char *at = strcasestr(message, key);
    *out = '\0';
    if (at) {
        at += strlen(key);
        at += strspn(at, " ");
        snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
    }
}

/* All header lines of one name, as they stand. */
static void header_lines(const char *message, const char *name, char *out, size_t size)
{
    char key[64];
    size_t used = 0, length = (size_t)snprintf(key, sizeof key, "\r\n%s:", name);

    *out = '\0';
    for (const char *at = message; (at = strcasestr(at, key)) != NULL && used < size; at += length)
        used += (size_t)snprintf(out + used, size - used, "%.*s\r\n", (int)strcspn(at + 2, "\r"), at + 2);
}

static const char *address_text(const struct peer *peer)
{
    return inet_ntoa(peer->local.sin_addr);
}

static void sdp_write(struct peer *peer, const struct leg *leg, char *out, size_t size)
{
    snprintf(
        out, size,
        "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\na=ptime:20\r\n",
        address_text(peer), address_text(peer), peer->media ? socket_port(leg->fd) : 9);
}

static void request_write(struct peer *peer, struct leg *leg, const char *method, const char *uri,
                          unsigned cseq, const char *body, char *out, size_t size)
{
    snprintf(out, size,
             "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;branch=z9hG4bK%s%s%u;rport\r\nMax-Forwards: 70\r\n"
             "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:bench@%s:%u>\r\n%s"
             "Content-Length: %zu\r\n\r\n%s",
             method, uri, address_text(peer), peer->port, leg->call_id, method, cseq, leg->from, leg->to,
             leg->call_id, cseq, method, address_text(peer), peer->port,
             *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
}

static struct leg *leg_new(struct peer *peer, bool talks)
{
    struct leg *leg = calloc(1, sizeof *leg);

    if (peer->count == peer->room) {
        peer->room = peer->room ? 2 * peer->room : 64;
        peer->legs = realloc(peer->legs, peer->room * sizeof *peer->legs);
    }
    if (!leg || !peer->legs)
        die("realloc");
    peer->legs[peer->count++] = leg;
    leg->talks = talks;
    leg->ssrc = (uint32_t)random();
    leg->fd = -1;
    if (peer->media) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = leg};
        leg->fd = udp_socket(&peer->local, 0, 1 << 16);
        if (epoll_ctl(peer->epoll, EPOLL_CTL_ADD, leg->fd, &event) < 0)
            die("epoll_ctl");
    }
    return leg;
}

static void leg_invite(struct peer *peer, const char *number, bool talks)
{
    struct leg *leg = leg_new(peer, talks);
    char uri[128], sdp[512];

    snprintf(leg->number, sizeof leg->number, "%s", number);
    snprintf(leg->call_id, sizeof leg->call_id, "bench%u-%lx", peer->serial++, random());
    snprintf(leg->from, sizeof leg->from, "<sip:bench@%s>;tag=%lx", address_text(peer), random());
    snprintf(uri, sizeof uri, "sip:%s@%s:%u", number, inet_ntoa(peer->server.sin_addr),
             ntohs(peer->server.sin_port));
    snprintf(leg->to, sizeof leg->to, "<%s>", uri);
    sdp_write(peer, leg, sdp, sizeof sdp);
    request_write(peer, leg, "INVITE", uri, 1, sdp, leg->invite, sizeof leg->invite);
    leg->sent_us = now_us();
    sip_send(peer, leg->invite);
}

void peer_call(struct peer *peer, const char *number, bool talks)
{
    peer->media = true;
    leg_invite(peer, number, talks);
}

static struct leg *leg_find(struct peer *peer, const char *call_id)
{
    for (unsigned i = peer->count; i-- > 0;)
        if (!strcmp(peer->legs[i]->call_id, call_id))
            return peer->legs[i];
    return NULL;
}

static void leg_learn_media(struct leg *leg, const struct peer *peer, const char *message)
{
    const char *media = strstr(message, "\r\nm=audio "), *address = strstr(message, "\r\nc=IN IP4 ");

    leg->remote = peer->server;
    if (media)
        leg->remote.sin_port = htons((uint16_t)atoi(media + 10));
    if (address) {
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)strcspn(address + 11, "\r"), address + 11);
        inet_pton(AF_INET, text, &leg->remote.sin_addr);
    }
}

static void leg_bye(struct peer *peer, struct leg *leg)
{
    char message[2048];

    request_write(peer, leg, "BYE", leg->contact, 2, "", message, sizeof message);
    snprintf(leg->invite, sizeof leg->invite, "%s", message);
    leg->state = LEG_ENDING;
    leg->sent_us = now_us();
    sip_send(peer, message);
}

static void response_take(struct peer *peer, struct leg *leg, const char *message)
{
    int status = atoi(message + 8);
    char cseq[64], contact[256], ack[2048];

    header_get(message, "CSeq", cseq, sizeof cseq);
    if (strstr(cseq, "BYE") && status >= 200) {
        leg->state = LEG_OVER;
        return;
    }
    if (!strstr(cseq, "INVITE") || status < 200)
        return;
    header_get(message, "To", leg->to, sizeof leg->to);
    header_get(message, "Contact", contact, sizeof contact);
    const char *open = strchr(contact, '<');
    snprintf(leg->contact, sizeof leg->contact, "%.*s", open ? (int)strcspn(open + 1, ">") : 0,
             open ? open + 1 : "");
    if (status >= 300) {
        char uri[128];
        snprintf(uri, sizeof uri, "sip:%s@%s", leg->number, inet_ntoa(peer->server.sin_addr));
        request_write(peer, leg, "ACK", uri, 1, "", ack, sizeof ack);
        leg->state = LEG_FAILED;
    } else {
        request_write(peer, leg, "ACK", leg->contact, 1, "", ack, sizeof ack);
        leg_learn_media(leg, peer, message);
        if (leg->state == LEG_CALLING)
            leg->state = LEG_UP;
    }
    sip_send(peer, ack);
}

/* Answers any request with 200; an INVITE with our SDP: the far end of a bridged call. */
static void request_answer(struct peer *peer, struct leg *leg, const char *message, bool invite)
{
    char vias[1024], from[256], to[256], call_id[128], cseq[64], sdp[512] = "", answer[4096];

    header_lines(message, "Via", vias, sizeof vias);
    header_get(message, "From", from, sizeof from);
    header_get(message, "To", to, sizeof to);
    header_get(message, "Call-ID", call_id, sizeof call_id);
    header_get(message, "CSeq", cseq, sizeof cseq);
    if (invite)
        sdp_write(peer, leg, sdp, sizeof sdp);
    snprintf(answer, sizeof answer,
             "SIP/2.0 200 OK\r\n%sFrom: %s\r\nTo: %s%s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: "
             "<sip:bench@%s:%u>\r\n%s"
             "Content-Length: %zu\r\n\r\n%s",
             vias, from, to, strstr(to, ";tag=") ? "" : ";tag=bench", call_id, cseq, address_text(peer),
             peer->port, *sdp ? "Content-Type: application/sdp\r\n" : "", strlen(sdp), sdp);
    sip_send(peer, answer);
}

static void request_take(struct peer *peer, struct leg *leg, const char *message, const char *call_id)
{
    if (!strncmp(message, "INVITE", 6)) {
        if (!leg) {
            leg = leg_new(peer, false);
            leg->called = true;
            snprintf(leg->call_id, sizeof leg->call_id, "%s", call_id);
            leg_learn_media(leg, peer, message);
        }
        request_answer(peer, leg, message, true);
    } else if (!strncmp(message, "ACK", 3)) {
        if (leg && leg->state == LEG_CALLING)
            leg->state = LEG_UP;
    } else {
        if (leg && !strncmp(message, "BYE", 3))
            leg->state = LEG_OVER;
        request_answer(peer, leg, message, false);
    }
}

/* -- the loop
 * -------------------------------------------------------------------------------------------------------------
 */

static void sip_receive(struct peer *peer)
{
    char message[8192], call_id[128];
    ssize_t n;

    while ((n = recv(peer->sip, message, sizeof message - 1, 0)) > 0) {
        message[n] = '\0';
        peer->totals.sip_messages++;
        header_get(message, "Call-ID", call_id, sizeof call_id);
        struct leg *leg = leg_find(peer, call_id);
        if (strncmp(message, "SIP/2.0 ", 8))
            request_take(peer, leg, message, call_id);
        else if (leg)
            response_take(peer, leg, message);
    }
    for (unsigned i = 0; i < peer->count; i++) { /* lost on the way: once a second again */
        struct leg *leg = peer->legs[i];
        if (!leg->called && (leg->state == LEG_CALLING || leg->state == LEG_ENDING) &&
            now_us() - leg->sent_us > 1000000) {
            leg->sent_us = now_us();
            sip_send(peer, leg->invite);
        }
    }
}

static void rtp_receive(struct peer *peer)
{
    struct epoll_event events[256];
    char packet[2048];
    int n;

    do {
        n = epoll_wait(peer->epoll, events, 256, 0);
        for (int i = 0; i < n; i++)
            while (recv(((struct leg *)events[i].data.ptr)->fd, packet, sizeof packet, 0) > 0)
                peer->totals.rtp_received++;
    } while (n == 256);
}

static void rtp_send(struct peer *peer, struct leg *leg)
{
    uint8_t packet[RTP_BYTES] = {0x80, 0};

    packet[2] = (uint8_t)(leg->sequence >> 8);
    packet[3] = (uint8_t)leg->sequence++;
    for (int i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t)(leg->timestamp >> (24 - 8 * i));
        packet[8 + i] = (uint8_t)(leg->ssrc >> (24 - 8 * i));
    }
    /* 440 Hz has 11 periods in 200 samples: the tone goes on without a click from packet to packet. */
    memcpy(packet + 12, leg->talks ? peer->tone + leg->timestamp % 200 : peer->silence, 160);
    leg->timestamp += 160;
    if (sendto(leg->fd, packet, sizeof packet, 0, (struct sockaddr *)&leg->remote, sizeof leg->remote) > 0)
        peer->totals.rtp_sent++;
}

void peer_run(struct peer *peer, unsigned ms)
{
    uint64_t start = now_us();

    for (unsigned tick = 0; tick < ms / 5; tick++) {
        for (unsigned i = tick % 4; i < peer->count; i += 4) /* a quarter of the legs every 5 ms */
            if (peer->legs[i]->state == LEG_UP && peer->legs[i]->fd >= 0)
                rtp_send(peer, peer->legs[i]);
        do {
            rtp_receive(peer);
            sip_receive(peer);
            usleep(500);
        } while (now_us() < start + (tick + 1) * 5000ull);
    }
}

static unsigned legs_in(const struct peer *peer, enum leg_state state)
{
    unsigned n = 0;

    for (unsigned i = 0; i < peer->count; i++)
        n += peer->legs[i]->state == state;
    return n;
}

bool peer_settle(struct peer *peer, unsigned ms)
{
    for (uint64_t until = now_us() + ms * 1000ull; legs_in(peer, LEG_CALLING) && now_us() < until;) {
        sip_receive(peer);
        usleep(200);
    }
    return legs_in(peer, LEG_UP) == peer->count;
}

/* Forgets the legs that are over; counts them. */
static void legs_sweep(struct peer *peer)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < peer->count; i++) {
        struct leg *leg = peer->legs[i];
        if (leg->state != LEG_OVER && leg->state != LEG_FAILED) {
            peer->legs[kept++] = leg;
            continue;
        }
        if (!leg->called)
            *(leg->state == LEG_OVER ? &peer->totals.calls : &peer->totals.failed) += 1;
        if (leg->fd >= 0)
            close(leg->fd);
        free(leg);
    }
    peer->count = kept;
}

void peer_hang_up(struct peer *peer)
{
    for (unsigned i = 0; i < peer->count; i++)
        if (!peer->legs[i]->called && peer->legs[i]->state == LEG_UP)
            leg_bye(peer, peer->legs[i]);
    for (uint64_t until = now_us() + 5000000; peer->count && now_us() < until; usleep(200)) {
        sip_receive(peer);
        legs_sweep(peer);
    }
}

void peer_cycle(struct peer *peer, const char *number, unsigned count, unsigned window)
{
    unsigned made = 0;

    peer->media = false;
    for (uint64_t until = now_us() + 60000000; (made < count || peer->count) && now_us() < until;
         usleep(200)) {
        while (made < count && peer->count < 2 * window) {
            leg_invite(peer, number, false);
            made++;
        }
        sip_receive(peer);
        for (unsigned i = 0; i < peer->count; i++)
            if (!peer->legs[i]->called && peer->legs[i]->state == LEG_UP)
                leg_bye(peer, peer->legs[i]);
        legs_sweep(peer);
    }
}

struct peer_totals peer_totals(const struct peer *peer)
{
    return peer->totals;
}

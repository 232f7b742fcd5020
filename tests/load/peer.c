/* A bare SIP peer: as little as it takes to set up calls through the server and to talk in them. */
#define _GNU_SOURCE
#include "tests/load/bench.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALLS_ON_THE_WAY 16
#define KEY_MS 50

enum leg_state { LEG_CALLING, LEG_UP, LEG_ENDING, LEG_OVER, LEG_FAILED };

struct leg {
    bool called; /* by the server: the other end of a bridged call */
    enum leg_state state;
    unsigned group;
    enum voice_codec codec;
    bool secure;
    struct media_leg *media; /* NULL: a call for its messages only */
    char call_id[128], number[64], from[256], to[256], contact[256];
    char invite[2048]; /* for retransmission, or the 200 of a called leg */
    unsigned cseq;     /* of our latest request */
    uint64_t sent_us, begun_us, setup_us;
    bool polite; /* refused with Retry-After */
};

struct peer {
    struct sockaddr_in local, server;
    uint16_t port;
    int sip;
    struct media *media;
    bool with_media;
    struct leg **legs;
    unsigned count, room, serial;
    peer_told *told; /* of mailboxes that are watched */
    void *told_arg;
    uint64_t looked_us; /* when legs were last looked through for what was lost */
    struct peer_totals totals;
};

struct peer *peer_new(struct media *media, const struct sockaddr_in *local, uint16_t port,
                      const struct sockaddr_in *server)
{
    struct peer *peer = calloc(1, sizeof *peer);

    if (!peer)
        die("calloc");
    peer->media = media;
    peer->local = *local;
    peer->server = *server;
    peer->port = port;
    peer->sip = udp_socket(local, port, 1 << 22);
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
    const struct voice_facts *facts = &voice_facts[leg->codec];
    char key[128] = "", rtcp[32] = "";

    if (leg->secure)
        snprintf(key, sizeof key, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s\r\n", media_key(leg->media));
    if (leg->media)
        snprintf(rtcp, sizeof rtcp, "a=rtcp:%u\r\n", media_rtcp_port(peer->media));
    snprintf(out, size,
             "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/%s %u\r\n"
             "a=rtpmap:%u %s\r\na=ptime:%u\r\n%s%s",
             address_text(peer), address_text(peer), leg->media ? media_port(leg->media) : 9,
             leg->secure ? "SAVP" : "AVP", facts->pt, facts->pt, facts->rtpmap, PACKET_MS, rtcp, key);
}

/* What is no SDP is a key. */
static const char *body_type(const char *body)
{
    if (!*body)
        return "";
    return strncmp(body, "v=0", 3) == 0 ? "Content-Type: application/sdp\r\n"
                                        : "Content-Type: application/dtmf-relay\r\n";
}

static void request_write(struct peer *peer, struct leg *leg, const char *method, const char *uri,
                          unsigned cseq, const char *body, char *out, size_t size)
{
    snprintf(out, size,
             "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;branch=z9hG4bK%s%s%u;rport\r\nMax-Forwards: 70\r\n"
             "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:bench@%s:%u>\r\n%s"
             "Content-Length: %zu\r\n\r\n%s",
             method, uri, address_text(peer), peer->port, leg->call_id, method, cseq, leg->from, leg->to,
             leg->call_id, cseq, method, address_text(peer), peer->port, body_type(body), strlen(body), body);
}

static struct leg *leg_new(struct peer *peer, unsigned group, enum voice_codec codec, bool secure)
{
    struct leg *leg = calloc(1, sizeof *leg);

    if (peer->count == peer->room) {
        peer->room = peer->room ? 2 * peer->room : 64;
        peer->legs = realloc(peer->legs, peer->room * sizeof *peer->legs);
    }
    if (!leg || !peer->legs)
        die("realloc");
    peer->legs[peer->count++] = leg;
    leg->group = group;
    leg->codec = codec;
    leg->secure = secure;
    if (peer->with_media)
        leg->media = media_open(peer->media, codec, secure);
    return leg;
}

/* The group is the caller's user name, by which the other end of a bridged call finds its own. */
static void leg_invite(struct peer *peer, const char *number, struct leg *leg)
{
    char uri[128], sdp[512];

    snprintf(leg->number, sizeof leg->number, "%s", number);
    snprintf(leg->call_id, sizeof leg->call_id, "bench%u-%lx", peer->serial++, random());
    snprintf(leg->from, sizeof leg->from, "<sip:bench%u@%s>;tag=%lx", leg->group, address_text(peer),
             random());
    snprintf(uri, sizeof uri, "sip:%s@%s:%u", number, inet_ntoa(peer->server.sin_addr),
             ntohs(peer->server.sin_port));
    snprintf(leg->to, sizeof leg->to, "<%s>", uri);
    sdp_write(peer, leg, sdp, sizeof sdp);
    leg->cseq = 1;
    request_write(peer, leg, "INVITE", uri, leg->cseq, sdp, leg->invite, sizeof leg->invite);
    leg->begun_us = leg->sent_us = now_us();
    sip_send(peer, leg->invite);
}

static struct leg *leg_find(struct peer *peer, const char *call_id)
{
    for (unsigned i = peer->count; i-- > 0;)
        if (!strcmp(peer->legs[i]->call_id, call_id))
            return peer->legs[i];
    return NULL;
}

static void leg_media_start(struct leg *leg, const struct peer *peer, const char *message)
{
    const char *media = strstr(message, "\r\nm=audio "), *address = strstr(message, "\r\nc=IN IP4 "),
               *crypto = strstr(message, "AES_CM_128_HMAC_SHA1_80 inline:");
    struct sockaddr_in remote = peer->server;
    char text[64], key[KEY_TEXT] = "";

    if (!leg->media)
        return;
    if (media)
        remote.sin_port = htons((uint16_t)atoi(media + 10));
    if (address) {
        snprintf(text, sizeof text, "%.*s", (int)strcspn(address + 11, "\r"), address + 11);
        inet_pton(AF_INET, text, &remote.sin_addr);
    }
    if (crypto)
        snprintf(key, sizeof key, "%.*s", (int)strcspn(crypto + 31, "|\r "), crypto + 31);
    media_start(leg->media, &remote, key);
}

static void leg_bye(struct peer *peer, struct leg *leg)
{
    char message[2048];

    request_write(peer, leg, "BYE", leg->contact, ++leg->cseq, "", message, sizeof message);
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
        header_get(message, "Retry-After", contact, sizeof contact);
        leg->polite = status == 503 && *contact;
        leg->state = LEG_FAILED;
        peer->totals.last_failure = (unsigned)status;
    } else {
        request_write(peer, leg, "ACK", leg->contact, 1, "", ack, sizeof ack);
        if (leg->state == LEG_CALLING) {
            leg->state = LEG_UP;
            leg->setup_us = now_us() - leg->begun_us;
            leg_media_start(leg, peer, message);
        }
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

static void notify_take(struct peer *peer, const char *message)
{
    const char *account = strstr(message, "Message-Account: sip:"),
               *voice = strstr(message, "Voice-Message: ");
    char mailbox[32];
    int64_t now = wall_us();

    if (!peer->told || !account || !voice)
        return;
    account += strlen("Message-Account: sip:");
    snprintf(mailbox, sizeof mailbox, "%.*s", (int)strcspn(account, "@\r"), account);
    peer->told(peer->told_arg, mailbox, (unsigned)atoi(voice + strlen("Voice-Message: ")), now);
}

static void request_take(struct peer *peer, struct leg *leg, const char *message, const char *call_id)
{
    if (!strncmp(message, "INVITE", 6)) {
        if (!leg) {
            char from[256];
            header_get(message, "From", from, sizeof from);
            const char *user = strstr(from, "sip:bench");
            leg = leg_new(peer, user ? (unsigned)atoi(user + 9) : 0, VOICE_PCMU, false);
            leg->called = true;
            snprintf(leg->call_id, sizeof leg->call_id, "%s", call_id);
            leg_media_start(leg, peer, message);
        }
        request_answer(peer, leg, message, true);
    } else if (!strncmp(message, "ACK", 3)) {
        if (leg && leg->state == LEG_CALLING)
            leg->state = LEG_UP;
    } else {
        if (!strncmp(message, "NOTIFY", 6))
            notify_take(peer, message);
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
    uint64_t now = now_us();
    if (now - peer->looked_us < 100000)
        return;
    peer->looked_us = now;
    for (unsigned i = 0; i < peer->count; i++) { /* lost on the way: once a second again */
        struct leg *leg = peer->legs[i];
        if (!leg->called && (leg->state == LEG_CALLING || leg->state == LEG_ENDING) &&
            now - leg->sent_us > 1000000) {
            leg->sent_us = now;
            sip_send(peer, leg->invite);
        }
    }
}

void peer_run(struct peer *peer, unsigned ms)
{
    for (uint64_t until = now_us() + ms * 1000ull; now_us() < until; usleep(1000))
        sip_receive(peer);
}

struct media_leg *peer_leg(const struct peer *peer, unsigned index, unsigned *group)
{
    if (index >= peer->count)
        return NULL;
    *group = peer->legs[index]->group;
    return peer->legs[index]->media;
}

static unsigned legs_in(const struct peer *peer, enum leg_state state)
{
    unsigned n = 0;

    for (unsigned i = 0; i < peer->count; i++)
        n += peer->legs[i]->state == state;
    return n;
}

void peer_call(struct peer *peer, const char *number, unsigned group, enum voice_codec codec, bool secure)
{
    for (uint64_t until = now_us() + 10000000; legs_in(peer, LEG_CALLING) >= CALLS_ON_THE_WAY;) {
        if (now_us() > until)
            return; /* peer_settle() will tell */
        sip_receive(peer);
        usleep(200);
    }
    peer->with_media = true;
    leg_invite(peer, number, leg_new(peer, group, codec, secure));
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
        if (leg->media)
            media_close(leg->media);
        free(leg);
    }
    peer->count = kept;
}

unsigned peer_storm(struct peer *peer, const char *number, unsigned count, unsigned rate)
{
    uint64_t start = now_us();
    unsigned before = legs_in(peer, LEG_UP);

    peer->with_media = true;
    for (unsigned made = 0; made < count; usleep(200)) {
        while (made < count && made < (now_us() - start) * rate / 1000000) {
            leg_invite(peer, number, leg_new(peer, 0, VOICE_PCMU, false));
            made++;
        }
        sip_receive(peer);
    }
    (void)peer_settle(peer, 30000);
    return legs_in(peer, LEG_UP) - before;
}

void peer_contact(const struct peer *peer, unsigned index, char *user, size_t size)
{
    const char *contact = index < peer->count ? peer->legs[index]->contact : "";

    contact += strncmp(contact, "sip:", 4) == 0 ? 4 : 0;
    snprintf(user, size, "%.*s", (int)strcspn(contact, "@"), contact);
}

void peer_press(struct peer *peer, unsigned index, const char *keys)
{
    char body[64], message[2048];
    struct leg *leg = peer->legs[index];

    for (; *keys; keys++) {
        snprintf(body, sizeof body, "Signal=%c\r\nDuration=100\r\n", *keys);
        request_write(peer, leg, "INFO", leg->contact, ++leg->cseq, body, message, sizeof message);
        sip_send(peer, message);
        peer_run(peer, KEY_MS);
    }
}

void peer_watch(struct peer *peer, const char *mailbox, peer_told *fn, void *arg)
{
    const char *server = inet_ntoa(peer->server.sin_addr);
    unsigned port = ntohs(peer->server.sin_port), serial = peer->serial++;
    char message[1024], to[64];

    peer->told = fn;
    peer->told_arg = arg;
    snprintf(to, sizeof to, "sip:%s@%s:%u", mailbox, server, port);
    const char *us = address_text(peer); /* the same buffer as the server's */
    snprintf(
        message, sizeof message,
        "SUBSCRIBE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;branch=z9hG4bKwatch%u;rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:bench@%s>;tag=%lx\r\nTo: <%s>\r\nCall-ID: watch%u-%lx\r\nCSeq: 1 SUBSCRIBE\r\n"
        "Contact: <sip:bench@%s:%u>\r\nEvent: message-summary\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
        to, us, peer->port, serial, us, random(), to, serial, random(), us, peer->port);
    sip_send(peer, message);
}

void peer_watch_end(struct peer *peer)
{
    peer->told = NULL;
}

bool peer_left_behind(struct peer *peer, unsigned first)
{
    for (uint64_t until = now_us() + 30000000; peer->count > first && now_us() < until; usleep(200)) {
        sip_receive(peer);
        legs_sweep(peer);
    }
    return peer->count <= first;
}

void peer_hang_up_behind(struct peer *peer, unsigned first)
{
    for (unsigned i = first; i < peer->count; i++)
        if (!peer->legs[i]->called && peer->legs[i]->state == LEG_UP)
            leg_bye(peer, peer->legs[i]);
    (void)peer_left_behind(peer, first);
    for (unsigned i = first; i < peer->count; i++) /* who does not answer is forgotten */
        peer->legs[i]->state = LEG_FAILED;
    legs_sweep(peer);
}

void peer_hang_up(struct peer *peer)
{
    peer_hang_up_behind(peer, 0);
    peer->totals.last_failure = 0;
}

void peer_cycle(struct peer *peer, const char *number, unsigned count, unsigned window)
{
    unsigned made = 0;

    peer->with_media = false;
    for (uint64_t until = now_us() + 60000000; (made < count || peer->count) && now_us() < until;
         usleep(200)) {
        while (made < count && peer->count < 2 * window) {
            leg_invite(peer, number, leg_new(peer, made, VOICE_PCMU, false));
            made++;
        }
        sip_receive(peer);
        for (unsigned i = 0; i < peer->count; i++)
            if (!peer->legs[i]->called && peer->legs[i]->state == LEG_UP)
                leg_bye(peer, peer->legs[i]);
        legs_sweep(peer);
    }
}

unsigned peer_hold(struct peer *peer, const char *number, unsigned count)
{
    unsigned made = 0;

    peer->with_media = false;
    for (uint64_t until = now_us() + 60000000;
         (made < count || legs_in(peer, LEG_CALLING)) && now_us() < until; usleep(200)) {
        for (; made < count && legs_in(peer, LEG_CALLING) < CALLS_ON_THE_WAY; made++)
            leg_invite(peer, number, leg_new(peer, made, VOICE_PCMU, false));
        sip_receive(peer);
    }
    return legs_in(peer, LEG_UP);
}

static void load_note(struct load *load, struct leg *leg)
{
    if (leg->setup_us) {
        load->setup_us[load->answered++] = (uint32_t)leg->setup_us;
        leg->setup_us = 0;
    } else if (leg->state == LEG_FAILED) {
        load->refused++;
        load->refused_politely += leg->polite;
    }
}

void peer_load(struct peer *peer, const char *number, struct load *load)
{
    unsigned total = load->rate * load->seconds;
    uint64_t start = now_us(), until = start + load->seconds * 1000000ull;

    peer->with_media = false;
    load->setup_us = calloc(total + 1, sizeof *load->setup_us);
    if (!load->setup_us)
        die("calloc");
    for (uint64_t now = start; (now < until || peer->count) && now < until + 5000000; now = now_us()) {
        while (load->offered < total && now < until && load->offered < (now - start) * load->rate / 1000000) {
            leg_invite(peer, number, leg_new(peer, load->offered, VOICE_PCMU, false));
            load->offered++;
        }
        sip_receive(peer);
        for (unsigned i = 0; i < peer->count; i++) {
            struct leg *leg = peer->legs[i];
            if (leg->called)
                continue;
            load_note(load, leg);
            if (leg->state == LEG_UP)
                leg_bye(peer, leg);
        }
        legs_sweep(peer);
        usleep(100);
    }
    for (unsigned i = 0; i < peer->count; i++) /* what was never answered */
        peer->legs[i]->state = LEG_FAILED;
    legs_sweep(peer);
}

struct peer_totals peer_totals(const struct peer *peer)
{
    return peer->totals;
}

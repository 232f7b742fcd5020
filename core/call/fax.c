/*
 * Fax for an application that has answered: a machine that calls makes itself known by its tone or by an
 * offer of T.38; then the application takes the fax, as it would take a recording.
 */
#include "core/call/internal.h"

#include <errno.h>
#include <string.h>

static void fax_refuse(struct leg *leg)
{
    if (session_reanswer(leg->session, 488, NULL))
        log_event(LEVEL_NOTICE, "call", leg->call->id, "reanswer-failed status=488");
}

static void fax_listen(struct link *link, link_step *fn)
{
    struct media *media = &link->media;

    if (!media->on_fax != !fn)
        link_check(link, "fax", port_listen_fax(link->call->server->mixer, link->call->caller->port, fn));
    media->on_fax = fn;
}

/* An application that was told and takes none after all must not leave an offer without an answer. */
void link_on_fax(struct link *link, link_step *fn)
{
    struct media *media = &link->media;

    if (!link_hosts(link, "fax"))
        return;
    if (!fn && media->t38_asked)
        fax_refuse(link->call->caller);
    media->t38_asked = media->fax_told = false;
    fax_listen(link, fn);
}

/* Once: what the application makes of it is its affair. */
void fax_called(struct link *link)
{
    link_step *fn = link->media.on_fax;

    if (!fn)
        return;
    link_log(link, LEVEL_INFO, "fax-calls");
    fax_listen(link, NULL);
    link->media.fax_told = true;
    fn(link);
}

/* The machine is there: its sound ends, packets begin. Offered once more, they go on. */
static void fax_change(struct link *link, const char *offer)
{
    struct leg *leg = link->call->caller;
    struct image_offer image;
    struct fax_t38 format;
    char sdp[SDP_TEXT];

    if (negotiation_peek_image(offer, &image) || leg_answer_image(leg, offer, sdp)) {
        fax_refuse(leg);
        return;
    }
    format = (struct fax_t38){.version = image.version,
                              .max_datagram = image.max_datagram,
                              .fill_bit_removal = image.fill_bit_removal,
                              .local_tcf = image.local_tcf};
    if (session_reanswer(leg->session, 200, sdp))
        return;
    link->media.t38 = true;
    link_log(link, LEVEL_INFO, "fax-t38 version=%u", image.version);
    link_check(link, "fax",
               port_fax_packets(link->call->server->mixer, leg->port, (const struct sockaddr *)&image.remote,
                                &format));
}

/* Back to sound after T.38: no machine goes on with a page so. What has come is the fax. */
static void fax_leave_packets(struct link *link)
{
    if (link->media.mode == MEDIA_FAX && link->media.t38)
        link_fax_stop(link);
}

/* His tone and his offer may come at one time: the second of them waits with the first. */
bool fax_offered(struct leg *leg, const char *sdp)
{
    struct link *link = leg == leg->call->caller ? leg->call->host : NULL;
    struct image_offer image;

    if (!link)
        return false;
    if (negotiation_peek_image(sdp, &image)) {
        fax_leave_packets(link);
        return false;
    }
    if (link->media.mode != MEDIA_FAX && !link->media.on_fax && !link->media.fax_told)
        return false;
    if (leg->format.srtp != SUITE_NONE) { /* UDPTL would show what RTP hides */
        fax_refuse(leg);
        return true;
    }
    if (link->media.mode == MEDIA_FAX) {
        fax_change(link, sdp);
        return true;
    }
    leg_keep_offer(leg, sdp);
    link->media.t38_asked = true;
    fax_called(link);
    return true;
}

void link_receive_fax(struct link *link, const char *path, const char *ident, const struct fax_most *most,
                      link_faxed *fn)
{
    const struct fax_limits limits = {.pages = most->pages, .bytes = most->bytes};
    struct media *media = &link->media;
    struct call *call = link->call;
    uint32_t serial;

    if (!link_hosts(link, "fax"))
        return;
    fax_listen(link, NULL);
    media_clear(link);
    media->mode = MEDIA_FAX;
    media->fax_told = media->t38 = false;
    media->on_faxed = fn;
    media->hung_up = false;
    serial = ++call->serial;
    int error = port_fax(call->server->mixer, call->caller->port, serial, path, ident, &limits);
    if (error) {
        link_log(link, LEVEL_ERROR, "fax-failed error=\"%s\"", strerror(error));
        media_fail_soon(link);
        return;
    }
    media->serial = serial;
    if (!media->t38_asked)
        return;
    media->t38_asked = false;
    fax_change(link, call->caller->offer);
}

void link_fax_stop(struct link *link)
{
    if (link_hosts(link, "stop") && link->media.mode == MEDIA_FAX && link->media.serial)
        port_fax_stop(link->call->server->mixer, link->call->caller->port);
}

void fax_ended(struct link *link, const struct mixer_event *event)
{
    struct media *media = &link->media;
    link_faxed *fn = media->on_faxed;
    struct call *call = link->call;
    struct faxed result = {.error = EIO};

    if (media->mode != MEDIA_FAX || (event && event->serial != media->serial))
        return;
    if (event) {
        result =
            (struct faxed){.error = event->error, .pages = event->fax.pages, .complete = event->fax.complete};
        memcpy(result.sender, event->fax.sender, sizeof result.sender);
    }
    if (!media->hung_up && event)
        port_fax_stop(call->server->mixer, call->caller->port);
    media->serial = 0;
    media_clear(link);
    link_log(link, LEVEL_INFO, "faxed pages=%u complete=%d error=%d", result.pages, result.complete,
             result.error);
    if (fn)
        fn(link, &result);
    if (call->state == CALL_CLOSING)
        call_finish(call);
}

/* Session timers (RFC 4028): agreed on each leg by itself, refreshed by whoever has to, and fatal when nobody
 * does. */
#include "core/sip/session_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/log.h"

#define EXPIRED_REASON "SIP;cause=408;text=\"Session timer expired\""
#define RETRY_S 10 /* after a refresh that failed without ending the dialog */

static unsigned timer_wanted(const struct session *s)
{
    unsigned wanted = s->agent->settings->session_expires_s;

    return wanted == 0 || wanted >= s->timer.min_se_s ? wanted : s->timer.min_se_s;
}

static unsigned seconds_of(unsigned long delta)
{
    return delta > 86400 ? 86400 : (unsigned)delta;
}

bool timer_read_request(struct session *s, nta_incoming_t *irq, const sip_t *sip)
{
    const sip_session_expires_t *x = sip->sip_session_expires;
    struct session_timer *t = &s->timer;
    bool supported = sip_has_feature(sip->sip_supported, "timer");
    unsigned floor = t->min_se_s, ours = timer_wanted(s), theirs = x ? seconds_of(x->x_delta) : 0;
    char text[32];

    if (x && theirs < t->min_se_s && supported) {
        /* RFC 4028 §6: 422 is for those who know what it means. */
        snprintf(text, sizeof text, "%u", t->min_se_s);
        agent_reply(irq, SIP_422_SESSION_TIMER_TOO_SMALL, SIPTAG_MIN_SE_STR(text), TAG_END());
        return false;
    }
    if (sip->sip_min_se && seconds_of(sip->sip_min_se->min_delta) > floor)
        floor = seconds_of(sip->sip_min_se->min_delta);
    t->asked.theirs = supported;
    t->asked.interval_s = x && (ours == 0 || theirs < ours) ? theirs : ours;
    if (t->asked.interval_s != 0 && t->asked.interval_s < floor)
        t->asked.interval_s = floor;
    /* RFC 4028 §9, table 2: the caller's word stands; where he left it open, we do it ourselves. */
    t->asked.refresher = !(supported && x && x->x_refresher && strcasecmp(x->x_refresher, "uac") == 0);
    return true;
}

void timer_accept_request(struct session *s, char out[64], bool *require)
{
    struct timer_terms *terms = &s->timer.terms;

    *terms = s->timer.asked;
    *out = '\0';
    *require = false;
    /* A far side without timers need not know of ours. */
    if (terms->interval_s == 0 || !terms->theirs)
        return;
    snprintf(out, 64, "%u;refresher=%s", terms->interval_s, terms->refresher ? "uas" : "uac");
    *require = !terms->refresher;
}

void timer_write_request(const struct session *s, bool first, char expires[64], char min_se[32])
{
    const struct session_timer *t = &s->timer;
    unsigned seconds = t->terms.interval_s ? t->terms.interval_s : timer_wanted(s);

    *expires = *min_se = '\0';
    if (seconds == 0)
        return;
    snprintf(min_se, 32, "%u", t->min_se_s);
    if (first)
        snprintf(expires, 64, "%u", seconds < t->min_se_s ? t->min_se_s : seconds);
    else
        /* RFC 4028 §7.4: roles do not change by a refresh; in this request we are the client. */
        snprintf(expires, 64, "%u;refresher=%s", seconds < t->min_se_s ? t->min_se_s : seconds,
                 t->terms.refresher ? "uac" : "uas");
}

void timer_read_response(struct session *s, const sip_t *sip, bool first)
{
    const sip_session_expires_t *x = sip->sip_session_expires;
    struct session_timer *t = &s->timer;

    if (x) {
        t->terms.interval_s = seconds_of(x->x_delta);
        t->terms.theirs = true;
        t->terms.refresher = !(x->x_refresher && strcasecmp(x->x_refresher, "uas") == 0);
    } else if (first) {
        /* RFC 4028 §7.2: it knows no timers; we may refresh all the same, and do, to notice a dead far side.
         */
        t->terms.interval_s = timer_wanted(s);
        t->terms.theirs = false;
        t->terms.refresher = true;
    }
    if (t->terms.interval_s != 0 && t->terms.interval_s < 32)
        t->terms.interval_s = 32;
}

bool timer_read_refusal(struct session *s, const sip_t *sip)
{
    unsigned floor = sip && sip->sip_min_se ? seconds_of(sip->sip_min_se->min_delta) : 0;

    if (floor <= s->timer.min_se_s)
        return false;
    s->timer.min_se_s = floor;
    if (s->timer.terms.interval_s != 0 && s->timer.terms.interval_s < floor)
        s->timer.terms.interval_s = floor;
    return true;
}

static void timer_due(void *arg)
{
    struct session *s = arg;

    if (s->state != SESSION_UP)
        return;
    session_enter(s);
    if (s->timer.terms.refresher && clock_now_us() < s->timer.deadline_us)
        session_refresh(s);
    else
        session_abort(s, 408, "Session timer expired", EXPIRED_REASON);
    session_leave(s);
}

static void timer_set(struct session *s, unsigned seconds)
{
    if (timer_start(s->agent->loop, &s->timer.timer, seconds * 1000, timer_due, s) != 0)
        log_event(LEVEL_ERROR, "sip", s->call_id, "no-memory for=session-timer");
}

void timer_arm(struct session *s)
{
    struct session_timer *t = &s->timer;
    unsigned early = t->terms.interval_s / 3 < 32 ? t->terms.interval_s / 3 : 32;

    timer_stop(&t->timer);
    if (t->terms.interval_s == 0)
        return;
    t->deadline_us = clock_now_us() + (uint64_t)t->terms.interval_s * 1000000;
    /* RFC 4028 §10: refresh at the half; who waits for the other hangs up a little before the end. */
    timer_set(s, t->terms.refresher ? t->terms.interval_s / 2 : t->terms.interval_s - early);
}

void timer_retry(struct session *s)
{
    struct session_timer *t = &s->timer;
    uint64_t now = clock_now_us();
    uint64_t left_s = t->deadline_us > now ? (t->deadline_us - now) / 1000000 + 1 : 0;

    if (t->terms.interval_s != 0 && t->terms.refresher)
        timer_set(s, left_s < RETRY_S ? (unsigned)left_s : RETRY_S);
}

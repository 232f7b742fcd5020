/*
 * Unsolicited message-waiting NOTIFYs, outside any dialog: RFC 3842 knows them not, phones do. They carry
 * "Subscription-State: terminated", because there is no subscription: a phone that takes headers by the
 * letter then waits for no more of this dialog, and "noresource" tells it not to subscribe anew because of it
 * (RFC 6665 §4.1.3).
 */
#include "core/sip/notifier_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"

/* One that is out. */
struct notice {
    struct notice *next;
    struct notices *notices;
    nta_leg_t *leg;
    nta_outgoing_t *orq;
    bool again;        /* the state has changed since … */
    uint64_t since_us; /* … first then */
    char contact[URI_TEXT], mailbox[NUMBER_TEXT];
};

struct notices {
    struct notifier *notifier;
    struct notice *out;
    mailbox_change *again;
    void *arg;
};

int notices_new(struct notices **out, struct notifier *notifier)
{
    struct notices *notices = calloc(1, sizeof *notices);

    if (notices == NULL)
        return ENOMEM;
    notices->notifier = notifier;
    *out = notices;
    return 0;
}

void notices_on_again(struct notices *notices, mailbox_change *again, void *arg)
{
    notices->again = again;
    notices->arg = arg;
}

static void notice_free(struct notice *notice)
{
    struct notice **place = &notice->notices->out;

    while (*place != notice)
        place = &(*place)->next;
    *place = notice->next;
    if (notice->orq)
        nta_outgoing_destroy(notice->orq);
    if (notice->leg)
        nta_leg_destroy(notice->leg);
    free(notice);
}

void notices_free(struct notices *notices)
{
    if (notices == NULL)
        return;
    while (notices->out)
        notice_free(notices->out);
    free(notices);
}

/* Whatever the phone says, there is nothing to do about it; but the next change may go out now. */
static int notice_answered(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
    struct notice *notice = (struct notice *)(void *)magic;
    struct notices *notices = notice->notices;
    int status = sip && sip->sip_status ? sip->sip_status->st_status : nta_outgoing_status(orq);
    char mailbox[NUMBER_TEXT] = "";
    uint64_t since_us = notice->since_us;

    if (status < 200)
        return 0;
    if (status >= 300)
        log_event(LEVEL_DEBUG, "sip", NULL, "mwi-refused contact=%s status=%d", notice->contact, status);
    /* A phone that does not answer at all is not asked again before the next change. */
    if (notice->again && status < 300)
        memcpy(mailbox, notice->mailbox, sizeof mailbox);
    notice_free(notice);
    if (mailbox[0])
        notices->again(notices->arg, mailbox, since_us);
    return 0;
}

/* A leg of its own for each: a Call-ID and tags that no dialog has. */
static int notice_leg(struct notice *notice, struct transport *transport, const struct subscriber *subscriber)
{
    su_home_t *home = su_home_new(sizeof *home);
    struct party party = {0};
    sip_from_t *from = NULL;
    sip_to_t *to = NULL;
    char *text;

    if (home == NULL)
        return ENOMEM;
    snprintf(party.host, sizeof party.host, "%s", notice->notices->notifier->agent->settings->realm);
    snprintf(party.user, sizeof party.user, "%s", subscriber->mailbox);
    text = party_address(home, &party);
    if (text)
        from = sip_from_make(home, text);
    snprintf(party.user, sizeof party.user, "%s", subscriber->number);
    text = party_address(home, &party);
    if (text)
        to = sip_to_make(home, text);
    if (from && to && sip_from_tag(home, from, nta_agent_newtag(home, NULL, transport->nta)) == 0)
        notice->leg = nta_leg_tcreate(transport->nta, NULL, NULL, SIPTAG_FROM(from), SIPTAG_TO(to),
                                      SIPTAG_CALL_ID(sip_call_id_create(home, NULL)), TAG_END());
    su_home_unref(home);
    return notice->leg ? 0 : ENOMEM;
}

void notice_send(struct notices *notices, const struct subscriber *subscriber, const struct binding *binding,
                 const char *body, uint64_t since_us)
{
    struct agent *agent = notices->notifier->agent;
    struct transport *transport;
    struct notice *notice;
    char next_hop[HOST_PORT_TEXT + 24];

    for (notice = notices->out; notice; notice = notice->next) {
        if (strcmp(notice->contact, binding->contact) == 0) {
            notice->again = true;
            if (notice->since_us == 0)
                notice->since_us = since_us;
            return;
        }
    }
    if (next_hop_write(next_hop, sizeof next_hop, &transport, agent, binding->received) != 0)
        return;
    notice = calloc(1, sizeof *notice);
    if (notice == NULL)
        return;
    notice->notices = notices;
    notice->next = notices->out;
    notices->out = notice;
    memcpy(notice->contact, binding->contact, sizeof notice->contact);
    memcpy(notice->mailbox, subscriber->mailbox, sizeof notice->mailbox);
    if (notice_leg(notice, transport, subscriber) == 0)
        /* Through the socket that the REGISTER came from, be it the phone's behind NAT or its proxy's (RFC
         * 3327). */
        notice->orq = nta_outgoing_tcreate(
            notice->leg, notice_answered, (nta_outgoing_magic_t *)(void *)notice, (url_string_t *)next_hop,
            SIP_METHOD_NOTIFY, (url_string_t *)binding->contact,
            TAG_IF(binding->path[0], SIPTAG_ROUTE_STR(binding->path)), SIPTAG_CONTACT(transport->contact),
            SIPTAG_EVENT_STR(mwi_package.name), SIPTAG_SUBSCRIPTION_STATE_STR("terminated;reason=noresource"),
            SIPTAG_USER_AGENT_STR("confab"), SIPTAG_CONTENT_TYPE_STR(mwi_package.type),
            SIPTAG_PAYLOAD_STR(body), TAG_END());
    if (notice->orq == NULL)
        notice_free(notice);
    else
        mwi_told(agent, &since_us);
}

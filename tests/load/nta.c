/*
 * What a call costs when nothing but Sofia's nta answers it: a child process that takes INVITE, ACK and BYE,
 * says 180 and 200, keeps a dialog, and does nothing else. A B2BUA has two such legs for each call.
 */
#define NTA_LEG_MAGIC_T struct dialog
#define NTA_INCOMING_MAGIC_T struct dialog
#include <sofia-sip/nta.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_wait.h>

#include "tests/load/bench.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CYCLES 1000
#define WINDOW 20

struct dialog {
    nta_leg_t *leg;
    nta_incoming_t *invite;
};

static nta_agent_t *agent;
static const char *const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                               "m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n";

static int in_dialog(struct dialog *dialog, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    (void)leg;
    nta_incoming_treply(irq, SIP_200_OK, TAG_END());
    nta_incoming_destroy(irq);
    if (sip->sip_request->rq_method == sip_method_bye) {
        nta_leg_destroy(dialog->leg);
        free(dialog);
    }
    return 0;
}

/* The ACK, or that none came. */
static int acknowledged(struct dialog *dialog, nta_incoming_t *irq, const sip_t *sip)
{
    (void)sip;
    nta_incoming_destroy(irq);
    dialog->invite = NULL;
    return 0;
}

static int out_of_dialog(struct dialog *none, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
    (void)none;
    (void)leg;
    if (sip->sip_request->rq_method != sip_method_invite) {
        nta_incoming_destroy(irq);
        return 0;
    }
    struct dialog *dialog = calloc(1, sizeof *dialog);
    su_home_t home[1] = {SU_HOME_INIT(home)};
    sip_to_t *to = sip_to_dup(home, sip->sip_to);
    if (!dialog || !to)
        _exit(1);
    sip_to_tag(home, to, nta_incoming_tag(irq, NULL));
    dialog->leg = nta_leg_tcreate(agent, in_dialog, dialog, SIPTAG_CALL_ID(sip->sip_call_id), SIPTAG_FROM(to),
                                  SIPTAG_TO(sip->sip_from), TAG_END());
    nta_leg_server_route(dialog->leg, sip->sip_record_route, sip->sip_contact);
    su_home_deinit(home);
    dialog->invite = irq;
    nta_incoming_bind(irq, acknowledged, dialog);
    nta_incoming_treply(irq, SIP_180_RINGING, SIPTAG_CONTACT(nta_agent_contact(agent)), TAG_END());
    nta_incoming_treply(irq, SIP_200_OK, SIPTAG_CONTACT(nta_agent_contact(agent)),
                        SIPTAG_CONTENT_TYPE_STR("application/sdp"), SIPTAG_PAYLOAD_STR(sdp), TAG_END());
    return 0;
}

__attribute__((noreturn)) static void serve(const struct sockaddr_in *at)
{
    char url[64];

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    su_init();
    su_root_t *root = su_root_create(NULL);
    snprintf(url, sizeof url, "sip:%s:%u;transport=udp", inet_ntoa(at->sin_addr), ntohs(at->sin_port));
    agent = nta_agent_create(root, (url_string_t *)url, NULL, NULL, NTATAG_UA(1), NTATAG_UDP_MTU(65535),
                             TAG_END());
    if (!agent || !nta_leg_tcreate(agent, out_of_dialog, NULL, NTATAG_NO_DIALOG(1), TAG_END()))
        _exit(1);
    su_root_run(root);
    _exit(0);
}

double floor_nta(struct media *media, const struct sockaddr_in *local, uint16_t port)
{
    struct sockaddr_in at = *local;

    at.sin_port = htons((uint16_t)(port + 1));
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0)
        serve(&at);
    usleep(500000);
    struct peer *peer = peer_new(media, local, (uint16_t)(port + 2), &at);
    peer_cycle(peer, "88", 50, WINDOW);
    unsigned before = peer_totals(peer).calls;
    uint64_t cpu = process_cpu(pid);
    peer_cycle(peer, "88", CYCLES, WINDOW);
    unsigned calls = peer_totals(peer).calls - before;
    double us = calls ? (double)(process_cpu(pid) - cpu) / calls : 0;
    if (calls != CYCLES)
        fprintf(stderr, "bench: the bare nta took %u of %u calls\n", calls, CYCLES);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return us;
}

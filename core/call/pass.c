/*
 * REFERs that are not carried out here but passed on to the other leg's far side, where the settings say so:
 * then it dials the target itself. What it tells of it goes back.
 */
#include "core/call/internal.h"

#include <stdio.h>
#include <string.h>

/* A peer knows its own numbers; a phone dials by us. */
static int pass_uri(char *out, size_t size, const struct leg *other, const char *number)
{
    const struct settings *settings = other->call->settings;
    const struct peer_settings *peer;
    struct identity identity;
    char own[URI_TEXT];

    leg_identity(other, &identity);
    peer = *identity.peer ? settings_peer_named(settings, identity.peer) : NULL;
    if (peer && peer->uri)
        return peer_target_uri(out, size, peer->uri, number);
    session_own_uri(other->session, own, sizeof own);
    return peer_target_uri(out, size, own, number);
}

/*
 * The dialog that is named is one of ours with the transferor; who is sent there must be told the one that we
 * have on its far side. Only a peer that has both can do anything with it.
 */
static bool pass_name(char *out, size_t size, const struct leg *other, const struct leg *named)
{
    const struct call *call = named->call;
    const struct leg *far = named == call->caller ? call->callee : call->caller;
    struct identity one, two;
    const char *own, *theirs;

    if (call->state != CALL_BRIDGED || !far || !far->session || call == other->call)
        return false;
    leg_identity(other, &one);
    leg_identity(far, &two);
    if (!*one.peer || strcmp(one.peer, two.peer) != 0)
        return false;
    session_tags(far->session, &own, &theirs);
    return snprintf(out, size, "%s;to-tag=%s;from-tag=%s", session_call_id(far->session), theirs, own) <
           (int)size;
}

bool pass_referral(struct leg *leg, const struct referral *referral, const struct leg *named)
{
    struct call *call = leg->call;
    struct leg *other = leg == call->caller ? call->callee : call->caller;
    const char *replaces = referral->attended ? referral->replaces_text : NULL;
    char uri[URI_TEXT], name[REFER_TEXT];
    struct identity identity;
    struct refer *refer;

    if (strcmp(call->settings->refer, "pass") != 0 || other->passing || !session_refers(other->session) ||
        pass_uri(uri, sizeof uri, other, referral->target.user))
        return false;
    if (named) {
        if (!pass_name(name, sizeof name, other, named))
            return false;
        replaces = name;
    }
    if (session_accept_referral(leg->session, &refer)) {
        session_refuse_referral(leg->session, 500);
        return true;
    }
    leg_identity(leg, &identity);
    call_trace(call, NULL, "refer-passed", "by=%s to=%s", identity.party.user, uri);
    log_event(LEVEL_INFO, "call", call->id, "refer-passed by=%s to=%s", identity.party.user, uri);
    other->passing = refer;
    if (session_refer(other->session, uri, replaces, &identity.party))
        pass_told(other, 500);
    return true;
}

void pass_told(void *owner, int status)
{
    struct leg *leg = owner;
    struct refer *refer = leg->passing;

    if (!refer)
        return;
    if (status >= 200)
        leg->passing = NULL;
    refer_tell(refer, status);
}

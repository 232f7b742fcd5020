"""What scenarios of transfers share: REFER with its NOTIFYs, and dialogs as Replaces and Join name them."""
import urllib.parse

from harness import Scenario
from message import user_of


def tag_of(value):
    return value.partition(";tag=")[2].partition(";")[0]


def own_name(call, early_only=False):
    """The dialog of `call` as its phone tells it to others (RFC 3891 section 6.1): to-tag is the far side's."""
    return "%s;to-tag=%s;from-tag=%s%s" % (call.call_id, tag_of(call.to_value), tag_of(call.from_value),
                                           ";early-only" if early_only else "")


def refer_to(phone, number, replaces=None):
    uri = phone.uri(number)
    return "<%s%s>" % (uri, "?Replaces=" + urllib.parse.quote(replaces, safe="") if replaces else "")


def refer(call, number, replaces=None, headers=(), expect=202):
    """A REFER in the dialog of `call`."""
    own = ("Referred-By", "<sip:%s@%s>" % (call.phone.user, call.phone.domain))
    response = call.request("REFER", [("Refer-To", refer_to(call.phone, number, replaces)), own] + list(headers))
    assert response.status == expect, response.start
    return response


def notify_status(notify):
    return int(notify.body.split()[1])


def told(phone, event="refer"):
    """The statuses of the NOTIFYs that come, the last one ending the subscription."""
    statuses = []
    while True:
        notify = phone.wait_notify()
        if not notify.get("Event").startswith("refer"):
            continue  # of its mailbox
        assert "message/sipfrag" in notify.get("Content-Type"), notify
        assert notify.get("Event") == event, notify.get("Event")
        statuses.append(notify_status(notify))
        if notify.get("Subscription-State").startswith("terminated"):
            assert "noresource" in notify.get("Subscription-State")
            return statuses
        assert statuses[-1] < 200, statuses


def referrer(call):
    return user_of(call.invitation.get("Referred-By", "<sip:nobody@nowhere>"))


class PartiesCase(Scenario):
    """Three phones, and no mailbox that would take a call from them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("update subscriber set mailbox = null")

    def setUp(self):
        super().setUp()
        self.ada, self.bo, self.cy = (self.phone(n, registered=True) for n in ("1001", "1002", "1003"))

    def meet(self, caller=None, callee=None, tone=440, other_tone=550):
        """A call of two, ada's to bo unless told: both sides of it."""
        caller, callee = caller or self.ada, callee or self.bo
        call = caller.invite(callee.user, tone=tone)
        other = callee.wait_call()
        other.answer(tone=other_tone)
        call.wait_answered()
        other.wait_request("ACK")
        return call, other

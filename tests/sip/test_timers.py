"""Session timers (RFC 4028) as they are agreed on, on each leg by itself; and what ends because somebody keeps silent."""
import unittest

from harness import SLOW, Scenario

TIMER = [("Supported", "timer")]


class TestTimers(Scenario):
    def up(self, headers):
        caller, callee = self.phone("1001", registered=True), self.phone("1002", registered=True)
        call = caller.invite("1002", headers=headers)
        other = callee.wait_call()
        other.answer()
        return call.wait_answered(), other

    def end(self, call, other):
        call.hangup()
        other.wait_ended()
        self.server.wait_nothing_left()

    def test_the_caller_chooses_who_refreshes(self):
        """RFC 4028 section 9, table 2; the other leg has terms of its own."""
        for refresher, required in (("uac", True), ("uas", False)):
            call, other = self.up(TIMER + [("Session-Expires", "600;refresher=" + refresher)])
            answer = call.responses[-1]
            self.assertEqual(answer.get("Session-Expires"), "600;refresher=" + refresher)
            self.assertEqual("timer" in answer.all("Require"), required)
            self.assertEqual(other.invitation.get("Session-Expires"), "1800")
            self.end(call, other)

    def test_who_knows_no_timers_hears_of_none(self):
        call, other = self.up(())
        self.assertIsNone(call.responses[-1].get("Session-Expires"))
        self.assertIn("timer", other.invitation.all("Supported"))
        self.end(call, other)

    def test_a_refresh_by_update_and_by_a_new_invite(self):
        call, other = self.up(TIMER + [("Session-Expires", "600;refresher=uac")])
        refresh = TIMER + [("Session-Expires", "600;refresher=uac")]
        self.assertEqual(call.request("UPDATE", refresh).get("Session-Expires"), "600;refresher=uac")
        self.assertEqual(call.reinvite(body=call._invite.body).status, 200)
        self.assertFalse([r for r in other.requests if r.method in ("INVITE", "UPDATE")])
        self.end(call, other)

    def test_422_to_the_caller_and_from_the_callee(self):
        """RFC 4028 sections 6 and 7.3: again, with what was asked for at least."""
        caller, callee = self.phone("1001", registered=True), self.phone("1002", registered=True)
        refused = caller.invite("1002", headers=TIMER + [("Session-Expires", "60")])
        self.assertEqual(refused.wait_ended().status, 422)
        self.assertEqual(refused.end.get("Min-SE"), "90")
        call = caller.invite("1002")
        other = callee.wait_call()
        other.reject(422, [("Min-SE", "3000")])
        again = other.wait_request("INVITE")
        self.assertEqual((again.get("Min-SE"), again.get("Session-Expires")), ("3000", "3000"))
        self.assertGreater(again.cseq[0], other.invitation.cseq[0])
        call.wait_answered()
        call.hangup()
        other.wait_request("BYE")
        self.server.wait_nothing_left()

    def test_what_is_not_refreshed_or_acknowledged_ends(self):
        """Side by side, as each takes its half of a minute: RFC 4028 sections 7.2 and 10, RFC 3261 section 13.3.1.4."""
        users = iter(range(1001, 1007))
        call, other = [], []
        for terms in ("32;refresher=uas", "32;refresher=uac", ""):
            caller, callee = (self.phone(str(next(users)), registered=True) for _ in range(2))
            call.append(caller.invite(callee.user))
            other.append(callee.wait_call())
            if not terms:
                call[-1]._ack = lambda *_: None
            other[-1].answer(headers=[("Session-Expires", terms), ("Require", "timer")] if terms else ())
            call[-1].wait_answered()
        # The callee was to refresh and does not; we are to, and do; the caller never says ACK.
        for side in (call[0], other[0]):
            self.assertIn("cause=408", side.wait_request("BYE", 40 * SLOW).get("Reason", ""))
        self.assertIn("refresher=uac", other[1].wait_request("UPDATE").get("Session-Expires"))
        for side in (call[2], other[2]):
            self.assertIn("cause=408", side.wait_request("BYE", 40 * SLOW).get("Reason", ""))
        self.assertFalse(call[1].ended or other[1].ended)
        self.end(call[1], other[1])


if __name__ == "__main__":
    unittest.main()

"""The service path: which links a call is led through and when, what follows when one fails, and where loops end."""
import re
import socket
import threading
import unittest

from harness import PLAN, Scenario, until
from message import user_of
from phone import Phone

PLAN_PATH = PLAN + """
number "0112" { application = "peer" argument = "sos" }
number "08."  { application = "peer" argument = "sos" }
"""
PEERS_PATH = """
peer "pbx" { address = {"127.0.0.2"} }
peer "sos" { address = {"127.0.0.9"} uri = "sip:127.0.0.9:%d;transport=udp" }
"""


def tag(name, keys):
    return 'link "%s" { application = "tag" argument = "%s=yes" %s }\n' % (name, name, keys)


class FixedPhone(Phone):
    """A phone at a port that the configuration names."""

    def __init__(self, server, fixed_port, local):
        self.fixed_port = fixed_port
        super().__init__(server, "sos", local=local)

    def _open(self):
        self.socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.socket.bind((self.local, self.fixed_port))
        self.local_port = self.fixed_port
        threading.Thread(target=self._datagrams, daemon=True).start()


class PathScenario(Scenario):
    def setUp(self):
        super().setUp()
        self.mark = self.server.mark()
        self.callers = {}

    def tags(self, mark=None):
        """The links that saw a call, in their order."""
        log = self.server.log_since(self.mark if mark is None else mark)
        return re.findall(r" tagged (\w+[\w-]*)=", log)

    def dial(self, number="1006", caller="1001"):
        """A call to somebody who is not there; its final status."""
        if caller not in self.callers:
            self.callers[caller] = self.phone(caller, registered=True)
        return self.callers[caller].invite(number).wait_ended().status


class TestPath(PathScenario):
    LINKS = (tag("late", "region = \"terminating\" order = 9000") + tag("early", "region = \"terminating\" order = 5")
             + tag("all", "region = \"neutral\"") + tag("mine", "region = \"originating\"")
             + tag("few", "region = \"terminating\" callers = {\"1002\"} numbers = {\"1007\"}")
             + tag("always", "region = \"neutral\" order = 2000 when = \"sun-sat 00:00-24:00\"")
             + tag("never", "region = \"neutral\" when = \"2001-01-01\"")
             + tag("owned", "region = \"terminating\" service = \"crm\""))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql("update subscriber set mailbox = null where number between '1006' and '1010'")

    def test_links_come_in_the_order_of_regions_and_numbers(self):
        self.assertEqual(self.dial(), 480)
        self.assertEqual(self.tags(), ["all", "always", "mine", "early", "late"])

    def test_guards_look_at_caller_and_number(self):
        self.dial("1007", "1002")
        self.assertIn("few", self.tags())
        self.mark = self.server.mark()
        self.dial("1007", "1001")
        self.assertNotIn("few", self.tags())

    def test_service_of_the_callee_brings_a_link_in(self):
        self.server.psql("insert into service (subscriber, name) values ('1008', 'crm')")
        self.dial("1008")
        self.assertIn("owned", self.tags())
        self.server.psql("update service set enabled = false where subscriber = '1008'")
        self.mark = self.server.mark()
        self.dial("1008")
        self.assertNotIn("owned", self.tags())

    def test_room_is_no_callee(self):
        call = self.phone("1001", registered=True).invite("9196").wait_answered()
        self.assertEqual(self.tags(), ["all", "always", "mine"])
        call.hangup()

    def test_stranger_has_no_originating_links(self):
        self.assertEqual(self.pbx().invite("1006").wait_ended().status, 480)
        self.assertEqual(self.tags(), ["all", "always", "early", "late"])

    def test_unknown_number_is_404_after_the_links(self):
        self.assertEqual(self.dial("1234567"), 404)
        self.assertEqual(self.tags(), ["all", "always", "mine"])

    # -- loops ---------------------------------------------------------------------------------------------------------

    def test_two_who_forward_to_each_other_end_as_a_loop(self):
        caller = self.phone("1001", registered=True)
        one, two = self.phone("1006", registered=True), self.phone("1007", registered=True)
        call = caller.invite("1006")
        one.wait_call().reject(302, [("Contact", "<sip:1007@confab>")])
        two.wait_call().reject(302, [("Contact", "<sip:1006@confab>")])
        self.assertEqual(call.wait_ended().status, 482)
        # Who is forwarded to is the callee of his own links, and who forwards is the caller of his.
        self.assertEqual(self.tags(), ["all", "always", "mine", "early", "late", "mine", "early", "late"])

    def test_each_hop_inside_counts_for_max_forwards(self):
        caller, one, two = (self.phone(n, registered=True) for n in ("1001", "1006", "1007"))
        call = caller.invite("1006", headers=[("Max-Forwards", "3")])
        one.wait_call().reject(302, [("Contact", "<sip:1007@confab>")])
        other = two.wait_call()
        self.assertEqual(other.invitation.get("Max-Forwards"), "1")
        self.assertIn("1006", other.invitation.get("Diversion"))
        other.reject(302, [("Contact", "<sip:1008@confab>")])
        self.assertEqual(call.wait_ended().status, 480)  # nobody is registered there
        call = caller.invite("1006", headers=[("Max-Forwards", "1")])
        one.wait_call().reject(302, [("Contact", "<sip:1007@confab>")])
        self.assertEqual(call.wait_ended().status, 483)

    def test_long_way_round_ends_where_it_has_been(self):
        phones = {str(n): self.phone(str(n), registered=True) for n in range(1001, 1011)}
        call = phones["1001"].invite("1002")
        for n in range(1002, 1010):
            other = phones[str(n)].wait_call()
            other.reject(302, [("Contact", "<sip:%d@confab>" % (n + 1))])
        last = phones["1010"].wait_call()
        self.assertIn("1009", last.invitation.get("Diversion"))
        last.reject(302, [("Contact", "<sip:1001@confab>")])
        other = phones["1001"].wait_call()
        other.reject(302, [("Contact", "<sip:1005@confab>")])
        self.assertEqual(call.wait_ended().status, 482)

    # -- frozen ----------------------------------------------------------------------------------------------------------

    def test_reload_is_for_new_calls(self):
        """A call that rings keeps its path, also the links which its failure comes back to."""
        caller, callee = self.phone("1001", registered=True), self.phone("1006", registered=True)
        call = caller.invite("1006")
        other = callee.wait_call()
        other.ring()
        call.wait_status(180)
        links = 'link "late" { application = "tag" argument = "new=yes" }\n'
        self.addCleanup(self.restore)
        self.server.configure(self.SETTINGS, self.PLAN, self.PEERS, links)
        self.server.reload()
        mark = self.server.mark()
        other.reject(302, [("Contact", "<sip:1007@confab>")])
        self.assertEqual(call.wait_ended().status, 480)
        self.assertEqual(self.tags(mark), ["mine", "early", "late"])
        mark = self.server.mark()
        self.dial("1007")
        self.assertEqual(self.tags(mark), ["new"])

    def restore(self):
        self.server.configure(self.SETTINGS, self.PLAN, self.PEERS, self.LINKS)
        self.server.reload()

    def test_faults_of_links_are_told(self):
        self.addCleanup(self.restore)
        self.server.configure(links='link "x" { application = "nonsense" }\nlink "y" { application = "tag" on_fail = "fallback user" }\n')
        told = self.server.command("--check").stderr
        self.assertIn('link "x": there is no application "nonsense"', told)
        self.assertIn('link "y": there is no application "user"', told)


class TestContract(PathScenario):
    """test { } makes events of a link fail, or never come to a decision."""
    SETTINGS = """
test { fail = {"broken/invited", "guard/invited", "sos-guard/invited", "spare/invited"} hang = {"slow/invited"} }
"""
    LINKS = ('emergency = {"0112"}\n' + tag("broken", 'numbers = {"1006"} breaker_failures = 3 breaker_pause = 2')
             + tag("guard", 'numbers = {"1007"} on_fail = "reject 403" breaker_failures = 0')
             + tag("slow", 'numbers = {"1008"} deadline = 300')
             + tag("spare", 'numbers = {"1009"} on_fail = "fallback tag stand-in=yes"')
             + tag("sos-guard", 'region = "neutral" numbers = {"0112"} mandatory = true on_fail = "reject 403"')
             + tag("optional", 'region = "originating"'))
    PLAN = PLAN_PATH

    @classmethod
    def setUpClass(cls):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.9", 0))
            cls.sos_port = free.getsockname()[1]
        cls.PEERS = PEERS_PATH % cls.sos_port
        super().setUpClass()
        cls.server.psql("update subscriber set mailbox = null where number between '1006' and '1010'")

    def sos(self):
        phone = FixedPhone(self.server.address, self.sos_port, "127.0.0.9")
        self.addCleanup(phone.close)
        return phone

    def test_failed_link_is_passed_over_or_refuses(self):
        self.assertEqual(self.dial("1007"), 403)
        callee = self.phone("1009", registered=True)
        call = self.phone("1001", registered=True).invite("1009")
        callee.wait_call().answer()
        call.wait_answered().hangup()
        self.assertIn("stand-in", self.tags())  # the fallback took the place

    def test_link_that_never_decides_is_left_at_its_deadline(self):
        callee = self.phone("1008", registered=True)
        call = self.phone("1001", registered=True).invite("1008")
        callee.wait_call().answer()
        call.wait_answered().hangup()
        self.assertIn('why="no decision before the deadline"', self.server.log_since(self.mark))

    def test_breaker_opens_and_tries_again(self):
        def failures():
            mark = self.server.mark()
            self.assertEqual(self.dial("1006"), 480)
            return self.server.log_since(mark).count("failed link=broken")
        self.assertEqual([failures() for _ in range(3)], [1, 1, 1])
        self.server.wait_log("breaker-open link=broken", mark=self.mark)
        self.assertEqual(failures(), 0)
        until(failures, 10, "a trial after the pause")
        self.assertEqual(failures(), 0)

    def test_emergency_call_goes_out_whatever_fails(self):
        sos = self.sos()
        call = self.phone("1001", registered=True).invite("0112")
        other = sos.wait_call()
        self.assertEqual(user_of(other.invitation.uri), "0112")
        other.answer()
        call.wait_answered().hangup()
        self.assertEqual(self.tags(), [])  # the optional link did not see it, the mandatory one failed
        self.mark = self.server.mark()
        call = self.phone("1002", registered=True).invite("0812")
        sos.wait_call().reject(486)
        call.wait_ended()
        self.assertEqual(self.tags(), ["optional"])

if __name__ == "__main__":
    unittest.main()

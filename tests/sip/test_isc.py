"""SIP application servers in the path: a real Kamailio in the middle of the chain, and servers that fail."""
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness import PLAN, Scenario, until
from phone import Phone

KAMAILIO = r"""#!KAMAILIO
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:%s:5080
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
request_route {
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) { if (loose_route() || is_method("ACK")) t_relay(); else sl_send_reply("404", "Not here"); exit; }
    record_route();
    loose_route();
    if ($rU == "1008") { sl_send_reply("403", "Barred"); exit; }
    if ($rU == "1007") { append_to_reply("Contact: <sip:1003@confab>\r\n"); sl_send_reply("302", "Moved"); exit; }
    if ($rU == "1009" || $rU == "6003") $rU = "1003";
    t_relay();
}
"""
SERVER = "127.0.0.77"


class Kamailio:
    def __init__(self, address):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="confab-kamailio-"))
        (self.folder / "kamailio.cfg").write_text(KAMAILIO % address)
        self.output = open(self.folder / "output", "wb")
        self.process = subprocess.Popen(
            ["kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-f", str(self.folder / "kamailio.cfg"), "-P",
             str(self.folder / "pid"), "-Y", str(self.folder), "-w", str(self.folder)],
            stdout=self.output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        with Phone(address, "probe", port=5080) as probe:
            until(lambda: self._answers(probe), 15, "kamailio")

    def _answers(self, probe):
        assert self.process.poll() is None, (self.folder / "output").read_text(errors="replace")
        try:
            return probe.exchange(probe.build("OPTIONS", "sip:1008@confab"), timeout=0.4)
        except AssertionError:
            return None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@unittest.skipUnless(shutil.which("kamailio"), "kamailio is needed")
class TestKamailio(Scenario):
    LINKS = """
link "first" { application = "tag" argument = "first=1" region = "neutral" order = 1 }
link "server" { application = "sip:%s:5080" region = "terminating" order = 10 }
""" % SERVER
    PLAN = PLAN + 'number "60XX" { application = "isc" argument = "sip:%s:5080" }\n' % SERVER

    @classmethod
    def setUpClass(cls):
        cls.kamailio = Kamailio(SERVER)
        cls.addClassCleanup(cls.kamailio.stop)
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.ada, self.bo = self.phone("1001", registered=True), self.phone("1002", registered=True)

    def test_goes_there_and_on_to_the_callee(self):
        mark = self.server.mark()
        call = self.ada.invite("1002", tone=440)
        other = self.bo.wait_call()
        self.assertEqual(other.caller, "1001")
        other.ring()
        call.wait_status(180)
        other.answer(tone=550)
        self.assertTrue(call.wait_answered().hears(550))
        self.assertTrue(other.hears(440))
        call.hold()
        call.resume()
        self.assertTrue(other.hears(440))
        other.hangup()
        call.wait_ended()
        log = self.server.log_since(mark)
        self.assertEqual(log.count(" returned call="), 1)
        # What stands above the server is not asked again.
        self.assertEqual(log.count("trace link=first event=invited"), 1)

    def test_who_sent_it_on_is_told_below(self):
        history = "<sip:9001@pbx>;index=1, <sip:9002@pbx?Privacy=history;cause=302>;index=1.1;mp=1"
        for privacy, told in ((), "<sip:9001@pbx>"), ([("Privacy", "history")], "<sip:anonymous@anonymous.invalid>"):
            call = self.pbx().invite("1002", headers=[("History-Info", history), *privacy])
            other = self.bo.wait_call()
            came = ", ".join(other.invitation.all("History-Info"))
            self.assertTrue(came.startswith(told + ";index=1, <sip:anonymous@anonymous.invalid>;index=1.1;mp=1, "), came)
            call.cancel()
            call.wait_ended()
            other.wait_ended()

    def test_a_caller_who_gives_up(self):
        call = self.ada.invite("1002")
        other = self.bo.wait_call()
        other.ring()
        call.wait_status(180)
        call.cancel()
        self.assertEqual(call.wait_ended().status, 487)
        self.assertEqual(other.wait_ended().method, "CANCEL")

    def test_sends_the_call_to_another_number(self):
        cy = self.phone("1003", registered=True)
        call = self.ada.invite("1009")
        other = cy.wait_call()
        other.answer(tone=660)
        self.assertTrue(call.wait_answered().hears(660))
        call.hangup()
        other.wait_ended()

    def test_refuses_by_itself(self):
        self.assertEqual(self.ada.invite("1008").wait_ended().status, 403)

    def test_a_redirection_is_the_callers_to_follow(self):
        response = self.ada.invite("1007").wait_ended()
        self.assertEqual((response.status, response.get("Contact")), (302, "<sip:1003@confab>"))

    def test_of_the_number_plan_leads_the_call_on(self):
        cy = self.phone("1003", registered=True)
        call = self.ada.invite("6003", tone=440)
        other = cy.wait_call()
        self.assertEqual(other.caller, "1001")
        other.answer(tone=660)
        self.assertTrue(call.wait_answered().hears(660) and other.hears(440))
        call.hangup()
        other.wait_ended()

    def test_of_the_number_plan_that_changes_nothing_is_no_loop(self):
        self.assertEqual(self.ada.invite("6004").wait_ended().status, 482)

    def test_the_callees_services_stand_below(self):
        call = self.ada.invite("1002")
        self.bo.wait_call().reject(486)
        call.wait_answered()  # voicemail
        call.hangup()

    def test_a_stranger_has_no_use_of_the_route(self):
        stranger = self.phone("1001", password="wrong")
        call = stranger.invite("1002", headers=[("Route", "<sip:%s@%s;lr>" % ("a" * 32, self.server.address))])
        self.assertIn(call.wait_ended().status, (403, 407))


def link(number, contract):
    return """link "server-%s" { application = "sip:127.0.0.78:5080" region = "terminating" order = 10 deadline = 700
                                 numbers = {"%s"} %s breaker_failures = 0 }\n""" % (number, number, contract)


class TestAway(Scenario):
    """Nobody listens there, or who listens says nothing."""
    LINKS = (link("1002", 'on_fail = "continue"') + link("1003", 'on_fail = "reject 480"')
             + link("1004", 'on_fail = "fallback echo"'))

    def test_the_call_goes_on_without_it(self):
        ada, bo = self.phone("1001", registered=True), self.phone("1002", registered=True)
        for silent in (False, True):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
                if silent:
                    hole.bind(("127.0.0.78", 5080))
                call = ada.invite("1002")
                other = bo.wait_call()
                other.answer(tone=550)
                self.assertTrue(call.wait_answered().hears(550))
                call.hangup()
                other.wait_ended()

    def test_the_contract_refuses_the_call(self):
        ada = self.phone("1001", registered=True)
        self.phone("1003", registered=True)
        self.assertEqual(ada.invite("1003").wait_ended().status, 480)

    def test_another_application_takes_its_place(self):
        ada = self.phone("1001", registered=True)
        self.phone("1004", registered=True)
        call = ada.invite("1004", tone=440)
        self.assertTrue(call.wait_answered().hears(440))
        call.hangup()
        call.wait_ended()


class TestFrozen(Scenario):
    """The server is a phone here, which takes its time."""

    LINK = 'link "server" { application = "sip:127.0.0.79:%d" region = "terminating" order = 10 deadline = 60000 }\n'

    def test_path_below_is_the_one_that_the_call_went_out_with(self):
        self.server.psql("update subscriber set mailbox = null where number = '1002'")
        ada, bo = self.phone("1001", registered=True), self.phone("1002", registered=True)
        with Phone(self.server.address, "1001", local="127.0.0.79") as server:
            self.server.configure(links=self.LINK % server.local_port
                                  + 'link "stays" { application = "tag" argument = "stays=1" order = 20 }\n')
            self.server.reload()
            call = ada.invite("1002")
            there = server.wait_call()
            route = there.invitation.all("Route")[-1]
            # Meanwhile the callee wants no calls, and the settings bar them.
            self.server.psql("insert into service (subscriber, name) values ('1002', 'dnd')")
            self.server.configure(links='link "stays" { application = "announcement" order = 20 enabled = false }\n'
                                  'link "bar" { application = "http://127.0.0.1:1/" order = 5 on_fail = "reject 403" }\n')
            self.server.reload()
            mark = self.server.mark()
            back = server.invite("1002", headers=[("Route", route)])
            other = bo.wait_call()
            self.assertIn("path links=stays", self.server.log_since(mark))
            other.answer()
            back.wait_answered()
            there.answer()
            call.wait_answered().hangup()
            there.wait_ended()
            back.hangup()
            other.wait_ended()
            # A call of now sees what is said now.
            self.assertEqual(ada.invite("1002").wait_ended().status, 403)


if __name__ == "__main__":
    unittest.main()

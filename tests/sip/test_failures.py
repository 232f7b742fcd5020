"""The matrix of failures, generated: every application of the path × every event × every contract, with real calls.

test { fail = … } makes one event of one link fail without asking the application, hang = … leaves it without a decision. Each cell
has a number of its own, whose link fails in one way; all calls of a batch run side by side.
"""
import itertools
import re
import time
import unittest

from harness import PLAN, SLOW, SOURCE, Scenario
from message import user_of
from phone import Phone

BATCH = 16
FIRST = 20000
# Links may stand on applications that let a request pass; what is not in this build yet is left out.
CANDIDATES = ("tag", "voicemail", "screening", "dnd", "forward", "findme", "announcement", "tap", "outgoing")
EVENTS = ("invited", "failed", "heard", "answered", "held", "ended")
CONTRACTS = {"continue": "continue", "reject": "reject 403", "fallback": "fallback tag stood-in=yes"}


def applications():
    """Those in the table of apps/apps.c that pass on what they have nothing to do with."""
    table = re.search(r"applications\[\] = \{(.*?)\};", (SOURCE / "apps" / "apps.c").read_text(), re.S).group(1)
    present = set(re.findall(r"&(\w+)_app", table))
    passing = {"announcement"}  # the service of RFC 4240 answers; as a link it is the services' affair
    return [name for name in CANDIDATES if name in present - passing]


class Cell:
    """One way to fail, and what those who telephone notice of it."""

    def __init__(self, number, application, event, contract, late, hang=False):
        self.number, self.application, self.event = str(number), application, event
        self.contract, self.late, self.hang = contract, late, hang
        self.name = "m%d" % number
        # An application that has answered hears of the events of a call that it answers: voicemail takes what was refused.
        self.hosted = application == "voicemail" and event in ("answered", "held")
        self.callee_rejects = event == "failed" or self.hosted

    def __str__(self):
        return "%s %s/%s on_fail=%s on_fail_late=%s" % ("hang" if self.hang else "fail", self.application, self.event, self.contract,
                                                        self.late)

    def link(self):
        return ('link "%s" { application = "%s" numbers = {"%s"} on_fail = "%s" on_fail_late = "%s" deadline = %d '
                "breaker_failures = 0 }\n") % (self.name, self.application, self.number, CONTRACTS[self.contract], self.late,
                                               300 if self.hang else 20000)

    def expected(self):
        """What the caller gets, and whether the callee's phone rings."""
        if self.event == "invited":
            return ("refused 403", False) if self.contract == "reject" else ("talks", True)
        if self.event == "failed":
            return ("refused 403" if self.contract == "reject" else "refused 486", True)
        if self.event == "heard":  # the callee's ringing is the first that it hears
            return ("refused 500" if self.late == "end" else "talks", True)
        if self.hosted:
            return "hung up", True  # the caller has nobody else to talk to
        return "talks", True  # never asked, or only told that all is over


def cells():
    number = itertools.count(FIRST)
    for application in applications():
        for event, contract, late in itertools.product(EVENTS, CONTRACTS, ("keep", "end")):
            yield Cell(next(number), application, event, contract, late)
        for event, contract in itertools.product(("invited", "failed"), CONTRACTS):
            yield Cell(next(number), application, event, contract, "keep", hang=True)


class Callees(Phone):
    """One phone that is registered for all numbers, and does with each call what the number's cell says."""

    def __init__(self, server, by_number):
        self.by_number, self.rung, self.due = by_number, {}, []
        super().__init__(server, "callees")

    def _request(self, request, reply):
        super()._request(request, reply)
        if request.method != "INVITE" or request.get("Call-ID") in self.rung.values():
            return
        number = user_of(request.uri)
        self.rung[number] = request.get("Call-ID")
        call = self.calls[request.get("Call-ID")]
        if self.by_number[number].callee_rejects:
            call.reject(486)
        else:
            call.ring()
            self.due.append((time.monotonic() + 0.15, call))

    def answer_due(self):
        """A while after the ringing, so that what follows from that comes first."""
        with self.changed:
            now = time.monotonic()
            ready = [call for when, call in self.due if when <= now]
            self.due[:] = [(when, call) for when, call in self.due if when > now]
            for call in ready:
                if not call.ended:
                    call.answer()


class TestFailures(Scenario):
    CELLS = list(cells())
    PLAN = PLAN + 'number "2XXXX" { application = "user" }\n'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        last = int(cls.CELLS[-1].number)
        cls.server.psql("insert into mailbox (number, name, zone, pin_hash) select n::text, 'Cell', 'Europe/London', pin_hash"
                        " from generate_series(%d, %d) n, mailbox where mailbox.number = '1001'" % (FIRST, last))
        cls.server.psql("insert into subscriber (number, name, zone) select n::text, 'Cell', 'Europe/London'"
                        " from generate_series(%d, %d) n" % (FIRST, last))
        hosted = [c.number for c in cls.CELLS if c.hosted]
        if hosted:
            cls.server.psql("update subscriber set mailbox = number where number in (%s)" % ", ".join("'%s'" % n for n in hosted))

    def register_all(self, phone):
        self.server.psql("insert into binding (subscriber, contact, call_id, cseq, expires) select n::text,"
                         " 'sip:' || n || '@%s:%d', 'cell', 1, now() + interval '1 hour' from generate_series(%d, %d) n" % (
                             phone.local, phone.local_port, FIRST, int(self.CELLS[-1].number)))

    def lead_through(self, chosen):
        """The server with the links of these cells: those of all applications at a time would be more than it takes."""
        self.server.configure("test { fail = {%s} hang = {%s} }\nsip { ring = 5 }\nlimits { calls_a_second = 1000 }" % (
            ", ".join('"%s/%s"' % (c.name, c.event) for c in chosen if not c.hang),
            ", ".join('"%s/%s"' % (c.name, c.event) for c in chosen if c.hang)),
            self.PLAN, self.PEERS, "".join(cell.link() for cell in chosen) + 'link "voicemail" { enabled = false }\n')
        self.server.restart()

    def outcome(self, call, cell):
        """"refused CODE" or "talks", "hung up" for a call that was ended from the other side."""
        if not call.answered:
            return "refused %d" % call.end.status if call.ended else None
        if cell.hosted and cell.event == "held" and not getattr(call, "was_held", False):
            call.was_held = True
            with self.caller.changed:
                call._headers, call._body = [], call.offer("sendonly")
                call._challenged = False
                call._send_invite(())
        if call.ended:
            return "hung up"
        return "talks" if time.monotonic() - call.answered_seen > 0.5 * SLOW and not cell.hosted else None

    def batch(self, chosen):
        calls = {cell: self.caller.invite(cell.number) for cell in chosen}
        outcomes, end = {}, time.monotonic() + 15 * SLOW
        while len(outcomes) < len(calls) and time.monotonic() < end:
            self.callees.answer_due()
            for cell, call in calls.items():
                if call.answered and not hasattr(call, "answered_seen"):
                    call.answered_seen = time.monotonic()
                if cell not in outcomes:
                    outcome = self.outcome(call, cell)
                    if outcome:
                        outcomes[cell] = outcome
            time.sleep(0.02)
        for cell, call in calls.items():
            if outcomes.get(cell) == "talks":
                call.hangup()
            with self.subTest(str(cell)):
                self.assertEqual((outcomes.get(cell), cell.number in self.callees.rung), cell.expected())
            call.media.close()

    def test_every_failure_has_the_outcome_that_was_agreed(self):
        self.caller = self.phone("1001", registered=True)
        self.callees = Callees(self.server.address, {cell.number: cell for cell in self.CELLS})
        self.addCleanup(self.callees.close)
        self.register_all(self.callees)
        mark = self.server.mark()
        for application in applications():
            chosen = [cell for cell in self.CELLS if cell.application == application]
            self.lead_through(chosen)
            for begin in range(0, len(chosen), BATCH):
                self.batch(chosen[begin:begin + BATCH])
        # Those that agreed upon a stand-in got it, once each: where the request came, or a failure.
        stood_in = [c for c in self.CELLS if c.contract == "fallback" and c.event in ("invited", "failed")]
        self.assertEqual(self.server.log_since(mark).count(" fallback link="), len(stood_in))
        self.server.wait_log(r" call=\w+ end ", mark=mark)

    def test_server_is_whole_afterwards(self):
        call = self.phone("1002", registered=True).invite("9196").wait_answered()
        call.hangup()


if __name__ == "__main__":
    unittest.main()

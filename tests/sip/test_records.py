"""What a call leaves behind: a row a call and a leg, each exactly once, whatever goes away meanwhile; and its trace."""
import json
import re
import subprocess
import time
import unittest

from harness import CHAINED, CONFABD, Scenario, until
from referring import own_name, refer, told


class RecordScenario(Scenario):
    def rows(self, query, count=1, timeout=15):
        """The query's rows, once there are that many."""
        found = []

        def there():
            found[:] = self.server.psql(query)
            return len(found) >= count
        until(there, timeout, "%d rows of %s" % (count, query))
        self.assertEqual(len(found), count)
        return found

    def talk(self, caller="1001", callee="1002"):
        a, b = self.phone(caller, registered=True), self.phone(callee, registered=True)
        call = a.invite(callee)
        other = b.wait_call()
        other.ring()
        other.answer()
        call.wait_answered()
        return call, other


class TestRecords(RecordScenario):
    LINKS = CHAINED

    def setUp(self):
        super().setUp()
        self.server.psql("delete from call")

    def test_answered_call_leaves_a_row_and_two_legs(self):
        call, other = self.talk()
        call.hangup()
        other.wait_ended()
        row = self.rows("select caller, subscriber, number, status, hung_up, answered is not null, ended >= answered,"
                        " path[1:2], tags->>'first', session_id <> '', sip_call_id from call")[0]
        self.assertEqual(row[:10], ["1001", "1001", "1002", "200", "caller", "t", "t", "{first,second}", "1", "t"])
        self.assertEqual(row[10], call.call_id)
        legs = self.rows("select role, direction, from_number, to_number, subscriber, status, hung_up, codec is not null,"
                         " packets_sent is not null, ring_ms >= 0, session_id from cdr order by role", 2)
        self.assertEqual(legs[0][:10], ["callee", "out", "1001", "1002", "1002", "200", "server", "t", "t", "t"])
        self.assertEqual(legs[1][:10], ["caller", "in", "1001", "1002", "1001", "200", "far", "t", "t", "t"])
        self.assertRegex(legs[1][10], "^[0-9a-f]{32};remote=[0-9a-f]{32}$")

    def test_busy_callee_and_cancel_are_told_apart(self):
        self.server.psql("update subscriber set mailbox = null where number = '1007'")
        a, b = self.phone("1001", registered=True), self.phone("1007", registered=True)
        call = a.invite("1007")
        b.wait_call().reject(486)
        call.wait_ended()
        self.assertEqual(self.rows("select status, answered is null, talk_ms from call"), [["486", "t", "0"]])
        legs = self.rows("select role, status, hung_up from cdr order by role", 2)
        self.assertEqual(legs, [["branch", "486", "far"], ["caller", "486", "server"]])
        call = a.invite("1007")
        b.wait_call().ring()
        call.wait_status(180)
        call.cancel()
        call.wait_ended()
        self.rows("select id from call", 2)
        self.assertEqual(self.rows("select status, hung_up from call where status <> 486"), [["487", "caller"]])

    def test_without_traces_a_call_leaves_its_rows_all_the_same(self):
        def configure(settings):
            self.server.configure(settings, links=CHAINED)
            self.server.reload()
        configure("records { trace = false }")
        self.addCleanup(configure, "")
        call, other = self.talk()
        call.hold()
        call.hangup()
        other.wait_ended()
        self.assertEqual(self.rows("select caller, number, status, hung_up, answered is not null, path[1:2] from call"),
                         [["1001", "1002", "200", "caller", "t", "{first,second}"]])
        legs = self.rows("select role, status, codec is not null, packets_sent is not null from cdr order by role", 2)
        self.assertEqual(legs, [["callee", "200", "t", "t"], ["caller", "200", "t", "t"]])
        # They are all written in one transaction.
        self.assertEqual(self.server.psql("select count(*) from trace"), [["0"]])

    def test_leg_that_a_transfer_moves_has_its_row_once(self):
        rest, first = self.talk()
        third = self.phone("1003", registered=True)
        first.hold()
        second = first.phone.invite("1003")
        other = third.wait_call()
        other.answer()
        second.wait_answered()
        refer(first, "1003", own_name(second))
        first.wait_ended()
        second.wait_ended()
        rest.hangup()
        other.wait_ended()
        self.rows("select id from call", 2)
        legs = self.rows("select direction, subscriber, status, role = 'left' or answered is not null, began_in is not null,"
                         " count(*) over (partition by leg) from cdr order by leg", 4)
        self.assertEqual([leg[:4] for leg in legs], [["in", "1001", "200", "t"], ["out", "1002", "200", "t"],
                                                     ["in", "1002", "200", "t"], ["out", "1003", "200", "t"]])
        self.assertEqual([leg[5] for leg in legs], ["1"] * 4)
        self.assertEqual(sum(leg[4] == "t" for leg in legs), 1)

    def test_trace_tells_the_messages_and_the_decisions_in_order(self):
        call, other = self.talk()
        other.hangup()
        call.wait_ended()
        self.rows("select id from call")
        steps = self.server.psql("select event, coalesce(link, ''), coalesce(decision, ''), sent, detail from trace"
                                 " order by seq")
        decisions = [step[1] for step in steps if step[2] == "continue"]
        self.assertEqual(decisions[:3], ["first", "second", "third"])
        messages = [(step[0], step[3], step[4].split(" ")[0]) for step in steps if step[3]]
        wanted = [("INVITE", "f", "1002"), ("response", "f", "180"), ("response", "t", "180"), ("response", "f", "200"),
                  ("response", "t", "200"), ("ACK", "f", ""), ("BYE", "f", ""), ("BYE", "t", "")]
        for message in wanted:
            self.assertIn(message, messages)
            del messages[:messages.index(message) + 1]
        times = [int(row[0]) for row in self.server.psql("select at_us from trace order by seq")]
        self.assertEqual(times, sorted(times))


class TestTool(RecordScenario):
    """confabctl beside the running server."""

    LINKS = CHAINED

    def ctl(self, *words, status=0):
        done = subprocess.run([str(CONFABD.parent / "confabctl"), "-c", str(self.server.config), *words],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stderr

    def test_trace_draws_a_ladder_of_a_call(self):
        call, other = self.talk()
        call.hangup()
        other.wait_ended()
        ident, session = self.rows("select id, session_id from call where sip_call_id = '%s'" % call.call_id)[0]
        ladder = self.ctl("trace", ident)
        lines = ladder.splitlines()
        self.assertLessEqual(max(map(len, lines[lines.index(""):])), 100)
        self.assertEqual(len({line.index("|") for line in lines if line.count("|") == 3}), 1)
        shown = [line for line in lines if re.search(r"INVITE|180|200|ACK|BYE", line) and ("->" in line or "<-" in line)]
        for words in (r"\[1\] INVITE 1002 -+>", r"\[2\] INVITE sip:1002@.*>", r"<-+ \[2\] 180", r"<-+ \[1\] 180",
                      r"<-+ \[2\] 200", r"<-+ \[1\] 200", r"\[1\] ACK -+>", r"\[1\] BYE", r"\[2\] BYE.*>"):
            while shown and not re.search(words, shown[0]):
                shown.pop(0)
            self.assertTrue(shown, "%s is missing or late in\n%s" % (words, ladder))
        self.assertRegex(ladder, r"second: invited -> continue")
        self.assertEqual(self.ctl("trace", call.call_id), ladder)
        self.assertEqual(self.ctl("trace", session), ladder)
        self.assertEqual(self.ctl("trace", "--last"), ladder)
        record = json.loads(self.ctl("trace", "--json", ident))
        self.assertEqual((record["call"]["id"], len(record["legs"])), (ident, 2))
        self.assertIn(ident, self.ctl("calls", "--since", "1h"))
        self.assertIn(ident, [row["id"] for row in json.loads(self.ctl("calls", "--json"))])

    def test_trace_shows_what_is_said_within_the_dialogs(self):
        a, b, c = (self.phone(number, registered=True) for number in ("1001", "1002", "1004"))
        call = a.invite("1002", headers=[("Supported", "100rel")])
        other = b.wait_call()
        other.ring(183, early=True, rseq=7)
        other.wait_request("PRACK")
        self.assertEqual(call.prack(call.wait_status(183)).status, 200)
        other.answer()
        call.wait_answered()
        other.wait_request("ACK")
        call.hold()
        self.assertEqual(other.request("UPDATE", [("Contact", b.contact)]).status, 200)
        refer(other, "1004")
        third = c.wait_call()
        third.answer()
        self.assertEqual(told(b)[-1], 200)
        other.wait_ended()
        call.hangup()
        third.wait_ended()
        ident = self.rows("select id from call where sip_call_id = '%s'" % call.call_id)[0][0]
        ladder = self.ctl("trace", ident)
        for rungs in ((r"<-+ \[2\] 183", r"\[2\] PRACK -+>", r"<-+ \[2\] 200 PRACK"),
                      (r"<-+ \[1\] 183", r"\[1\] PRACK -+>", r"<-+ \[1\] 200 PRACK"),
                      (r"\[1\] ACK -+>", r"\[1\] INVITE -+>", r"\[2\] INVITE -+>", r"<-+ \[2\] 200 INVITE", r"<-+ \[1\] 200 INVITE"),
                      (r"\[2\] INVITE -+>", r"<-+ \[2\] 200 INVITE", r"\[2\] ACK -+>", r"<-+ \[2\] UPDATE", r"\[2\] 200 UPDATE -+>"),
                      (r"<-+ \[2\] REFER", r"\[2\] 202 REFER -+>", r"\[2\] NOTIFY 100 -+>", r"<-+ \[2\] 200 NOTIFY"),
                      (r"\[2\] NOTIFY 100 -+>", r"\[3\] INVITE sip:1004@", r"\[2\] NOTIFY 200 -+>")):
            self.assertRegex(ladder, r"(?s)" + ".*".join(rungs))

    def test_explain_tells_why_each_link_is_in_or_out(self):
        told = self.ctl("explain", "--from", "1001", "--to", "1002")
        self.assertRegex(told, r"(?m)^in +neutral +1 +first")
        self.assertRegex(told, r"(?m)^out .* dnd .*1002 has none of these on: dnd")
        self.assertIn("breaker is open", told)  # whether one is, it cannot know
        self.server.psql("insert into service (subscriber, name) values ('1003', 'dnd')")
        links = {link["link"]: link for link in json.loads(self.ctl("explain", "--json", "--from", "1001", "--to", "1003"))["links"]}
        self.assertTrue(links["dnd"]["in"])
        self.assertIn("nobody", self.ctl("explain", "--from", "1001", "--to", "4711"))
        self.assertIn("the caller is no subscriber",
                      self.ctl("explain", "--from", "1001", "--to", "1002", "--peer", "pbx"))

    def test_what_makes_no_sense_has_its_own_exit_status(self):
        self.assertIn("no-such-call", self.ctl("trace", "no-such-call", status=1))
        self.ctl("trace", status=2)
        self.ctl("calls", "--since", "yesterday", status=2)
        self.ctl("explain", "--from", "1001", "--to", "1002", "--at", "noon", status=2)
        self.ctl("explain", "--from", "1001", "--to", "1002", "--peer", "nobody", status=2)
        self.ctl("-c", "/nowhere.conf", "calls", status=3)


class TestOutage(RecordScenario):
    """Neither a database that is away nor a kill -9 costs a record or doubles one."""

    def setUp(self):
        self.server.stop()  # after an outage each connection comes back in its own time
        super().setUp()
        self.server.psql("delete from call")
        self.caller = self.phone("1001", registered=True)

    def journal(self):
        """What waits in the journal, as text."""
        return "".join(path.read_text() for path in (self.server.spool / "journal").glob("*.jsonl"))

    def calls(self, count):
        """Calls, one after the other; the Call-ID of each, and the last is over."""
        ids = []
        for _ in range(count):
            call = self.caller.invite("9196")
            ids.append(call.call_id)
            call.wait_answered()
            mark = self.server.mark()
            call.hangup()
            self.server.wait_log(r" end status=200", 10, mark)
        return ids

    def test_each_call_comes_once_through_an_outage_and_a_kill(self):
        ids = self.calls(2)
        running = self.caller.invite("9196")
        running.wait_answered()
        ids.append(running.call_id)
        self.rows("select id from call", 2)
        self.server.database.stop()
        try:
            running.hangup()  # its record must wait
            until(lambda: running.call_id in self.journal(), 10, "a line in the journal")
            self.server.kill()
        finally:
            self.server.database.start()
        self.server.start()
        self.rows("select id from call", 3, timeout=30)
        self.caller.register()
        ids += self.calls(2)
        until(lambda: ids[-1] in self.journal() or self.server.psql(
            "select 1 from call where sip_call_id = '%s'" % ids[-1]), 10, "the last record on disk")
        self.server.kill()
        self.server.start()
        known = [row[0] for row in self.rows("select sip_call_id from call", 5, timeout=30)]
        self.assertEqual(sorted(known), sorted(ids))
        self.assertEqual(self.server.psql("select count(*) from cdr"), [["5"]])
        until(lambda: not self.journal(), 10, "an empty journal")

    def test_calls_that_end_during_an_outage_of_seconds_are_all_there_afterwards(self):
        running = [self.caller.invite("9196") for _ in range(8)]
        for call in running:
            call.wait_answered()
        self.server.database.stop()
        try:
            for call in running:
                call.hangup()
                time.sleep(1)  # several rounds of the journal, one retry of the database after the other
            self.assertEqual(self.server.process.poll(), None)
        finally:
            self.server.database.start()
        known = [row[0] for row in self.rows("select sip_call_id from call", 8, timeout=30)]
        self.assertEqual(sorted(known), sorted(call.call_id for call in running))
        self.assertEqual(self.server.psql("select count(*) from cdr"), [["8"]])


if __name__ == "__main__":
    unittest.main()

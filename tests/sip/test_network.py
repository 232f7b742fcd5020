"""Imperfect networks: loss, jitter, disorder and duplicates on the way to the server; what is heard then, and the server's own account.

Nothing is judged by the clock: a busy machine is one more imperfect network, which the server's counters show.
"""
import re
import time
import unittest

import sound
from harness import Scenario
from relay import Relay

BAD_S = 6


class TestNetwork(Scenario):
    def relay(self, **more):
        relay = Relay(self.server.address, **more)
        self.addCleanup(relay.close)
        return relay

    def bad_call(self, target, relay, tone=440):
        phone = self.phone("1001", registered=True)
        phone.media_via = relay.route
        return phone.invite(target, tone=tone).wait_answered()

    def figures(self, call, mark):
        """Hangs up; what the log says of the caller's leg, as numbers."""
        call.hangup()
        line = self.server.wait_log(r" media leg=caller .*", 10, mark).group(0)
        return {name: float(value) for name, value in re.findall(r"(\w+)=(-?[\d.]+)(?= |$)", line)}

    def check(self, figures, relay):
        missed = figures["lost"] + figures["late"]
        self.assertEqual(figures["lost"], relay.lost, figures)
        self.assertEqual(figures["duplicate"], relay.repeated, figures)
        self.assertGreater(relay.lost + relay.repeated + relay.held, 5)
        self.assertGreaterEqual(figures["concealed_ms"], 0.8 * 20 * relay.lost, figures)
        self.assertLessEqual(figures["concealed_ms"], 1.2 * 20 * missed + 1500, figures)

    def test_echo_through_loss_and_jitter(self):
        for seed, loss in ((3, 0.05), (4, 0.10)):
            with self.subTest(loss=loss):
                relay, mark = self.relay(seed=seed, loss=loss, jitter=0.060), self.server.mark()
                call = self.bad_call("9196", relay)
                self.assertTrue(call.hears(440, timeout=10))
                relay.begin()
                begin = time.monotonic()
                time.sleep(BAD_S)
                heard = call.media.samples(begin + 1)
                relay.end()
                time.sleep(1)
                figures = self.figures(call, mark)
                self.check(figures, relay)
                self.assertGreater(sound.share(heard, 8000, 440), 0.85, figures)
                self.assertGreater(figures["delay_ms"], 30)  # what the network has needed in its last seconds
                self.assertTrue(40 < figures["r"] < 92, figures)
                self.assertTrue(2 < figures["mos"] < 4.4, figures)

    def test_room_through_a_bad_network(self):
        relay, mark = self.relay(seed=5, loss=0.05, jitter=0.060, reorder=0.05, duplicate=0.05), self.server.mark()
        bad = self.bad_call("3011", relay)
        good = self.phone("1002", registered=True).invite("3011", tone=620).wait_answered()
        self.assertTrue(good.hears(440, timeout=10))
        relay.begin()
        begin = time.monotonic()
        time.sleep(BAD_S)
        self.assertGreater(sound.share(good.media.samples(begin + 1), 8000, 440), 0.85)
        self.assertTrue(bad.hears(620))
        relay.end()
        time.sleep(1)
        self.check(self.figures(bad, mark), relay)
        good.hangup()

    def test_duplicates_and_disorder_lose_nothing(self):
        relay, mark = self.relay(seed=6, reorder=0.1, duplicate=0.3), self.server.mark()
        call = self.bad_call("9196", relay)
        self.assertTrue(call.hears(440, timeout=10))
        relay.begin()
        begin = time.monotonic()
        time.sleep(BAD_S)
        heard = call.media.samples(begin + 1)
        relay.end()
        time.sleep(1)
        figures = self.figures(call, mark)
        self.check(figures, relay)
        self.assertEqual(figures["loss_pct"], 0)
        self.assertGreater(sound.share(heard, 8000, 440), 0.85, figures)

    def test_clean_call_is_rated_well(self):
        mark = self.server.mark()
        call = self.phone("1003", registered=True).invite("9196", tone=440).wait_answered()
        self.assertTrue(call.hears(440, timeout=10))
        figures = self.figures(call, mark)
        self.assertEqual(figures["lost"], 0)
        self.assertEqual(figures["duplicate"], 0)
        self.assertGreater(figures["r"], 70, figures)
        self.assertGreater(figures["mos"], 3.5, figures)


if __name__ == "__main__":
    unittest.main()

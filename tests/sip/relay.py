"""A bad network for one call: a UDP relay between a phone's RTP socket and confabd.

    relay = Relay("127.0.0.1", seed=7, loss=0.05, jitter=0.060)
    phone.media_via = relay.route            from then on its calls send to the relay, which sends on to where the SDP said
    relay.begin(); …; relay.end()      the network is bad between these two, and clean before and after
    relay.lost, relay.repeated         packets that the server has to miss, and that it has got twice

Only what the phone sends is disturbed; what comes back is passed on at once. Chance has a seed. `delay` and `jitter` are
seconds, the others shares of the packets. Packets keep their order but for those of `reorder`, which come after the next two.
"""
import heapq
import random
import select
import socket
import threading
import time

HELD_S = 0.045  # what makes a packet of 20 ms come after two others


class Relay:
    def __init__(self, address, seed=1, delay=0.0, jitter=0.0, loss=0.0, duplicate=0.0, reorder=0.0):
        self._random = random.Random(seed)
        self.delay, self.jitter, self.loss, self.duplicate, self.reorder = delay, jitter, loss, duplicate, reorder
        self._near, self._far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind((address, 0))
        self._far.bind((address, 0))
        self._phone = self._server = None
        self._heap, self._number, self._latest = [], 0, 0.0  # (due, number, packet)
        self._bad, self._closed = False, False
        self.lost, self.repeated, self.held, self.passed = 0, 0, 0, 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def route(self, remote):
        """Where to send what is meant for `remote`."""
        self._server = remote
        return self._near.getsockname()

    def begin(self):
        self._bad = True

    def end(self):
        self._bad = False

    def close(self):
        self._closed = True
        self._thread.join(2)
        self._near.close()
        self._far.close()

    def _run(self):
        while not self._closed:
            wait = min(self._heap[0][0] - time.monotonic(), 0.1) if self._heap else 0.1
            ready, _, _ = select.select([self._near, self._far], [], [], max(wait, 0))
            for s in ready:
                data, source = s.recvfrom(4096)
                if s is self._far:
                    if self._phone:
                        self._near.sendto(data, self._phone)
                else:
                    self._phone = source
                    self._take(data)
            while self._heap and self._heap[0][0] <= time.monotonic():
                self._far.sendto(heapq.heappop(self._heap)[2], self._server)

    def _take(self, data):
        now = time.monotonic()
        if not self._bad:
            self._push(max(now, self._latest), data)
            return
        if self._random.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        due = now + self.delay + self._random.random() * self.jitter
        if self._random.random() < self.reorder:
            self.held += 1
            self._push(max(due, self._latest) + HELD_S, data)
            return
        self._latest = due = max(due, self._latest)
        self._push(due, data)
        if self._random.random() < self.duplicate:
            self.repeated += 1
            self._push(due, data)

    def _push(self, due, data):
        self._number += 1
        heapq.heappush(self._heap, (due, self._number, data))

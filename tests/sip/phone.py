"""A SIP phone for scenarios: registers, calls, is called, holds, subscribes, sends sines and digits, and hears.

    phone = Phone(server.address, "1001", "confab-1001")      UDP; transport="tcp", port=… if need be
    phone.register()                                          -> the final response (a Message)
    call = phone.invite("1002", tone=440)                     returns at once
    call.wait_status(180); call.wait_answered()               raise AssertionError after `timeout` seconds
    call = phone.wait_call()                                  the next call that comes in
    call.ring(); call.answer(tone=550); call.reject(486)
    call.hold(); call.resume(); call.dial("12#"); call.hangup(); call.wait_ended()
    call.listen(1.5)                                          what is heard from now on for 1.5 s: samples at 8000 Hz
    call.hears(440); call.deaf_to(550)                        the same, judged (waits for a steady answer)
    phone.request("OPTIONS", uri)                             any request: the final response, challenges answered
    phone.subscribe("message-summary")                        -> Subscription; phone.notifies: NOTIFY requests that came

A call keeps `responses` (every response to its INVITE), `requests` (what came in the dialog) and `media` (see media.py).
Each phone has a thread a socket; all waiting is done on one condition.
"""
import queue
import re
import socket
import threading
import time

import sound
from media import Media
from message import (Message, Sdp, challenge_parse, digest_answer, extmap_lines, sdp_write, token, uri_of, user_of)

WAIT = 10.0  # seconds a test waits for what should come at once


class Phone:
    def __init__(self, server, user, password="", port=5060, transport="udp", local=None, realm_user=None, algorithms=None):
        self.server, self.port, self.transport = server, port, transport
        self.user, self.password, self.realm_user = user, password, realm_user or user
        self.algorithms = algorithms or ["SHA-256", "MD5"]  # taken in this order, of what is offered
        self.family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.local = local or server  # loopback: any address is ours
        self.changed = threading.Condition(threading.RLock())
        self.calls, self.incoming, self.notifies = {}, queue.Queue(), queue.Queue()
        self.requests = []  # out of any dialog, other than INVITE and NOTIFY
        self.notify_answer = (200,)  # as respond() takes it; with another NOTIFYs are not in `notifies` but counted
        self.refused = 0
        self.codecs, self.ptime, self.events = ["PCMU", "PCMA"], 20, 8000  # what its SDPs say; events: their clock
        self.media_via = None  # of the media of calls made from now on
        self.extmaps = {}  # header extensions that it knows, and the identifiers it offers: {"ssrc-audio-level": 5}
        self.register_call_id, self.register_cseq = token(), 0
        self.challenges = []  # every challenge that was answered
        self._pending = {}    # branch -> list of responses
        self._answered = {}   # branch and method -> response sent, for retransmissions
        self._nonce_counts = {}
        self._closed = False
        self._open()

    # -- sockets -------------------------------------------------------------------------------------------------------

    def _open(self):
        kind = socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(self.family, kind)
        self.socket.bind((self.local, 0))
        self.local_port = self.socket.getsockname()[1]
        if self.transport == "tcp":
            self.listener = self.socket
            self.listener.listen()
            self.socket = socket.socket(self.family, kind)
            self.socket.bind((self.local, 0))
            self.socket.connect((self.server, self.port))
            threading.Thread(target=self._accept, daemon=True).start()
            threading.Thread(target=self._stream, args=(self.socket,), daemon=True).start()
        else:
            threading.Thread(target=self._datagrams, daemon=True).start()

    def close(self):
        """Forgets everything without a word to the server, as a phone that is unplugged."""
        self._closed = True
        for call in list(self.calls.values()):
            call.media.close()
        for s in (self.socket, getattr(self, "listener", None)):
            if s is not None:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()

    def hang_up(self):
        """Ends what stands, as far as the server goes along; a call that came and was not answered is its caller's to end."""
        for call in list(self.calls.values()):
            if call.answered or call.invitation is None:
                try:
                    call.hangup(1)
                except (AssertionError, OSError):
                    pass  # not every test leaves both sides able to

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _datagrams(self):
        while not self._closed:
            try:
                data, source = self.socket.recvfrom(65536)
            except OSError:
                return
            if data.strip() and data[:1].isalpha():  # neither a keep-alive nor STUN
                self._received(Message.parse(data), lambda m, to=source: self.socket.sendto(m, to))

    def _accept(self):
        while not self._closed:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(connection,), daemon=True).start()

    def _stream(self, connection):
        data = b""
        while not self._closed:
            try:
                piece = connection.recv(65536)
            except OSError:
                return
            if not piece:
                return
            data = (data + piece).lstrip(b"\r\n")
            while b"\r\n\r\n" in data:
                head, _, rest = data.partition(b"\r\n\r\n")
                found = re.search(rb"\r\n(?:Content-Length|l)\s*:\s*(\d+)", head, re.I)
                length = int(found.group(1)) if found else 0
                if len(rest) < length:
                    break
                self._received(Message.parse(head + b"\r\n\r\n" + rest[:length]), connection.sendall)
                data = rest[length:].lstrip(b"\r\n")

    def send(self, message, to=None):
        """A Message or bytes, as it is, to the server."""
        data = message if isinstance(message, bytes) else message.encode()
        if self.transport == "tcp":
            self.socket.sendall(data)
        else:
            self.socket.sendto(data, to or (self.server, self.port))

    # -- messages ------------------------------------------------------------------------------------------------------

    @property
    def host(self):
        return "[%s]" % self.local if ":" in self.local else self.local

    @property
    def domain(self):
        return "[%s]" % self.server if ":" in self.server else self.server

    @property
    def contact(self):
        return "sip:%s@%s:%d%s" % (self.user, self.host, self.local_port, ";transport=tcp" if self.transport == "tcp" else "")

    def uri(self, target):
        return target if target.startswith("sip:") else "sip:%s@%s:%d" % (target, self.domain, self.port)

    def via(self, branch=None):
        return "SIP/2.0/%s %s:%d;branch=%s;rport" % (self.transport.upper(), self.host, self.local_port,
                                                     branch or "z9hG4bK" + token())

    def build(self, method, uri, headers=(), body="", call_id=None, cseq=1, to=None, from_tag=None, branch=None):
        """A request out of any dialog unless told otherwise. A header given in `headers` replaces ours of that name; None or "" drops it."""
        own = [("Via", self.via(branch)), ("Max-Forwards", "70"),
               ("From", "<sip:%s@%s>;tag=%s" % (self.user, self.domain, from_tag or token())),
               ("To", to or "<%s>" % uri), ("Call-ID", call_id or token()), ("CSeq", "%d %s" % (cseq, method)),
               ("Contact", "<%s>" % self.contact), ("User-Agent", "scenario")]
        given = {n.lower() for n, _ in headers}
        return Message("%s %s SIP/2.0" % (method, uri), [h for h in own if h[0].lower() not in given] +
                       [h for h in headers if h[1]], body)

    def authorize(self, response, method, uri):
        """The header that answers a 401's or 407's challenge; AssertionError when it offers no algorithm of ours."""
        name = "WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate"
        offered = [challenge_parse(v) for v in response.all(name)]
        for algorithm in self.algorithms:
            for challenge in offered:
                if challenge.get("algorithm", "MD5").upper() == algorithm:
                    self.challenges.append(challenge)
                    count = self._nonce_counts[challenge["nonce"]] = self._nonce_counts.get(challenge["nonce"], 0) + 1
                    return ("Authorization" if response.status == 401 else "Proxy-Authorization",
                            digest_answer(challenge, method, uri, self.realm_user, self.password, count))
        raise AssertionError("no challenge for %s in %s" % (self.algorithms, response.headers))

    def exchange(self, request, timeout=WAIT, to=None):
        """Sends a request that is no INVITE, as it is, retransmits it on UDP; the final response or AssertionError."""
        branch = request.branch
        with self.changed:
            self._pending[branch] = []
        data, interval, end = request.encode(), 0.5, time.monotonic() + timeout
        try:
            while time.monotonic() < end:
                self.send(data, to)
                again = min(time.monotonic() + interval, end)
                if self.transport == "tcp":
                    again = end
                with self.changed:
                    while time.monotonic() < again:
                        final = [r for r in self._pending[branch] if r.status >= 200]
                        if final:
                            return final[0]
                        self.changed.wait(again - time.monotonic())
                interval = min(2 * interval, 4)
        finally:
            with self.changed:
                self._pending.pop(branch, None)
        raise AssertionError("no final response to %s" % request.start)

    def request(self, method, uri, headers=(), body="", authenticate=True, call_id=None, cseq=1, to=None, timeout=WAIT):
        call_id, from_tag = call_id or token(), token()
        response = self.exchange(self.build(method, uri, headers, body, call_id, cseq, to, from_tag), timeout)
        if authenticate and response.status in (401, 407):
            headers = list(headers) + [self.authorize(response, method, uri)]
            response = self.exchange(self.build(method, uri, headers, body, call_id, cseq + 1, to, from_tag), timeout)
        return response

    # -- registration and subscription -----------------------------------------------------------------------------------

    def register(self, expires=3600, contact=None, headers=(), authenticate=True, expect=200):
        """Registers `contact` (default: this phone; "": no Contact); `expect` None: whatever comes is returned."""
        self.register_cseq += 2
        contact = contact if contact is not None else "<%s>" % self.contact
        uri = "sip:%s%s" % (self.domain, "" if self.port == 5060 else ":%d" % self.port)
        response = self.request("REGISTER", uri, [("Contact", contact), ("Expires", str(expires))] + list(headers),
                                authenticate=authenticate, call_id=self.register_call_id, cseq=self.register_cseq,
                                to="<sip:%s@%s>" % (self.user, self.domain))
        if expect is not None and response.status != expect:
            raise AssertionError("REGISTER got %s" % response.start)
        return response

    def subscribe(self, event, target=None, expires=3600, accept=None):
        return Subscription(self, event, target or self.user, expires, accept)

    # -- calls -------------------------------------------------------------------------------------------------------------

    def invite(self, target, tone=None, codecs=None, sdp=True, headers=(), extra=()):
        """Calls. `sdp`: True for an offer of ours, None for none, or a text. Challenges are answered by themselves."""
        call = Call(self, token(), codecs or self.codecs, tone)
        call.start(self.uri(target), headers, call.offer(extra=extra) if sdp is True else sdp or "")
        return call

    def wait_call(self, timeout=WAIT):
        try:
            return self.incoming.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError("no call came to %s" % self.user) from None

    def wait_notify(self, timeout=WAIT):
        try:
            return self.notifies.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError("no NOTIFY came to %s" % self.user) from None

    # -- what comes in ---------------------------------------------------------------------------------------------------

    def _received(self, message, reply):
        with self.changed:
            if message.status:
                call = self.calls.get(message.get("Call-ID"))
                if message.branch in self._pending:
                    self._pending[message.branch].append(message)
                elif call is not None and message.cseq[1] == "INVITE":
                    call._response(message)
                self.changed.notify_all()
                return
            key = (message.branch, message.method)
            if key in self._answered:
                reply(self._answered[key])
            else:
                self._request(message, reply)
            self.changed.notify_all()

    def _request(self, request, reply):
        call = self.calls.get(request.get("Call-ID"))
        if call is not None:
            call._request(request, reply)
        elif request.method == "INVITE":
            call = Call(self, request.get("Call-ID"), self.codecs)
            call._invited(request, reply)
            self.incoming.put(call)
        elif request.method == "NOTIFY":
            self.respond(request, reply, *self.notify_answer)
            if self.notify_answer[0] == 200:
                self.notifies.put(request)
            else:
                self.refused += 1
        elif request.method == "OPTIONS":
            self.respond(request, reply, 200)
        elif request.method != "ACK":
            self.requests.append(request)
            self.respond(request, reply, 481 if request.method in ("BYE", "CANCEL") else 501)

    def respond(self, request, reply, status, reason=None, headers=(), body="", tag=None):
        to = request.get("To")
        if status > 100 and ";tag=" not in to:
            to += ";tag=" + (tag or token())
        message = Message("SIP/2.0 %d %s" % (status, reason or "Said so"),
                          [("Via", v) for v in request.all("Via")] + [("Record-Route", v) for v in request.all("Record-Route")] +
                          [("From", request.get("From")), ("To", to), ("Call-ID", request.get("Call-ID")),
                           ("CSeq", request.get("CSeq"))] + list(headers), body)
        data = message.encode()
        self._answered[(request.branch, request.method)] = data
        reply(data)
        return message


class Dialog:
    """What a call and a subscription share: tags, route set, target, CSeq."""

    def __init__(self, phone, call_id):
        self.phone, self.call_id = phone, call_id
        self.local_tag, self.cseq = token(), 0
        self.from_value = "<sip:%s@%s>;tag=%s" % (phone.user, phone.domain, self.local_tag)
        self.to_value = self.target = None
        self.routes = []

    def request(self, method, headers=(), body="", authenticate=True, timeout=WAIT):
        """A request in the dialog (not INVITE); its final response."""
        response = self.phone.exchange(self.build(method, headers, body), timeout)
        if authenticate and response.status in (401, 407):
            headers = list(headers) + [self.phone.authorize(response, method, self.target)]
            response = self.phone.exchange(self.build(method, headers, body), timeout)
        return response

    def build(self, method, headers=(), body="", cseq=None, branch=None):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        return self.phone.build(method, self.target, [("From", self.from_value), ("To", self.to_value)] +
                                [("Route", r) for r in self.routes] + list(headers), body, self.call_id, cseq, branch=branch)


class Call(Dialog):
    def __init__(self, phone, call_id, codecs, tone=None):
        super().__init__(phone, call_id)
        self.codecs, self.media = list(codecs), Media(phone.local)
        self.media.tone, self.media.via = tone, phone.media_via
        self.responses, self.requests, self.sdps = [], [], []  # sdps: every one that came
        self.answered = self.ended = False
        self.end = None          # the request (BYE, CANCEL) or final response that ended it
        self.status = 0          # of the last response to our INVITE
        self.invitation = None   # incoming: the INVITE
        self.auto_reinvite = True  # False: re-INVITEs wait in `requests` for answer_reinvite()
        self.version, self.direction = 0, "sendrecv"
        self.answers = None      # the direction of its answers, where it is not what the offer asks for
        self._reply = self._open = None
        self._invite = None
        phone.calls[call_id] = self

    # -- SDP ---------------------------------------------------------------------------------------------------------------

    def offer(self, direction=None, extra=(), codecs=None):
        self.version += 1
        self.direction = direction or self.direction
        return sdp_write(self.phone.local, self.media.port, codecs or self.codecs, self.version, self.direction,
                         list(extra) + extmap_lines(self.phone.extmaps), ptime=self.phone.ptime, events=self.phone.events)

    def _use(self, message):
        if "application/sdp" in (message.get("Content-Type") or "") and message.body:
            sdp = Sdp(message.body)
            sdp.extmaps = {n: i for n, i in sdp.extmaps.items() if n in self.phone.extmaps}
            self.sdps.append(sdp)
            self.media.use(sdp, self.codecs)

    def _answer_sdp(self, offer):
        """Our answer to an SDP: its codecs in its order as far as we have them; a hold is answered by recvonly."""
        sdp = Sdp(offer)
        common = [c for c in sdp.codecs if c in self.codecs] or self.codecs
        back = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}.get(sdp.direction, "sendrecv")
        back = self.answers or back
        self.version += 1
        return sdp_write(self.phone.local, self.media.port, common, self.version, back,
                         extmap_lines({n: i for n, i in sdp.extmaps.items() if n in self.phone.extmaps}),
                         ptime=self.phone.ptime, events=self.phone.events)

    # -- outgoing ----------------------------------------------------------------------------------------------------------

    def start(self, uri, headers, body):
        self.target, self.to_value = uri, "<%s>" % uri
        self._headers, self._body = list(headers), body
        self._send_invite(())

    def _send_invite(self, more):
        typed = any(name == "Content-Type" for name, _ in self._headers)
        kind = [("Content-Type", "application/sdp")] if self._body and not typed else []
        self._invite = self.build("INVITE", kind + self._headers + list(more), self._body)
        self._tries = len(self.responses)
        self.phone.send(self._invite)
        if self.phone.transport == "udp":
            threading.Thread(target=self._retransmit, args=(self._invite, self._tries), daemon=True).start()

    def _retransmit(self, invite, tries):
        for wait in (0.5, 1, 2, 4):
            time.sleep(wait)
            if len(self.responses) > tries or self._invite is not invite or self.phone._closed:
                return
            self.phone.send(invite)

    def _ack(self, response, final):
        """ACK to a 2xx is a request of its own; to a failure it belongs to the INVITE (RFC 3261 sections 13.2.2.4 and 17.1.1.3)."""
        number = response.cseq[0]
        if final:
            self.phone.send(self.build("ACK", (), getattr(self, "ack_body", ""), cseq=number))
        else:
            ack = self.phone.build("ACK", self._invite.uri, [("From", self.from_value), ("To", response.get("To"))] +
                                   [("Route", r) for r in self.routes], "", self.call_id, number, branch=response.branch)
            self.phone.send(ack)

    def _response(self, response):
        if response.branch != self._invite.branch:
            if 200 <= response.status < 300:
                self._ack(response, True)
            return
        repeated = any(r.status >= 200 and r.cseq == response.cseq for r in self.responses)
        if not repeated:
            self.responses.append(response)
            self.status = response.status
        if response.status < 200:
            if response.param("To", "tag") and not self.answered:
                self.to_value = response.get("To")
                self._use(response)
            return
        if response.status < 300:
            self.to_value = response.get("To")
            if response.get("Contact"):
                self.target = uri_of(response.get("Contact"))
            if not self.answered:
                self.routes = list(reversed(response.all("Record-Route")))
            if not repeated:
                if not self._invite.body and response.body:
                    self._use(response)
                    self.ack_body = self._answer_sdp(response.body)
                    self._ack_typed(response)
                    self.answered = True
                    return
                self._use(response)
            self.answered = True
            self._ack(response, True)
            return
        self._ack(response, False)
        if repeated:
            return
        if response.status in (401, 407) and not getattr(self, "_challenged", False) and self.phone.password:
            self._challenged = True
            if not self.answered:
                self.to_value = "<%s>" % self._invite.uri
            self._send_invite([self.phone.authorize(response, "INVITE", self._invite.uri)])
        elif not self.answered:
            self._finish(response)

    def _ack_typed(self, response):
        self.phone.send(self.build("ACK", [("Content-Type", "application/sdp")], self.ack_body, cseq=response.cseq[0]))

    def cancel(self):
        """CANCEL of our INVITE; its 200. The 487 ends the call."""
        branch = self._invite.branch
        cancel = self.phone.build("CANCEL", self._invite.uri, [("From", self.from_value), ("To", self._invite.get("To"))],
                                  "", self.call_id, self._invite.cseq[0], branch=branch)
        self.phone.send(cancel)

    # -- incoming ------------------------------------------------------------------------------------------------------------

    def _invited(self, request, reply):
        self.invitation, self._open, self._reply = request, request, reply
        self._invited_by, self._invited_reply = request, reply
        self.from_value = request.get("To") + ";tag=" + self.local_tag
        self.to_value = request.get("From")
        self.target = uri_of(request.get("Contact", "<sip:nowhere>"))
        self.routes = request.all("Record-Route")
        self.cseq = 0
        self.phone.respond(request, reply, 100)

    @property
    def caller(self):
        return user_of(self.invitation.get("From"))

    def ring(self, status=180, early=False, tone=None, rseq=None):
        """Early: with an SDP, and media flows. `rseq`: reliably (RFC 3262)."""
        body = self._accept_offer(tone) if early else ""
        self.say(status, body, rseq=rseq)

    def say(self, status, body="", tag=None, rseq=None, headers=()):
        """A response to the INVITE that came, in the dialog of `tag`: another than ours is that of a fork."""
        headers = [("Contact", "<%s>" % self.phone.contact)] + ([("Content-Type", "application/sdp")] if body else []) + list(headers)
        headers += [("Require", "100rel"), ("RSeq", str(rseq))] if rseq else []
        with self.phone.changed:
            self.phone.respond(self._invited_by, self._invited_reply, status, None, headers, body, tag or self.local_tag)

    def prack(self, response, body="", rack=None):
        """Acknowledges a reliable response to our INVITE; the PRACK's final response."""
        kind = [("Content-Type", "application/sdp")] if body else []
        return self.request("PRACK", [("RAck", rack or "%s %d INVITE" % (response.get("RSeq"), response.cseq[0]))] + kind, body)

    def _accept_offer(self, tone):
        if tone is not None:
            self.media.tone = tone
        if not getattr(self, "_own_answer", None):
            if self.invitation.body:
                self._use(self.invitation)
                self._own_answer = self._answer_sdp(self.invitation.body)
            else:
                self._own_answer = self.offer()
        return self._own_answer

    def answer(self, tone=None, headers=()):
        body = self._accept_offer(tone)
        with self.phone.changed:
            self.phone.respond(self._invited_by, self._invited_reply, 200, "OK",
                               [("Contact", "<%s>" % self.phone.contact), ("Content-Type", "application/sdp"),
                                ("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, INFO, OPTIONS")] + list(headers), body, self.local_tag)
            self.answered = True

    def reject(self, status, headers=()):
        with self.phone.changed:
            self._finish(self.phone.respond(self._open, self._reply, status, None, headers, "", self.local_tag))

    def _request(self, request, reply):
        self.requests.append(request)
        if request.method == "ACK":
            if request.body:
                self._use(request)
        elif request.method == "BYE":
            self.phone.respond(request, reply, 200)
            self._finish(request)
        elif request.method == "CANCEL":
            self.phone.respond(request, reply, 200)
            if not self.answered:
                self.phone.respond(self._open, self._reply, 487, None, (), "", self.local_tag)
                self._finish(request)
        elif request.method in ("INVITE", "UPDATE"):
            self._open, self._reply = request, reply
            if self.auto_reinvite:
                self.answer_reinvite()
        elif request.method == "NOTIFY":
            self.phone.respond(request, reply, 200)
            self.phone.notifies.put(request)
        else:
            self.phone.respond(request, reply, 200)

    def answer_reinvite(self, status=200):
        request = self._open
        kind = [("Contact", "<%s>" % self.phone.contact)]
        if status >= 300:
            self.phone.respond(request, self._reply, status, None, kind)
            return
        body = ""
        if request.body:
            self._use(request)
            body = self._answer_sdp(request.body)
        elif request.method == "INVITE":
            body = self.offer()
        if request.get("Session-Expires"):
            kind += [("Session-Expires", request.get("Session-Expires")), ("Require", "timer")]
        if body:
            kind.append(("Content-Type", "application/sdp"))
        self.phone.respond(request, self._reply, status, "OK", kind, body, self.local_tag)

    # -- in the call ---------------------------------------------------------------------------------------------------------

    def _finish(self, message):
        self.ended, self.end = True, message
        self.media.sending = False

    def reinvite(self, direction="sendrecv", body=None, timeout=WAIT):
        """A new offer; its final response (401, 407 are answered)."""
        with self.phone.changed:
            self._challenged = False
            self._headers, self._body = [], self.offer(direction) if body is None else body
            seen = len(self.responses)
            self._send_invite(())
        self._wait(lambda: any(r.status >= 200 and r.status not in (401, 407) for r in self.responses[seen:]), timeout,
                   "a final response to a re-INVITE")
        return self.responses[-1]

    def hold(self):
        response = self.reinvite("sendonly")
        assert response.status == 200, response.start
        return response

    def resume(self):
        response = self.reinvite("sendrecv")
        assert response.status == 200, response.start
        return response

    def dial(self, digits, gap=0.1, ms=100):
        """RFC 4733 digits, one after another; returns when they are sent, or the call has ended under them."""
        for digit in digits:
            self.media.send_digit(digit, ms)
            end = time.monotonic() + 5
            while self.media.digits_pending() and not self.ended and time.monotonic() < end:
                time.sleep(0.01)
            assert self.ended or not self.media.digits_pending(), "digit %s could not be sent" % digit
            time.sleep(gap)

    def hangup(self, timeout=WAIT):
        """BYE, CANCEL or 603, whichever fits."""
        if self.ended:
            return
        if self.answered:
            response = self.request("BYE", timeout=timeout)
            with self.phone.changed:
                self._finish(response)
        elif self.invitation is not None:
            self.reject(603)
        else:
            self.cancel()
            self.wait_ended(timeout)

    # -- waiting and hearing -------------------------------------------------------------------------------------------------

    def _wait(self, condition, timeout, what):
        end = time.monotonic() + timeout
        with self.phone.changed:
            while not condition():
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError("%s: %s did not come in %.0f s; responses: %s, requests: %s" % (
                        self.phone.user, what, timeout, self.responses, self.requests))
                self.phone.changed.wait(min(left, 0.2))

    def wait_status(self, status, timeout=WAIT):
        """Waits until our INVITE has got this status, and returns that response."""
        self._wait(lambda: any(r.status == status for r in self.responses) or self.ended, timeout, "status %d" % status)
        for response in self.responses:
            if response.status == status:
                return response
        raise AssertionError("%s: ended by %s before status %d" % (self.phone.user, self.end, status))

    def wait_answered(self, timeout=WAIT):
        self._wait(lambda: self.answered or self.ended, timeout, "an answer")
        assert self.answered, "%s: not answered but %s" % (self.phone.user, self.end)
        return self

    def wait_ended(self, timeout=WAIT):
        self._wait(lambda: self.ended, timeout, "the end")
        return self.end

    def wait_request(self, method, timeout=WAIT, seen=0):
        """The first request of this method after `seen` of them."""
        def matching():
            return [r for r in self.requests if r.method == method]
        self._wait(lambda: len(matching()) > seen, timeout, "a " + method)
        return matching()[seen]

    def listen(self, seconds=1.0):
        begin = time.monotonic()
        time.sleep(seconds)
        return self.media.samples(begin)

    def hears(self, *frequencies, timeout=5.0):
        """True once all of the frequencies are heard together for a second; False if that does not come."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            samples = self.listen(0.7)
            if samples and all(sound.hears(samples, 8000, hz) for hz in frequencies):
                return True
        return False

    def deaf_to(self, *frequencies, seconds=1.0):
        """True when none of the frequencies is heard in the next second (nor silence for lack of packets)."""
        samples = self.listen(seconds)
        return bool(samples) and all(sound.deaf_to(samples, 8000, hz) for hz in frequencies)


class Subscription(Dialog):
    """SUBSCRIBE and its NOTIFYs (RFC 6665), which come to phone.notifies."""

    def __init__(self, phone, event, target, expires, accept):
        super().__init__(phone, token())
        self.event, self.accept = event, accept
        self.target = phone.uri(target)
        self.to_value = "<%s>" % self.target
        self.response = self._send(expires)
        if 200 <= self.response.status < 300:
            self.to_value = self.response.get("To")
            self.target = uri_of(self.response.get("Contact", "<%s>" % self.target))
            self.routes = list(reversed(self.response.all("Record-Route")))

    def _send(self, expires):
        headers = [("Event", self.event), ("Expires", str(expires))]
        return self.request("SUBSCRIBE", headers + ([("Accept", self.accept)] if self.accept else []))

    def refresh(self, expires=3600):
        self.response = self._send(expires)
        return self.response

"""What a watcher of a conference makes of its NOTIFYs (RFC 4575): full state first, then what has changed.

    watcher = Watcher(phone, "3000")            subscribes; watcher.status is the SUBSCRIBE's final response
    watcher = Watcher(phone, call=call)         the same in the dialog of a call
    watcher.until({"1001": ("host", "connected", "sendrecv")})   takes NOTIFYs until the roster is this one
    watcher.count, locked, active, name, users, states, ended (the reason of the end, or None)

Each document must be valid by the schema, of the next version, and well-bounded; the first of all is full.
"""
import pathlib
import subprocess
import time
import xml.etree.ElementTree as etree

from message import uri_of

NS = "{urn:ietf:params:xml:ns:conference-info}"
TYPE = "application/conference-info+xml"
SCHEMA = pathlib.Path(__file__).resolve().parent / "conference-info.xsd"


def validate(text):
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", str(SCHEMA), "-"], input=text.encode(),
                          capture_output=True)
    assert done.returncode == 0, "%s\n%s" % (done.stderr.decode(), text)


class Watcher:
    def __init__(self, phone, number=None, call=None, accept=TYPE, expires=3600):
        self.phone, self.call, self.subscription = phone, call, None
        self.users, self.version, self.states, self.times = {}, -1, [], []
        self.count = self.locked = self.active = self.name = self.entity = self.ended = None
        if call is None:
            self.subscription = phone.subscribe("conference", number, expires=expires, accept=accept)
            self.response = self.subscription.response
        else:
            self.response = call.request("SUBSCRIBE", [("Event", "conference"), ("Expires", str(expires)), ("Accept", accept)])

    @property
    def status(self):
        return self.response.status

    def refresh(self, expires=3600):
        if self.subscription:
            return self.subscription.refresh(expires)
        return self.call.request("SUBSCRIBE", [("Event", "conference"), ("Expires", str(expires)), ("Accept", TYPE)])

    def next(self):
        """The next NOTIFY, taken in; its message."""
        notify = self.phone.wait_notify()
        while notify.get("Event") != "conference":  # its mailbox's lamp
            notify = self.phone.wait_notify()
        self.times.append(time.monotonic())
        state = notify.get("Subscription-State")
        if state.startswith("terminated"):
            self.ended = state.partition("reason=")[2]
        else:
            assert ";isfocus" in notify.get("Contact"), notify.headers
        if notify.body:
            assert notify.get("Content-Type") == TYPE, notify.headers
            assert len(notify.body) < 65536
            validate(notify.body)
            self.take(etree.fromstring(notify.body))
        return notify

    def take(self, document):
        assert int(document.get("version")) == self.version + 1, "%s after %d" % (document.get("version"), self.version)
        self.version += 1
        self.states.append(document.get("state"))
        self.entity = document.get("entity")
        if document.get("state") == "full":
            self.users = {}
        else:
            assert self.version > 0
        about = document.find(NS + "conference-description")
        if about is not None:
            self.name = about.findtext(NS + "display-text")
        state = document.find(NS + "conference-state")
        if state is not None:
            self.count = int(state.findtext(NS + "user-count"))
            self.active = state.findtext(NS + "active") == "true"
            self.locked = state.findtext(NS + "locked") == "true"
        for user in document.iter(NS + "user"):
            if user.get("state") == "deleted":
                self.users.pop(user.get("entity"), None)
            else:
                self.users[user.get("entity")] = user

    def roster(self):
        """{who: (role, status, media)}, with a tuple of these for each endpoint of one who has several."""
        out = {}
        for entity, user in self.users.items():
            role = user.findtext("%sroles/%sentry" % (NS, NS))
            ends = tuple((role, e.findtext(NS + "status"), e.findtext("%smedia/%sstatus" % (NS, NS)))
                         for e in user.findall(NS + "endpoint"))
            out[entity.removeprefix("sip:").removesuffix("@confab")] = ends[0] if len(ends) == 1 else ends
        return out

    def joined(self, who):
        """How his one phone came in."""
        user = next(u for entity, u in self.users.items() if entity.startswith("sip:%s@" % who))
        return user.findtext("%sendpoint/%sjoining-method" % (NS, NS))

    def until(self, roster, what=lambda watcher: True, timeout=20):
        end = time.monotonic() + timeout
        while self.version < 0 or self.roster() != roster or not what(self):
            assert time.monotonic() < end, "%s is not %s" % (self.roster(), roster)
            self.next()
        return self

    def until_ended(self):
        while self.ended is None:
            self.next()
        return self.ended


def focus_of(message):
    """The conference's URI that a message's Contact names; None: it is no focus."""
    contact = message.get("Contact") or ""
    return uri_of(contact) if "isfocus" in contact.partition(">")[2].split(";") else None

"""What scenarios of services share: switching services on, and short calls between users."""
import json

from harness import Scenario


class Services(Scenario):
    # Who is not there is not there: no mailbox takes the call unless a test is about that.
    MAILBOXES = False

    def setUp(self):
        super().setUp()
        self.server.psql("delete from service")
        self.server.psql("delete from last_caller")
        self.server.psql("update subscriber set ring_s = 4, mailbox = %s" % ("number" if self.MAILBOXES else "null"))
        self.mark = self.server.mark()

    def service(self, user, name, **parameters):
        self.server.psql("insert into service (subscriber, name, parameters) values ('%s', '%s', '%s')" % (
            user, name, json.dumps({key.rstrip("_"): value for key, value in parameters.items()})))

    def parameters(self, user, name):
        """Of a service that is switched on, else None."""
        rows = self.server.psql("select parameters from service where subscriber = '%s' and name = '%s' and enabled" % (user, name))
        return json.loads(rows[0][0]) if rows else None

    def users(self, *numbers):
        return [self.phone(number, registered=True) for number in numbers]

    def talk(self, one, two, tones=(620, 440)):
        """Both hear each other."""
        one.media.tone, two.media.tone = tones
        self.assertTrue(two.hears(tones[0]))
        self.assertTrue(one.hears(tones[1]))

    def nothing_came(self, *phones):
        for phone in phones:
            self.assertTrue(phone.incoming.empty(), "a call came to %s" % phone.user)

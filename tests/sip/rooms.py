"""What scenarios of a room's door share: rooms with PINs, and calls that type them."""
from harness import Scenario

HASHES = {"246810": "$y$j9T$ucIeEPKcgyCTqxo4bk91T1$GbWhg6K8nHmkq6jTlj5pQjzW2pbyq1tHF.Ux4zymE0B",
          "135791": "$y$j9T$KnVYicW0QQEfH7Trd8JKc0$sleBjxkomot8gECB0yF5x7Kqlcy.cyv7HiiwTh1fxu6",
          "739146": "$y$j9T$Hc/eSLtA5MZ79ClBsM.3L1$i013ZnmVf1u3xYcIIiV.wpR3RPAtyM6bqGqkZRvNm54"}


class Rooms(Scenario):
    def enter(self, user, number, digits="", tone=None):
        """A call to the number; the digits answer what is asked there, also before it is asked."""
        call = self.phone(user, registered=True).invite(number, tone=tone).wait_answered()
        call.dial(digits, gap=0.05, ms=60)
        return call

    def wait_role(self, room, role, mark, timeout=10):
        return self.server.wait_log("room-entered room=%s .*role=%s" % (room, role), timeout, mark)

    def room(self, number, **columns):
        names = ", ".join(["number", "name"] + list(columns))
        values = ", ".join("'%s'" % value for value in [number, "Test"] + list(columns.values()))
        self.server.psql("insert into room (%s) values (%s)" % (names, values))

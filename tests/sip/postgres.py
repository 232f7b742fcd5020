"""Questions to PostgreSQL by its own protocol (version 3, simple queries), over a Unix socket and without a password.

    pool = Pool(folder of the socket)
    pool.query("name of the database", "select 1, null")      [["1", ""]]: the rows of all statements, as psql would write them
    pool.close()                                               before the server is stopped

A psql for each question, and scenarios ask many times a second, is what they would use most of the processor for; and while one
starts, no thread of this process sends its packets. Any thread may ask. What fails is an AssertionError.
"""
import socket
import struct
import threading


class Connection:
    def __init__(self, folder, database):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(120)
        self.socket.connect(folder + "/.s.PGSQL.5432")
        self.stream = self.socket.makefile("rb")
        start = struct.pack("!I", 3 << 16) + b"user\0confab\0database\0%s\0client_encoding\0UTF8\0application_name\0psql\0\0" % database.encode()
        self.socket.sendall(struct.pack("!I", 4 + len(start)) + start)
        self._rows("the start of a session")

    def query(self, text):
        data = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!I", 4 + len(data)) + data)
        return self._rows(text)

    def close(self):
        self.stream.close()
        self.socket.close()

    def _rows(self, text):
        rows, fault = [], None
        while True:
            head = self.stream.read(5)
            if len(head) < 5:
                raise AssertionError("%s: %s" % (text[:400], fault or "PostgreSQL has gone"))
            kind, length = struct.unpack("!cI", head)
            body = self.stream.read(length - 4)
            if kind == b"D":
                rows.append(self._row(body))
            elif kind == b"E":
                fault = body.replace(b"\0", b" ").decode("utf-8", "replace")
            elif kind == b"Z":
                if fault:
                    raise AssertionError("%s: %s" % (text[:400], fault))
                return rows

    @staticmethod
    def _row(body):
        fields, at = [], 2
        for _ in range(struct.unpack_from("!H", body)[0]):
            length, = struct.unpack_from("!i", body, at)
            at += 4
            fields.append(body[at:at + max(length, 0)].decode())
            at += max(length, 0)
        return fields


class Pool:
    """One session with each database is kept; others last for a question."""

    def __init__(self, folder):
        self.folder = folder
        self._lock, self._idle = threading.Lock(), {}

    def query(self, database, text):
        with self._lock:
            connection = self._idle.pop(database, None)
        try:
            connection = connection or Connection(self.folder, database)
            rows = connection.query(text)
        except OSError as error:
            raise AssertionError("%s: %s" % (text[:400], error)) from None
        except AssertionError:
            if connection:
                connection.close()
            raise
        with self._lock:
            surplus = connection if database in self._idle else None
            self._idle.setdefault(database, connection)
        if surplus:
            surplus.close()
        return rows

    def close(self, database=None):
        """Of one database, or all."""
        with self._lock:
            names = [database] if database else list(self._idle)
            idle = [self._idle.pop(name) for name in names if name in self._idle]
        for connection in idle:
            connection.close()

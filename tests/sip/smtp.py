"""A mail server for the tests: takes what confabd sends, over STARTTLS when it has a certificate, and says what a test wants.

    smtp = Smtp(folder, tls=True)               listens at once; smtp.port, smtp.ca (a certificate to trust)
    smtp.answers["DATA"] = ["451 later"]        the next answers to a verb; "." is the end of the message
    smtp.hold = threading.Event()               the end of a message is not answered before it is set
    smtp.mails                                  [Mail(sender, receivers, message, tls)], those answered with 250
    smtp.seen                                   Message-IDs of all whose end came, answered or not
    smtp.close(), smtp.open()                   nobody listens; again, at the same port
"""
import collections
import contextlib
import email
import email.policy
import socketserver
import ssl
import subprocess
import threading

Mail = collections.namedtuple("Mail", "sender receivers message tls")


class Smtp:
    def __init__(self, folder, tls=False):
        self.port, self.mails, self.seen, self.answers, self.hold, self.context, self.ca = 0, [], [], {}, None, None, None
        if tls:
            key, self.ca = folder / "smtp.key", folder / "smtp.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                            "-keyout", str(key), "-out", str(self.ca)], check=True, capture_output=True)
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(self.ca, key)
        self.open()

    def open(self):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    with contextlib.ExitStack() as secured:
                        outer._serve(self.request, secured)
                except (OSError, ValueError):
                    pass  # who sends may go away at any moment

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _serve(self, sock, secured):
        lines, sender, receivers, tls = sock.makefile("rb"), None, [], False

        def answer(verb, usual):
            wanted = self.answers.get(verb)
            text = wanted.pop(0) if wanted else usual
            sock.sendall(text.encode() + b"\r\n")
            return text[0] in "23"

        sock.sendall(b"220 test\r\n")
        while line := lines.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                offers = ["test", "8BITMIME"] + (["STARTTLS"] if self.context and not tls else [])
                sock.sendall(b"".join(b"250%s%s\r\n" % (b" " if offer is offers[-1] else b"-", offer.encode()) for offer in offers))
            elif verb == "STARTTLS":
                sock.sendall(b"220 go\r\n")
                sock = secured.enter_context(self.context.wrap_socket(sock, server_side=True))
                lines, tls = sock.makefile("rb"), True
            elif verb == "MAIL":
                if answer(verb, "250 ok"):
                    sender, receivers = rest[rest.index("<") + 1:rest.index(">")], []
            elif verb == "RCPT":
                if answer(verb, "250 ok"):
                    receivers.append(rest[rest.index("<") + 1:rest.index(">")])
            elif verb == "DATA":
                if not answer(verb, "354 go"):
                    continue
                data = []
                while (line := lines.readline()) != b".\r\n":
                    if not line:
                        return
                    data.append(line[1:] if line.startswith(b".") else line)
                message = email.message_from_bytes(b"".join(data), policy=email.policy.default)
                self.seen.append(message["Message-ID"])
                if self.hold:
                    self.hold.wait(30)
                if answer(".", "250 taken"):
                    self.mails.append(Mail(sender, receivers, message, tls))
            elif verb == "QUIT":
                sock.sendall(b"221 bye\r\n")
                return
            else:
                sock.sendall(b"250 ok\r\n")

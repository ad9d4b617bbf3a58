"""A mail server that keeps what it gets (RFC 5321, as far as a client that sends needs it)."""

import email
import email.policy
import socketserver
import threading
from contextlib import contextmanager


class Server(socketserver.ThreadingTCPServer):
    """``mails`` are what came; ``refuses`` are addresses that get a 550, and ``is_down`` makes it
    hang up on whoever calls."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails = []
        self.refuses = set()
        self.is_down = False

    @property
    def port(self):
        return self.server_address[1]


class _Session(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        if self.server.is_down:
            return
        self.say("220 here")
        to = []
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word in (b"EHLO", b"HELO"):
                self.say("250 here")
            elif word == b"MAIL":
                to = []
                self.say("250 good")
            elif word == b"RCPT":
                address = line.split(b"<")[1].split(b">")[0].decode()
                if address in self.server.refuses:
                    self.say("550 no such mailbox")
                else:
                    to.append(address)
                    self.say("250 good")
            elif word == b"DATA":
                self.say("354 go on")
                self.server.mails.append((to, self.content()))
                self.say("250 taken")
            elif word == b"RSET":
                self.say("250 good")
            elif word == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("502 unknown")

    def content(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        return email.message_from_bytes(b"".join(lines), policy=email.policy.default)


@contextmanager
def running():
    """The server, while it runs."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

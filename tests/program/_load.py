# SPDX-License-Identifier: BSD-2-Clause
"""_load.py  A load of HTTP requests that counts what was lost. For the scripts beside it.

Each talker has one connection after the other, and on each one batch of requests after the other: a batch is one send, and the
next one goes when all of it was answered. What is lost is told apart from what must be borne:

    answered     with the page, byte for byte
    refused      nobody listens: during a drain the talker is done, at any other time that is a failure
    quiet        the server ended a connection on which we were silent for so long that it may have taken us for idle; we are
                 as late as the machine lets us be, so this is no failure
    a failure    anything else: an end or a reset in the place of an answer, also of a connection that was never accepted
"""
import errno
import selectors
import socket
import threading
import time

QUIET = 0.25                                        # seconds; half of what the plugin waits before it calls a client idle


class Answer:
    """The first answer in some bytes: status, headers by their names in lower case, body, and how long all of it is."""

    def __init__(self, status, headers, body, size):
        self.status, self.headers, self.body, self.size = status, headers, body, size

    @property
    def closes(self):
        return self.headers.get("connection", "").lower() == "close"


def parse(data, head=False):
    """None while it is not whole. @head: it answers a HEAD."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = bytes(data[:end]).decode("latin-1").split("\r\n")
    version, status, _ = first.split(" ", 2)
    if version != "HTTP/1.1":
        raise ValueError(f"no answer: {first!r}")
    headers = {}
    for line in lines:
        name, value = line.split(": ", 1)
        if name.lower() in headers:
            raise ValueError(f"{name} twice in {bytes(data[:end])!r}")
        headers[name.lower()] = value
    length = 0 if head or status in ("100", "304") else int(headers["content-length"])
    size = end + 4 + length
    if len(data) < size:
        return None
    return Answer(int(status), headers, bytes(data[end + 4:size]), size)


class Talker:
    def __init__(self, load, depth):
        self.load, self.depth, self.done = load, depth, False
        self.batch = load.request * depth
        self.connect()

    def connect(self):
        self.data, self.expected, self.sent_at, self.connecting = bytearray(), 0, time.monotonic(), True
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.connect_ex(self.load.address)
        self.load.selector.register(self.sock, selectors.EVENT_WRITE, self)

    def drop(self):
        self.load.selector.unregister(self.sock)
        self.sock.close()

    def end(self):
        self.drop()
        self.done = True

    def send(self):
        before, self.sent_at = self.sent_at, time.monotonic()
        self.expected = self.depth
        try:
            sent = self.sock.send(self.batch)
        except OSError as error:
            self.lose(f"sending failed: {error}")
            return
        self.was_quiet = time.monotonic() - before > QUIET
        if sent != len(self.batch):
            self.load.fail("a batch was not taken whole")
            self.end()

    def lose(self, how):
        """The connection is over before its time."""
        if self.was_quiet and self.expected == self.depth and not self.data:
            self.load.quiet += 1
        else:
            self.load.fail(f"{how}; {self.expected} of {self.depth} requests not answered, got {bytes(self.data)!r}")
        self.drop()
        self.connect()

    def on_writable(self):
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == errno.ECONNREFUSED and self.load.draining:
            self.end()
            return
        if code != 0:
            self.load.fail(f"connecting: {errno.errorcode[code]}")
            self.end()
            return
        self.was_quiet = self.connecting = False
        self.load.selector.modify(self.sock, selectors.EVENT_READ, self)
        self.send()

    def on_readable(self):
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            self.lose(f"receiving failed: {error}")
            return
        if not data:
            self.lose("the connection ended")
            return
        self.data += data
        while self.expected > 0:
            answer = parse(self.data)
            if answer is None:
                return
            del self.data[:answer.size]
            self.expected -= 1
            if answer.status != 200 or answer.body != self.load.page:
                self.load.fail(f"status {answer.status}, {answer.body!r}")
            self.load.note_answer()
            if answer.closes and self.expected > 0:
                self.load.fail(f"told to close with {self.expected} of {self.depth} requests not answered")
            if answer.closes:
                self.drop()
                if self.load.stopping:
                    self.done = True
                else:
                    self.connect()
                return
        if self.load.stopping:
            self.end()
        else:
            self.send()


class Load:
    """Runs on a thread of its own until stop(), or until nobody listens any more after drain()."""

    def __init__(self, address, page, depths, path="/"):
        host, port = address.rsplit(":", 1)
        self.address, self.page = (host, int(port)), page
        self.request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
        self.selector = selectors.DefaultSelector()
        self.draining = self.stopping = False
        self.answers, self.quiet, self.failures, self._failed = 0, 0, [], 0
        self._news = threading.Condition()
        self._wanted = None
        self._talkers = [Talker(self, depth) for depth in depths]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def fail(self, what):
        self._failed += 1
        if self._failed <= 10:
            self.failures.append(what)

    def note_answer(self):
        self.answers += 1
        if self._wanted is not None and self.answers >= self._wanted:
            with self._news:
                self._wanted = None
                self._news.notify_all()

    def wait_answers(self, count, patience):
        """Until so many answers have come, or the load has ended."""
        with self._news:
            if self.answers < count:
                self._wanted = count
                self._news.wait_for(lambda: self._wanted is None or not self._thread.is_alive(), patience)
        if self.answers < count:
            raise AssertionError(f"{self.answers} answers, expected {count}: {self.failures}")

    def drain(self):
        """From here on nobody may be listening."""
        self.draining = True

    def stop(self):
        """No further requests, and no waiting for a connection that was asked for."""
        self.stopping = True

    def wait(self, patience):
        self._thread.join(patience)
        if self._thread.is_alive():
            raise AssertionError(f"the load does not end: {self.answers} answers, {self.failures}")

    def _forget_calls(self):
        """Those that nobody has taken yet: nothing was asked on them."""
        for talker in self._talkers:
            if not talker.done and talker.connecting:
                talker.end()

    def _run(self):
        while not all(talker.done for talker in self._talkers):
            ready = self.selector.select(0.02 if self.stopping else 0.2)
            if self.stopping and not ready:
                self._forget_calls()
            for key, events in ready:
                if key.data.done or key.fileobj is not key.data.sock:
                    continue
                if events & selectors.EVENT_WRITE:
                    key.data.on_writable()
                else:
                    key.data.on_readable()
        with self._news:
            self._news.notify_all()

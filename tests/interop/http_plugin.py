# SPDX-License-Identifier: BSD-2-Clause
"""http_plugin.py  The http plugin in the program, over real sockets: Python's client, requests cut anywhere, a drain under load."""
import asyncio
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

BUILD = os.environ["WEIR_BUILD_DIR"]
PATIENCE = 60       # seconds after which something hangs: a bound, not a measure
CONNECTIONS = 32
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
PAGE = b"hello"

CONFIG = """
workers = 2;
pin = false;
servers = ({{
    name = "web";
    listen = [ "127.0.0.1:0" ];
    handler = "{plugin}";
    options = {{ page = "hello"; root = "www"; header_timeout = "60s"; body_timeout = "60s"; }};
}});
"""


class Program:
    """The program with one section, in a folder of its own, at a port that the kernel chose and the log told."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        os.mkdir(os.path.join(self.folder.name, "www"))
        self.big = bytes(i * 7 % 251 for i in range(1000000))
        with open(os.path.join(self.folder.name, "www", "big.bin"), "wb") as file:
            file.write(self.big)
        path = os.path.join(self.folder.name, "weir.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(plugin=os.path.join(BUILD, "plugins", "http.so")))
        self.process = subprocess.Popen([os.path.join(BUILD, "weir"), "run", "-c", path], stderr=subprocess.PIPE, text=True)
        self.port = None
        self.stopped = False
        for line in self.process.stderr:
            if found := re.search(r"listening .*address=127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
            if " ready " in line:
                return self
        sys.exit("the program did not start")

    def stop(self):
        if not self.stopped:                        # a second signal would cut the drain short
            self.process.send_signal(signal.SIGTERM)
        self.stopped = True

    def __exit__(self, *_):
        self.stop()
        self.process.communicate(timeout=PATIENCE)
        self.folder.cleanup()
        if self.process.returncode != 0:
            sys.exit(f"the program ended with {self.process.returncode}")


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r:.200}, not {wanted!r:.200}")


# --- Python's client --------------------------------------------------------

def by_the_library(program):
    client = http.client.HTTPConnection("127.0.0.1", program.port, timeout=PATIENCE)
    for method, path, body, status, answer in (
            ("GET", "/", None, 200, PAGE), ("HEAD", "/", None, 200, b""), ("GET", "/healthz", None, 200, b"ok\n"),
            ("GET", "/big.bin", None, 200, program.big), ("HEAD", "/big.bin", None, 200, b""),
            ("POST", "/", b"x" * 1000, 405, b"405 Method Not Allowed\n"), ("GET", "/none", None, 404, b"404 Not Found\n"),
            ("GET", "/", iter([b"ab", b"c" * 500]), 200, PAGE), ("GET", "/", None, 200, PAGE)):
        client.request(method, path, body=body, encode_chunked=not isinstance(body, bytes | None),
                       headers={} if isinstance(body, bytes | None) else {"Transfer-Encoding": "chunked"})
        response = client.getresponse()
        expect(f"{method} {path}", (response.status, response.read()), (status, answer))
        if client.sock is None:
            sys.exit(f"{method} {path}: the connection was closed")
    client.request("GET", "/big.bin")
    response = client.getresponse()
    modified = response.headers["Last-Modified"]
    response.read()
    client.request("GET", "/big.bin", headers={"If-Modified-Since": modified})
    response = client.getresponse()
    expect("If-Modified-Since", (response.status, response.read()), (304, b""))
    client.close()


# --- Cuts -------------------------------------------------------------------

def receive_answers(sock, count):
    """The statuses of @count answers, each of which has a length."""
    data, statuses = b"", []
    while len(statuses) < count:
        head, blank, rest = data.partition(b"\r\n\r\n")
        length = int(found[1]) if (found := re.search(rb"Content-Length: (\d+)", head)) else 0
        if blank and len(rest) >= length:
            statuses.append(int(head[9:12]))
            data = rest[length:]
            continue
        more = sock.recv(65536)
        if not more:
            return statuses + ["end"]
        data += more
    return statuses


def cut_everywhere(program):
    """Two packets, with the cut at each place; the second goes when the first has arrived, as far as a client can tell."""
    several = (REQUEST + b"GET /none HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
               + b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + REQUEST)
    with socket.create_connection(("127.0.0.1", program.port), timeout=PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in range(1, len(several)):
            sock.sendall(several[:cut])
            sock.sendall(several[cut:])
            expect(f"cut at {cut}", receive_answers(sock, 4), [200, 404, 405, 200])


def an_error_arrives(program):
    """Though bytes follow that nobody can tell apart any more; and then comes an end, no reset."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", program.port), timeout=PATIENCE) as sock:
            sock.sendall(b"BREW / HTTP/1.1\r\n\r\n" + b"x" * 30000)
            expect("an error, and bytes behind it", receive_answers(sock, 2), [501, "end"])


# --- A drain ----------------------------------------------------------------

class Lost(Exception):
    pass


async def ask_until_told(port, pipeline, counts):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    last = False
    while not last:
        writer.write(REQUEST * pipeline)
        for left in range(pipeline, 0, -1):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                expect("a page under load", await reader.readexactly(len(PAGE)), PAGE)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise Lost(f"{left} of {pipeline} requests were lost: {error}") from None
            counts["answers"] += 1
            last = b"Connection: close" in head
            if last and left > 1:
                raise Lost(f"the end was said {left - 1} requests too early")
    writer.close()


async def drain_under_load(program, pipeline):
    counts = {"answers": 0}
    clients = [asyncio.create_task(ask_until_told(program.port, pipeline, counts)) for _ in range(CONNECTIONS)]
    while counts["answers"] < 50 * CONNECTIONS:
        await asyncio.sleep(0)
        for client in clients:
            if client.done():
                client.result()
    program.stop()
    await asyncio.wait_for(asyncio.gather(*clients), PATIENCE)


if not os.path.exists(os.path.join(BUILD, "plugins", "http.so")):
    print("the http plugin is not built: llhttp's sources are not here")
    sys.exit(77)
with Program() as server:
    by_the_library(server)
    cut_everywhere(server)
    an_error_arrives(server)
for depth in (1, 16):
    with Program() as server:
        try:
            asyncio.run(drain_under_load(server, depth))
        except Lost as error:
            sys.exit(str(error))

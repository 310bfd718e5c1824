# SPDX-License-Identifier: BSD-2-Clause
"""logs.py  What the program writes down: in which form, for whom, every line once, and never at the cost of serving."""
import collections
import http.client
import json
import os
import re
import signal
import threading

import _load
import _weir

CONFIG = """
workers = 2;
log = { format = "%(format)s"; destination = "%(log)s"; level = "%(level)s"; queue = "64M"; };
servers = (
    { name = "e"; listen = [ "127.0.0.1:0", "unix:e.sock" ]; handler = "echo"; access_log = "%(access)s"; },
    { name = "h"; listen = [ "127.0.0.1:0" ]; handler = "http"; access_log = "%(access)s";
      options = { page = "logged\\n"; header_timeout = "1h"; idle_timeout = "1h"; }; } );
"""
PAGE = b"logged\n"
STAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Logs(_weir.Case):
    def begin(self, format="text", log="stderr", access="stderr", level="info", listens=True, **options):
        text = CONFIG % {"format": format, "log": log, "access": access, "level": level}
        weir = self.start(text.replace("%", "%%"), **options)
        if listens:
            weir.wait_line(_weir.READY)
        return weir

    def end(self, weir):
        self.assertEqual(weir.stop(), 0, weir.output)

    def echo(self, weir, text):
        """A connection of its own; its own address."""
        with weir.connect("e") as client:
            name = "{}:{}".format(*client.getsockname())
            client.sendall(text)
            client.shutdown(1)
            got = b""
            while piece := client.recv(65536):
                got += piece
            self.assertEqual(got, text)
        return name

    def request(self, weir, data):
        with weir.connect("h") as client:
            client.sendall(data)
            client.shutdown(1)
            got = b""
            while piece := client.recv(65536):
                got += piece
        return got

    # --- Forms ---

    def test_text_has_a_time_a_level_and_a_sentence(self):
        weir = self.begin(level="debug")
        self.echo(weir, b"x\n")
        self.request(weir, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.end(weir)
        for line in weir.lines:
            self.assertRegex(line, STAMP + r"(debug|info |warn |error) \S")

    def test_each_json_line_is_an_object(self):
        weir = self.begin(format="json", level="debug")
        peer = self.echo(weir, b"x\ny\n")
        self.request(weir, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        weir.kill(signal.SIGHUP)
        weir.wait_line("reserved")
        self.end(weir)
        events = [json.loads(line) for line in weir.lines]
        for event in events:
            self.assertRegex(event["time"], STAMP.rstrip(" ") + "$")
            self.assertIn(event["level"], ("debug", "info", "warning", "error"))
            self.assertTrue(event["message"])
        found = collections.Counter(event["message"] for event in events)
        self.assertEqual((found["listening"], found["ready"], found["connection"], found["request"]), (3, 1, 1, 1))
        connection = next(event for event in events if event["message"] == "connection")
        self.assertEqual((connection["server"], connection["peer"], connection["bytes_in"], connection["bytes_out"]),
                         ("e", peer, 4, 4))

    def test_the_journal_gets_priorities_and_writes_the_time_itself(self):
        for format, pattern in (("text", r"^<[3467]>[a-zA-Z]"), ("json", r"^<[3467]>\{")):
            with self.subTest(format=format):
                read, write = os.pipe()
                found = os.fstat(write)
                weir = self.begin(format=format, env={"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"},
                                  pipe=(read, write))
                weir.kill(signal.SIGHUP)
                weir.wait_line("reserved")
                self.end(weir)
                for line in weir.lines:
                    self.assertRegex(line, pattern)
                    self.assertNotRegex(line, STAMP[1:])
                self.assertRegex(next(line for line in weir.lines if "reserved" in line), "^<4>")
                self.assertRegex(next(line for line in weir.lines if "ready" in line), "^<6>")
                if format == "json":
                    self.assertNotIn("time", json.loads(weir.lines[0][3:]))

    def test_another_stream_than_the_journals_is_for_people(self):
        weir = self.begin(env={"JOURNAL_STREAM": "1:1"})
        self.end(weir)
        for line in weir.lines:
            self.assertRegex(line, STAMP)

    # --- Access ---

    def test_each_connection_of_echo_is_one_line_with_its_bytes(self):
        weir = self.begin(access="access.log")
        texts = [b"a line\n" * count for count in (0, 1, 2, 1000)] + [b"no end of line"]
        peers = {self.echo(weir, text): len(text) for text in texts}
        self.end(weir)
        lines = self.read("access.log").splitlines()
        self.assertEqual(len(lines), len(texts))
        for line in lines:
            found = re.search(STAMP[:-1] + r' info  connection server=e peer=(\S+) seconds=\d+\.\d{3} bytes_in="?(\d+)"? '
                              r'bytes_out="?(\d+)"? result=ok$', line)
            self.assertTrue(found, line)
            self.assertEqual((int(found[2]), int(found[3])), (peers[found[1]],) * 2)
        self.assertNotIn("connection server=", weir.output)

    INJECTIONS = (b'GET /"x"?status=200 HTTP/1.1', b'GET /" status=200 bytes=1 server="other HTTP/1.1', b"GET /\\x0a HTTP/1.1",
                  b"GET /\x1b[31m HTTP/1.1", b"GET /\x00 HTTP/1.1", b"GET /\x85\x9b HTTP/1.1", b"GET /\xe2\x80\xa8 HTTP/1.1",
                  b"GET /\rforged HTTP/1.1", b"GET /%0d%0aforged HTTP/1.1", b"\x16\x03\x01\x02\x00", b"GET /\xff\xfe HTTP/1.1",
                  b"GET /\tx HTTP/1.1", b"GET /" + b"\\\"" * 600 + b" HTTP/1.1", b"GET / request=\"GET /forged\" HTTP/1.1",
                  b"GET /\\ HTTP/1.1", b"GET /\\\" HTTP/1.1")

    def test_no_request_writes_a_line_but_its_own(self):
        for format in ("text", "json"):
            with self.subTest(format=format):
                weir = self.begin(format=format, access="access.log")
                for line in self.INJECTIONS:
                    self.request(weir, line + b"\r\nHost: a\r\n\r\n")
                self.end(weir)
                with open(self.path("access.log"), "rb") as file:
                    lines = file.read().decode("utf-8", "surrogateescape").split("\n")
                self.assertEqual(lines.pop(), "")
                self.assertEqual(len(lines), len(self.INJECTIONS))
                for line, request in zip(lines, self.INJECTIONS):
                    self.assertIsNone(CONTROL.search(line), line)
                    if format == "json":
                        self.check_event(json.loads(line), request)
                    else:
                        self.check_text(line)
                os.remove(self.path("access.log"))

    def check_text(self, line):
        """The quotes of the request are told from those around it."""
        found = re.match(STAMP + r'info  request server=h peer=127\.0\.0\.1:\d+ request="((?:[^"\\]|\\.)*)" status="?(\d+)"? '
                         r'bytes="?(\d+)"? seconds=\d+\.\d+$', line)
        self.assertTrue(found, line)
        self.assertIn(found[2], ("400", "404", "501"))

    def check_event(self, event, request):
        self.assertEqual(set(event), {"time", "level", "message", "server", "peer", "request", "status", "bytes", "seconds"})
        self.assertEqual((event["message"], event["server"]), ("request", "h"))
        self.assertIn(event["status"], (400, 404, 501))
        wanted = request.split(b"\r")[0].decode("utf-8", "replace").replace("\0", "?")
        if len(wanted) < 400:
            self.assertEqual(event["request"], wanted)
        else:
            self.assertTrue(event["request"].endswith("..."))
            self.assertTrue(wanted.startswith(event["request"][:-3]))

    # --- What it must not cost ---

    def serve_under(self, weir, count=3000):
        load = _load.Load(weir.addresses["h"][0], PAGE, [1, 16])
        load.wait_answers(count, _weir.PATIENCE)
        load.stop()
        load.wait(_weir.PATIENCE)
        self.assertEqual(load.failures, [])
        return load.answers

    def test_a_reader_that_does_not_read_holds_nobody_up(self):
        os.mkfifo(self.path("access.fifo"))
        reader = os.open(self.path("access.fifo"), os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        weir = self.begin(access="access.fifo")
        self.serve_under(weir)                      # more lines than the FIFO holds
        self.echo(weir, b"still\n")
        self.end(weir)

    def test_a_full_disk_holds_nobody_up(self):
        weir = self.begin(access="/dev/full")
        self.serve_under(weir)
        self.echo(weir, b"still\n")
        self.end(weir)
        self.assertRegex(weir.output, r"/dev/full.*No space left")

    def serves_in_silence(self, weir):
        """Nothing says that it listens but that it answers."""
        with weir.connect_when_up(self.path("e.sock")) as client:
            for _ in range(100):
                client.sendall(b"heard\n")
                self.assertEqual(client.recv(64), b"heard\n")
        self.assertEqual(weir.stop(), 0)

    def test_a_log_on_a_full_disk_holds_nobody_up(self):
        weir = self.begin(log="/dev/full", access="/dev/full", listens=False)
        self.serves_in_silence(weir)
        for line in weir.lines:                     # what could not be written is told where it can be
            self.assertRegex(line, r'^weir: log file not written path="/dev/full" error="No space left on device" lost=\d+$')
        self.assertTrue(weir.lines)

    def test_standard_error_that_is_full_holds_nobody_up(self):
        pipe = os.open("/dev/null", os.O_RDONLY), os.open("/dev/full", os.O_WRONLY)
        self.serves_in_silence(self.begin(listens=False, pipe=pipe))

    def test_standard_error_that_nobody_reads_any_more_holds_nobody_up(self):
        read, write = os.pipe()
        os.close(read)
        self.serves_in_silence(self.begin(listens=False, pipe=(os.open("/dev/null", os.O_RDONLY), write)))

    # --- Rotation ---

    ROTATIONS, CLIENTS, REQUESTS = 12, 4, 400

    def ask(self, weir, client, failures):
        connection = http.client.HTTPConnection(weir.addresses["h"][0], timeout=_weir.PATIENCE)
        try:
            for number in range(self.REQUESTS):
                connection.request("GET", f"/?{client}.{number}")
                if connection.getresponse().read() != PAGE:
                    failures.append((client, number))
        except (OSError, http.client.HTTPException) as error:
            failures.append(error)
        connection.close()

    def test_rotation_under_load_loses_no_line_and_doubles_none(self):
        weir, failures = self.begin(access="access.log"), []
        clients = [threading.Thread(target=self.ask, args=(weir, client, failures)) for client in range(self.CLIENTS)]
        for client in clients:
            client.start()
        for rotation in range(1, self.ROTATIONS + 1):
            os.rename(self.path("access.log"), self.path(f"access.log.{rotation}"))
            weir.kill(signal.SIGUSR1)
            weir.wait_line("reopened", rotation)
        for client in clients:
            client.join()
        self.assertEqual(failures, [])
        self.end(weir)
        names = ["access.log"] + [f"access.log.{rotation}" for rotation in range(1, self.ROTATIONS + 1)]
        text = "".join(self.read(name) for name in names)
        found = collections.Counter(re.findall(r'request="GET /\?(\d+\.\d+) HTTP/1\.1"', text))
        self.assertEqual(found, collections.Counter(f"{client}.{number}" for client in range(self.CLIENTS)
                                                    for number in range(self.REQUESTS)))


if __name__ == "__main__":
    _weir.main()

# SPDX-License-Identifier: BSD-2-Clause
"""http_clients.py  plugins/http as its clients see it: curl, h2load and sockets cut at every place, with files byte for byte."""
import os
import random
import re
import shutil
import socket
import subprocess
import time
import unittest

import _load
import _weir

CONFIG = """
workers = 2;
servers = (
    { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "http"; options = { page = "page of a\\n"; root = "a"; %(patient)s }; },
    { name = "b"; listen = [ "127.0.0.1:0" ]; handler = "http"; balance = "even";
      options = { root = "b"; max_header = "1k"; %(patient)s }; } );
""" % {"patient": 'header_timeout = "1h"; body_timeout = "1h"; send_timeout = "1h"; idle_timeout = "1h";'}
PAGE = b"page of a\n"
SIZES = (0, 1, 65535, 65536, (1 << 20) + 1)
BIG = 16 << 20                                      # more than all the buffers between two sockets hold
CURL, H2LOAD = shutil.which("curl"), shutil.which("h2load")


def noise(size):
    return random.Random(size).randbytes(size)


class Http(_weir.Case):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("a"))
        os.mkdir(self.path("b"))
        self.write("a/text.txt", "text of a\n")
        self.write("b/text.txt", "text of b\n")
        self.write("b/index.html", "index of b\n")
        self.write("secret", "not to be seen\n")
        self.weir = self.start(CONFIG)
        self.weir.wait_line("ready ")

    def file(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def url(self, server, path):
        return f"http://{self.weir.addresses[server][0]}{path}"

    def end(self):
        self.assertEqual(self.weir.stop(), 0, self.weir.output)


@unittest.skipUnless(CURL, "curl is not installed")
class Curl(Http):
    def curl(self, *arguments, **options):
        done = subprocess.run([CURL, "--silent", "--show-error", "--max-time", str(_weir.PATIENCE), *arguments], cwd=self.folder,
                              capture_output=True, timeout=2 * _weir.PATIENCE, check=False, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def status(self, *arguments):
        return int(self.curl("--output", os.devnull, "--write-out", "%{http_code}", *arguments))

    def test_get_and_head(self):
        self.assertEqual(self.curl(self.url("a", "/")), PAGE)
        self.assertEqual(self.curl(self.url("b", "/")), b"index of b\n")
        self.assertEqual(self.curl(self.url("a", "/text.txt?query#fragment")), b"text of a\n")
        self.assertEqual(self.curl(self.url("a", "/healthz")), b"ok\n")
        head = self.curl("--head", self.url("b", "/text.txt")).decode()
        self.assertRegex(head, r"^HTTP/1.1 200 OK\r\nServer: weir\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n")
        self.assertIn("\r\nContent-Length: 10\r\n", head)
        self.assertIn("\r\nContent-Type: text/plain", head)
        self.assertRegex(self.curl("--include", self.url("b", "/text.txt")).decode(), r"\r\n\r\ntext of b\n$")
        self.end()

    def test_two_requests_go_over_one_connection(self):
        out = self.curl("--write-out", "%{num_connects} %{local_port}\n", self.url("a", "/"), self.url("a", "/text.txt")).decode()
        one, two = re.findall(r"^(\d+) (\d+)$", out, re.MULTILINE)
        self.assertEqual((one[0], two[0]), ("1", "0"))
        self.assertEqual(one[1], two[1])
        self.end()

    def test_a_file_that_has_not_changed_is_not_sent_again(self):
        url = self.url("b", "/text.txt")
        modified = re.search(rb"Last-Modified: (.*)\r\n", self.curl("--head", url))[1].decode()
        self.assertEqual(self.status("--header", f"If-Modified-Since: {modified}", url), 304)
        self.assertEqual(self.curl("--header", f"If-Modified-Since: {modified}", url), b"")
        self.assertEqual(self.status("--header", "If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT", url), 200)
        os.utime(self.path("b/text.txt"), (0, time.time() - 3600))
        self.assertEqual(self.status("--time-cond", "b/text.txt", url), 304)
        self.end()

    def test_bodies_are_read_off_and_the_connection_goes_on(self):
        body, url = noise(20000), self.url("a", "/text.txt")
        for how in ("Expect: 100-continue", "Transfer-Encoding: chunked", "Expect:"):
            out = self.curl("--request", "GET", "--data-binary", "@-", "--header", how, "--write-out", "%{num_connects}", url,
                            "--next", "--silent", "--write-out", "%{num_connects}", self.url("a", "/"), input=body)
            self.assertEqual(out, b"text of a\n1" + PAGE + b"0", how)
        self.end()

    def test_refusals(self):
        self.assertEqual(self.status(self.url("a", "/none")), 404)
        self.assertEqual(self.status(self.url("b", "/healthz/x")), 404)
        self.assertEqual(self.status("--data", "x=1", self.url("a", "/")), 405)
        self.assertEqual(self.status("--request", "DELETE", self.url("a", "/")), 405)
        self.assertEqual(self.status("--header", "X-Long: " + "x" * 20000, self.url("a", "/")), 431)
        self.assertEqual(self.status("--header", "X-Long: " + "x" * 1000, self.url("b", "/text.txt")), 431)
        self.assertEqual(self.status("--header", "X-Long: " + "x" * 1000, self.url("a", "/text.txt")), 200)
        self.assertEqual(self.status("--header", "Host:", self.url("a", "/")), 400)
        self.assertIn(b"Allow: GET, HEAD\r\n", self.curl("--include", "--request", "PUT", self.url("a", "/")))
        self.end()

    def test_no_path_leads_out_of_the_root(self):
        os.symlink("../secret", self.path("a/link"))
        os.symlink(self.path("secret"), self.path("a/absolute"))
        os.symlink("text.txt", self.path("a/inside"))
        for path in ("/../secret", "/%2e%2e/secret", "/..%2fsecret", "/.%2e/secret", "/x/../../secret", "//../secret",
                     "/..\\secret", "/%5c..%5csecret", "/%00/../secret", "/link", "/absolute", "/../b/text.txt",
                     "/./../secret", "/" + "../" * 40 + "etc/passwd", self.path("secret")):
            with self.subTest(path=path):
                out = self.curl("--path-as-is", "--include", self.url("a", path))
                self.assertRegex(out, rb"^HTTP/1.1 40[034] ")
                self.assertNotIn(b"not to be seen", out)
                self.assertNotIn(b"text of b", out)
        self.assertEqual(self.curl(self.url("a", "/inside")), b"text of a\n")
        self.assertEqual(self.curl("--path-as-is", self.url("a", "/x/../text.txt")), b"text of a\n")
        self.end()

    def test_files_are_sent_byte_for_byte(self):
        for size in SIZES:
            self.file(f"a/{size}.bin", noise(size))
            self.file(f"b/{size}.bin", noise(size + 7)[:size])
        for server, extra in (("a", 0), ("b", 7)):
            out = self.curl(*(self.url(server, f"/{size}.bin") for size in SIZES))
            self.assertEqual(out, b"".join(noise(size + extra)[:size] for size in SIZES), server)
        self.end()


@unittest.skipUnless(H2LOAD, "h2load is not installed")
class H2load(Http):
    def test_all_its_requests_succeed_also_pipelined(self):
        self.file("a/65536.bin", noise(65536))
        for path, requests, most in (("/", 5000, 1), ("/", 5000, 16), ("/text.txt", 1000, 16), ("/65536.bin", 200, 4)):
            with self.subTest(path=path, most=most):
                done = subprocess.run([H2LOAD, "--h1", f"-n{requests}", "-c20", f"-m{most}", self.url("a", path)],
                                      capture_output=True, text=True, timeout=2 * _weir.PATIENCE, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"requests: {requests} total, {requests} started, {requests} done, {requests} succeeded, 0 failed, "
                              "0 errored, 0 timeout", done.stdout)
                self.assertIn(f"status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx", done.stdout)
        self.end()


class Sockets(Http):
    """Sockets of our own, which say exactly where the bytes are cut."""

    WIRE = (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            b"HEAD /text.txt HTTP/1.1\r\nHost: a\r\n\r\n"
            b"GET /text.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12\r\n5"
            b"GET /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    HEADS = (False, True, False, False, False)
    EXPECTED = ((200, PAGE), (200, b""), (200, b"text of a\n"), (404, b"404 Not Found\n"), (200, PAGE))

    def dial(self, server="a"):
        client = self.weir.connect(server)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.addCleanup(client.close)
        return client

    def rest(self, client):
        pieces = []
        while piece := client.recv(1 << 20):
            pieces.append(piece)
        return b"".join(pieces)

    def answers(self, data, heads):
        """What came, whole: status and body each, and nothing behind the last."""
        found = []
        for head in heads:
            answer = _load.parse(data, head)
            self.assertIsNotNone(answer, data)
            found.append((answer.status, answer.body))
            data = data[answer.size:]
        self.assertEqual(data, b"")
        self.assertTrue(answer.closes)
        return tuple(found)

    def undated(self, data):
        return re.sub(rb"\r\nDate: [^\r]*\r\n", b"\r\n", data)

    def test_where_pipelined_requests_are_cut_makes_no_difference(self):
        whole = self.dial()
        whole.sendall(self.WIRE)
        expected = self.rest(whole)
        self.assertEqual(self.answers(expected, self.HEADS), self.EXPECTED)
        # The pieces of many connections side by side: each has its pause between the two, and none has to be waited for.
        for first in range(1, len(self.WIRE), 64):
            clients = [(cut, self.dial()) for cut in range(first, min(first + 64, len(self.WIRE)))]
            for cut, client in clients:
                client.sendall(self.WIRE[:cut])
            for cut, client in clients:
                client.sendall(self.WIRE[cut:])
            for cut, client in clients:
                self.assertEqual(self.undated(self.rest(client)), self.undated(expected), f"cut at {cut}")
                client.close()
        self.end()

    def test_single_bytes_make_the_same_requests(self):
        client = self.dial()
        for at in range(len(self.WIRE)):
            client.sendall(self.WIRE[at:at + 1])
        self.assertEqual(self.answers(self.rest(client), self.HEADS), self.EXPECTED)
        self.end()

    def test_an_answer_is_waited_for_before_the_next_piece(self):
        """The first half of the next request comes along with each request, the other half after its answer."""
        client, data = self.dial(), b""
        request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        client.sendall(request + request[:9])
        for _ in range(20):
            while (answer := _load.parse(data)) is None:
                data += client.recv(65536)
            self.assertEqual((answer.status, answer.body, len(data)), (200, PAGE, answer.size))
            data = b""
            client.sendall(request[9:] + request[:9])
        self.end_of(client)
        self.end()

    def end_of(self, client):
        client.shutdown(socket.SHUT_WR)
        self.rest(client)

    def test_two_sections_serve_folders_of_their_own_on_both_workers(self):
        texts = {"a": b"text of a\n", "b": b"text of b\n"}
        # All at once: the section whose connections are dealt out evenly has half of them on each worker.
        clients = [(server, self.dial(server)) for _ in range(8) for server in texts]
        for server, client in clients:
            client.sendall(b"GET /text.txt HTTP/1.0\r\n\r\n")
        for server, client in clients:
            answer = _load.parse(self.rest(client))
            self.assertEqual((answer.status, answer.body), (200, texts[server]))
        self.end()
        self.weir.wait_line("counter server=a name=answers_2xx value=8")
        self.weir.wait_line("counter server=b name=answers_2xx value=8")

    def test_a_client_that_reads_slowly_gets_all_of_a_big_file(self):
        data = noise(BIG)
        self.file("a/big.bin", data)
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(_weir.PATIENCE)
        host, port = self.weir.addresses["a"][0].rsplit(":", 1)
        client.connect((host, int(port)))
        client.sendall(b"GET /big.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        got = bytearray()
        while len(got) < 200000:                    # small sips, between which others are served
            piece = client.recv(1000)
            self.assertTrue(piece)
            got += piece
            if len(got) % 50 == 0:
                self.assertEqual(self.talk("a"), PAGE)
        got += self.rest(client)
        answer = _load.parse(got)
        self.assertEqual((answer.status, answer.size), (200, len(got)))
        self.assertTrue(answer.body == data, "the file came, and not as it is")
        self.end()

    def talk(self, server):
        with self.dial(server) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return _load.parse(self.rest(client)).body


if __name__ == "__main__":
    _weir.main()

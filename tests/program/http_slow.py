# SPDX-License-Identifier: BSD-2-Clause
"""http_slow.py  Clients that are slow on purpose are held off, and meanwhile the others are served.

Ours first, which say what each slow way of sending and reading ends with; then slowhttptest, where it is installed.
"""
import re
import shutil
import socket
import subprocess
import unittest

import _load
import _weir

CONFIG = """
workers = 2;
servers = ( { name = "h"; listen = [ "127.0.0.1:0" ]; handler = "http"; close_timeout = "300ms"; %(server)s
              options = { page = "served\\n"; root = "."; %(options)s }; } );
"""
PAGE = b"served\n"
GOOD = 2                                            # clients that are served all the time
SLOWLY = 20                                         # connections of an attack of ours
ATTACKERS = 200                                     # and of one of slowhttptest's
SLOWHTTPTEST = shutil.which("slowhttptest")


class Slow(_weir.Case):
    def begin(self, options, server=""):
        self.write("small.txt", "small\n")
        with open(self.path("big.bin"), "wb") as file:
            file.truncate(64 << 20)                 # more than the sockets between us hold
        self.weir = self.start(CONFIG % {"options": options, "server": server})
        self.weir.wait_line("ready ")
        self.good = _load.Load(self.weir.addresses["h"][0], PAGE, [1] * GOOD)

    def dial(self):
        client = self.weir.connect("h")
        self.addCleanup(client.close)
        return client

    def drip(self, client, piece):
        """Send a piece again and again until the server has answered or ended it; what came. The answer is an event of the
        socket: between two pieces it is waited for, and nothing comes of a pause that was too long or too short."""
        client.settimeout(0.02)
        for _ in range(_weir.PATIENCE * 50):
            try:
                client.sendall(piece)
            except OSError:
                pass                                # it has ended: what does its answer say?
            try:
                return client.recv(4096)
            except TimeoutError:
                continue
            except ConnectionResetError:
                return b""
        self.fail("nobody ended a slow client")

    def finish(self):
        """The others were served all the time, and are."""
        self.good.wait_answers(self.good.answers + 50, _weir.PATIENCE)
        self.good.stop()
        self.good.wait(_weir.PATIENCE)
        self.assertEqual(self.good.failures, [])
        self.assertEqual(self.weir.stop(), 0, self.weir.output)
        self.assertNotIn(" error ", self.weir.output)

    def told_408(self, came):
        answer = _load.parse(came)
        self.assertIsNotNone(answer, came)
        self.assertEqual(answer.status, 408)
        self.assertTrue(answer.closes)

    def test_a_header_line_now_and_then_does_not_keep_a_connection(self):
        self.begin('header_timeout = "300ms";')
        clients = [self.dial() for _ in range(SLOWLY)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n")
        self.told_408(self.drip(clients[0], b"X-a: b\r\n"))
        for client in clients[1:]:
            self.told_408(client.recv(4096))
        self.finish()

    def test_a_byte_now_and_then_does_not_keep_a_connection(self):
        self.begin('header_timeout = "300ms";')
        client = self.dial()
        client.sendall(b"GET /")
        self.told_408(self.drip(client, b"a"))
        self.finish()

    def test_line_ends_before_a_request_do_not_keep_a_connection(self):
        self.begin('header_timeout = "300ms"; idle_timeout = "300ms";')
        self.assertEqual(self.drip(self.dial(), b"\r\n"), b"")
        self.finish()

    def test_a_body_that_trickles_in_does_not_keep_a_connection(self):
        self.begin('body_timeout = "300ms";')
        for head, piece in ((b"Content-Length: 10000", b"x"), (b"Transfer-Encoding: chunked", b"1\r\nx\r\n")):
            clients = [self.dial() for _ in range(SLOWLY)]
            for client in clients:
                client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n" + head + b"\r\n\r\n")
            self.told_408(self.drip(clients[0], piece))
            for client in clients[1:]:
                self.told_408(client.recv(4096))
        self.finish()

    def test_a_connection_that_says_nothing_is_closed(self):
        self.begin('idle_timeout = "300ms";')
        clients = [self.dial() for _ in range(SLOWLY)]
        after_one = self.dial()
        after_one.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        for client in clients:
            self.assertEqual(client.recv(1), b"")
        came = b""
        while piece := after_one.recv(4096):
            came += piece
        self.assertEqual(_load.parse(came).size, len(came))
        self.finish()

    def deaf(self):
        """Connections that ask for more than fits between us, and read nothing of it."""
        clients = [self.dial() for _ in range(SLOWLY)]
        for client in clients:
            client.sendall(b"GET /big.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        for client in clients:
            client.recv(1, socket.MSG_PEEK)         # it has its place
        return clients

    def cut_off(self, clients):
        """The kernel keeps the end from who does not read. But all places were taken, and others get them: as many as these
        were, at the same time."""
        others = [self.dial() for _ in clients]
        for other in others:
            other.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        for other in others:
            self.assertEqual(_load.parse(other.recv(4096)).body, PAGE)
        for client in clients:
            self.assertTrue(self.is_cut(client))
        self.finish()

    def is_cut(self, client):
        got = bytearray()
        try:
            while piece := client.recv(1 << 20):
                got += piece
        except ConnectionResetError:
            return True
        return _load.parse(got) is None

    def test_an_answer_that_nobody_reads_does_not_keep_a_connection(self):
        self.begin('send_timeout = "300ms"; idle_timeout = "1h";', server=f"max_connections = {SLOWLY + GOOD};")
        self.cut_off(self.deaf())

    @unittest.skipUnless(SLOWHTTPTEST, "slowhttptest is not installed")
    def test_slowhttptest_holds_no_connection_and_nobody_off(self):
        """The first two end when all their connections were closed, which the third can't see: it does not read."""
        self.begin('header_timeout = "500ms"; body_timeout = "500ms"; send_timeout = "500ms"; idle_timeout = "500ms";')
        url = f"http://{self.weir.addresses['h'][0]}"
        modes = {
            "SLOW HEADERS": ["-H", "-u", f"{url}/", "-i", "1", "-x", "10", "-l", str(_weir.PATIENCE)],
            "SLOW BODY": ["-B", "-u", f"{url}/", "-i", "1", "-t", "GET", "-s", "8192", "-l", str(_weir.PATIENCE)],
            "SLOW READ": ["-X", "-u", f"{url}/big.bin", "-w", "10", "-y", "20", "-n", "1", "-z", "5", "-l", "2"],
        }
        count = ["-c", str(ATTACKERS), "-r", str(ATTACKERS), "-p", str(_weir.PATIENCE)]
        attacks = {name: subprocess.Popen([SLOWHTTPTEST, *mode, *count], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT, text=True) for name, mode in modes.items()}
        try:
            for name, attack in attacks.items():
                output = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", attack.communicate(timeout=2 * _weir.PATIENCE)[0])
                self.assertRegex(output, rf"test type: +{name}")
                self.assertNotRegex(output, r"service available: +NO")
                self.assertRegex(output, "Hit test time limit" if name == "SLOW READ" else "No open connections left")
        finally:
            for attack in attacks.values():
                attack.kill()
                attack.wait()
                attack.stdout.close()
        self.finish()


if __name__ == "__main__":
    _weir.main()

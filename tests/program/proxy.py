# SPDX-License-Identifier: BSD-2-Clause
"""proxy.py  The proxy plugin in the program: Python's sockets on both sides of it."""
import random
import signal
import socket
import threading

import _weir

MUCH = 16 << 20                                     # bytes, each way
CONFIG = """
workers = 2;
drain_timeout = "1h";
servers = (
    {
        name = "proxy"; handler = "proxy"; listen = [ "127.0.0.1:0" ]; access_log = "%%(folder)s/access.log";
        options = { upstreams = "%(upstreams)s"; %(options)s };
    }
);
"""


class Upstream:
    """A listening socket; or one that is bound only, so that nobody else gets its port, and whoever connects is refused."""
    def __init__(self, case, listens=True):
        self.socket = socket.socket()
        case.addCleanup(self.socket.close)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(_weir.PATIENCE)
        if listens:
            self.socket.listen()
        self.case = case
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def accept(self):
        peer = self.socket.accept()[0]
        peer.settimeout(_weir.PATIENCE)
        self.case.addCleanup(peer.close)
        return peer


def read_all(peer):
    """Until the end; a reset is an OSError."""
    pieces = []
    while piece := peer.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def in_background(work, *args):
    """A thread that is at work; its result when it is asked for."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work(*args)), daemon=True)
    thread.start()

    def result():
        thread.join(_weir.PATIENCE)
        if not results:
            raise AssertionError(f"{work} has no result")
        return results[0]
    return result


def send_and_end(peer, data):
    peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
    return True


class Proxy(_weir.Case):
    def begin(self, *upstreams, options=""):
        weir = self.start(CONFIG % {"upstreams": ", ".join(u.address for u in upstreams), "options": options})
        weir.wait_line("ready ")
        return weir

    def connect(self, weir, upstream):
        """A client, and its upstream's end."""
        client = weir.connect("proxy")
        client.settimeout(_weir.PATIENCE)
        self.addCleanup(client.close)
        return client, upstream.accept()

    def access_lines(self):
        return self.read("access.log").splitlines()

    def test_sixteen_megabytes_each_way_at_once_are_the_same_at_the_other_end(self):
        upstream = Upstream(self)
        weir = self.begin(upstream)
        client, peer = self.connect(weir, upstream)
        up, down = (random.Random(seed).randbytes(MUCH) for seed in (1, 2))
        work = [in_background(send_and_end, client, up), in_background(send_and_end, peer, down),
                in_background(read_all, peer), in_background(read_all, client)]
        self.assertTrue(work[0]() and work[1]())
        self.assertTrue(work[2]() == up, "what went up is not what was sent")
        self.assertTrue(work[3]() == down, "what went down is not what was sent")
        self.assertEqual(weir.stop(), 0, weir.output)
        self.assertRegex(self.access_lines()[0], rf" peer=127\.0\.0\.1:\d+ upstream={upstream.address} tries=1 "
                         rf"bytes_in={MUCH} bytes_out={MUCH} seconds=\d+\.\d+ ended=eof$")
        for name, value in (("connections", 1), ("bytes_up", MUCH), ("bytes_down", MUCH)):
            self.assertRegex(weir.output, rf"counter server=proxy name={name} value={value}\n")

    def test_each_side_may_end_first_and_still_gets_its_answer(self):
        upstream = Upstream(self)
        weir = self.begin(upstream)
        for first in (0, 1):
            with self.subTest(first=("client", "upstream")[first]):
                ends = self.connect(weir, upstream)
                one, other = ends[first], ends[1 - first]
                send_and_end(one, b"x" * 100000)
                self.assertEqual(len(read_all(other)), 100000)
                send_and_end(other, b"y" * 300000)
                self.assertEqual(len(read_all(one)), 300000)
        self.assertEqual(weir.stop(), 0, weir.output)
        self.assertEqual([line.rsplit(" ", 1)[1] for line in self.access_lines()], ["ended=eof"] * 2)

    def test_a_reset_goes_through(self):
        upstream = Upstream(self)
        weir = self.begin(upstream)
        for first in (0, 1):
            with self.subTest(first=("client", "upstream")[first]):
                ends = self.connect(weir, upstream)
                ends[first].sendall(b"x")
                self.assertEqual(ends[1 - first].recv(1), b"x")
                ends[first].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                ends[first].close()
                with self.assertRaises(ConnectionResetError):
                    ends[1 - first].recv(1)
        self.assertEqual(weir.stop(), 0, weir.output)

    def test_an_upstream_that_is_down_is_passed_over(self):
        down, upstream = Upstream(self, listens=False), Upstream(self)
        weir = self.begin(down, upstream, options='fail_time = "1h";')
        for _ in range(4):                          # both workers, and each in its turn
            client, peer = self.connect(weir, upstream)
            send_and_end(client, b"hi")
            self.assertEqual(read_all(peer), b"hi")
            peer.close()
            self.assertEqual(read_all(client), b"")
        self.assertEqual(weir.stop(), 0, weir.output)
        lines = self.access_lines()
        self.assertEqual([line.count(f"upstream={upstream.address} ") for line in lines], [1] * 4)
        self.assertIn(sum("tries=2" in line for line in lines), (1, 2))         # no worker meets it twice

    def test_without_any_upstream_clients_are_closed_and_told_of_in_the_log(self):
        weir = self.begin(Upstream(self, listens=False), Upstream(self, listens=False))
        with weir.connect("proxy") as client:
            self.assertEqual(client.recv(1), b"")
        weir.wait_line("Connection refused")
        self.assertEqual(weir.stop(), 0, weir.output)
        self.assertRegex(self.access_lines()[0], r'upstream=- tries=2 .*ended=unserved error="Connection refused"$')
        for name, value in (("connections", 0), ("connect_failures", 2), ("unserved", 1)):
            self.assertRegex(weir.output, rf"counter server=proxy name={name} value={value}\n")

    def test_a_drain_waits_for_both_ends(self):
        upstream = Upstream(self)
        weir = self.begin(upstream)
        client, peer = self.connect(weir, upstream)
        weir.kill(signal.SIGTERM)
        weir.wait_line("draining")
        client.sendall(b"still there?")
        self.assertEqual(peer.recv(64), b"still there?")
        send_and_end(peer, b"yes")
        self.assertEqual(read_all(client), b"yes")
        client.close()
        self.assertEqual(weir.wait(), 0, weir.output)
        self.assertIn("stopped end=clean", weir.output)

    def test_a_second_signal_cuts_both_ends(self):
        upstream = Upstream(self)
        weir = self.begin(upstream)
        client, peer = self.connect(weir, upstream)
        weir.kill(signal.SIGTERM)
        weir.wait_line("draining")
        weir.kill(signal.SIGTERM)
        self.assertEqual(weir.wait(), 3, weir.output)
        for end in (client, peer):
            try:
                self.assertEqual(end.recv(1), b"")
            except ConnectionResetError:
                pass
        self.assertRegex(self.access_lines()[0], "ended=cut")

    def test_options_that_are_wrong_are_told_with_their_line(self):
        path = self.config(CONFIG % {"upstreams": "nowhere", "options": "tries = 0; balance = 7;"})
        done = self.run_weir("check", "-c", path)
        self.assertEqual(done.returncode, 1, done.stderr)
        for text in ('"nowhere": it has no port', '"tries"', '"balance"'):
            self.assertIn(text, done.stderr)


_weir.main()

# SPDX-License-Identifier: BSD-2-Clause
"""limits.py  What a section's limits do to connections that reach them, and to those beside them."""
import os
import select
import socket

import _load
import _weir

BIG = 64 << 20                                      # more than all the buffers between two sockets hold


class Limits(_weir.Case):
    def begin(self, keys, handler="%(fixtures)s/hostile.so", listen='"127.0.0.1:0"', workers=2, options=""):
        weir = self.start(f'workers = {workers}; servers = ( {{ name = "a"; listen = [ {listen} ]; handler = "{handler}"; {keys} '
                          f"options = {{ {options} }}; }} );")
        weir.wait_line("ready ")
        return weir

    def connect(self, weir, number=0):
        client = weir.connect("a", number)
        self.addCleanup(client.close)
        return client

    def talk(self, client, line):
        client.sendall(line)
        return self.line(client)

    def line(self, client):
        got = b""
        while not got.endswith(b"\n"):
            piece = client.recv(4096)
            self.assertTrue(piece, f"the connection ended after {got!r}")
            got += piece
        return got

    def rest(self, client):
        """How much comes until the end, which may be a reset."""
        size = 0
        try:
            while piece := client.recv(1 << 20):
                size += len(piece)
        except ConnectionResetError:
            pass
        return size

    def is_silent(self, client):
        return not select.select([client], [], [], 0)[0]

    # --- Time ---

    def test_silence_ends_a_connection_and_talk_does_not(self):
        weir = self.begin('idle_timeout = "2s"; access_log = "stderr";', handler="echo")
        silent, talking = self.connect(weir), self.connect(weir)
        self.talk(silent, b"once\n")
        count = 0
        for _ in self.until(lambda: not self.is_silent(silent)):
            self.assertEqual(self.talk(talking, b"more\n"), b"more\n")
            count += 1
        self.assertEqual(self.rest(silent), 0)
        self.assertGreater(count, 0)
        self.assertEqual(self.talk(talking, b"still\n"), b"still\n")
        weir.wait_line(" connection server=a .*bytes_in=5 bytes_out=5 result=\"Connection timed out\"")
        self.assertEqual(len([line for line in weir.lines if " connection " in line]), 1, weir.output)
        talking.close()
        self.assertEqual(weir.stop(), 0, weir.output)
        self.assertNotIn(" error ", weir.output)        # nobody's failure

    def test_who_takes_nothing_is_idle_too(self):
        weir = self.begin('idle_timeout = "500ms"; access_log = "stderr";')
        deaf = self.connect(weir)
        deaf.sendall(b"flood %d\n" % BIG)
        weir.wait_line(" connection server=a .*result=\"Connection timed out\"")
        self.assertLess(self.rest(deaf), BIG)
        self.assertEqual(weir.stop(), 0, weir.output)

    def test_what_a_handler_leaves_behind_has_close_timeout_to_go_out(self):
        # There is one place, and it is taken until the connection is gone.
        weir = self.begin('close_timeout = "500ms"; idle_timeout = 0; max_write_buffer = 0; max_connections = 1;')
        deaf = self.connect(weir)
        deaf.sendall(b"leave %d\n" % BIG)
        deaf.recv(1)
        with self.connect(weir) as other:
            self.assertIn(b"next\n", self.talk(other, b"next\n"))
        self.assertLess(self.rest(deaf), BIG - 1)
        self.assertEqual(weir.stop(), 0, weir.output)

    def test_who_reads_gets_all_that_a_handler_leaves_behind(self):
        weir = self.begin('close_timeout = "1h"; max_write_buffer = 0;')
        client = self.connect(weir)
        client.sendall(b"leave %d\n" % BIG)
        self.assertEqual(self.rest(client), BIG)
        self.assertEqual(weir.stop(), 0, weir.output)

    # --- Number ---

    def test_one_more_than_max_connections_waits_for_a_place(self):
        for balance in ("reuseport", "even"):
            with self.subTest(balance=balance):
                weir = self.begin(f'max_connections = 3; balance = "{balance}";')
                inside = [self.connect(weir) for _ in range(3)]
                for client in inside:
                    self.talk(client, b"in\n")
                outside = [self.connect(weir) for _ in range(4)]    # to the kernel they are connected
                for client in outside:
                    client.sendall(b"me\n")
                weir.wait_line("warn .*accepting rests.*max_connections=3")
                for client in inside:
                    self.assertIn(b"still\n", self.talk(client, b"still\n"))
                while outside:
                    self.assertTrue(all(self.is_silent(client) for client in outside))
                    inside.pop().close()
                    served = select.select(outside, [], [], _weir.PATIENCE)[0]
                    self.assertEqual(len(served), 1)                # one place, one of them
                    self.assertIn(b"me\n", self.line(served[0]))
                    outside.remove(served[0])
                    inside.insert(0, served[0])
                for client in inside:
                    client.close()
                self.assertEqual(weir.stop(), 0, weir.output)

    def test_even_gives_each_worker_the_same_number_of_connections(self):
        listen = f'"127.0.0.1:0", "unix:a.sock", "unix:@weir-test-{os.getpid()}"'
        for number in range(3):
            with self.subTest(listen=number):
                weir = self.begin('balance = "even";', listen=listen)
                # A worker that the machine lets stand for 100 ms gets none meanwhile, as it should. Not three times.
                self.assertTrue(any(self.is_dealt_evenly(weir, number) for _ in range(3)))
                self.assertEqual(weir.stop(), 0, weir.output)

    def is_dealt_evenly(self, weir, number):
        clients, counts = [], [0, 0]
        for _ in range(10):
            clients.append(self.connect(weir, number))
            counts[int(self.talk(clients[-1], b"who\n").split()[0])] += 1
            if abs(counts[0] - counts[1]) > 1:
                break
        for client in clients:
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(self.rest(client), 0)
        return counts == [5, 5]

    # --- Size ---

    def test_a_line_longer_than_limit_ends_its_connection_alone(self):
        weir = self.begin('limit = "1k";', handler="echo")
        other, fits, long, endless = (self.connect(weir) for _ in range(4))
        self.assertEqual(self.talk(other, b"x\n"), b"x\n")
        self.assertEqual(self.talk(fits, b"f" * 1024 + b"\n"), b"f" * 1024 + b"\n")
        long.sendall(b"l" * 1025 + b"\n")
        self.assertEqual(self.rest(long), 0)
        endless.sendall(b"e" * 5000)
        self.assertEqual(self.rest(endless), 0)
        self.assertEqual(self.talk(other, b"y\n"), b"y\n")
        self.assertEqual(self.talk(fits, b"g\n"), b"g\n")
        weir.wait_line(r"error a handler failed peer=127\.0\.0\.1:\d+ ", 2)
        other.close()
        fits.close()
        self.assertEqual(weir.stop(), 0, weir.output)

    def test_a_handler_that_does_not_wait_gets_no_further_than_max_write_buffer(self):
        weir = self.begin('max_write_buffer = "1M"; limit = "1k";')
        deaf, other = self.connect(weir), self.connect(weir)
        deaf.sendall(b"flood %d\n" % BIG)
        weir.wait_line(r"error a handler failed peer=127\.0\.0\.1:\d+ ")
        self.assertLess(self.rest(deaf), BIG)
        self.assertIn(b"still\n", self.talk(other, b"still\n"))
        other.close()
        self.assertEqual(weir.stop(), 0, weir.output)

    def test_without_a_bound_a_handler_may_write_what_it_likes(self):
        weir = self.begin("max_write_buffer = 0;")
        client = self.connect(weir)
        client.sendall(b"flood %d\nback\n" % BIG)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(self.rest(client), BIG + len(b"0 back\n"))
        self.assertEqual(weir.stop(), 0, weir.output)

    def test_max_read_bounds_what_http_takes_too(self):
        weir = self.begin('max_read = "1k";', handler="http", options='page = "x";')
        client = self.connect(weir)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 2000)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
        self.assertEqual(_load.parse(answer).status, 431)
        self.assertEqual(weir.stop(), 0, weir.output)


if __name__ == "__main__":
    _weir.main()

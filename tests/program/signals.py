# SPDX-License-Identifier: BSD-2-Clause
"""signals.py  What signals do to the program: drain, stop at once, reopen, say that they are reserved; and its exit status."""
import os
import signal
import socket
import time

import _weir

CONFIG = """
workers = 2;
drain_timeout = %%(drain)s;
pid_file = "weir.pid";
log = { destination = "%%(log)s"; };
servers = ( { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stages.so"; } );
"""


class Signals(_weir.Case):
    def begin(self, drain='"1h"', log="stderr"):
        weir = self.start((CONFIG % {"fixtures": _weir.FIXTURES}) % {"drain": drain, "log": log})
        weir.wait_line("ready ")
        return weir

    def wait_until_nobody_listens(self, weir):
        """Each worker closes its own socket, one after the other: until then a caller may still be let in, and closed."""
        end = time.monotonic() + _weir.PATIENCE
        while time.monotonic() < end:
            try:
                weir.connect("a").close()
            except OSError:
                return
        self.fail("somebody still listens")

    def talk(self, weir, line):
        """A connection on which one line was answered: the handler is at work."""
        client = weir.connect("a")
        client.sendall(line)
        self.assertIn(line, client.recv(64))
        self.addCleanup(client.close)
        return client

    def test_each_stop_signal_closes_idle_connections_and_waits_for_the_others(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            with self.subTest(signal=number):
                weir = self.begin()
                idle, busy = self.talk(weir, b"idle\n"), self.talk(weir, b"busy\n")
                weir.kill(number)
                self.assertEqual(idle.recv(1), b"")
                self.wait_until_nobody_listens(weir)
                busy.sendall(b"more\n")
                self.assertIn(b"more\n", busy.recv(64))
                busy.shutdown(socket.SHUT_WR)
                self.assertEqual(busy.recv(1), b"")
                self.assertEqual(weir.wait(), 0, weir.output)
                self.assertIn("stopped end=clean", weir.output)

    def test_a_second_stop_signal_ends_at_once_with_a_status_of_its_own(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            with self.subTest(signal=number):
                weir = self.begin()
                busy = self.talk(weir, b"busy\n")
                weir.kill(number)
                weir.wait_line("draining")
                weir.kill(number)
                self.assertEqual(weir.wait(), 3, weir.output)
                self.assertIn("drain cut short", weir.output)
                with self.assertRaises(ConnectionResetError):
                    if busy.recv(1) == b"":
                        raise ConnectionResetError               # an abort may reach us as an end as well
                self.assertIn("stopped end=forced", weir.output)

    def test_a_drain_without_time_aborts_and_says_so(self):
        weir = self.begin(drain="0")
        self.talk(weir, b"busy\n")
        self.assertEqual(weir.stop(), 3, weir.output)

    def test_a_drain_ends_after_its_time(self):
        weir = self.begin(drain='"50ms"')
        self.talk(weir, b"busy\n")
        self.assertEqual(weir.stop(), 3, weir.output)

    def test_hangup_and_usr2_say_that_they_are_reserved(self):
        weir = self.begin()
        weir.kill(signal.SIGHUP)
        weir.wait_line("warn .*SIGHUP is reserved")
        weir.kill(signal.SIGUSR2)
        weir.wait_line("warn .*SIGUSR2 is reserved")
        self.assertIn(b"x\n", weir.ask("a", b"x\n"))
        self.assertEqual(weir.stop(), 0)

    def test_usr1_reopens_the_log(self):
        weir = self.start((CONFIG % {"fixtures": _weir.FIXTURES}) % {"drain": '"1h"', "log": "weir.log"})
        self.wait_in_file("weir.log", "ready ")
        os.rename(self.path("weir.log"), self.path("weir.log.1"))
        weir.kill(signal.SIGUSR1)
        self.wait_in_file("weir.log", "reopened")
        self.assertEqual(weir.stop(), 0)
        self.assertIn("stopped end=clean", self.read("weir.log"))
        self.assertNotIn("stopped", self.read("weir.log.1"))
        self.assertEqual(weir.output, "")                       # nothing on standard error

    def wait_in_file(self, name, text):
        """Until a file has this text; there is no event to wait for but the file itself."""
        end = time.monotonic() + _weir.PATIENCE
        while time.monotonic() < end:
            if os.path.exists(self.path(name)) and text in self.read(name):
                return
            time.sleep(0.01)
        self.fail(f"no {text!r} in {name}")

    def test_the_pid_file_lives_as_long_as_the_process(self):
        weir = self.begin()
        self.assertEqual(int(self.read("weir.pid")), weir.process.pid)
        self.assertEqual(weir.stop(), 0)
        self.assertFalse(os.path.exists(self.path("weir.pid")))

    def test_no_signal_is_lost_however_early_it_comes(self):
        for number, status in ((signal.SIGHUP, None), (signal.SIGUSR1, None), (signal.SIGUSR2, None), (signal.SIGQUIT, 0)):
            with self.subTest(signal=number):
                weir = self.start((CONFIG % {"fixtures": _weir.FIXTURES}) % {"drain": '"1h"', "log": "stderr"},
                                  preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [number]))
                weir.kill(number)                             # before main() has looked at anything: blocked by us, then by it
                if status is None:
                    weir.wait_line("ready ")
                    status = 0
                    self.assertEqual(weir.stop(), 0, weir.output)
                else:
                    self.assertEqual(weir.wait(), status, weir.output)


if __name__ == "__main__":
    _weir.main()

# SPDX-License-Identifier: BSD-2-Clause
"""stubborn.py  Handlers that do what no handler should: the log names them, and the program ends in time all the same."""
import os
import signal

import _weir

CONFIG = """
workers = %%(workers)d;
drain_timeout = %%(drain)s;
watchdog = %%(watchdog)s;
pid_file = "weir.pid";
servers = ( { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stubborn.so"; } );
"""


class Stubborn(_weir.Case):
    def begin(self, drain='"1h"', watchdog='"100ms"', workers=1):
        text = (CONFIG % {"fixtures": _weir.FIXTURES}) % {"drain": drain, "watchdog": watchdog, "workers": workers}
        weir = self.start(text)
        weir.wait_line("ready ")
        return weir

    def say(self, weir, line):
        client = weir.connect("a")
        self.addCleanup(client.close)
        client.sendall(line)
        return client

    def fifo(self):
        path = self.path("fifo")
        os.mkfifo(path)
        return path, os.open(path, os.O_RDWR)

    def test_a_blocked_worker_is_named_with_task_handler_and_place(self):
        weir = self.begin()
        path, fd = self.fifo()
        client = self.say(weir, f"block {path}\n".encode())
        # It blocks until the test has seen all of it, however long that takes.
        line = weir.wait_line(r"warn .*loop stalled ")[0]
        self.assertRegex(line, r"loop stalled worker=0 seconds=\d+\.\d+ stalls=\d+ task=\"?misbehaving\"? handler=\S+$")
        weir.wait_line(r"stalled at frame \d+ in=block_on_fifo\+0x[0-9a-f]+ object=")
        os.write(fd, b"x")
        self.assertEqual(client.recv(16), b"done\n")
        weir.wait_line("loop goes on after a stall worker=0")
        client.close()
        self.assertEqual(weir.stop(), 0, weir.output)
        count = weir.wait_line("counter name=loop_stalls value=")[0]
        self.assertGreaterEqual(int(count.rsplit("=", 1)[1]), 1)

    def test_a_watchdog_of_zero_does_not_look(self):
        weir = self.begin(watchdog="0")
        path, fd = self.fifo()
        client = self.say(weir, f"block {path}\n".encode())
        os.write(fd, b"x")
        self.assertEqual(client.recv(16), b"done\n")
        client.close()
        self.assertEqual(weir.stop(), 0, weir.output)
        self.assertNotIn("stall", weir.output)

    def test_a_task_that_ignores_its_cancel_is_abandoned_with_its_name(self):
        weir = self.begin(drain='"50ms"', workers=2)
        client = self.say(weir, b"sleep\n")
        self.assertEqual(client.recv(16), b"sleep\n")
        self.assertEqual(weir.stop(), 3, weir.output)
        weir.wait_line("error .*task abandoned.* task=\"?misbehaving\"? handler=.* waits_for=sleep .*peer=127.0.0.1:")
        self.assertIn("stopped end=forced", weir.output)
        self.assertFalse(os.path.exists(self.path("weir.pid")))

    def test_a_handler_that_never_gives_its_thread_back_is_named_and_the_process_ends(self):
        """On worker 0, where not even the stop is heard; with and without a watchdog, whose thread it is in any case."""
        for watchdog in ('"100ms"', "0"):
            with self.subTest(watchdog=watchdog):
                weir = self.begin(drain='"50ms"', watchdog=watchdog)
                client = self.say(weir, b"spin\n")
                self.assertEqual(client.recv(16), b"spin\n")
                self.assertEqual(weir.stop(signal.SIGTERM), 3, weir.output)
                weir.wait_line("error .*worker still at work when it has to end worker=0 .*task=\"?misbehaving\"? handler=")
                if not os.environ["WEIR_SANITIZE"]:     # which keep signals back from threads that compute
                    weir.wait_line(r"error .*stalled at frame \d+ in=spin_for_ever")
                self.assertIn("stopped end=forced", weir.output)
                self.assertFalse(os.path.exists(self.path("weir.pid")))


if __name__ == "__main__":
    _weir.main()

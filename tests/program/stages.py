# SPDX-License-Identifier: BSD-2-Clause
"""stages.py  A plugin's life in the program: each stage once and in order, a failure at each stage, sections and workers."""
import collections
import os
import socket

import _weir

ONE = """
workers = %%(workers)d;
servers = ( { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stages.so";
              options = { trace = "trace"; %%(options)s }; } );
"""


def one(workers=1, options=""):
    return (ONE % {"fixtures": _weir.FIXTURES}) % {"workers": workers, "options": options}


class Stages(_weir.Case):
    def trace(self):
        return self.read("trace").splitlines()

    def test_each_stage_comes_once_on_each_worker_and_in_order(self):
        weir = self.start(one(workers=3))
        self.assertRegex(weir.ask("a", b"x\n").decode(), r"^a [0-2] x\n$")
        self.assertEqual(weir.stop(), 0, weir.output)
        trace = self.trace()
        self.assertEqual(trace[0], "a configure 0")
        self.assertEqual(trace[-1], "a destroy")
        self.assertEqual(collections.Counter(trace[1:4]), collections.Counter(f"a worker_start {i} 0" for i in range(3)))
        self.assertEqual(collections.Counter(trace[4:-1]), collections.Counter(f"a worker_stop {i} 1" for i in range(3)))

    def test_a_failing_configure_is_told_with_its_line_and_nothing_listens(self):
        weir = self.start(one(options='fail_in = "configure";'))
        self.assertEqual(weir.wait(), 1)
        self.assertIn('weir.conf:4: option "fail_in" of server "a": is configure, so that is where it fails', weir.output)
        self.assertIn("nothing was started", weir.output)
        self.assertNotIn("listening server=", weir.output)
        self.assertEqual(self.trace(), ["a configure 1"])       # no destroy: there is nothing to undo

    def test_a_failing_worker_start_ends_all_workers_and_nothing_listens(self):
        for worker in range(3):
            with self.subTest(worker=worker):
                self.write("trace", "")
                weir = self.start(one(workers=3, options=f'fail_in = "worker_start"; fail_worker = {worker};'))
                self.assertEqual(weir.wait(), 1, weir.output)
                self.assertIn(f'weir.conf:3: the plugin "stages" of server "a" can\'t start on worker {worker}', weir.output)
                self.assertIn(f"worker {worker} does not want to", weir.output)
                self.assertNotIn("listening server=", weir.output)
                trace = self.trace()
                started = [line for line in trace if "worker_start" in line and line.endswith(" 0")]
                stopped = [line for line in trace if "worker_stop" in line]
                self.assertEqual(len(started), len(stopped), trace)
                self.assertNotIn(f"a worker_stop {worker} 1", trace)
                self.assertEqual(trace[-1], "a destroy")

    def test_a_later_sections_failure_stops_the_earlier_ones(self):
        weir = self.start("""
            workers = 2;
            servers = (
                { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stages.so"; options = { trace = "trace"; }; },
                { name = "b"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stages.so";
                  options = { trace = "trace"; fail_in = "worker_start"; fail_worker = 1; }; } );""")
        self.assertEqual(weir.wait(), 1)
        self.assertIn('weir.conf:5: the plugin "stages" of server "b" can\'t start on worker 1', weir.output)
        trace = self.trace()
        for worker in range(2):
            self.assertEqual(f"a worker_start {worker} 0" in trace, f"a worker_stop {worker} 1" in trace, trace)
        self.assertEqual(trace.count("a destroy") + trace.count("b destroy"), 2)

    def test_sections_share_a_plugin_with_options_of_their_own(self):
        weir = self.start("""
            workers = 2;
            servers = (
                { name = "a"; handler = "%(fixtures)s/stages.so";
                  listen = [ "127.0.0.1:0", "unix:a.sock", "unix:@weir-test-%%d" ]; },
                { name = "b"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stages.so"; options = { trace = "trace"; }; } );
            """.replace("%%d", str(os.getpid())))
        for server, count in (("a", 3), ("b", 1)):
            for number in range(count):
                self.assertRegex(weir.ask(server, b"x\n", number).decode(), rf"^{server} [01] x\n$")
        self.assertEqual(weir.addresses["a"][1], f"unix:{self.folder}/a.sock")
        self.assertEqual(weir.stop(), 0)
        self.assertFalse(os.path.exists(self.path("a.sock")), "the socket's file was left behind")
        self.assertTrue(all(line.startswith("b ") for line in self.trace()))
        weir.wait_line("counter server=a name=lines value=3")
        weir.wait_line("counter server=b name=lines value=1")

    def test_check_configures_and_starts_no_worker(self):
        done = self.run_weir("check", "-c", self.config(one()))
        self.assertEqual((done.returncode, done.stdout), (0, "weir: the configuration is fine: 1 server\n"), done.stderr)
        self.assertEqual(self.trace(), ["a configure 0", "a destroy"])

    def test_a_failing_handler_is_reported_and_closes_only_its_connection(self):
        weir = self.start(one())
        with weir.connect("a") as other:
            self.assertEqual(weir.ask("a", b"fail\n"), b"a 0 fail\n")
            weir.wait_line("error .*a handler failed peer=127.0.0.1:")
            other.sendall(b"still\n")
            self.assertEqual(other.recv(64), b"a 0 still\n")
            other.shutdown(socket.SHUT_WR)
        self.assertEqual(weir.stop(), 0)


if __name__ == "__main__":
    _weir.main()

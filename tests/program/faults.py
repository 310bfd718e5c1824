# SPDX-License-Identifier: BSD-2-Clause
"""faults.py  Surroundings and plugins that are not as they should be: few descriptors, none of the standard ones, an odd
environment, storms of signals, accidents to the configuration, plugins that crash."""
import itertools
import os
import random
import re
import resource
import select
import shutil
import signal
import socket
import stat
import unittest

import _weir

ECHO = 'servers = ( { name = "a"; listen = [ %s ]; handler = "echo"; %s } );\n'
HOSTILE = """workers = 2;
servers = ( { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/hostile.so"; } );
"""
SEED = int(os.environ.get("WEIR_SEED", random.randrange(1 << 32)))
SANITIZE = os.environ.get("WEIR_SANITIZE", "")


def descriptors(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class Faults(_weir.Case):
    def echo(self, listen='"127.0.0.1:0"', more="", head="workers = 2;\n", **options):
        return self.start(head + ECHO % (listen, more), **options)

    def answers(self, client, line=b"x\n"):
        client.sendall(line)
        self.assertEqual(client.recv(64), line)

    # --- Descriptors (rows 1 and 26) ---

    @unittest.skipIf(SANITIZE, "sanitizers open descriptors of their own")
    def test_with_any_number_of_descriptors_it_starts_or_says_why_not(self):
        served = 0
        for count in range(3, 61):
            with self.subTest(descriptors=count):
                weir = self.echo(preexec_fn=descriptors(count))
                try:
                    weir.wait_line("ready ")
                except AssertionError:
                    # 127: not even the dynamic linker could open a file.
                    self.assertIn(weir.wait(), (1, 127))
                    self.assertTrue(weir.output.strip(), "it ended without a word")
                    self.assertNotIn("listening server=", weir.output)
                    continue
                with weir.connect("a") as client:
                    client.sendall(b"x\n")
                    # All may be in use: then callers wait, and that is said.
                    for _ in self.until(lambda: "accepting rests, callers wait in the backlog" in weir.output):
                        if select.select([client], [], [], 0.01)[0]:
                            self.assertEqual(client.recv(64), b"x\n")
                            served += 1
                            break
                self.assertEqual(weir.stop(), 0, weir.output)
        self.assertGreater(served, 20)

    @unittest.skipIf(SANITIZE, "sanitizers open descriptors of their own")
    def test_out_of_descriptors_accepting_rests_until_one_is_closed(self):
        weir = self.echo(preexec_fn=descriptors(60))
        clients = []
        weir.wait_line("ready ")
        while "accepting rests, callers wait in the backlog" not in weir.output:
            clients.append(weir.connect("a"))
            self.addCleanup(clients[-1].close)
            clients[-1].sendall(b"x\n")
            self.assertLess(len(clients), 1000)
            select.select(clients, [], [], 0.01)
        # Each one that ends makes room for one that waits, until all have had their answer.
        waiting = set(clients)
        while waiting:
            served = select.select(list(waiting), [], [], _weir.PATIENCE)[0]
            self.assertTrue(served, f"{len(waiting)} are still waiting")
            for client in served:
                self.assertEqual(client.recv(64), b"x\n")
                waiting.remove(client)
                client.close()
        with weir.connect("a") as client:
            self.answers(client)
        self.assertEqual(weir.stop(), 0, weir.output)

    # --- What it is started with (rows 30, 36, 42) ---

    def test_closed_standard_descriptors_are_nobody_elses(self):
        for closed in itertools.chain.from_iterable(itertools.combinations(range(3), count) for count in (1, 2, 3)):
            with self.subTest(closed=closed):
                weir = self.echo('"unix:a.sock"', head='log = { destination = "weir.log"; };\n',
                                 preexec_fn=lambda: [os.close(number) for number in closed])
                with weir.connect_when_up(self.path("a.sock")) as client:
                    self.answers(client)
                    for number in closed:
                        self.assertEqual(os.readlink(f"/proc/{weir.process.pid}/fd/{number}"), "/dev/null")
                self.assertEqual(weir.stop(), 0)
                self.assertIn("stopped end=clean", self.read("weir.log"))
                os.remove(self.path("weir.log"))

    def test_an_environment_that_is_empty_or_odd_changes_nothing(self):
        for env in ({}, {"LC_ALL": "de_DE.UTF-8", "LANG": "tr_TR.UTF-8"}, {"LC_ALL": "\xff", "PATH": "", "HOME": "/nowhere"},
                    {"TZ": "../../etc/passwd", "TMPDIR": "/nowhere"}, {"JOURNAL_STREAM": "x"}):
            with self.subTest(env=env):
                weir = self.echo(more='idle_timeout = "1.5h"; close_timeout = 2.5;', env=env, bare=True)
                with weir.connect("a") as client:
                    self.answers(client)
                self.assertEqual(weir.stop(), 0, weir.output)
                self.assertRegex(weir.lines[0], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")

    def test_a_umask_that_takes_everything_takes_nothing_from_us(self):
        weir = self.echo('"127.0.0.1:0", "unix:a.sock"', 'access_log = "access.log"; unix_mode = "0600";',
                         'pid_file = "weir.pid";\n', umask=0o777)
        with weir.connect("a") as client:
            self.answers(client)
        with weir.connect("a", 1) as client:
            self.answers(client)
        self.assertEqual(weir.stop(), 0, weir.output)
        self.assertEqual(os.stat(self.path("access.log")).st_size > 0, True)

    def test_a_unix_socket_has_exactly_the_mode_it_was_given(self):
        for umask, unix_mode, expected in ((0o022, None, 0o755), (0o077, "umask", 0o700), (0o000, "0660", 0o660),
                                           (0o777, "0666", 0o666), (0o022, "0600", 0o600), (0o022, "0777", 0o777)):
            with self.subTest(umask=oct(umask), unix_mode=unix_mode):
                weir = self.echo('"unix:a.sock"', f'unix_mode = "{unix_mode}";' if unix_mode else "", umask=umask)
                weir.wait_line("ready ")
                self.assertEqual(stat.S_IMODE(os.stat(self.path("a.sock")).st_mode), expected)
                self.assertEqual(weir.stop(), 0, weir.output)

    def test_names_of_unix_sockets_up_to_their_longest(self):
        name = f"@weir-test-{os.getpid()}-"
        longest = name + "x" * (107 - len(name))
        weir = self.echo(f'"unix:{longest}"')
        with weir.connect("a") as client:
            self.answers(client)
        self.assertEqual(weir.stop(), 0, weir.output)
        weir = self.echo(f'"unix:{longest}x"')
        self.assertEqual(weir.wait(), 1)
        self.assertRegex(weir.output, r"weir\.conf:2: .*107")

    # --- Signals (row 25) ---

    def test_a_storm_of_signals_is_weathered(self):
        weir = self.echo(head='workers = 2;\nlog = { destination = "weir.log"; };\n', listen='"unix:a.sock"')
        with weir.connect_when_up(self.path("a.sock")) as client:
            self.answers(client)
            for number in range(1000):
                weir.kill((signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)[number % 3])
                if number % 100 == 0:
                    self.answers(client)
            self.answers(client)
        self.assertEqual(weir.stop(), 0, weir.output)
        log = self.read("weir.log")
        self.assertIn("SIGHUP is reserved", log)
        self.assertIn("stopped end=clean", log)

    def test_a_storm_of_stops_is_one_end(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            with self.subTest(signal=number):
                weir = self.start(HOSTILE)
                with weir.connect("a") as client:               # its handler is never idle
                    client.sendall(b"x\n")
                    client.recv(64)
                    weir.kill(number)
                    weir.wait_line("draining")
                    for _ in range(100):
                        weir.kill(number)
                    self.assertEqual(weir.wait(), 3, weir.output)
                self.assertEqual(weir.output.count("stopped end="), 1)

    def test_no_signal_changes_how_it_ends(self):
        """As logrotate's may, which knows nothing of a stop. They come to the very end, whenever that is."""
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
            for _ in range(5):
                with self.subTest(signal=number):
                    weir = self.echo()
                    weir.wait_line("ready ")
                    weir.kill(signal.SIGQUIT)
                    weir.wait_line("draining")
                    for _ in self.until(lambda: weir.process.poll() is not None):
                        weir.kill(number)
                    self.assertIn(weir.wait(), (0, 3) if number == signal.SIGTERM else (0,), weir.output)
                    self.assertIn("stopped end=", weir.output)

    # --- Accidents to the configuration (row 21) ---

    def accident(self, chance, text):
        """The text with one thing that happens when it is edited."""
        at, length = chance.randrange(len(text)), chance.choice((1, 1, 5, 40))
        words = re.findall(r'[\w.]+|"[^"\n]*"|[^\s\w]', text)
        return chance.choice((
            lambda: text[:at] + text[at + length:],
            lambda: text[:at] + chance.choice(("{", "}", "(", ")", "[", "]", ";", "=", '"', ",", "#", "\0", "\xff", "-1", "true",
                                               "@include \"x\"\n", "9" * 30, "\n", "\\", "/*")) + text[at:],
            lambda: text[:at] + text[at:at + length] * 2 + text[at + length:],
            lambda: text.replace(chance.choice(words), chance.choice(words)),
            lambda: text[:at],
        ))()

    def test_accidents_to_the_shipped_configuration_are_told_with_their_line(self):
        print(f"WEIR_SEED={SEED}")
        chance = random.Random(SEED)
        shutil.copytree(os.path.join(_weir.SOURCE, "conf"), self.path("conf"))
        with open(self.path("conf/weir.conf"), encoding="utf-8") as file:
            shipped = file.read()
        bare = "\n".join(line for line in re.sub(r"# (\w+ = [^\n]*;)$", r"\1", shipped, flags=re.MULTILINE).split("\n")
                         if not line.lstrip().startswith("#"))
        refused = 0
        for number in range(50):
            text = shipped if number % 5 == 0 else bare
            for _ in range(chance.randint(1, 4)):
                text = self.accident(chance, text) or "x"
            with self.subTest(number=number):
                with open(self.path("conf/weir.conf"), "w", encoding="latin-1", errors="replace") as file:
                    file.write(text)
                done = self.run_weir("check", "-c", "conf/weir.conf", errors="replace")
                self.assertIn(done.returncode, (0, 1), f"{text}\n{done.stderr}")
                if done.returncode == 1:
                    refused += 1
                    self.assertRegex(done.stderr, r"(?m)^\S*weir\.conf:\d+: \S")
                    self.assertRegex(done.stderr, r"weir: \d+ errors?\n$")
                else:
                    self.assertEqual(done.stderr, "")
        self.assertGreater(refused, 10)

    # --- Plugins that crash (rows 15 and 16) ---

    def crash(self, command):
        weir = self.start(HOSTILE)
        with weir.connect("a") as other, weir.connect("a") as client:
            other.sendall(b"x\n")
            other.recv(64)
            client.sendall(command)
            status = weir.wait()
            for left in (other, client):                        # nobody is left waiting
                try:
                    self.assertEqual(left.recv(64), b"")
                except ConnectionResetError:
                    pass
        return weir, status

    @unittest.skipIf(SANITIZE, "sanitizers catch these signals themselves")
    def test_a_plugin_that_crashes_ends_the_process_by_its_signal(self):
        for command, number in ((b"segv\n", signal.SIGSEGV), (b"null\n", signal.SIGSEGV), (b"abort\n", signal.SIGABRT)):
            with self.subTest(command=command):
                weir, status = self.crash(command)
                self.assertEqual(status, -number, weir.output)
                self.assertNotIn("stack overflow", weir.output)     # it was none
                self.assertNotIn("stopped end=", weir.output)

    @unittest.skipIf(SANITIZE, "sanitizers catch this signal themselves")
    def test_a_stack_overflow_in_a_plugin_is_named(self):
        weir, status = self.crash(b"overflow\n")
        self.assertEqual(status, -signal.SIGSEGV, weir.output)
        self.assertRegex(weir.output, r"stack overflow.*connection handler")

    def test_a_new_one_serves_where_one_crashed(self):
        """The sockets and files that a crash left behind are no hindrance."""
        weir = self.start(HOSTILE.replace('"127.0.0.1:0"', '"unix:a.sock"').replace("workers", 'pid_file = "weir.pid";\nworkers'))
        weir.wait_line("ready ")
        weir.process.kill()
        weir.wait()
        self.assertTrue(stat.S_ISSOCK(os.stat(self.path("a.sock")).st_mode))
        self.assertTrue(os.path.exists(self.path("weir.pid")))
        weir = self.echo('"unix:a.sock"', head='pid_file = "weir.pid";\n')
        with weir.connect("a") as client:
            self.answers(client)
        self.assertEqual(int(self.read("weir.pid")), weir.process.pid)
        self.assertEqual(weir.stop(), 0, weir.output)
        self.assertFalse(os.path.exists(self.path("a.sock")))
        self.assertFalse(os.path.exists(self.path("weir.pid")))


if __name__ == "__main__":
    _weir.main()

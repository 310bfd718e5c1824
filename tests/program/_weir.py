# SPDX-License-Identifier: BSD-2-Clause
"""_weir.py  Starting the weir program with a configuration, and talking to what it serves. For the scripts beside it.

    class Promises(Case):
        def test_something(self):
            weir = self.start('servers = ( { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stages.so"; } );')
            self.assertEqual(weir.ask("a", b"x\\n"), b"a 0 x\\n")
            self.assertEqual(weir.stop(), 0)

Each test has a folder of its own, and nothing waits for time: a line of the log or the end of the process is waited for,
with a bound that only a test that fails reaches.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BUILD = os.environ["WEIR_BUILD_DIR"]
SOURCE = os.environ["WEIR_SOURCE_DIR"]
PROGRAM = os.path.join(BUILD, "weir")
FIXTURES = os.path.join(BUILD, "tests", "server", "fixtures")
PATIENCE = 120                                      # seconds
LISTENING = re.compile(r'listening(?: server=|","server":")([^\s"]+)(?: address=|","address":")([^\s"]+)')  # text, and JSON
READY = r'ready workers=|"message":"ready"'

if not os.path.exists(PROGRAM):
    print("the program is not built here")
    sys.exit(77)


class Weir:
    """A running program: its log's lines as they come, the addresses it listens on by the servers' names, and its end.

    wrapper   the words of a command that runs it: strace, valgrind
    env       is added to ours, or, if it is @bare, all there is
    pipe      (where to read, where the program writes), for its standard error; both become ours
    """

    def __init__(self, arguments, folder, env=None, bare=False, wrapper=(), pipe=None, **options):
        self.process = subprocess.Popen([*wrapper, PROGRAM, *arguments], stdin=subprocess.DEVNULL,
                                        stderr=pipe[1] if pipe else subprocess.PIPE, text=True, cwd=folder,
                                        env={**({} if bare else os.environ), **(env or {})}, **options)
        self.errors = self.process.stderr
        if pipe:
            os.close(pipe[1])
            self.errors = os.fdopen(pipe[0])
        self.folder, self.lines, self.addresses = folder, [], {}
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.errors:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                found = LISTENING.search(line)
                if found:
                    self.addresses.setdefault(found[1], []).append(found[2])
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def output(self):
        return "\n".join(self.lines)

    def wait_line(self, pattern, count=1):
        """Until so many lines of the log match; the lines."""
        def found():
            return [line for line in self.lines if re.search(pattern, line)]
        with self._news:
            self._news.wait_for(lambda: len(found()) >= count or self._ended, PATIENCE)
            if len(found()) < count:
                raise AssertionError(f"no line {pattern!r} in:\n{self.output}")
            return found()

    def connect(self, server, number=0):
        self.wait_line(READY)
        return dial(self.addresses[server][number])

    def ask(self, server, line, number=0):
        """One line on a connection of its own, and the line that comes back."""
        with self.connect(server, number) as client:
            client.sendall(line)
            return client.makefile("rb").readline()

    def connect_when_up(self, path):
        """A connection to the Unix socket at @path, for a program that can't say that it listens."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return dial(f"unix:{path}")
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def kill(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit status, when all output has been read."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def stop(self, number=signal.SIGTERM):
        self.kill(number)
        return self.wait()


def dial(address):
    """A connected socket; the address as the log has it."""
    if address.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        path = address[len("unix:"):]
        try:
            client.connect("\0" + path[1:] if path.startswith("@") else path)
        except OSError:
            client.close()
            raise
        return client
    host, port = address.rsplit(":", 1)
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


class Case(unittest.TestCase):
    maxDiff = None

    def until(self, so):
        """Rounds until something is so, which are many: nothing waits in here."""
        end = time.monotonic() + PATIENCE
        while not so():
            self.assertLess(time.monotonic(), end, "it does not come to pass")
            yield

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weir-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.started = []
        self.addCleanup(self._end_all)

    def _end_all(self):
        for weir in self.started:
            if weir.process.poll() is None:
                weir.process.kill()
            weir.wait()
            weir.errors.close()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def config(self, text, name="weir.conf"):
        """A file of this text, in which %(fixtures)s and %(folder)s are put in."""
        return self.write(name, text % {"fixtures": FIXTURES, "folder": self.folder})

    def start(self, text, *arguments, **options):
        weir = Weir(["run", "-c", self.config(text), *arguments], self.folder, **options)
        self.started.append(weir)
        return weir

    def run_weir(self, *arguments, **options):
        """A command that ends by itself."""
        return subprocess.run([PROGRAM, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL, check=False, **options)


def main():
    unittest.main(module="__main__", verbosity=2)

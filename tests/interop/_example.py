# SPDX-License-Identifier: BSD-2-Clause
"""_example.py  Starting a program of examples/, and reading what it says, line by line and not by the clock."""
import os
import select
import signal
import subprocess
import sys

import _peer

PATIENCE = _peer.PATIENCE


def path(name):
    """Of the program; where examples are not built the script is skipped."""
    program = os.path.join(_peer.BUILD, "examples", name)
    if not os.path.exists(program):
        print("examples are not built here")
        sys.exit(77)
    return program


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r}, not {wanted!r}")


def run(name, *words, given=""):
    """What it printed, what it complained of, and with what it ended."""
    done = subprocess.run([path(name), *map(str, words)], input=given, capture_output=True, text=True, timeout=PATIENCE,
                          check=False)
    return done.stdout, done.stderr, done.returncode


class Running:
    """with Running("echo_server", 0) as server: a program that goes on until it is told to stop."""

    def __init__(self, name, *words):
        self.name = name
        self.process = subprocess.Popen([path(name), *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def line(self):
        """The next line that it prints, without its end."""
        while b"\n" not in self.unread:
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not more:
                sys.exit(f"{self.name} printed no line, but {self.unread!r}")
            self.unread += more
        line, self.unread = self.unread.split(b"\n", 1)
        return line.decode()

    def port(self):
        """From a line that ends with it."""
        return int(self.line().rsplit(" ", 1)[1])

    def stop(self, how=signal.SIGINT, status=0):
        self.process.send_signal(how)
        self.ends(status)

    def ends(self, status=0):
        if self.process.wait(PATIENCE) != status:
            sys.exit(f"{self.name} ended with {self.process.returncode}: {self.process.stderr.read().decode()}")

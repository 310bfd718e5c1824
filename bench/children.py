# SPDX-License-Identifier: BSD-2-Clause
"""Processes of a benchmark run: started pinned, watched, ended by their own pid.

A Server listens on a port found free just before; a Client is steered over its
stdin and stdout (steer.h says how). Every child is in `alive` from its start to
its end, and end_all() leaves none behind. All waits are bounded.
"""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

alive = []


class Void(Exception):
    """This run does not count: an error on the wire, a child that died, a wait too long."""


def pinned(argv, cpu, net=None):
    """argv on some CPUs, in a network namespace; it gets SIGTERM should this process die without ending it. cpu None: argv
    alone."""
    if cpu is None:
        return [str(word) for word in argv]
    inside = ["nsenter", f"--net=/run/netns/{net}"] if net is not None else []
    guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    return inside + guard + ["taskset", "-c", str(cpu)] + [str(word) for word in argv]


class Child:
    net = None              # a network namespace (veth.py); None: the one this process is in

    def __init__(self, argv, cpu):
        self.name = os.path.basename(str(argv[0]))
        self.complaints = tempfile.TemporaryFile()
        self.unread = b""
        self.process = subprocess.Popen(
            pinned(argv, cpu, self.net), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.complaints, start_new_session=True)
        self.pid = self.process.pid
        alive.append(self)

    def log(self):
        """Its stderr so far. Read by pread: the child writes at the place that seek would move."""
        size = os.fstat(self.complaints.fileno()).st_size
        return os.pread(self.complaints.fileno(), size, 0).decode(errors="replace")

    def said(self):
        """The last lines of its stderr, for a message."""
        return self.log()[-600:].strip().replace("\n", "; ")

    def void(self, what):
        return Void(f"{self.name}: {what} ({self.said() or 'nothing on stderr'})")

    def read_line(self, timeout):
        deadline = time.monotonic() + timeout
        out = self.process.stdout.fileno()
        while b"\n" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                raise self.void(f"no line within {timeout:g} s")
            more = os.read(out, 4096)
            if not more:
                raise self.void("ended early")
            self.unread += more
        line, self.unread = self.unread.split(b"\n", 1)
        return line.decode()

    def let_go(self):
        if self.process.stdin and not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass

    def end(self, patience=5.0, sig=signal.SIGTERM):
        """Signal (None: only close its stdin) and wait; SIGKILL when it does not listen.

        Returns the exit status, or None when it had to be killed."""
        status = None
        self.let_go()
        try:
            if sig is not None and self.process.poll() is None:
                self.process.send_signal(sig)
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        finally:
            if self in alive:
                alive.remove(self)
            self.process.stdout.close()
        return status


def end_all():
    for child in list(alive):
        child.end(2.0)


class Server(Child):
    """A server at the port `port` of `host`, listening when the constructor returns."""

    host = "127.0.0.1"      # where clients find it: all servers of a run at the same address

    def __init__(self, argv, cpu, timeout=10.0):
        for attempt in range(5):        # somebody may take the port between probe and bind
            self.port = free_port()
            super().__init__(self.command(argv), cpu)
            if self.wait_listening(timeout):
                return
            status = self.process.poll()
            trouble = self.void(f"does not listen, status {status}")
            self.end()
            if status is None:
                break
        raise trouble

    def command(self, argv):
        return [self.port if word == "PORT" else word for word in argv]

    def wait_listening(self, timeout):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.listens():
                return True
            time.sleep(0.01)
        return False

    def listens(self):
        """Whether a socket of this very process listens at the port: no connection is made."""
        inodes = set()
        for table in ("tcp", "tcp6"):
            try:
                with open(f"/proc/{self.pid}/net/{table}") as lines:
                    rows = [line.split() for line in lines]
            except OSError:
                continue
            inodes |= {row[9] for row in rows[1:]
                       if row[3] == "0A" and int(row[1].split(":")[1], 16) == self.port}
        folder = f"/proc/{self.pid}/fd"
        try:
            names = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
        except OSError:
            return False
        return any(name == f"socket:[{inode}]" for name in names for inode in inodes)

    def cpu_ns(self):
        """Nanoseconds on a CPU so far, all threads that are alive."""
        total = 0
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{thread}/schedstat") as text:
                total += int(text.read().split()[0])
        return total

    def cpu_with_the_dead_ns(self):
        """The same with threads that have ended, in clock ticks: coarse, a check on cpu_ns()."""
        with open(f"/proc/{self.pid}/stat") as text:
            words = text.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Bytes of user memory: proportional set size and page tables."""
        return (number_of(f"/proc/{self.pid}/smaps_rollup", "Pss:")
                + number_of(f"/proc/{self.pid}/status", "VmPTE:")) * 1024

    def settled_memory(self, least, look, most=15.0):
        """memory(), when `least` seconds have passed and it stands still."""
        began = time.monotonic()
        time.sleep(least)
        before, now = -1, self.memory()
        while before != now and time.monotonic() - began < most:
            time.sleep(look)
            before, now = now, self.memory()
        return now


class Client(Child):
    """A load program, ready to go when the constructor returns."""

    def __init__(self, argv, cpu, timeout):
        super().__init__(list(argv[:1]) + ["--timeout", timeout] + list(argv[1:]), cpu)
        self.timeout = timeout + 10     # its own limit should speak first, it knows more
        line = self.read_line(self.timeout)
        if line != "ready":
            raise self.void(f"{json.loads(line)['errors']} errors before the measured part")

    def go(self):
        """Run the measured part; what it reports."""
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()
        return self.result()

    def result(self):
        report = json.loads(self.read_line(self.timeout))
        if report["errors"] != 0:
            raise self.void(f"{report['errors']} errors")
        return report

    def finish(self):
        status = self.end(10.0, sig=None)
        if status != 0:
            raise self.void(f"ended with status {status}")


def number_of(path, key):
    with open(path) as lines:
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1])
    raise Void(f"no {key} in {path}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

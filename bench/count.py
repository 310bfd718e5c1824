#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench/count.py [--build DIR] [--only NAME ...]  What a line, and a page, costs each server in counts, which no noise touches.

System calls by strace, with one connection; instructions, and cache lines of code and of data, from a trace of every access to
memory (valgrind's lackey), with one, where each line is a wake-up of its own, and with MANY that ask at the same time. A
connection's own lines are the difference of the two, over the connections more. Only what the processor does in the program is
counted: what the kernel does for it is the larger part of the time, and not in it.

Needs valgrind and strace. Prints the table; README.md says how to read it.
"""
import sys

sys.dont_write_bytecode = True

import argparse
import collections
import os
import pathlib
import socket
import tempfile
import time

from beside import argv_of
from children import Child, Server, Void, end_all
from configured import PAGE, Weir

ROOT = pathlib.Path(__file__).resolve().parent.parent
MANY = 16
WARM, ROUNDS = 10, 40
LINE = b"x" * 63 + b"\n"
GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"      # as wrk asks, but for the port's digits
BATCH = 16
STEADY = 0.9            # of the rounds: a line of memory touched in fewer belongs to something else
STILL_S, STILL_BYTES, PATIENCE_S = 0.3, 1 << 20, 60    # threads that only look at the clock write less in that time
PEERS = ["io_uring", "libuv", "libevent", "Boost.Asio", "tokio"]       # one thread, and no interpreter


class Subject:
    """What is asked: how a server is started under a tool, what is asked of it @batch at a time, and how each answer ends."""

    def __init__(self, start, question, end, batch=1):
        self.start, self.question, self.end, self.batch = start, question * batch, end, batch


class Counted:
    """A server, what writes down what it does, and connections that ask it. @tool runs the server; @beside is attached to it."""

    def __init__(self, subject, connections, log, tool=(), beside=None):
        self.log, self.beside, self.subject = log, None, subject
        self.server = subject.start(tool)
        if beside is not None:
            self.beside = Child([*beside, self.server.pid], None)
            self.wait_for_tracer()
        self.sockets = [socket.create_connection((Server.host, self.server.port)) for _ in range(connections)]
        for one in self.sockets:
            one.settimeout(PATIENCE_S)

    def wait_for_tracer(self):
        until = time.monotonic() + PATIENCE_S
        while "TracerPid:\t0\n" in pathlib.Path(f"/proc/{self.server.pid}/status").read_text():
            if time.monotonic() > until or self.beside.process.poll() is not None:
                raise self.beside.void("does not trace")
            time.sleep(0.01)

    def ask(self, rounds):
        for _ in range(rounds):
            for one in self.sockets:
                one.sendall(self.subject.question)
            for one in self.sockets:
                answer = b""
                while answer.count(self.subject.end) < self.subject.batch:
                    answer += one.recv(65536) or self.lost()
                if not answer.endswith(self.subject.end) or answer.count(self.subject.end) > self.subject.batch:
                    raise Void(f"{self.server.name}: answered {answer!r}")

    def lost(self):
        raise Void(f"{self.server.name}: closed a connection")

    def written(self):
        """The log's size once no more comes than a server writes that only waits."""
        before, until = -STILL_BYTES, time.monotonic() + PATIENCE_S
        while (size := os.path.getsize(self.log)) - before >= STILL_BYTES:
            if time.monotonic() > until:
                raise Void(f"{self.server.name}: is never at rest")
            before = size
            time.sleep(STILL_S)
        return size

    def window(self):
        """What was written down for ROUNDS, line by line."""
        try:
            self.ask(WARM)
            begin = self.written()
            self.ask(ROUNDS)
            end = self.written()
        finally:
            for one in self.sockets:
                one.close()
            self.server.end()
            if self.beside is not None:
                self.beside.end(sig=None)
        with open(self.log, "rb") as log:
            log.seek(begin)
            return log.read(end - begin).decode("ascii", "replace").split("\n")


def calls_of(subject, log):
    """Of the thread that serves, which makes the most; with one connection, since how many ask at once depends on the hour."""
    lines = Counted(subject, 1, log, beside=["strace", "-f", "-qq", "-o", log, "-p"]).window()
    calls = collections.Counter(line.split()[0] for line in lines if "(" in line and "resumed>" not in line)
    return max(calls.values()) / ROUNDS / subject.batch


def lines_of(subject, connections, log):
    """Instructions a request; lines of code, and of data, that were touched in nearly every round."""
    tool = ["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-file={log}"]
    instructions, code, data = 0, collections.Counter(), collections.Counter()
    for line in Counted(subject, connections, log, tool=tool).window():
        kind, address = line[:2], line[3:].partition(",")[0]
        if kind == "I ":
            instructions += 1
            code[int(address, 16) >> 6] += 1
        elif kind in (" L", " S", " M"):
            data[int(address, 16) >> 6] += 1
    least = STEADY * ROUNDS
    return (instructions / ROUNDS / connections / subject.batch, sum(times >= least for times in code.values()),
            sum(times >= least for times in data.values()))


def by_port(*argv):
    return lambda tool: Server([*tool, *argv], None, timeout=PATIENCE_S)


def subjects(build):
    """By name; those that are not built are left out."""
    programs = build / "bench"
    found = {"weir": Subject(by_port(programs / "echo_server", "PORT"), LINE, LINE)}
    for name in PEERS:
        words = argv_of(name, programs)
        if words is not None:
            found[name] = Subject(by_port(*words, "PORT", Server.host, "lines"), LINE, LINE)
    found["the floor"] = Subject(by_port(programs / "floor_echo", "PORT"), LINE, LINE)
    for batch, in_flight in ((1, ""), (BATCH, f", {BATCH} in flight")):
        found["weir, a page" + in_flight] = Subject(
            lambda tool: Weir(build / "weir", None, under=tool, timeout=PATIENCE_S), GET, PAGE.encode(), batch)
        found["the floor, a page" + in_flight] = Subject(by_port(programs / "floor_http", "PORT"), GET, PAGE.encode(), batch)
    return found


def row(name, subject, folder):
    log = os.path.join(folder, "log")
    cells = [name, f"{calls_of(subject, log):.2f}"]
    os.unlink(log)
    data = {}
    for connections in (1, MANY):
        instructions, code, data[connections] = lines_of(subject, connections, log)
        os.unlink(log)
        cells += [f"{instructions:,.0f}", str(code), str(data[connections])]
    return [*cells, f"{(data[MANY] - data[1]) / (MANY - 1):.1f}"]


def main():
    parser = argparse.ArgumentParser(prog="count", description="What a line, and a page, costs each server, in counts.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench", metavar="DIR")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="rows, as the table names them")
    args = parser.parse_args()
    status, known = 0, subjects(args.build)
    unknown = [name for name in args.only or () if name not in known]
    if unknown:
        parser.error(f"no row {'; '.join(unknown)}. There are: {'; '.join(known)}")
    counts = ("instructions", "code lines", "data lines")
    heads = ["server", "calls", *(f"{what}, {n} conn." for n in (1, MANY) for what in counts)]
    heads.append("data lines of a connection")
    print("| " + " | ".join(heads) + " |")
    print("| " + " | ".join(["---"] * len(heads)) + " |")
    with tempfile.TemporaryDirectory() as folder:
        for name, subject in known.items():
            if args.only and name not in args.only:
                continue
            try:
                print("| " + " | ".join(row(name, subject, folder)) + " |", flush=True)
            except (Void, OSError) as trouble:
                print(f"count: {name}: {trouble}", file=sys.stderr)
                status = 1
            finally:
                end_all()
    return status


if __name__ == "__main__":
    sys.exit(main())

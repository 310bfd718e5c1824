#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench/count.py [--build DIR] [--only NAME ...]  What an echoed line costs each server in counts, which no noise touches.

System calls by strace; instructions, and cache lines of code and of data, from a trace of every access to memory (valgrind's
lackey). Once with one connection, where each line is a wake-up of its own, and once with MANY that ask at the same time. A
connection's own lines are the difference of the two, over the connections more. Only what the processor does for the program is
counted: what the kernel does for it is the larger part of the time, and the same for all but for the calls.

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

ROOT = pathlib.Path(__file__).resolve().parent.parent
MANY = 16
WARM, ROUNDS = 10, 40
LINE = b"x" * 63 + b"\n"
STEADY = 0.9            # of the rounds: a line of memory touched in fewer belongs to something else
STILL_S, PATIENCE_S = 0.3, 60
PEERS = ["io_uring", "libuv", "libevent", "Boost.Asio", "tokio"]       # one thread, and no interpreter


class Counted:
    """A server, what writes down what it does, and connections that ask it. @tool runs the server; @beside is attached to it."""

    def __init__(self, argv, connections, log, tool=(), beside=None):
        self.log, self.beside = log, None
        self.server = Server([*tool, *argv], None, timeout=PATIENCE_S)
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
                one.sendall(LINE)
            for one in self.sockets:
                answer = b""
                while len(answer) < len(LINE):
                    answer += one.recv(len(LINE)) or self.lost()
                if answer != LINE:
                    raise Void(f"{self.server.name}: answered {answer!r}")

    def lost(self):
        raise Void(f"{self.server.name}: closed a connection")

    def written(self):
        """The log's size once nothing more comes."""
        size, until = -1, time.monotonic() + PATIENCE_S
        while size != os.path.getsize(self.log):
            if time.monotonic() > until:
                raise Void(f"{self.server.name}: is never at rest")
            size = os.path.getsize(self.log)
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


def calls_of(argv, connections, log):
    lines = Counted(argv, connections, log, beside=["strace", "-f", "-qq", "-o", log, "-p"]).window()
    return sum("(" in line and "resumed>" not in line for line in lines) / ROUNDS / connections


def lines_of(argv, connections, log):
    """Instructions a request; lines of code, and of data, that were touched in nearly every round."""
    tool = ["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-file={log}"]
    instructions, code, data = 0, collections.Counter(), collections.Counter()
    for line in Counted(argv, connections, log, tool=tool).window():
        kind, address = line[:2], line[3:].partition(",")[0]
        if kind == "I ":
            instructions += 1
            code[int(address, 16) >> 6] += 1
        elif kind in (" L", " S", " M"):
            data[int(address, 16) >> 6] += 1
    least = STEADY * ROUNDS
    return (instructions / ROUNDS / connections, sum(times >= least for times in code.values()),
            sum(times >= least for times in data.values()))


def servers(build):
    """Their command lines up to the end, by name; those that are not built are left out."""
    programs = build / "bench"
    found = {"weir": [programs / "echo_server", "PORT"]}
    for name in PEERS:
        words = argv_of(name, programs)
        if words is not None:
            found[name] = [*words, "PORT", Server.host, "lines"]
    found["the floor"] = [programs / "floor_echo", "PORT"]
    return found


def row(name, argv, folder):
    log = os.path.join(folder, "log")
    cells = [name]
    data = {}
    for connections in (1, MANY):
        calls = calls_of(argv, connections, log)
        os.unlink(log)
        instructions, code, data[connections] = lines_of(argv, connections, log)
        os.unlink(log)
        cells += [f"{calls:.2f}", f"{instructions:,.0f}", str(code), str(data[connections])]
    return [*cells, f"{(data[MANY] - data[1]) / (MANY - 1):.1f}"]


def main():
    parser = argparse.ArgumentParser(prog="count", description="What an echoed line costs each server, in counts.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench", metavar="DIR")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=["weir", *PEERS, "the floor"])
    args = parser.parse_args()
    counts = ("calls", "instructions", "code lines", "data lines")
    heads = ["server", *(f"{what}, {n} conn." for n in (1, MANY) for what in counts)]
    heads.append("data lines of a connection")
    print("| " + " | ".join(heads) + " |")
    print("| " + " | ".join(["---"] * len(heads)) + " |")
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, argv in servers(args.build).items():
            if args.only and name not in args.only:
                continue
            try:
                print("| " + " | ".join(row(name, argv, folder)) + " |", flush=True)
            except (Void, OSError) as trouble:
                print(f"count: {name}: {trouble}", file=sys.stderr)
                status = 1
            finally:
                end_all()
    return status


if __name__ == "__main__":
    sys.exit(main())

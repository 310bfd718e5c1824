# SPDX-License-Identifier: BSD-2-Clause
"""bench_client_open.py  bench/client_open's latencies are those that there were, and a server that stands still is charged for it.

Recorded times have to come back as their exact quantiles, a class of the histogram aside. A server of ours that stands still on
purpose makes every line wait that is due meanwhile; what must be reported is bounded from below only, so a busy machine, which
makes times longer, changes nothing.
"""
import json
import math
import os
import random
import socket
import subprocess
import sys
import threading
import time

import _peer

CLIENT = os.path.join(_peer.BUILD, "bench", "client_open")
CLASS = 1 + 1 / 128                             # a class of the histogram is at most that wide (LATENCY_CUTS)
AFTER_THE_LAST = b"23000000".ljust(63, b"a") + b"\n"    # line 50 of the first connection, as the client would send it
QUANTILES = {"p50_ns": 500, "p90_ns": 900, "p99_ns": 990, "p999_ns": 999}


def report_of(argv, stdin):
    done = subprocess.run([CLIENT, *argv], input=stdin, capture_output=True, text=True, timeout=2 * _peer.PATIENCE, check=False)
    said = json.loads(done.stdout.splitlines()[-1])
    if (done.returncode != 0) != (said["errors"] != 0):
        sys.exit(f"status {done.returncode} with {said['errors']} errors: {done.stderr}")
    return said, done.stderr


# --- Recorded times --------------------------------------------------------

def replay(what, latencies):
    start = 10**15
    lines = "".join(f"{start + i * 1000} {start + i * 1000 + ns}\n" for i, ns in enumerate(latencies))
    said, _ = report_of(["--replay"], lines)
    in_order = sorted(latencies)
    for key, thousandths in QUANTILES.items():
        exact = in_order[max(0, math.ceil(len(in_order) * thousandths / 1000) - 1)] if in_order else 0
        if not exact <= said[key] <= max(exact * CLASS, exact + 1):
            sys.exit(f"{what}: {key} is {said[key]} and not {exact}")
    if said["max_ns"] != max(latencies, default=0) or said["requests"] != len(latencies):
        sys.exit(f"{what}: {said}")
    if latencies and said["mean_ns"] != sum(latencies) // len(latencies):
        sys.exit(f"{what}: the mean is {said['mean_ns']}")


def recorded_times():
    seeded = random.Random(1)
    replay("none", [])
    replay("one", [1234567])
    replay("all alike", [5000] * 999)
    replay("every small number", list(range(3000)))
    replay("even", [seeded.randrange(10**6) for _ in range(10000)])
    replay("exponential", [int(seeded.expovariate(1e-5)) for _ in range(20000)])
    replay("one in a hundred is slow", [100_000_000 if i % 100 == 0 else 20_000 + i for i in range(10000)])
    replay("powers of two", [2**i + d for i in range(1, 60) for d in (-1, 0, 1)])
    said, complaint = report_of(["--replay"], "1 2\n3 x\n")
    if said["errors"] != 1 or "line 2 is not two numbers" not in complaint:
        sys.exit(f"what is no number was taken: {said} {complaint}")


# --- Servers ---------------------------------------------------------------

class Server:
    """Lines, each answered by answer(number, line), bytes or None for the end; one at a time, whatever the connection."""

    def __init__(self, answer):
        self.answer, self.lines, self.turn = answer, 0, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                threading.Thread(target=self.talk, args=[self.listener.accept()[0]], daemon=True).start()
        except OSError:                         # closed: the case is over
            pass

    def talk(self, caller):
        with caller, caller.makefile("rb") as lines:
            try:
                for line in lines:
                    with self.turn:
                        said = self.answer(self.lines, line)
                        self.lines += 1
                    if said is None:
                        return
                    caller.sendall(said)
            except OSError:                     # the client has seen enough
                pass

    def run(self, *words):
        said = report_of([*words, "--timeout", str(_peer.PATIENCE), "127.0.0.1", str(self.port)], "")
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        return said


def standing_still(conns):
    """A server that stands still for HELD, once, before it answers line BEFORE of those that it got. What was due until the
    middle of that and is not among the BEFORE that were answered waited for half of it or longer: a sixth of all, or more."""
    rate, count, held, before = 1000, 600, 0.4, 100

    def answer(number, line):
        if number == before:
            time.sleep(held)
        return line

    said, _ = Server(answer).run("-c", str(conns), "-r", str(rate), "-d", str(count / rate))
    if said["errors"] != 0 or said["requests"] != count or said["connections"] != conns or said["bytes"] != count * 64:
        sys.exit(f"standing still: {said}")
    if said["p90_ns"] < held / 2 * 1e9 or said["max_ns"] < held * 1e9:
        sys.exit(f"{conns} connections: a server that stood still for {held} s was not charged for it: {said}")


def wrong(what, answer, *complaints):
    """Refused with any of the @complaints: which one may be for the kernel to choose."""
    said, heard = Server(answer).run("-c", "1", "-r", "1000", "-d", "0.05")
    if said["errors"] == 0 or not any(complaint in heard for complaint in complaints):
        sys.exit(f"{what}: not refused with {complaints}: {said} {heard}")


if not os.path.exists(CLIENT):
    print("bench/client_open is not built")
    sys.exit(77)

recorded_times()
standing_still(1)
standing_still(8)
wrong("another line", lambda number, line: line if number != 7 else line.replace(b"a", b"b", 1), "other bytes")
wrong("a line twice", lambda number, line: line if number != 7 else line * 2, "other bytes")
wrong("an answer to what was not asked", lambda number, line: line if number != 49 else line + AFTER_THE_LAST, "other bytes")
# A line that is on its way when the server closes is answered with a reset, and then sending or receiving fails.
wrong("an end", lambda number, line: line if number != 7 else None, "closed by the server", "send: ", "recv: ")
print("recorded times have their quantiles, and what was due is charged")

# SPDX-License-Identifier: BSD-2-Clause
"""bench_quick.py  What --quick plans is small, and complete: every row runs, and each peer takes part.

No server is run and nothing is timed: rows are measured as a run does it, but servers, clients and sleeps are made up here, and
what was asked of them is added up. The sums are bounded; on the machine of bench/results such a run takes a little over a minute.
A full run is planned the same way, so that quick is seen to be the smaller one.
"""
import collections
import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest.mock

BENCH = pathlib.Path(os.environ["WEIR_SOURCE_DIR"]) / "bench"
sys.path.insert(0, str(BENCH))

import beside
import children
import configured
import core_rows
import proxy_rows
import rows
import run
import sizes
import start_rows
import table

# Of a quick run at most. A sleep is a second wherever it runs; a request is some 10 us of both CPUs, a byte half a nanosecond.
MOST = {"seconds": 35, "clients": 230, "requests": 1_500_000, "bytes": 8 << 30, "connections": 50_000, "starts": 200,
        "tasks": 150_000}
PEERS = len(beside.LINE_PEERS)


class Plan:
    """What was asked for, in all and by who answered it."""

    def __init__(self):
        self.sums, self.turns = collections.Counter(), collections.Counter()

    def add(self, words):
        options = dict(zip(words[1::2], words[2::2]))
        number = {option: float(options[option]) for option in ("-n", "-w", "-b", "-d", "-c") if option in options}
        self.sums["clients"] += 1
        self.sums["connections"] += number.get("-c", 1)
        if "-b" in options:
            self.sums["bytes"] += (number["-b"] + number["-w"]) * (2 if options["-m"] == "echo" else 1)
        elif "-d" in options:
            self.sums["seconds"] += number["-d"] + number["-w"]
        else:
            self.sums["requests"] += number.get("-n", 0) + number.get("-w", 0)
        return number


# --- Servers, clients and programs that are not there ----------------------

class Made:
    """Made-up processes, which write into a plan."""

    def __init__(self, plan):
        self.plan, self.row = plan, None

    def server(self):
        def start(server, argv, cpu, timeout=10.0):
            server.name, server.port, server.pid, server.ns = os.path.basename(str(argv[0])), 7, 0, 0
            self.plan.sums["starts"] += 1
        return start

    def client(self):
        def start(client, argv, cpu, timeout):
            client.words = [str(word) for word in argv]
            client.number = self.plan.add(client.words)
        return start

    def report(self):
        def result(client):
            requests = max(1, client.number.get("-n", client.number.get("-d", 1) * 1000))
            self.plan.turns[self.row] += 1
            return {"requests": requests, "bytes": client.number.get("-b", 0), "seconds": requests / 100000, "errors": 0,
                    "connections": int(client.number.get("-c", 1)), "late_p99_ns": 1, **dict.fromkeys(
                        ["p50_ns", "p99_ns", "p999_ns"], 100_000_000)}
        return result

    def cpu_ns(self):
        def grow(server):
            server.ns += 1_000_000
            return server.ns
        return grow

    def sleep(self, seconds):
        self.plan.sums["seconds"] += seconds

    def core(self):
        def run_program(row, settings, argv):
            self.plan.sums["starts"] += 1
            self.plan.turns[row.name] += 1
            sides = ["weir", row.against] if "core_" in str(argv[0]) else [row.peer or "goroutine"]
            return "\n".join(json.dumps({"side": side, "turns": [1.0] * int(argv[2])}) for side in sides)
        return run_program

    def one_time(self, *ignored):
        self.plan.sums["starts"] += 1
        self.plan.turns[self.row] += 1
        return 1.0

    def parked(self, argv, **options):
        """The only programs that rows run by themselves: that of parked tasks, and those that say their version."""
        if not any("parked" in str(word) for word in argv):
            return subprocess.CompletedProcess(argv, 0, "1.2", "")
        wanted = int(argv[-1])
        self.plan.sums["tasks"] += wanted
        self.plan.turns[self.row] += 1
        seen = {"wanted": wanted, "started": wanted, "guards": wanted, "mappings": 1, "seconds": 1, "bytes_per_task": 1,
                "wake_ns": None, "end_ns": 1}
        return subprocess.CompletedProcess(argv, 0, json.dumps(seen), "")

    def in_place(self, stack):
        def put(owner, name, what):
            stack.enter_context(unittest.mock.patch.object(owner, name, what))

        for owner, name, what in (
                (children.Server, "__init__", self.server()), (children.Server, "cpu_ns", self.cpu_ns()),
                (children.Server, "cpu_with_the_dead_ns", lambda server: server.ns), (children.Server, "end", lambda server: 0),
                (children.Server, "memory", lambda server: 1 << 20), (configured.Configured, "end", lambda server: 0),
                (children.Client, "__init__", self.client()), (children.Client, "go", self.report()),
                (children.Client, "result", self.report()), (children.Client, "let_go", lambda client: None),
                (children.Client, "finish", lambda client: None), (time, "sleep", self.sleep),
                (core_rows.CoreRow, "run", self.core()), (core_rows.CoreRow, "go_program", lambda *_: ("go", "made up")),
                (start_rows.StartRow, "try_port", self.one_time), (start_rows.CheckRow, "run_ms", self.one_time),
                (beside, "argv_of", lambda name, programs: [name]), (beside, "version_of_package", lambda package: "1.2"),
                (subprocess, "run", self.parked), (proxy_rows.shutil, "which", lambda name, path=None: name)):
            put(owner, name, what)


def planned(size, folder):
    made = Made(Plan())
    settings = rows.Settings(programs=folder / "bench", cpus=(0, 1), size=size, pairs=None, requests=0, sockbuf=1, timeout=1,
                             self_test=False, peers=True, say=lambda text: None)
    results = []
    with contextlib.ExitStack() as stack:
        made.in_place(stack)
        for row in table.all_rows():
            made.row = row.name
            results.append(run.run_row(row, settings))
    for result in results:
        if result["verdict"] == "VOID":
            sys.exit(f"{result['row']}: {result['notes']}")
    return made.plan, {result["row"]: result for result in results}


# --- What is expected of it ------------------------------------------------

def check_complete(plan, results):
    for row in table.all_rows():
        if plan.turns[row.name] == 0:
            sys.exit(f"{row.name}: nothing was asked")
    for name, wanted in {"echo-1": PEERS, "echo-64": PEERS, "echo-1000": PEERS, "accept": PEERS, "latency-64": PEERS,
                         "start-echo": PEERS, "idle-memory": PEERS, "bulk-echo": PEERS - 1, "http": 3, "http-16": 3}.items():
        peers = results[name]["peers"]
        if len(peers) != wanted or not all(peer["raw"] for peer in peers):
            sys.exit(f"{name}: {len(peers)} peers with a turn, and not {wanted}: {[peer['server'] for peer in peers]}")
    for name in ("proxy-64", "proxy-bulk"):
        if len(results[name]["raw"]) != 3:
            sys.exit(f"{name}: HAProxy should stand there in two ways: {list(results[name]['raw'])}")
    for name in ("limit-arm", "switch"):
        if len(results[name]["raw"]) != 3:
            sys.exit(f"{name}: a peer is missing: {list(results[name]['raw'])}")


with tempfile.TemporaryDirectory() as place:
    folder = pathlib.Path(place)
    for program in ("weir", "bench/echo_server", "bench/floor_echo", "bench/floor_http", "bench/bulk_server", "bench/bare_bulk",
                    "bench/bare_threads", "bench/client", "bench/client_bulk", "bench/client_open", "bench/parked",
                    "bench/core_tasks", "bench/core_deadline", "bench/core_post", "bench/core_limits",
                    "bench/peers/limits_libuv"):
        (folder / program).parent.mkdir(parents=True, exist_ok=True)
        (folder / program).touch()
    quick, results = planned(sizes.QUICK, folder)
    full, full_results = planned(sizes.FULL, folder)

print("quick:", ", ".join(f"{what} {quick.sums[what]:,.0f} of {most:,}" for what, most in MOST.items()))
print("full: ", ", ".join(f"{what} {full.sums[what]:,.0f}" for what in MOST))
check_complete(quick, results)
check_complete(full, full_results)
for what, most in MOST.items():
    if not 0 < quick.sums[what] <= most:
        sys.exit(f"a quick run plans {quick.sums[what]:,.0f} {what}, and should at most {most:,}")
    if quick.sums[what] >= full.sums[what]:
        sys.exit(f"a quick run plans as many {what} as a full one")

# The rows at a constant rate are medians of ten pairs, unless somebody asks for another number.
for row, turns in (("latency-64", full_results["latency-64"]["raw"]["weir"]), ("workers-2", full_results["workers-2"]["raw"])):
    if len(turns) != 10:
        sys.exit(f"{row}: {len(turns)} pairs and not 10")

# Of the open-loop client's quantiles one that is too small is as wrong as one that is too large: here p99 is 100 ms of 149.
if not results["open-check"]["figure"] > 1.4:
    sys.exit(f"open-check: {results['open-check']['figure']} for a quantile that is a third too small")

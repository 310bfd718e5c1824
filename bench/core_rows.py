# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the core: what one operation takes, by programs that run weir and what stands beside it by turns (turns.h).

A row starts its program `core_starts` times, for some turns each, so that a figure does not hang on where one process's memory
came to lie. Go, where it is installed, stands beside the rows of tasks with its goroutines: compiled for the run, started by
turns with ours.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from children import Void, pinned
from rows import Goal, spread_of

GO_SOURCE = pathlib.Path(__file__).resolve().parent / "peers" / "tasks.go"
BUILD_PATIENCE = 120        # seconds for a compiler that fills its cache


class Sides(dict):
    """By the name of a side what each turn took."""

    def add_lines(self, text):
        for line in text.splitlines():
            seen = json.loads(line)
            self.setdefault(seen["side"], []).extend(seen["turns"])


class CoreRow:
    """Nanoseconds for one operation. A goal is about weir's median; or, of a ratio, about that to the floor, @against; with a
    @peer, about that to the peer, and there is no figure where it is not built."""

    unit = "ns"

    def __init__(self, name, what, goal, program, turns, against, ratio=False, with_go=False, cpus=1, peer=None):
        self.name, self.what, self.goal, self.program, self.turns = name, what, goal, program, turns
        self.against, self.ratio, self.with_go, self.cpus, self.peer = against, ratio, with_go, cpus, peer

    def run(self, settings, argv):
        cpus = [settings.server_cpu, settings.client_cpu][:self.cpus]
        seen = subprocess.run(pinned(argv, ",".join(map(str, cpus))), capture_output=True, text=True,
                              timeout=settings.timeout, check=False)
        if seen.returncode != 0 or not seen.stdout:
            raise Void(f"{os.path.basename(str(argv[0]))}: status {seen.returncode}: {seen.stderr.strip()}")
        return seen.stdout

    def go_program(self, folder):
        """(path, note): goroutines compiled into @folder, or why not."""
        if shutil.which("go") is None:
            return None, "Go is not installed (Debian: golang-go), so goroutines do not stand beside it"
        path = os.path.join(folder, "tasks")
        built = subprocess.run(["go", "build", "-o", path, str(GO_SOURCE)], capture_output=True, text=True,
                               timeout=BUILD_PATIENCE, check=False, env=dict(os.environ, GOFLAGS="", GO111MODULE="off"))
        if built.returncode != 0:
            return None, f"go build failed: {built.stderr.strip()[-300:]}"
        version = subprocess.run(["go", "version"], capture_output=True, text=True, timeout=10, check=False).stdout.split()
        return path, f"goroutines of {version[2] if len(version) > 2 else 'Go'}, GOMAXPROCS = 1"

    def peer_program(self, settings, notes):
        if self.peer is None or not settings.peers:
            return None
        try:
            return settings.program(f"peers/limits_{self.peer}")
        except Void:
            notes.append(f"{self.peer} is not built (./dev peers), so there is no figure")
            return None

    def measure(self, settings):
        sides, notes = Sides(), []
        starts, turns = settings.core_starts, max(1, self.turns // settings.size.turns_divisor)
        ours = [settings.program(self.program), self.name, turns]
        if self.cpus > 1:
            ours += [settings.server_cpu, settings.client_cpu]
        with tempfile.TemporaryDirectory() as folder:
            go = None
            if self.with_go and settings.peers:
                go, note = self.go_program(folder)
                notes.append(note)
            peer = self.peer_program(settings, notes)
            for _ in range(starts):
                sides.add_lines(self.run(settings, ours))
                if peer is not None:
                    sides.add_lines(self.run(settings, [peer, self.name, turns]))
                if go is not None:
                    sides.add_lines(self.run(settings, [go, self.name, turns]))
        medians = [f"{side} {statistics.median(of):.1f}" for side, of in sides.items()]
        settings.say(f"{self.name}: {', '.join(medians)} ns")
        return self.result(sides, notes + [f"{starts} starts, {turns} turns each"])

    def result(self, sides, notes):
        weir = sides["weir"]
        beside = []
        for side, of in sides.items():
            if side == "weir":
                continue
            ratio, spread = spread_of([a / b for a, b in zip(weir, of)])
            beside.append({"row": self.name, "side": side, "ns": statistics.median(of), "ratio": ratio, "spread": spread})
        against = next(other for other in beside if other["side"] == self.against)
        figure, spread = statistics.median(weir), None
        if self.ratio:
            judges = [other for other in beside if other["side"] == (self.peer or self.against)]
            figure, spread = (judges[0]["ratio"], judges[0]["spread"]) if judges else (None, None)
        notes.insert(0, f"weir {min(weir):.1f} to {max(weir):.1f} ns; in the floor's column {self.against}")
        return {"weir": f"{statistics.median(weir):.1f}", "floor": f"{against['ns']:.1f}",
                "figure": figure, "spread": spread, "beside": beside, "raw": sides, "notes": notes}


def core_rows():
    twice = Goal("<=", 2.0, "at most 2", limit=2.0)
    return [
        CoreRow("switch", "a switch of tasks, one way, with its place in the queue",
                Goal("<=", 5, "5 ns"), "core_tasks", 51, "call through a pointer", with_go=True),
        CoreRow("create", "a task made, run and ended, its stack from the pool",
                Goal("<=", 50, "50 ns"), "core_tasks", 51, "thread", with_go=True),
        # No peer has one around a read like ours, and beside it stands that read alone: so there is no goal but the exact
        # one, that neither a timer nor the heap is touched (tests/exact/deadline.py).
        CoreRow("deadline", "a line that is there, read within a deadline scope", None,
                "core_deadline", 51, "the same read without a scope", ratio=True),
        CoreRow("post", "a call from another thread until it has run, 1,000 at once", twice,
                "core_post", 21, "libev", ratio=True, cpus=2),
        CoreRow("post-wake", "the same, one at a time, to a thread that sleeps", twice,
                "core_post", 11, "libev", ratio=True, cpus=2),
        CoreRow("limit-arm", "a million time limits of their own: each armed", twice,
                "core_limits", 1, "libev", ratio=True, peer="libuv"),
        CoreRow("limit-rearm", "and each moved", twice, "core_limits", 1, "libev", ratio=True, peer="libuv"),
        CoreRow("limit-task", "a deadline scope around a wait, a million times: what it adds", twice,
                "core_limits", 3, "libev", ratio=True, peer="libuv"),
    ]

# SPDX-License-Identifier: BSD-2-Clause
"""bench_goals.py  What a figure is called beside its goal, and which figures end a benchmark run with status 1.

The goals themselves are read from the table of rows: one that was reached is its own limit, so that a run fails where it is lost.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["WEIR_SOURCE_DIR"], "bench"))

import report
import table
from rows import Goal

ECHO = Goal("<=", 1.05, "1.05, limit 1.20", limit=1.20)
AIM = Goal("<=", 1.05, "1.05")
BULK = Goal(">=", 0.95, "0.95, limit 0.90", limit=0.90)
TASKS = Goal(">=", 1000, "1,000", limit=1000, counted=True)
NARROW, WIDE = (0.99, 1.02), (0.70, 1.90)


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r} and not {wanted!r}")


for what, goal, figure, spread, full, quick in (
        ("reached", ECHO, 1.05, NARROW, "pass", "pass"),
        ("above it", ECHO, 1.15, NARROW, "not yet", "not yet"),
        ("above it by less than it spreads", ECHO, 1.15, WIDE, "spread", "spread"),
        ("beyond the limit", ECHO, 1.21, NARROW, "FAIL", "not yet"),
        ("beyond the limit, wherever it spreads to", ECHO, 1.21, WIDE, "FAIL", "spread"),
        ("beyond an aim", AIM, 9.0, NARROW, "not yet", "not yet"),
        ("a single number beyond an aim", AIM, 9.0, None, "not yet", "not yet"),
        ("enough", BULK, 0.95, NARROW, "pass", "pass"),
        ("too little", BULK, 0.91, NARROW, "not yet", "not yet"),
        ("far too little", BULK, 0.89, NARROW, "FAIL", "not yet"),
        ("counted", TASKS, 1000, None, "pass", "pass"),
        ("counted, one too few", TASKS, 999, None, "FAIL", "FAIL")):
    expect(what, (goal.verdict(figure, spread, False), goal.verdict(figure, spread, True)), (full, quick))

rows = {row.name: row.goal for row in table.all_rows()}
for name, goal in rows.items():
    if goal is not None and goal.limit is not None and not goal.within(goal.limit, goal.value):
        sys.exit(f"{name}: its goal is beyond its limit")
for names, op, value in ((("echo-1", "echo-64", "echo-1000", "accept", "workers-2"), "<=", 1.05), (("http",), "<=", 1.08),
                         (("http-16",), "<=", 1.5), (("latency-64",), "<=", 1.2), (("idle-memory",), "<=", 4608),
                         (("bulk-in", "bulk-out", "bulk-echo"), ">=", 0.95), (("switch",), "<=", 5), (("create",), "<=", 50)):
    for name in names:
        expect(f"the goal of {name}", (rows[name].op, rows[name].value), (op, value))

said = report.took([{"row": "short", "wall_s": 1.0}, {"row": "long", "wall_s": 62.25}, {"row": "middle", "wall_s": 3.0},
                    {"row": "nothing", "wall_s": 0.0}], 66.4)
expect("how long it took", said, "4 rows in 1 min 6 s; the longest: long 62.2 s, middle 3.0 s, short 1.0 s")
expect("of one row", report.took([{"row": "echo", "wall_s": 2.0}], 2.1), "1 row in 0 min 2 s; the longest: echo 2.0 s")
print("figures are called what they are")

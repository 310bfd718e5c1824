#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench/run.py  Measure weir beside a floor that moves the same bytes, and print the table.

The server has one CPU, the client another. Weir and floor take turns; a figure
is the median of the pairwise ratios. README.md says what each row means. Exit
status: 0 when no figure is beyond its limit and no run was void, 1 otherwise, 2
for a command line that cannot be run.
"""
import sys

sys.dont_write_bytecode = True          # measuring leaves nothing behind but results

import argparse
import contextlib
import os
import pathlib
import resource
import shlex
import signal
import subprocess
import time

import beside
import children
import report
import rows
import sizes
import table
import veth

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAIRS_LEAST = 5         # fewer are for trying out: no result is written
BUSY = 0.10             # of all CPUs before the start: more, and the table says so
SELF_TEST_BAND = 0.10   # how far a program may seem to differ from itself
# The same whatever the path, or a question that this process itself asks.
NO_NETWORK = ("parked", "parked-million", "parked-pairs", "held", "start", "start-echo", "check", *table.groups()["core"])
NO_SELF_TEST = NO_NETWORK + ("proxy-64", "proxy-bulk")       # rows without a floor in pairs


def parse(known):
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure weir beside the floor.",
        epilog="Rows: " + ", ".join(known) + ". bench/README.md says what they mean. Rows together: " +
               ", ".join(table.groups()) + ".")
    parser.add_argument("--build", type=pathlib.Path, metavar="DIR",
                        help="build folder (default: build/bench, which ./dev bench makes, "
                             "else build/release)")
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=known + list(table.groups()), default=known)
    parser.add_argument("--pairs", type=int, metavar="N",
                        help=f"rounds of each side in a row (default: {sizes.FULL.pairs}, at a constant rate "
                             f"{sizes.FULL.rate_pairs}; with --quick {sizes.QUICK.pairs} and {sizes.QUICK.rate_pairs})")
    parser.add_argument("--requests", type=int, default=0, metavar="N",
                        help="requests in a round of the echo and accept rows")
    parser.add_argument("--path", choices=("loopback", "veth"), default="loopback",
                        help="veth: server and client in network namespaces of their own, as root; starts, checks and tasks, "
                             "which use no network, are left out (default: loopback)")
    parser.add_argument("--sockbuf", type=int, default=262144, metavar="BYTES",
                        help="SO_RCVBUF and SO_SNDBUF of both ends in the bulk rows, 0 for the "
                             "kernel's own choice (default: 262144)")
    parser.add_argument("--timeout", type=int, default=120, metavar="SECONDS",
                        help="longest round (default: 120)")
    parser.add_argument("--quick", action="store_true",
                        help="a few short rounds, of which only counts decide the exit status: does it work? Under 3 minutes; "
                             "writes no result")
    parser.add_argument("--self-test", action="store_true",
                        help="the floor against itself: every ratio must be near 1. Writes no result")
    parser.add_argument("--no-peers", action="store_true",
                        help="weir and the floor alone")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "bench" / "results",
                        metavar="DIR", help="where the table is written (default: bench/results)")
    args = parser.parse_args()
    args.only = [row for word in args.only for row in table.groups().get(word, [word])]
    if args.build is None:
        made = ROOT / "build" / "bench"
        args.build = made if made.is_dir() else ROOT / "build" / "release"
    if args.pairs is not None and args.pairs < 1 or args.requests < 0 or args.timeout < 1:
        parser.error("a count is out of range")
    if args.path == "veth":
        args.only = [row for row in args.only if row not in NO_NETWORK]
    return args


def say(text):
    print(text, file=sys.stderr, flush=True)


def two_cpus():
    """One for the server, one for the client, out of those this process may use."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        say("bench: needs two CPUs, one for the server and one for the client")
        raise SystemExit(2)
    return cpus[0], cpus[-1]


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))      # children inherit it


def verdict(result, goal, settings):
    """(goal, result) for the table."""
    quick = settings.size is sizes.QUICK
    if settings.self_test and result["spread"]:
        near = abs(result["figure"] - 1) <= SELF_TEST_BAND
        return f"within {SELF_TEST_BAND:.0%} of 1", "pass" if near else "far" if quick else "FAIL"
    if goal is None:
        return "–", "–"
    if result["figure"] is None:        # nothing to compare with is installed, as a note says
        return goal.text, "–"
    return goal.text, goal.verdict(result["figure"], result["spread"], quick)


def run_row(row, settings):
    """The row's result, whatever happens: a void run is a result, too."""
    result = {"row": row.name, "what": row.what, "unit": row.unit, "notes": []}
    began = time.monotonic()
    try:
        result.update(row.measure(settings))
        result["goal"], result["verdict"] = verdict(result, row.goal, settings)
    except (children.Void, OSError, subprocess.TimeoutExpired) as trouble:
        result["goal"] = row.goal.text if row.goal else "–"
        result["verdict"] = "VOID"
        result["notes"] = [str(trouble).replace(str(ROOT) + os.sep, "")]
        say(f"{row.name}: void: {trouble}")
    finally:
        children.end_all()
    result["wall_s"] = round(time.monotonic() - began, 2)
    return result


def file_name(only, known):
    """Of the results of these rows: a group's name, or theirs."""
    for name, rows_of in [("all", known), *table.groups().items()]:
        if set(only) == set(rows_of):
            return name
    return "+".join(row for row in known if row in only)


def collect_facts(args, settings, busy):
    facts = report.machine_facts(ROOT)
    facts.update(report.build_facts(args.build, ROOT))
    facts["server and client"] = "CPU {} and CPU {}".format(*two_cpus())
    facts["path"] = args.path
    facts["rounds"] = (f"{settings.pairs} of each side, {settings.rate_pairs} in the rows at a constant rate, taking turns; "
                       "servers live through a row")
    facts["CPUs busy before the start"] = f"{busy:.0%}" + (" (not a quiet machine)" if busy > BUSY else "")
    command = [word.replace(str(ROOT) + os.sep, "") for word in sys.argv[1:]]
    facts["command"] = "`" + " ".join(["./dev bench"] + [shlex.quote(word) for word in command]) + "`"
    return facts


def measure(args, known):
    raise_file_limit()
    settings = rows.Settings(
        programs=args.build / "bench", cpus=two_cpus(), size=sizes.QUICK if args.quick else sizes.FULL,
        pairs=args.pairs, requests=args.requests, sockbuf=args.sockbuf,
        timeout=args.timeout, self_test=args.self_test, peers=not args.no_peers, say=say)
    busy = report.how_busy()
    if busy > BUSY:
        say(f"bench: {busy:.0%} of the CPUs are busy before the start: expect noise")
    facts = collect_facts(args, settings, busy)
    if settings.peers and not settings.self_test:
        missing = beside.missing_peers(settings.programs)
        if missing:
            facts["not installed"] = ", ".join(missing)
            say(f"bench: not installed: {', '.join(missing)}; \"./dev peers\" installs what they need")
    if facts["build type"] not in ("Release", "RelWithDebInfo"):
        say(f"bench: build type is {facts['build type']}: figures from it mean nothing")

    before, began = report.cpu_ticks(), time.monotonic()
    results = [run_row(row, settings) for row in table.all_rows()
               if row.name in args.only and not (args.self_test and row.name in NO_SELF_TEST)]
    facts["stolen by the hypervisor"] = f"{report.busy_share(before, report.cpu_ticks())[1]:.1%}"

    facts["took"] = report.took(results, time.monotonic() - began)
    quick = " (--quick: no time decides, and no result is written)" if args.quick else ""
    print(report.terminal_table(results) + f"\nbench: {facts['took']}{quick}")
    measured = any("figure" in result for result in results)
    if measured and not args.quick and not args.self_test and settings.pairs >= PAIRS_LEAST:
        name = file_name(args.only, [row for row in known if args.path == "loopback" or row not in NO_NETWORK])
        name += "" if args.path == "loopback" else f".{args.path}"
        report.write(args.results, name, results, facts)
        print(f"written: {os.path.relpath(args.results / name)}.md, .json and, where there is something beside weir, .svg")
    return 1 if any(result["verdict"] in ("FAIL", "VOID") for result in results) else 0


def main():
    def stop(number, frame):
        raise SystemExit(128 + number)

    known = [row.name for row in table.all_rows()]
    args = parse(known)
    signal.signal(signal.SIGTERM, stop)
    try:
        with veth.path() if args.path == "veth" else contextlib.nullcontext():
            try:
                return measure(args, known)
            finally:
                children.end_all()
    except veth.CannotMake as trouble:
        say(f"bench: --path veth: {trouble}")
        return 2
    except KeyboardInterrupt:
        say("bench: stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())

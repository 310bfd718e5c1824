# SPDX-License-Identifier: BSD-2-Clause
"""The kinds of rows: what is run against what, and how a figure comes about. table.py says which rows there are.

A row's measure() returns a dict: `weir`, `floor` (texts for the table),
`figure` (the number the goal is about), `spread` (smallest, largest; None for a
single number), `notes`, and `raw` (everything it saw). Servers of one row live
through the whole row and take turns; a run with an error raises Void.
"""
import copy
import json
import platform
import re
import statistics
import subprocess
import time

from children import Client, Server, Void, pinned

QUIET_S = 0.02      # between a report and the reading of the clock: the server is back in its wait
LOST_NS = 50_000_000    # by which two clocks of the kernel may differ: a few ticks


class Goal:
    """What a figure should be, and, where there is a @limit, what it must not be worse than: that alone decides the exit status.

    A goal that has been reached is its own limit; one that has not been has a looser one, so that what was reached is kept. A
    @counted figure is a number of things, which a short run has as exactly as a long one."""

    def __init__(self, op, value, text, limit=None, counted=False):
        self.op, self.value, self.text, self.limit, self.counted = op, value, text, limit, counted

    def within(self, bound, figure):
        return figure <= bound if self.op == "<=" else figure >= bound

    def verdict(self, figure, spread, quick):
        """A figure of a quick run decides nothing, unless it is counted. One that is off by less than it spreads says no more
        than that."""
        if self.within(self.value, figure):
            return "pass"
        if self.limit is not None and (self.counted or not quick) and not self.within(self.limit, figure):
            return "FAIL"
        if spread is not None and abs(figure - self.value) < spread[1] - spread[0]:
            return "spread"
        return "not yet"


class Settings:
    """What the command line decided, handed to every row."""

    def __init__(self, programs, cpus, size, pairs, requests, sockbuf, timeout, self_test, peers, say):
        self.programs, self.size, self.peers = programs, size, peers
        self.pairs, self.rate_pairs, self.core_starts = (
            pairs or default for default in (size.pairs, size.rate_pairs, size.core_starts))
        self.server_cpu, self.client_cpu = cpus
        self.requests, self.sockbuf = requests, sockbuf
        self.timeout, self.self_test, self.say = timeout, self_test, say

    def on_both_cpus(self):
        """The same settings, with server and client wherever they like of the two CPUs."""
        both = copy.copy(self)
        both.server_cpu = both.client_cpu = f"{self.server_cpu},{self.client_cpu}"
        return both

    def program(self, name):
        path = self.programs / ("../weir" if name == "weir" else name)
        if not path.exists():
            raise Void(f"{name} is not built")
        return path

    def requests_of(self, row):
        """In a round."""
        return self.requests or row.requests // self.size.divisor

    def serve(self, name, *args):
        """A server that takes its address after its port; the floors listen on all there are."""
        host = [] if name.startswith("floor") else [Server.host]
        return Server([self.program(name), "PORT", *host, *args], self.server_cpu)

    def load(self, name, *args):
        return Client([self.program(name), *args], self.client_cpu, self.timeout)


def take_turn(settings, server, others, client_argv):
    """One round against one server: its report, and the server's CPU time in it."""
    client = settings.load(*client_argv, server.host, server.port)
    time.sleep(QUIET_S)
    idle = [other.cpu_ns() for other in others]
    coarse, before = server.cpu_with_the_dead_ns(), server.cpu_ns()
    report = client.go()
    time.sleep(QUIET_S)
    report["cpu_ns"] = server.cpu_ns() - before
    lost = server.cpu_with_the_dead_ns() - coarse - report["cpu_ns"]
    report["others_cpu_ns"] = sum(o.cpu_ns() for o in others) - sum(idle)
    client.finish()
    if report["cpu_ns"] <= 0:
        raise Void(f"{server.name}: no CPU time was counted")
    if lost > max(LOST_NS, report["cpu_ns"] * 0.05):
        raise Void(f"{server.name}: {lost / 1e9:.2f} s of CPU went with threads that ended")
    return report


def others_note(turns):
    """Servers that wait must cost nothing, else persistent ones would not be fair."""
    share = max(turn["others_cpu_ns"] / turn["cpu_ns"] for turn in turns)
    return [f"waiting servers used up to {share:.1%} of the measured one's CPU"] if share > 0.01 else []


def spread_of(ratios):
    return statistics.median(ratios), (min(ratios), max(ratios))


class RequestRow:
    """A closed loop of requests, lines unless a kind of row says otherwise; the figure is CPU per request over the floor's."""

    unit = "server CPU µs/request"

    def __init__(self, name, what, goal, conns, requests, pipeline=1, mode="echo"):
        self.name, self.what, self.goal = name, what, goal
        self.conns, self.requests, self.pipeline, self.mode = conns, requests, pipeline, mode

    def argv(self, settings):
        return self.client_argv(settings, settings.requests_of(self))

    def client_argv(self, settings, requests):
        warmup = max(requests // 10, settings.size.warm_batches * self.conns * self.pipeline)
        if self.mode == "accept":
            warmup = requests // 10
        return ["client", "-m", self.mode, "-c", self.conns, "-p", self.pipeline, "-n", requests,
                "-w", warmup]

    def sides(self, settings):
        return settings.serve("floor_echo" if settings.self_test else "echo_server"), settings.serve("floor_echo")

    def after_pair(self, settings, number, servers, pair):
        """The place for others that stand beside the pair, with the servers that wait."""

    def measure(self, settings):
        weir, floor = self.sides(settings)
        argv, pairs = self.argv(settings), []
        for number in range(settings.pairs):
            pair = [take_turn(settings, weir, [floor], argv), take_turn(settings, floor, [weir], argv)]
            costs = [turn["cpu_ns"] / 1000 / turn["requests"] for turn in pair]
            pairs.append({"weir": pair[0], "floor": pair[1], "weir_us": costs[0],
                          "floor_us": costs[1], "ratio": costs[0] / costs[1]})
            settings.say(f"{self.name} {number + 1}/{settings.pairs}: {costs[0]:.3f} and "
                         f"{costs[1]:.3f} µs, ratio {pairs[-1]['ratio']:.3f}")
            self.after_pair(settings, number, [weir, floor], pairs[-1])
        weir.end()
        floor.end()
        figure, spread = spread_of([pair["ratio"] for pair in pairs])
        return {"weir": f"{statistics.median(p['weir_us'] for p in pairs):.3f}",
                "floor": f"{statistics.median(p['floor_us'] for p in pairs):.3f}",
                "figure": figure, "spread": spread, "raw": pairs,
                "notes": others_note([p[side] for p in pairs for side in ("weir", "floor")])}


CHUNKS = (65536, 262144)      # bytes in a read and a write


class BulkRow:
    """Large transfers; the figure is bytes per CPU second over the bare loop's.

    Both run with two chunk sizes; of each side the one with the better median
    counts, for all pairs."""

    unit = "GB per server CPU second"

    def __init__(self, name, what, goal, mode):
        self.name, self.what, self.goal, self.mode = name, what, goal, mode

    def argv(self, settings):
        size = settings.size.bulk_bytes
        return ["client_bulk", "-m", self.mode, "-b", size, "-w", size // 4,
                "-k", settings.sockbuf]

    def others(self, settings):
        """The place for more servers in the row, by their names."""
        return {}

    def measure(self, settings):
        # With --self-test one program is on both sides.
        program = {"weir": "bare_bulk" if settings.self_test else "bulk_server", "bare": "bare_bulk"}
        sides = {f"{side}, {chunk // 1024} KiB": (program[side], chunk)
                 for chunk in CHUNKS for side in program}
        servers = {name: settings.serve(program, self.mode, chunk, settings.sockbuf)
                   for name, (program, chunk) in sides.items()}
        servers.update(self.others(settings))
        dropped, argv, turns = [], self.argv(settings), {name: [] for name in servers}
        for number in range(settings.pairs):
            for name, server in list(servers.items()):
                if name not in sides and number >= settings.size.peer_rounds:
                    continue
                others = [other for other in servers.values() if other is not server]
                try:
                    turn = take_turn(settings, server, others, argv)
                except Void as trouble:
                    if name in sides:
                        raise
                    settings.say(f"{self.name}: {name} is out: {trouble}")
                    dropped.append(f"{name}: {trouble}")
                    servers.pop(name).end()
                    turns.pop(name)
                    continue
                turn["gb_per_cpu_s"] = turn["bytes"] / turn["cpu_ns"]
                turns[name].append(turn)
            settings.say(f"{self.name} {number + 1}/{settings.pairs}: " + ", ".join(
                f"{name} {of[number]['gb_per_cpu_s']:.2f}" for name, of in turns.items() if len(of) > number) + " GB/CPU s")
        for server in servers.values():
            server.end()
        speeds = {name: [turn["gb_per_cpu_s"] for turn in of] for name, of in turns.items()}
        medians = {name: statistics.median(of) for name, of in speeds.items()}
        own = {name: median for name, median in medians.items() if name in sides}
        weir, bare = (max((name for name in own if name.startswith(side)), key=own.get)
                      for side in program)
        figure, spread = spread_of([a / b for a, b in zip(speeds[weir], speeds[bare])])
        return {"weir": f"{medians[weir]:.2f}", "floor": f"{medians[bare]:.2f}",
                "figure": figure, "spread": spread, "raw": turns, "weir_speeds": speeds[weir], "bare_speeds": speeds[bare],
                "notes": [f"kernel buffers {settings.sockbuf or 'left to the kernel'}; the better of each side: "
                          + ", ".join(f"{n}: {m:.2f}" for n, m in own.items())]
                + dropped + others_note([turn for of in turns.values() for turn in of])}


class IdleRow:
    """What one more parked connection costs: the slope between two counts."""

    name, unit = "idle-memory", "bytes per connection"
    what = "connection parked in readline, stack used once, 10,000 of them"
    goal = Goal("<=", 4608, "at most 4,608 bytes", limit=4608)

    def slope(self, settings, server, settle):
        few, many = settings.size.idle_counts
        held = [settings.load("client", "-m", "idle", "-c", few, server.host, server.port)]
        first = server.settled_memory(settle, settings.size.look_s)
        held.append(settings.load("client", "-m", "idle", "-c", many - few, server.host, server.port))
        second = server.settled_memory(settle, settings.size.look_s)
        for client in held:
            client.let_go()
            client.result()
            client.finish()
        server.end()
        settings.say(f"{self.name} {server.name}: {first:,} bytes with {few:,} connections, "
                     f"{second:,} with {many:,}")
        return {"few": few, "many": many, "bytes_few": first, "bytes_many": second,
                "slope": (second - first) / (many - few)}

    def measure(self, settings):
        program = ["floor_echo"] if settings.self_test else ["echo_server", "--idle"]
        weir = self.slope(settings, settings.serve(*program), settings.size.settle_s)
        floor = self.slope(settings, settings.serve("floor_echo"), settings.size.settle_peer_s)
        return {"weir": f"{weir['slope']:,.0f}", "floor": f"{floor['slope']:,.0f}",
                "figure": weir["slope"], "spread": None, "raw": {"weir": weir, "floor": floor},
                "notes": ["slope between {:,} and {:,} connections".format(*settings.size.idle_counts)]}


class ParkedRow:
    """Tasks that exist at once, each with its guard, on the system's own settings."""

    name, unit = "parked", "tasks"
    what = "parked guarded tasks alive at once, default kernel settings"
    goal = Goal(">=", 200000, "200,000 guarded", limit=200000, counted=True)
    words = ()

    def wanted(self, settings):
        return settings.size.parked

    def goal_for(self, wanted):
        return Goal(">=", wanted, f"{wanted:,} guarded", limit=wanted, counted=True)

    @staticmethod
    def guarded(seen):
        """Tasks with a guard: seen in the page tables, or, one by mprotect, splitting a mapping."""
        release = [int(word) for word in re.findall(r"\d+", platform.release())[:2]]
        if release < [6, 15] or seen["guards"] is None:     # no kernel to ask
            return seen["started"]
        return min(seen["started"], max(seen["guards"], seen["mappings"] // 2))

    def measure(self, settings):
        wanted = self.wanted(settings)
        self.goal = self.goal_for(wanted)
        run = subprocess.run(pinned([settings.program("parked"), *self.words, wanted], settings.server_cpu),
                             capture_output=True, text=True, timeout=settings.timeout)
        try:
            seen = json.loads(run.stdout)
        except ValueError:
            raise Void(f"parked: status {run.returncode}: {run.stderr.strip()}") from None
        if run.returncode != 0 and seen["started"] >= wanted:
            raise Void(f"parked: status {run.returncode}: {run.stderr.strip()}")
        guarded = self.guarded(seen)
        return {"weir": f"{guarded:,}", "floor": "–", "figure": guarded, "spread": None, "raw": seen,
                "notes": [f"{seen['started']:,} started in {seen['seconds']:.2f} s, "
                          f"{seen['bytes_per_task']:,.0f} bytes each with page tables; "
                          f"{seen['mappings']} mappings, guard pages seen below "
                          f"{seen['guards'] if seen['guards'] is not None else 'unknown'} stacks"]}

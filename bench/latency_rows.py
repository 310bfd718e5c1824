# SPDX-License-Identifier: BSD-2-Clause
"""Rows at a constant rate: how long lines take from when they are due, two workers beside one, and a check of the client itself.

What a server can do is measured first, by a closed loop; all servers of a row then get the same rate, SHARE of what the slowest of
them can do. Those that cannot do FAST of what the floor can would make the load light for all others: they are left out, and
named.
"""
import statistics

import delay_server
from beside import figures_of, line_peers
from children import Server, Void
from rows import others_note, spread_of, take_turn

SHARE = 0.70
FAST = 0.5
CONNS = 64
QUANTILES = ("p50", "p99", "p999")


def text_of(turns):
    """Medians over the rounds, in microseconds."""
    return " / ".join(f"{statistics.median(turn[key + '_ns'] for turn in turns) / 1000:,.0f}" for key in QUANTILES)


class ConstantRate:
    """What these rows have in common: how the client is called."""

    @staticmethod
    def argv(settings, rate, *words):
        return ["client_open", "-c", CONNS, "-r", f"{rate:.0f}", "-d", settings.size.rate_s,
                "-w", settings.size.rate_warm_s, *words]

    @staticmethod
    def capacity(settings, server, others, share=1):
        """Lines per second that it answers when it is asked as fast as it answers."""
        requests = settings.size.capacity // share
        turn = take_turn(settings, server, others, ["client", "-c", CONNS, "-n", requests, "-w", requests // 10])
        return turn["requests"] / turn["seconds"]


class LatencyRow(ConstantRate):
    """The figure is weir's p99.9 over the floor's."""

    unit = "µs: p50 / p99 / p99.9"

    def __init__(self, name, what, goal):
        self.name, self.what, self.goal = name, what, goal

    def start(self, settings):
        servers = {"weir": settings.serve("floor_echo" if settings.self_test else "echo_server"),
                   "floor": settings.serve("floor_echo")}
        self.peers = {peer.name: peer for peer in line_peers(settings, "lines") if peer.server is not None}
        servers.update({name: peer.server for name, peer in self.peers.items()})
        return servers

    def leave_out(self, settings, servers):
        """The rate, and notes on who is too slow for it and was ended."""
        can = {}
        for name, server in list(servers.items()):
            share = self.peers[name].share if name in self.peers else 1
            others = [other for other in servers.values() if other is not server]
            try:
                can[name] = self.capacity(settings, server, others, share)
            except Void as trouble:
                self.drop(servers, name, trouble)
        slow = [name for name in can if name in self.peers and can[name] < FAST * can["floor"]]
        for name in slow:
            servers.pop(name).end()
            self.peers.pop(name)
        slowest = min((name for name in servers), key=can.get)
        notes = [f"medians of {settings.rate_pairs} rounds",
                 f"{SHARE:.0%} of what {slowest} can do: {SHARE * can[slowest]:,.0f} lines a second on {CONNS} connections; "
                 "all can: " + ", ".join(f"{name} {rate:,.0f}" for name, rate in can.items())]
        if slow:
            notes.append(f"too slow for this rate, left out: {', '.join(slow)}")
        return SHARE * can[slowest], notes

    def drop(self, servers, name, trouble):
        if name not in self.peers:
            raise trouble
        self.dropped.append(f"{name}: {trouble}")
        servers.pop(name).end()
        self.peers.pop(name)

    def measure(self, settings):
        self.dropped, servers = [], self.start(settings)
        rate, notes = self.leave_out(settings, servers)
        argv, turns = self.argv(settings, rate), {name: [] for name in servers}
        pairs = settings.rate_pairs
        for number in range(pairs):
            for name, server in list(servers.items()):
                if name in self.peers and number >= settings.size.peer_rounds:
                    continue
                try:
                    turn = take_turn(settings, server, [other for other in servers.values() if other is not server], argv)
                except Void as trouble:
                    settings.say(f"{self.name}: {name}: {trouble}")
                    self.drop(servers, name, trouble)
                    continue
                turns[name].append(turn)
            settings.say(f"{self.name} {number + 1}/{pairs}: p99.9 in µs: " + ", ".join(
                f"{name} {of[number]['p999_ns'] / 1000:,.0f}" for name, of in turns.items() if len(of) > number))
        for server in servers.values():
            server.end()
        return self.result(turns, notes)

    def result(self, turns, notes):
        worst = {name: [turn["p999_ns"] for turn in of] for name, of in turns.items()}
        figure, spread = spread_of([a / b for a, b in zip(worst["weir"], worst["floor"])])
        peers = []
        for name, peer in self.peers.items():
            peer.turns = turns[name]
            peer.ratios = [a / b for a, b in zip(worst[name], worst["floor"])]
            peer.weir_over = [a / b for a, b in zip(worst["weir"], worst[name])]
            figures = figures_of(self.name, peer, self.unit, statistics.median(worst[name]) / 1000)
            peers.append({**figures, "text": text_of(turns[name])})
        own = [turn for side in ("weir", "floor") for turn in turns[side]]
        late = statistics.median(turn["late_p99_ns"] for turn in own) / 1000
        return {"weir": text_of(turns["weir"]), "floor": text_of(turns["floor"]), "figure": figure, "spread": spread,
                "peers": peers, "raw": turns,
                "notes": [*notes, *self.dropped, f"the client itself was up to {late:,.0f} µs late (p99, median)",
                          *others_note(own)]}


class WorkersRow(ConstantRate):
    """CPU per request of two workers over one worker's, both at the rate that is SHARE of what one can do.

    Two workers need the client's CPU, too: client and servers run wherever they like, and the client sleeps between lines.
    At such a rate each thread sleeps and is woken more often when there are two, which no server can help: so the bare loop
    takes the same turns, with two threads and with one."""

    unit = "server CPU µs/request"

    def __init__(self, name, what, goal):
        self.name, self.what, self.goal = name, what, goal

    def measure(self, settings):
        both = settings.on_both_cpus()
        count = 1 if settings.self_test else 2
        servers = {"two": both.serve("echo_server", "--workers", count), "one": both.serve("echo_server", "--workers", 1),
                   "bare_two": both.serve("bare_threads", count), "bare_one": both.serve("bare_threads", 1)}
        others = {side: [other for other in servers.values() if other is not server] for side, server in servers.items()}
        rate = SHARE / 2 * self.capacity(both, servers["one"], others["one"])  # the client takes CPU of this sum, too
        argv, pairs = self.argv(settings, rate, "--sleep"), []
        for number in range(settings.rate_pairs):
            pair = {side: take_turn(both, server, others[side], argv) for side, server in servers.items()}
            costs = {side: turn["cpu_ns"] / 1000 / turn["requests"] for side, turn in pair.items()}
            pairs.append({**pair, "two_us": costs["two"], "one_us": costs["one"], "ratio": costs["two"] / costs["one"],
                          "bare_ratio": costs["bare_two"] / costs["bare_one"], "over_bare": costs["two"] / costs["bare_two"]})
            settings.say(f"{self.name} {number + 1}: {costs['two']:.3f} and {costs['one']:.3f} µs, ratio {pairs[-1]['ratio']:.3f}; "
                         f"the bare loop {pairs[-1]['bare_ratio']:.3f}")
        for server in servers.values():
            server.end()
        figure, spread = spread_of([pair["ratio"] for pair in pairs])
        bare, bare_spread = spread_of([pair["bare_ratio"] for pair in pairs])
        over, over_spread = spread_of([pair["over_bare"] for pair in pairs])
        return {"weir": f"{statistics.median(pair['two_us'] for pair in pairs):.3f}",
                "floor": f"{statistics.median(pair['one_us'] for pair in pairs):.3f}",
                "figure": figure, "spread": spread, "raw": pairs,
                "notes": [f"medians of {len(pairs)} pairs; one worker stands in the floor's column; "
                          f"{rate:,.0f} lines a second on {CONNS} connections, nothing pinned",
                          f"the bare loop, two threads over one: {bare:.3f} ({bare_spread[0]:.3f}–{bare_spread[1]:.3f}); "
                          f"weir's two workers over its two threads: {over:.3f} ({over_spread[0]:.3f}–{over_spread[1]:.3f})"]
                + others_note([pair[side] for pair in pairs for side in servers])}


class OpenCheckRow(ConstantRate):
    """The open-loop client against a server whose delays are known: its quantiles over the true ones, the farthest of them."""

    name, unit = "open-check", "ms: p50 / p99 / p99.9"
    rate = 320          # a connection's lines are 200 ms apart, longer than any delay

    def __init__(self, what, goal):
        self.what, self.goal = what, goal

    def measure(self, settings):
        script = delay_server.__file__
        server = Server(["/usr/bin/env", "python3", script, "PORT", Server.host], settings.server_cpu)
        words = ["client_open", "-c", CONNS, "-r", self.rate, "-d", settings.size.check_s, "-w", 0.2]
        turn = take_turn(settings, server, [], words)
        server.end()
        true = {key: delay_server.quantile(share) for key, share in zip(QUANTILES, (0.5, 0.99, 0.999))}
        ratios = [turn[key + "_ns"] / 1e9 / true[key] for key in QUANTILES]
        return {"weir": " / ".join(f"{turn[key + '_ns'] / 1e6:.1f}" for key in QUANTILES),
                "floor": " / ".join(f"{true[key] * 1000:.1f}" for key in QUANTILES),
                "figure": max(max(ratio, 1 / ratio) for ratio in ratios), "spread": (min(ratios), max(ratios)), "raw": turn,
                "notes": [f"seen, and known beforehand; {turn['requests']} lines on {turn['connections']} connections, "
                          f"{turn['errors']} errors"]}

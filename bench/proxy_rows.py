# SPDX-License-Identifier: BSD-2-Clause
"""Rows of a TCP proxy: the proxy plugin of the weir program beside HAProxy, with and without splice.

There is no floor: HAProxy stands in its column, in the better of its two ways.
The proxies share one upstream, which runs on the client's CPU, so that nothing
but a proxy runs on the server's. Where HAProxy is missing there is nothing to
compare with, and the row has no figure.
"""
import shutil
import statistics

from children import Server, Void
from configured import WHERE, Configured, Weir, version_of
from rows import RequestRow, others_note, spread_of, take_turn

HAPROXIES = {"haproxy": "haproxy-tcp.cfg", "haproxy, splice": "haproxy-tcp-splice.cfg"}
CHUNK = 262144          # bytes in a read and a write of the bulk row's upstream
SOCKBUF = 0             # the kernel's choice, as in the proxies: with 256 KiB fixed at the ends HAProxy stands still at times
PAIRS_SHARE = 3         # three servers take turns in a round: this part of the rounds takes as long as another row


def start_proxies(settings, upstream):
    """By name, those that can be had."""
    values = {"UPSTREAM": f"127.0.0.1:{upstream.port}"}
    proxies = {"weir": Weir(settings.program("weir"), settings.server_cpu, "weir-proxy.conf", values)}
    program = shutil.which("haproxy", path=WHERE)
    if program is not None and settings.peers:
        for name, template in HAPROXIES.items():
            proxies[name] = Configured(template, [program, "-db", "-f", "FILE"], settings.server_cpu, values=values)
    return proxies


def take_turns(row, settings, upstream, argv, worth):
    """The proxies' worth in each round, by their names; all that was seen; who dropped out, as HAProxy may and weir may not."""
    proxies, dropped = start_proxies(settings, upstream), []
    turns = {name: [] for name in proxies}
    for number in range(max(settings.pairs // PAIRS_SHARE, min(settings.pairs, 5))):
        for name, proxy in list(proxies.items()):
            others = [other for other in proxies.values() if other is not proxy]
            try:
                turn = take_turn(settings, proxy, others, argv)
            except Void as trouble:
                settings.say(f"{row.name}: {name}: {trouble}")
                if name == "weir":
                    raise
                proxies.pop(name).end()
                turns.pop(name)
                dropped.append(f"{name} is out: {trouble}")
                continue
            turn["worth"] = worth(turn)
            turns[name].append(turn)
        settings.say(f"{row.name} {number + 1}: " + ", ".join(f"{n} {of[-1]['worth']:.3f}" for n, of in turns.items()))
    for proxy in proxies.values():
        proxy.end()
    upstream.end()
    return {name: [turn["worth"] for turn in of] for name, of in turns.items()}, turns, dropped


def compare(row, worths, turns, dropped, best):
    medians = {name: statistics.median(of) for name, of in worths.items()}
    peers = [name for name in worths if name != "weir"]
    result = {"weir": f"{medians['weir']:.3f}", "raw": turns,
              "notes": dropped + others_note([turn for of in turns.values() for turn in of])}
    if not peers:
        row.goal = None
        return {**result, "floor": "–", "figure": medians["weir"], "spread": None,
                "notes": result["notes"] + ["without HAProxy there is nothing to compare with"]}
    peer = best(peers, key=medians.get)
    figure, spread = spread_of([a / b for a, b in zip(worths["weir"], worths[peer])])
    version = version_of([shutil.which("haproxy", path=WHERE), "-v"])
    return {**result, "floor": f"{medians[peer]:.3f}", "figure": figure, "spread": spread,
            "notes": result["notes"] + [f"HAProxy {version} stands for the floor, {peer}; all: "
                                        + ", ".join(f"{n}: {m:.3f}" for n, m in medians.items())]}


class ProxyRow(RequestRow):
    """Lines that floor_echo answers; the figure is the proxy's CPU per request over HAProxy's."""

    unit = "proxy CPU µs/request"

    def measure(self, settings):
        upstream = Server([settings.program("floor_echo"), "PORT"], settings.client_cpu)
        return compare(self, *take_turns(self, settings, upstream, self.argv(settings),
                                         lambda turn: turn["cpu_ns"] / 1000 / turn["requests"]), min)


class ProxyBulkRow:
    """Bytes that bare_bulk sends back; the figure is bytes per CPU second over HAProxy's."""

    unit = "GB per proxy CPU second"

    def __init__(self, name, what, goal):
        self.name, self.what, self.goal = name, what, goal

    def measure(self, settings):
        upstream = Server([settings.program("bare_bulk"), "PORT", "127.0.0.1", "echo", CHUNK, SOCKBUF], settings.client_cpu)
        size = settings.size.proxy_bytes
        argv = ["client_bulk", "-m", "echo", "-b", size, "-w", size // 4, "-k", SOCKBUF]
        return compare(self, *take_turns(self, settings, upstream, argv, lambda turn: turn["bytes"] / turn["cpu_ns"]), max)

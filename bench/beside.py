# SPDX-License-Identifier: BSD-2-Clause
"""Rows with others beside the pair: each takes its turn after weir and the floor, on the same load.

What a peer does wrong is told and costs it its figure; the row keeps its own. A peer that takes far longer for a request gets a
part of them (its `share`), so that a run ends.
"""
import functools
import os
import pathlib
import re
import shutil
import statistics
import subprocess

from children import Server, Void
from configured import PEERS, WHERE, Peer
from rows import RequestRow, spread_of, take_turn

DEBIANS_PYTHON = "/usr/bin/python3"         # the one that Debian's uvloop is for
PYTHON_SHARE = 4
ASYNCIO = [DEBIANS_PYTHON, pathlib.Path(__file__).resolve().parent / "peers" / "echo_asyncio.py"]

# Their command lines (one word: a program of the build), what Debian calls what they need, and their share.
LINE_PEERS = {
    "io_uring": (["peers/echo_uring"], "liburing-dev", 1),
    "libuv": (["peers/echo_libuv"], "libuv1-dev", 1),
    "libevent": (["peers/echo_libevent"], "libevent-dev", 1),
    "Boost.Asio": (["peers/echo_asio"], "libboost-dev", 1),
    "Go": (["peers/echo_go"], "golang-go", 1),
    "tokio": (["peers/echo_tokio"], "librust-tokio-dev", 1),
    "uvloop": (["env", "ECHO_LOOP=uvloop", *ASYNCIO], "python3-uvloop", PYTHON_SHARE),
    "asyncio": (ASYNCIO, "python3", PYTHON_SHARE),
}


@functools.lru_cache(maxsize=None)
def has_uvloop():
    try:
        return subprocess.run([DEBIANS_PYTHON, "-c", "import uvloop"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@functools.lru_cache(maxsize=None)
def version_of_package(package):
    """What a person calls it: 1.44.2 of 1.44.2-1+deb12u1."""
    try:
        said = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, timeout=10,
                              check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    found = re.search(r"\d+\.\d[\d.]*", said.split(":")[-1])
    return found[0] if found else "of an unknown version"


def argv_of(name, programs):
    """Its command line up to the port, or None where it is not built or not installed."""
    words, _, _ = LINE_PEERS[name]
    if len(words) == 1:
        built = programs / words[0]
        return [built] if built.exists() else None
    if not os.path.exists(DEBIANS_PYTHON) or name == "uvloop" and not has_uvloop():
        return None
    return words


def missing_peers(programs):
    """For a message: the names, with what to install."""
    lines = [f"{name} ({package})" for name, (_, package, _) in LINE_PEERS.items() if argv_of(name, programs) is None]
    return lines + [name for name in PEERS if shutil.which(name, path=WHERE) is None]


class LinePeer(Peer):
    """A line echo server in somebody else's way; "bytes" instead of "lines": it says back whatever came."""

    def __init__(self, name, settings, *what):
        _, package, self.share = LINE_PEERS[name]
        self.turns, self.ratios, self.trouble, self.server = [], [], None, None
        self.name = f"{name} {version_of_package(package)}"
        self.argv, self.what = argv_of(name, settings.programs), what
        if self.argv is None:
            self.trouble = "not installed"
            return
        try:
            self.server = Server(self.argv_at("PORT"), settings.server_cpu)
            self.server.name = name
        except (Void, OSError) as trouble:
            self.give_up(trouble)

    def argv_at(self, port):
        return [*self.argv, port, Server.host, *self.what]


def line_peers(settings, *what, names=tuple(LINE_PEERS)):
    """Those that can be had; what is missing was said at the start of the run."""
    if not settings.peers or settings.self_test:
        return []
    peers = [LinePeer(name, settings, *what) for name in names]
    return [peer for peer in peers if peer.trouble != "not installed"]


def figures_of(row, peer, unit, value, digits=3):
    """For the table: @value is the median of its figures; weir over it only where both have one in each round."""
    ratio, spread = spread_of(peer.ratios) if peer.ratios else (None, None)
    beside = statistics.median(peer.weir_over) if getattr(peer, "weir_over", None) else None
    return {"row": row, "server": peer.name, "value": value, "unit": unit, "digits": digits, "ratio": ratio, "spread": spread,
            "weir_over": beside, "raw": peer.turns}


class PeerRow(RequestRow):
    """A closed loop in which peers take part. Kinds of it say who they are, and when it is their turn."""

    peers = ()

    def start_peers(self, settings):
        return line_peers(settings, "lines")

    def takes_part(self, settings, number):
        return number < settings.size.peer_rounds

    def peer_argv(self, settings, peer):
        return self.client_argv(settings, max(1, settings.requests_of(self) // peer.share))

    def after_pair(self, settings, number, servers, pair):
        if not self.takes_part(settings, number):
            return
        for peer in self.peers:
            if peer.server is not None:
                self.take_peers_turn(settings, peer, servers, pair)

    def take_peers_turn(self, settings, peer, servers, pair):
        others = servers + [other.server for other in self.peers if other.server is not None and other is not peer]
        try:
            turn = take_turn(settings, peer.server, others, self.peer_argv(settings, peer))
        except (Void, OSError) as trouble:
            settings.say(f"{self.name}: {peer.name} is out: {trouble}")
            peer.give_up(trouble)
            return
        turn["us"] = turn["cpu_ns"] / 1000 / turn["requests"]
        peer.turns.append(turn)
        peer.ratios.append(turn["us"] / pair["floor_us"])
        peer.weir_over.append(pair["weir_us"] / turn["us"])
        settings.say(f"{self.name}: {peer.name} {turn['us']:.3f} µs, {peer.ratios[-1]:.3f} x the floor")

    def measure(self, settings):
        self.peers = self.start_peers(settings)
        for peer in self.peers:
            peer.weir_over = []
        result = super().measure(settings)
        for peer in self.peers:
            peer.end()
        result["peers"] = [figures_of(self.name, peer, self.unit, statistics.median(turn["us"] for turn in peer.turns))
                           for peer in self.peers if peer.trouble is None and peer.turns]
        result["notes"] += [f"{peer.name}: {peer.trouble}" for peer in self.peers if peer.trouble is not None]
        return result

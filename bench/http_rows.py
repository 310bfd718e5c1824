# SPDX-License-Identifier: BSD-2-Clause
"""Rows of HTTP: pages by the weir program beside floor_http, and beside the peers.

Peers stand beside the floor in some of the rounds. What they do wrong is told
and costs them their figure; the row keeps its own.
"""
import statistics

from children import Void
from configured import PEERS, Peer, Weir
from rows import RequestRow, spread_of, take_turn

PEER_ROUNDS = 5         # of a row, spread over it; a peer that answers one by one takes long over a batch
PEER_SHARE = 4          # so, in batches, it gets this part of the requests


class HttpRow(RequestRow):
    """A closed loop of GETs for a page of 13 bytes."""

    def __init__(self, name, what, goal, requests, pipeline=1):
        super().__init__(name, what, goal, 64, requests, pipeline, "http")
        self.peers = []

    def sides(self, settings):
        weir = settings.serve("floor_http") if settings.self_test else Weir(settings.program("weir"), settings.server_cpu)
        return weir, settings.serve("floor_http")

    def after_pair(self, settings, number, servers, floor_us):
        if number % max(1, settings.pairs // PEER_ROUNDS) != 0:
            return
        requests = settings.requests or settings.scaled(self.requests, self.requests // 10)
        argv = self.client_argv(requests if self.pipeline == 1 else max(1, requests // PEER_SHARE))
        for peer in self.peers:
            if peer.server is not None:
                self.take_peers_turn(settings, peer, servers, argv, floor_us)

    def take_peers_turn(self, settings, peer, servers, argv, floor_us):
        others = servers + [other.server for other in self.peers if other.server is not None and other is not peer]
        try:
            turn = take_turn(settings, peer.server, others, argv)
        except (Void, OSError) as trouble:
            settings.say(f"{self.name}: {peer.name} is out: {trouble}")
            peer.give_up(trouble)
            return
        turn["us"] = turn["cpu_ns"] / 1000 / turn["requests"]
        peer.turns.append(turn)
        peer.ratios.append(turn["us"] / floor_us)
        settings.say(f"{self.name}: {peer.name} {turn['us']:.3f} µs, {peer.ratios[-1]:.3f} x the floor")

    def measure(self, settings):
        wanted = PEERS if settings.peers and not settings.self_test else ()
        self.peers = [Peer(name, settings.server_cpu) for name in wanted]
        result = super().measure(settings)
        for peer in self.peers:
            peer.end()
        result["peers"] = [self.figures_of(peer) for peer in self.peers if peer.trouble is None]
        result["notes"] += [f"{peer.name}: {peer.trouble}" for peer in self.peers if peer.trouble is not None]
        return result

    def figures_of(self, peer):
        ratio, spread = spread_of(peer.ratios)
        return {"row": self.name, "server": peer.name, "us": statistics.median(turn["us"] for turn in peer.turns),
                "ratio": ratio, "spread": spread, "raw": peer.turns}

# SPDX-License-Identifier: BSD-2-Clause
"""Rows of HTTP: pages by the weir program beside floor_http, and beside nginx, HAProxy and h2o in some of the rounds."""
from beside import PeerRow
from configured import PEERS, Peer, Weir

PEER_ROUNDS = 5         # of a row, spread over it; a peer that answers one by one takes long over a batch
PEER_SHARE = 4          # so, in batches, it gets this part of the requests


class HttpRow(PeerRow):
    """A closed loop of GETs for a page of 13 bytes."""

    def __init__(self, name, what, goal, requests, pipeline=1):
        super().__init__(name, what, goal, 64, requests, pipeline, "http")

    def sides(self, settings):
        weir = settings.serve("floor_http") if settings.self_test else Weir(settings.program("weir"), settings.server_cpu)
        return weir, settings.serve("floor_http")

    def takes_part(self, settings, number):
        return number % max(1, settings.pairs // PEER_ROUNDS) == 0 and super().takes_part(settings, number)

    def start_peers(self, settings):
        wanted = PEERS if settings.peers and not settings.self_test else ()
        peers = [Peer(name, settings.server_cpu) for name in wanted]
        for peer in peers:
            peer.share = 1 if self.pipeline == 1 else PEER_SHARE
        return peers

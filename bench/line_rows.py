# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the line servers beside CPU per request: memory, bulk transfer and start, each with the peers."""
import statistics

from beside import LINE_PEERS, figures_of, line_peers
from children import Void
from rows import BulkRow, IdleRow
from start_rows import StartRow


class IdlePeersRow(IdleRow):
    """What one more idle connection costs weir, nothing, and each peer."""

    def measure(self, settings):
        result, result_peers = super().measure(settings), []
        for peer in line_peers(settings, "lines"):
            try:
                slope = self.slope(settings, peer.server, settings.size.settle_peer_s)
                peer.server = None              # slope() ended it
            except (Void, OSError) as trouble:
                peer.give_up(trouble)
                result["notes"].append(f"{peer.name}: {trouble}")
                continue
            peer.turns = [slope]
            figures = figures_of(self.name, peer, self.unit, slope["slope"], digits=0)
            figures["weir_over"] = result["figure"] / slope["slope"] if slope["slope"] > 0 else None
            result_peers.append(figures)
        return {**result, "peers": result_peers}


class BulkPeersRow(BulkRow):
    """The echo of a gigabyte, also by peers that say back whatever comes. The io_uring loop is not among them: its sends may
    overtake each other when the kernel's buffers are full, and what makes them wait would be more than a floor."""

    def others(self, settings):
        peers = line_peers(settings, "bytes", settings.sockbuf, names=[name for name in LINE_PEERS if name != "io_uring"])
        self.peers = {peer.name: peer for peer in peers}
        return {name: peer.server for name, peer in self.peers.items() if peer.server is not None}

    def measure(self, settings):
        self.peers = {}
        result = super().measure(settings)
        result["peers"] = []
        for name, peer in self.peers.items():
            peer.turns = result["raw"].get(name, ())
            if peer.turns:
                speeds = [turn["gb_per_cpu_s"] for turn in peer.turns]
                peer.ratios = [speed / bare for speed, bare in zip(speeds, result["bare_speeds"])]
                peer.weir_over = [weir / speed for speed, weir in zip(speeds, result["weir_speeds"])]
                result["peers"].append(figures_of(self.name, peer, self.unit, statistics.median(speeds), digits=2))
        return result


class StartEchoRow(StartRow):
    """From before the fork to the first line that came back: weir's echo, the floor's, and the peers'."""

    name = "start-echo"
    question, answer = b"hello\n", b"hello\n"

    def weir_ms(self, settings):
        return self.first_answer_ms(lambda port: [settings.program("echo_server"), port])

    def floor_ms(self, settings):
        return self.first_answer_ms(lambda port: [settings.program("floor_echo"), port])

    def measure(self, settings):
        result = super().measure(settings)
        result["peers"] = []
        for peer in line_peers(settings, "lines"):
            peer.end()
            if peer.trouble is not None:
                result["notes"].append(f"{peer.name}: {peer.trouble}")
                continue
            try:
                times = [self.first_answer_ms(peer.argv_at) for _ in range(settings.size.starts)]
            except (Void, OSError) as trouble:
                result["notes"].append(f"{peer.name}: {trouble}")
                continue
            peer.turns, median = times, statistics.median(times)
            figures = figures_of(self.name, peer, self.unit, median, digits=1)
            figures.update(ratio=median / float(statistics.median(result["raw"]["floor"])),
                           weir_over=result["figure"] / median)
            result["peers"].append(figures)
        return result

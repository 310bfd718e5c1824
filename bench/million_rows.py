# SPDX-License-Identifier: BSD-2-Clause
"""Rows of very many: a million tasks that wait, and as many connections as the descriptor limit allows one server.

A million connections need a million descriptors in one process. Where the limit is lower, what fits is held, and what a million
would take is told from the slope, kernel memory apart, which belongs to both ends here.
"""
import resource

from children import number_of
from rows import Goal, ParkedRow
from sizes import MILLION

PAIR_BYTES = 8192       # of memory that a task at a memory pair surely stays below
SPARE = 200             # descriptors of a process that are no connections
CLIENTS = 4


def available():
    return number_of("/proc/meminfo", "MemAvailable:") * 1024


class ParkedMillionRow(ParkedRow):
    """A million tasks; with pairs each waits for a line at a memory pair of its own."""

    def __init__(self, name, what, *words):
        self.name, self.what, self.words = name, what, words

    def wanted(self, settings):
        return min(settings.size.million, available() // (2 * PAIR_BYTES))

    def goal_for(self, wanted):
        return Goal(">=", wanted, f"{wanted:,} guarded")

    def measure(self, settings):
        result = super().measure(settings)
        seen = result["raw"]
        woken = "" if seen["wake_ns"] is None else \
            "woken by a line in {:,.0f} ns each, the second time {:,.0f}; ".format(*seen["wake_ns"])
        result["notes"] += [f"{woken}cancelled, ended and joined in {seen['end_ns']:,.0f} ns each"]
        if seen["wanted"] < settings.size.million:
            result["notes"].append(f"{seen['wanted']:,} are what half of the memory that is available surely holds")
        return result


class HeldRow:
    """Connections that several client processes open to one server, each after a line went over it and back."""

    name, unit = "held", "connections"
    goal = None
    what = "connections that one server holds, as many as it may have descriptors"

    def measure(self, settings):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        most = min(limit - SPARE if limit > 0 else MILLION, settings.size.held)
        each = most // CLIENTS
        server = settings.serve("echo_server", "--idle")
        few = settings.load("client", "-m", "idle", "-c", each // 10, server.host, server.port)
        before, kernel_before = server.settled_memory(settings.size.settle_s, settings.size.look_s), kernel_memory()
        held = [settings.load("client", "-m", "idle", "-c", each - (each // 10 if n == 0 else 0), server.host, server.port)
                for n in range(CLIENTS)]
        after, kernel_after = server.settled_memory(settings.size.settle_s, settings.size.look_s), kernel_memory()
        opened = 0
        for client in [few, *held]:
            client.let_go()
            opened += client.result()["connections"]
            client.finish()
        server.end()
        more = opened - each // 10
        user, kernel = (after - before) / more, (kernel_after - kernel_before) / more
        return {"weir": f"{opened:,}", "floor": "–", "figure": opened, "spread": None,
                "raw": {"opened": opened, "limit": limit, "clients": CLIENTS + 1, "bytes_before": before, "bytes_after": after,
                        "kernel_before": kernel_before, "kernel_after": kernel_after},
                "notes": [f"{CLIENTS + 1} client processes; a process may have {limit:,} descriptors",
                          f"{user:,.0f} bytes of user memory for each, so {user * MILLION / 2**30:.1f} GiB for a million; "
                          f"beside them about {kernel:,.0f} bytes of the kernel's for both ends and their descriptors"]}


def kernel_memory():
    """Bytes in slabs and in queues of sockets, of the whole machine: a rough figure."""
    with open("/proc/net/sockstat") as lines:
        queues = next(int(line.split()[-1]) for line in lines if line.startswith("TCP:"))
    return number_of("/proc/meminfo", "Slab:") * 1024 + queues * resource.getpagesize()

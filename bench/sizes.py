# SPDX-License-Identifier: BSD-2-Clause
"""How much of everything a run does: FULL, from which figures are quoted, and QUICK, which only shows that all of it works.

Every row scales by these and by nothing else, so that what --quick means stands here once. QUICK still runs each row, each
server at least once, and checks each reply. That the whole plan stays small is a test, tests/interop/bench_quick.py.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Sizes:
    pairs: int              # rounds of weir and the floor in a row
    rate_pairs: int         # the same in the rows at a constant rate
    core_starts: int        # of a program of the core
    peer_rounds: int        # of these, how many peers take part in at most
    divisor: int            # of the requests of a row, the part that a round has
    warm_batches: int       # over each connection before the measured part, at least
    bulk_bytes: int         # in a round of a bulk row, and each way through a proxy
    proxy_bytes: int
    rate_s: float           # a round at a constant rate, its warm-up, and the check of its client
    rate_warm_s: float
    check_s: float
    capacity: int           # requests in the look at what a server can do
    idle_counts: tuple      # connections between which the slope of memory is taken
    settle_s: float         # before memory is read, where parked stacks are trimmed: after 2 s at most (core/trim.c)
    settle_peer_s: float    # and where nothing is
    look_s: float           # between two looks at memory, until it stands still
    parked: int             # tasks
    million: int            # tasks in the rows of very many
    held: int               # connections there
    starts: int             # of a program whose start, or whose whole life, is timed
    turns_divisor: int      # of the turns of a row of the core, the part that a start has


MILLION = 1_000_000
FULL = Sizes(
    pairs=15, rate_pairs=10, core_starts=15, peer_rounds=MILLION, divisor=1, warm_batches=20, bulk_bytes=1 << 30,
    proxy_bytes=1 << 29, rate_s=1.5, rate_warm_s=0.2, check_s=6, capacity=100000, idle_counts=(2000, 10000), settle_s=3.0,
    settle_peer_s=1.0, look_s=0.5, parked=200000, million=MILLION, held=MILLION, starts=20, turns_divisor=1)
QUICK = Sizes(
    pairs=3, rate_pairs=2, core_starts=1, peer_rounds=1, divisor=20, warm_batches=2, bulk_bytes=1 << 26,
    proxy_bytes=1 << 26, rate_s=0.3, rate_warm_s=0.1, check_s=2, capacity=10000, idle_counts=(500, 2000), settle_s=2.2,
    settle_peer_s=0.1, look_s=0.1, parked=20000, million=50000, held=4000, starts=3, turns_divisor=10)

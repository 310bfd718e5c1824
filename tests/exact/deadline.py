# SPDX-License-Identifier: BSD-2-Clause
"""deadline.py  A deadline scope around a read that does not wait, counted by callgrind: no timer of libev is started or stopped,
nothing is allocated, and a scope costs no more instructions than the ceiling.

Beside it reads that do wait, each with an earlier deadline than the one before: each moves its timer, by a stop and a start,
which shows that the counting counts. The ceiling is 1.3 times the 159 that were measured in the build made for tests.
"""
import os
import subprocess
import sys

import _count

_count.need_valgrind()

PROGRAM = os.path.join(os.environ["WEIR_BUILD_DIR"], "tests", "programs", "scoped_reads")
CEILING = 210


def reads(mode):
    def serve(wrapper, requests, batch):
        subprocess.run([*wrapper, PROGRAM, mode, str(requests * batch)], check=True)
    return serve


costs = {mode: _count.per_request(_count.callgrind, reads(mode), 1) for mode in ("there", "bare", "later")}
scope = costs["there"]["instructions"] - costs["bare"]["instructions"]
print(f"{scope:.0f} instructions for a scope, ceiling {CEILING}; timers touched by a read that does not wait: "
      f"{costs['there'].get('timers', 0):.3f}, by one that does: {costs['later'].get('timers', 0):.3f}")
if costs["there"].get("timers", 0) != 0:
    sys.exit("a scope around a read that does not wait touches libev's heap")
if costs["there"].get("allocations", 0) != costs["bare"].get("allocations", 0):
    sys.exit(f"a scope allocates: {costs['there'].get('allocations', 0)} and {costs['bare'].get('allocations', 0)} for a read")
if scope > CEILING:
    sys.exit("more instructions than the ceiling")
if costs["later"].get("timers", 0) != 2:
    sys.exit("reads that wait, each with an earlier deadline, were expected to stop and start their timer: the counting is broken")

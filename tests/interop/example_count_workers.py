# SPDX-License-Identifier: BSD-2-Clause
"""example_count_workers.py  examples/count_workers: no chunk of any worker is lost or counted twice on its way to worker 0."""
import os
import subprocess
import sys

import _peer

COUNT = os.path.join(_peer.BUILD, "examples", "count_workers")

if not os.path.exists(COUNT):
    print("examples are not built here")
    sys.exit(77)

workers = len(os.sched_getaffinity(0))
for below, primes in [(0, 0), (3, 1), (1001, 168), (300000, 25997)]:
    done = subprocess.run([COUNT, str(below)], capture_output=True, text=True, timeout=_peer.PATIENCE, check=False)
    expected = f"{primes} primes below {below}, counted by {workers} workers\n"
    if done.returncode != 0 or done.stdout != expected:
        sys.exit(f"it ended with {done.returncode} and printed {done.stdout!r}, expected {expected!r}: {done.stderr}")

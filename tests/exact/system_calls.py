# SPDX-License-Identifier: BSD-2-Clause
"""system_calls.py  The system calls of an echoed line, exactly: one wait, one receive, one send, nothing else.

Seen from outside, with strace, over the library as users get it; tests/streams counts the same at the seam.
"""
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

import _count

SHORT, LONG = 50, 550


def can_trace():
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


def calls(requests, batch):
    counts = collections.Counter()
    with tempfile.NamedTemporaryFile("r") as log:
        _count.serve(["strace", "-f", "-q", "-o", log.name], requests, batch)
        for line in log:
            found = re.match(r"\d+ +(\w+)\(", line)
            if found:
                counts[found[1]] += 1
    return counts


def per_request(batch):
    difference = calls(LONG, batch)
    difference.subtract(calls(SHORT, batch))
    return {name: count / (LONG - SHORT) for name, count in difference.items() if count != 0}


if not can_trace():
    print("strace is not here, or may not trace")
    sys.exit(77)

for batch in [1, 16]:
    costs = per_request(batch)
    print(f"{batch} lines at a time:", ", ".join(f"{name} {cost:.3f}" for name, cost in sorted(costs.items())))
    waits = sum(costs.pop(name, 0) for name in ["epoll_wait", "epoll_pwait", "epoll_pwait2"])
    receives = sum(costs.pop(name, 0) for name in ["recv", "recvfrom", "recvmsg"])
    sends = sum(costs.pop(name, 0) for name in ["send", "sendto", "sendmsg"])
    if any(costs.get(name, 0) != 0 for name in ["epoll_ctl", "mmap", "brk"]):
        sys.exit("a request registers a descriptor or takes memory")
    # The last wait and the signal may fall in either run: an odd call in 500 requests is not the requests'.
    if waits > 1.01 or receives != 1 or sends != 1:
        sys.exit("a request costs more than one wait, one receive and one send")
    if any(abs(cost) > 0.01 for cost in costs.values()):
        sys.exit(f"a request makes other calls: {costs}")

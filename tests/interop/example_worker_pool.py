# SPDX-License-Identifier: BSD-2-Clause
"""example_worker_pool.py  examples/worker_pool: each server is answered for once, by four tasks; and what it says without one."""
import os
import socket
import subprocess
import sys

import _peer

POOL = os.path.join(_peer.BUILD, "examples", "worker_pool")

if not os.path.exists(POOL):
    print("examples are not built here")
    sys.exit(77)


def check(true, what):
    if not true:
        sys.exit(what)


def run(*servers):
    return subprocess.run([POOL, *servers], capture_output=True, text=True, timeout=_peer.PATIENCE, check=False)


with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, socket.socket() as bound:
    bound.bind(("127.0.0.1", 0))                    # a port that nobody else gets, and that nobody answers on
    up = f"127.0.0.1:{listener.getsockname()[1]}"
    down = f"127.0.0.1:{bound.getsockname()[1]}"
    done = run(*[up, down, "no-port"] * 7)          # more than the pool and its queue hold
    lines = sorted(done.stdout.splitlines())
    expected = sorted([f"{up} answers", f"{down} Connection refused", "no-port Invalid argument"] * 7)
    check(done.returncode == 0, f"it ended with {done.returncode}: {done.stderr}")
    check(lines == expected, f"it printed {done.stdout!r}")

done = run()
check(done.returncode == 1 and "HOST:PORT" in done.stderr, f"without a server it said {done.stderr!r}")

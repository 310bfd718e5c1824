# SPDX-License-Identifier: BSD-2-Clause
"""own_protocol.py  tests/programs/own_protocol: protocols and a handler of a user's, over memory, by the public headers alone."""
import os
import subprocess
import sys

import _peer

done = subprocess.run([os.path.join(_peer.BUILD, "tests", "programs", "own_protocol")], capture_output=True, text=True,
                      timeout=_peer.PATIENCE, check=False)
lines = done.stdout.splitlines()
if done.returncode != 0 or len(lines) != 24 or any(not line.startswith("ok ") for line in lines):
    sys.exit(f"ended with {done.returncode}: {done.stdout}{done.stderr}")

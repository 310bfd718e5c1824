# SPDX-License-Identifier: BSD-2-Clause
"""bench_count.py  bench/count.py counts what is known: for a line the floor makes three calls, and does next to nothing."""
import os
import shutil
import subprocess
import sys

import _peer

if not os.path.exists(os.path.join(_peer.BUILD, "bench", "floor_echo")):
    print("bench/ is not built")
    sys.exit(77)
for tool in ("valgrind", "strace"):
    if shutil.which(tool) is None:
        print(f"{tool} is not installed")
        sys.exit(77)

script = os.path.join(os.environ["WEIR_SOURCE_DIR"], "bench", "count.py")
run = subprocess.run([sys.executable, script, "--build", _peer.BUILD, "--only", "the floor"], capture_output=True, text=True,
                     timeout=300, check=False)
if run.returncode != 0:
    sys.exit(f"status {run.returncode}: {run.stderr}{run.stdout}")
cells = [cell.strip() for cell in run.stdout.splitlines()[-1].strip("| ").split("|")]
print(run.stdout)

name, calls, instructions, code, data = cells[:5]
if name != "the floor" or len(cells) != 9:
    sys.exit(f"no row of the floor's: {cells}")
if calls != "3.00":
    sys.exit(f"{calls} calls of the floor for a line with one connection: they are epoll_wait, recv and send")
if not 20 <= int(instructions) <= 200 or not 3 <= int(code) <= 20 or not 3 <= int(data) <= 20:
    sys.exit(f"{instructions} instructions, {code} lines of code, {data} of data: the floor's are 67, 10 and 6 in a release")
if not float(cells[8]) < 1:
    sys.exit(f"{cells[8]} lines of data for each connection: the floor keeps nothing of one")

# SPDX-License-Identifier: BSD-2-Clause
"""instructions.py  User instructions of an echoed line, counted by callgrind: a number that no noise touches.

The ceiling is 1.3 times the 2,230 that were measured in the build made for tests (gcc 12, -O1, asserts on), with what libev
and libc need for it; a release needs less.
"""
import os
import shutil
import sys
import tempfile

import _count

SHORT, LONG = 50, 550
CEILING = 2900


def instructions(requests):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "callgrind")
        _count.serve(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"], requests)
        with open(out, encoding="ascii", errors="replace") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(("summary:", "totals:")))


if shutil.which("valgrind") is None:
    print("valgrind is not here")
    sys.exit(77)

cost = (instructions(LONG) - instructions(SHORT)) / (LONG - SHORT)
print(f"{cost:.0f} instructions for an echoed line, ceiling {CEILING}")
if cost > CEILING:
    sys.exit("more than the ceiling")

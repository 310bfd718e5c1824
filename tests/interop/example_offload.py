# SPDX-License-Identifier: BSD-2-Clause
"""example_offload.py  examples/offload as a user meets it: what it counts, side by side, and what it says of a missing file."""
import os
import subprocess
import sys
import tempfile

import _peer

PROGRAM = os.path.join(_peer.BUILD, "examples", "offload")

if not os.path.exists(PROGRAM):
    print("examples are not built here")
    sys.exit(77)


def count(*names):
    """The lines it printed, in no order, and with what it ended."""
    done = subprocess.run([PROGRAM, *names], capture_output=True, text=True, timeout=_peer.PATIENCE, check=False)
    return sorted(done.stdout.splitlines()), done.returncode


with tempfile.TemporaryDirectory() as folder:
    files = []
    for lines in [0, 1, 70000]:
        files.append(os.path.join(folder, f"{lines}-lines"))
        with open(files[-1], "w", encoding="ascii") as out:
            out.write("line\n" * lines)
    got = count(*files)
    if got != (sorted(f"{name}: {os.path.basename(name).split('-')[0]} lines, success" for name in files), 0):
        sys.exit(f"it counted {got}")

    # Two at the two ends of a pipe, which is a file here: the one blocks its thread until the other task's has begun.
    fifo = os.path.join(folder, "fifo")
    os.mkfifo(fifo)
    with subprocess.Popen([PROGRAM, fifo, files[1]], stdout=subprocess.PIPE, text=True) as process:
        first = _peer.first_line(process)           # while the first file's thread waits for a writer
        if first != f"{files[1]}: 1 lines, success":
            process.kill()
            sys.exit(f"with a file that blocks it printed {first!r}")
        with open(fifo, "w", encoding="ascii") as out:
            out.write("a\nb\n")
        rest = process.stdout.read()
        if (rest, process.wait(_peer.PATIENCE)) != (f"{fifo}: 2 lines, success\n", 0):
            sys.exit(f"and then {rest!r}, {process.returncode}")

    missing = os.path.join(folder, "missing")
    said, code = count(missing)
    if (said, code) != ([f"{missing}: 0 lines, No such file or directory"], 1):
        sys.exit(f"without a file: {said}, {code}")

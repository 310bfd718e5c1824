# SPDX-License-Identifier: BSD-2-Clause
"""example_signals.py  examples/signals as a user meets it: SIGHUP is an order, SIGTERM and SIGINT end it, and it cleans up."""
import os
import re
import signal
import subprocess
import sys

import _peer

PROGRAM = os.path.join(_peer.BUILD, "examples", "signals")

if not os.path.exists(PROGRAM):
    print("examples are not built here")
    sys.exit(77)

for ending in [signal.SIGTERM, signal.SIGINT]:
    with subprocess.Popen([PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        line = _peer.first_line(process)
        if not re.fullmatch(rf"signals: {process.pid} is ready", line):
            process.kill()
            sys.exit(f"it printed {line!r}")
        for count in [1, 2]:
            process.send_signal(signal.SIGHUP)
            line = _peer.first_line(process)
            if line != f"signals: reload {count}":
                process.kill()
                sys.exit(f"after SIGHUP it printed {line!r}")
        process.send_signal(ending)
        rest = process.stdout.read()
        if (rest, process.wait(_peer.PATIENCE)) != ("signals: ended after 2 reloads\n", 0):
            sys.exit(f"{ending.name} ended it with {process.returncode}: {rest!r}")

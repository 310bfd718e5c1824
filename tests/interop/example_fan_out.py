# SPDX-License-Identifier: BSD-2-Clause
"""example_fan_out.py  examples/fan_out as a user meets it: answers in the order of the question, a failure, one that is silent."""
import os
import socket
import subprocess
import sys
import threading

import _peer

PROGRAM = os.path.join(_peer.BUILD, "examples", "fan_out")

if not os.path.exists(PROGRAM):
    print("examples are not built here")
    sys.exit(77)


class Answers(threading.Thread):
    """A server that answers each line with a word and the line; with None it takes the line and is silent."""

    def __init__(self, word):
        super().__init__(daemon=True)
        self.word = word
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.held = []
        self.start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            line = client.makefile("rb").readline()
            if self.word is None:
                self.held.append(client)
                continue
            client.sendall(self.word + b" " + line)
            client.close()


def ask(seconds, *ports):
    """What it printed, and with what it ended."""
    done = subprocess.run([PROGRAM, str(seconds), "hello", *map(str, ports)], capture_output=True, text=True,
                          timeout=_peer.PATIENCE, check=False)
    return done.stdout, done.stderr, done.returncode


def expect(got, wanted):
    if got != wanted:
        sys.exit(f"got {got!r}, not {wanted!r}")


first, second, silent = Answers(b"first"), Answers(b"second"), Answers(None)
expect(ask(1000, first.port, second.port, first.port),
       (f"{first.port}: first hello\n{second.port}: second hello\n{first.port}: first hello\n3 servers: success\n", "", 0))

# The time is over, wherever the task was by then: it is cancelled, and does not stay.
expect(ask(0.5, silent.port), (f"{silent.port}: Operation canceled\n1 servers: Connection timed out\n", "", 1))

# A failure ends the wait at once, and with it the one that would be silent for ever.
with socket.create_server(("127.0.0.1", 0)) as nobody:
    refused = nobody.getsockname()[1]
expect(ask(1000, silent.port, refused),
       (f"{silent.port}: Operation canceled\n{refused}: Connection refused\n2 servers: Connection refused\n", "", 1))

# SPDX-License-Identifier: BSD-2-Clause
"""_peer.py  Starting tests/programs/peer and the examples, for the scripts here and in tests/exact."""
import os
import select
import signal
import subprocess
import sys

BUILD = os.environ["WEIR_BUILD_DIR"]
PEER = os.path.join(BUILD, "tests", "programs", "peer")
PATIENCE = 120                                      # seconds; only a test that fails takes them

_block = bytes((i * 7 + i // 251) % 256 for i in range(65521))


def pattern(start, length):
    """Bytes start .. start + length of the endless pattern that peer.c sends and expects."""
    begin = start % len(_block)
    return (_block * ((begin + length) // len(_block) + 1))[begin:begin + length]


def first_line(process):
    """What a server prints when it is ready; the program's end, or nothing for long, is a failure."""
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    line = process.stdout.readline().strip() if ready else ""
    if not line:
        process.kill()
        sys.exit(f"the program printed nothing; status {process.wait()}")
    return line


class Server:
    """with Server(2) as server: server.port, or with a path server.place; at the end it gets SIGTERM and has to end with 0."""

    def __init__(self, workers, wrapper=(), path=None):
        self.wrapped = bool(wrapper)
        words = ["serve", str(workers)] if path is None else ["serve-unix", path]
        self.process = subprocess.Popen([*wrapper, PEER, *words], stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        self.place = first_line(self.process)
        self.port = int(self.place) if self.place.isdigit() else None
        return self

    def pid(self):
        """Of the server itself, which may be a tracer's child."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            found = children.read().split()
        return int(found[0]) if found else self.process.pid

    def __exit__(self, kind, value, trace):
        os.kill(self.pid(), signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.output = self.process.stdout.read()
        self.process.stdout.close()
        if kind is None and status != 0:
            sys.exit(f"the server ended with {status}")

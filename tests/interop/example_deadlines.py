# SPDX-License-Identifier: BSD-2-Clause
"""example_deadlines.py  examples/deadlines as a user meets it: which of two time limits ends a connection, and that it says so."""
import os
import signal
import socket
import subprocess
import sys

import _peer

PROGRAM = os.path.join(_peer.BUILD, "examples", "deadlines")

if not os.path.exists(PROGRAM):
    print("examples are not built here")
    sys.exit(77)


def free_port():
    """Taken and given back: somebody else may take it meanwhile, and then the program says so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(line, session):
    """The program on a port of its own, and the port."""
    for _ in range(20):
        port = free_port()
        process = subprocess.Popen([PROGRAM, str(port), str(line), str(session)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        if process.stdout.readline() == "deadlines: ready\n":
            return process, port
        said = process.stderr.read()
        process.wait(_peer.PATIENCE)
        if "in use" not in said:
            sys.exit(f"it said {said!r}")
    sys.exit("no port was free for long enough")


def talk(line, session, silent):
    """All that a client gets which sends two lines and then is silent, or ends."""
    process, port = start(line, session)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_peer.PATIENCE) as client:
            client.sendall(b"one\ntwo\n")
            if not silent:
                client.shutdown(socket.SHUT_WR)
            got = client.makefile("rb").read()
        process.send_signal(signal.SIGTERM)
        if process.wait(_peer.PATIENCE) != 0:
            sys.exit(f"SIGTERM ended it with {process.returncode}: {process.stderr.read()}")
        return got
    finally:
        process.kill()
        process.wait()


LINES = b"1: one\n2: two\n"
received = talk(100000, 100000, silent=False)
if received != LINES:
    sys.exit(f"in time: {received!r}")

# The limit that is to be met is met at some time, the other one never. On a busy machine it may come before the lines.
for limits, last in [((0.5, 100000), b"too slow\n"), ((100000, 0.5), b"your time is up\n")]:
    received = talk(*limits, silent=True)
    if not received.endswith(last) or not LINES.startswith(received.removesuffix(last)):
        sys.exit(f"with {limits}: {received!r}")

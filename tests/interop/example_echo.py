# SPDX-License-Identifier: BSD-2-Clause
"""example_echo.py  examples/echo as a user meets it: what it prints, that it echoes, how it stops, and a port in use."""
import os
import re
import signal
import socket
import subprocess
import sys

import _peer

ECHO = os.path.join(_peer.BUILD, "examples", "echo")

if not os.path.exists(ECHO):
    print("examples are not built here")
    sys.exit(77)


def check(true, what):
    if not true:
        process.kill()
        sys.exit(what)


process = subprocess.Popen([ECHO, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
line = _peer.first_line(process)
found = re.fullmatch(r"echo: (\d+) workers listen on .*:(\d+)", line)
check(found, f"it printed {line!r}")
check(int(found[1]) == len(os.sched_getaffinity(0)), f"{found[1]} workers")
port = found[2]

for host in ["127.0.0.1", "::1"]:
    try:
        client = socket.create_connection((host, int(port)), timeout=_peer.PATIENCE)
    except OSError as failure:
        check(host == "::1", f"{host}: {failure}")      # a machine may have no IPv6; the port may be IPv4's alone
        continue
    client.sendall(b"hi\nthere\n")
    client.shutdown(socket.SHUT_WR)
    check(client.makefile("rb").read() == b"hi\nthere\n", f"no echo over {host}")

second = subprocess.run([ECHO, port], capture_output=True, text=True, timeout=_peer.PATIENCE, check=False)
check(second.returncode == 1, f"a second instance on the same port ended with {second.returncode}")
check("in use" in second.stderr and port in second.stderr, f"a second instance said {second.stderr!r}")

open_client = socket.create_connection(("127.0.0.1", int(port)), timeout=_peer.PATIENCE)
open_client.sendall(b"still\n")
check(open_client.recv(6, socket.MSG_WAITALL) == b"still\n", "the first instance does not serve any more")
open_client.close()
process.send_signal(signal.SIGINT)
check(process.wait(_peer.PATIENCE) == 0, f"SIGINT ended it with {process.returncode}: {process.stderr.read()}")

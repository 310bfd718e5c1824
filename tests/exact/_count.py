# SPDX-License-Identifier: BSD-2-Clause
"""_count.py  What a request costs: the difference between a long and a short conversation, so that the start cancels out."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.environ["WEIR_SOURCE_DIR"], "tests", "interop"))
import _peer                                        # noqa: E402

LINE = b"x" * 63 + b"\n"


def talk(port, requests, batch=1):
    """So many requests of @batch lines each over one connection, one after the other."""
    with socket.create_connection(("127.0.0.1", port), timeout=_peer.PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        greeting = b"echo\n"                        # in one piece with the first request: one receive, however it is timed
        for _ in range(requests):
            client.sendall(greeting + LINE * batch)
            greeting = b""
            if client.recv(len(LINE) * batch, socket.MSG_WAITALL) != LINE * batch:
                sys.exit("another line came back")


def serve(wrapper, requests, batch=1):
    with _peer.Server(1, wrapper) as server:
        talk(server.port, requests, batch)

# SPDX-License-Identifier: BSD-2-Clause
"""bench_client.py  bench/client counts an answer as one only when it is: figures made of wrong answers would look splendid.

A server of our own answers as each case says, in pieces of every size, and the client's report has to be right.
"""
import json
import os
import socket
import subprocess
import sys
import threading

import _peer

CLIENT = os.path.join(_peer.BUILD, "bench", "client")
END = b"\r\n\r\n"
GOOD = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length:  13 \r\n\r\nHello, World!"


def answer_all(caller, answer, piece, repeat):
    """@repeat answers for each request, @piece bytes at a time; then the end of what comes."""
    with caller:
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        rest = b""
        while True:
            got = caller.recv(65536)
            if not got:
                return
            rest += got
            asked = rest.count(END)
            rest = rest.rsplit(END, 1)[-1]
            out = answer * asked * repeat
            try:
                for at in range(0, len(out), piece):
                    caller.sendall(out[at:at + piece])
            except OSError:                         # the client has seen enough
                return


def serve(listener, *how):
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:                             # closed: the case is over
            return
        answer_all(caller, *how)


def run(answer, piece=65536, repeat=1, requests=96, pipeline=4):
    """What the client reports of a server that answers so; one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, answer, piece, repeat), daemon=True).start()
        words = ["-m", "http", "-c", "1", "-p", str(pipeline), "-n", str(requests), "--timeout", str(_peer.PATIENCE)]
        port = listener.getsockname()[1]
        done = subprocess.run([CLIENT, *words, "127.0.0.1", str(port)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=2 * _peer.PATIENCE, check=False)
        listener.shutdown(socket.SHUT_RDWR)
    said = json.loads(done.stdout.splitlines()[-1])
    if (done.returncode != 0) != (said["errors"] != 0):
        sys.exit(f"status {done.returncode} with {said['errors']} errors")
    return said, done.stderr


def accepts(answer, **how):
    said, complaints = run(answer, **how)
    if said["errors"] != 0 or said["requests"] != 96 or said["bytes"] != 96 * len(answer):
        sys.exit(f"{how}: {said} {complaints}")


def refuses(answer, complaint, **how):
    said, complaints = run(answer, **how)
    if said["errors"] == 0 or complaint not in complaints:
        sys.exit(f"not refused with '{complaint}': {answer!r} {how}: {said} {complaints}")


if not os.path.exists(CLIENT):
    print("bench/client is not built")
    sys.exit(77)

for size in [*range(1, len(GOOD) + 2), 4 * len(GOOD) - 1]:
    accepts(GOOD, piece=size)
accepts(GOOD, pipeline=1)
accepts(GOOD.replace(b"Server: x", b"Server: " + b"x" * 1900))

PAGE = b"Hello, World!"
refuses(GOOD.replace(b"200 OK", b"404 Not Found"), "another status than 200")
refuses(GOOD.replace(b"HTTP/1.1", b"HTTP/1.0"), "another status than 200")
refuses(GOOD.replace(PAGE, b"Hello, Warld!"), "another page")
refuses(GOOD.replace(PAGE, b"Hello, World?"), "another page", piece=1)
refuses(GOOD.replace(b" 13 ", b" 12 "), "another Content-Length")
refuses(GOOD.replace(b" 13 ", b" 13x"), "no number")
refuses(GOOD.replace(b"content-length:  13 \r\n", b""), "not one Content-Length")
refuses(GOOD.replace(b"Server: x", b"Content-Length: 13"), "not one Content-Length")
refuses(GOOD.replace(b"Server: x", b"Transfer-Encoding: chunked"), "chunks")
refuses(GOOD.replace(b"Server: x", b"CONNECTION: Close"), "wants to close")
refuses(GOOD.replace(b"Server: x", b"Server"), "without a name")
refuses(GOOD.replace(b"Server: x", b"Server: " + b"x" * 2000), "without an end", piece=700)
refuses(GOOD.replace(b"Server: x", b"Server: " + b"x" * 2000), "without an end")
refuses(b"x" * 5000, "without an end")
refuses(GOOD, "more answers came than were asked for", repeat=2)
print("pages in pieces of every size are counted, and nothing else is")

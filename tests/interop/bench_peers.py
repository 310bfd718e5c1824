# SPDX-License-Identifier: BSD-2-Clause
"""bench_peers.py  The peers of bench/peers do the work that weir is compared by: they keep a line until it is whole.

Those that were built are tried (-DWEIR_BENCH_PEERS=ON); asyncio needs no building. A floor says back what comes and has no lines.
"""
import os
import socket
import subprocess
import sys
import time

import _peer

FOLDER = os.path.join(_peer.BUILD, "bench", "peers")
SCRIPT = os.path.join(os.environ["WEIR_SOURCE_DIR"], "bench", "peers", "echo_asyncio.py")
LONG = b"x" * 3000 + b"\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exactly(caller, size):
    got = b""
    while len(got) < size:
        more = caller.recv(size - len(got))
        if not more:
            break
        got += more
    return got


def connect(child, port):
    """None when @child has ended: somebody took its port, or it cannot run."""
    deadline = time.monotonic() + _peer.PATIENCE
    while child.poll() is None and time.monotonic() < deadline:
        caller = socket.socket()
        caller.settimeout(_peer.PATIENCE)
        caller.bind(("127.0.0.2", 0))       # from another address: a socket that asks its own port meets itself
        if caller.connect_ex(("127.0.0.1", port)) == 0:
            return caller
        caller.close()
        time.sleep(0.01)                    # the server is not up yet; the bound is above
    return None


def serve(argv, what, talk):
    for _ in range(5):
        port = free_port()
        with subprocess.Popen([*argv, str(port), "127.0.0.1", what]) as child:
            try:
                caller = connect(child, port)
                if caller is not None:
                    with caller:
                        talk(caller, lambda: connect(child, port))
                    return
            finally:
                child.kill()
    sys.exit(f"{argv}: never listened")


def expect(caller, sent, wanted):
    caller.sendall(sent)
    got = exactly(caller, len(wanted))
    if got != wanted:
        sys.exit(f"{name}: after {sent[:20]!r} came {got[:80]!r} and not {wanted[:80]!r}")


def nothing_more(caller):
    """Everything the server said so far has been read: it answers another connection, and then the end of this one."""
    caller.shutdown(socket.SHUT_WR)
    rest = caller.recv(65536)
    if rest:
        sys.exit(f"{name}: a part of a line came back: {rest[:80]!r}")


def lines(caller, another):
    expect(caller, b"a", b"")
    with another() as second:               # the first one's part has been seen, and is kept
        expect(second, b"whole\n", b"whole\n")
    expect(caller, b"b\ncd\ne", b"ab\ncd\n")
    for byte in b"f\n":
        expect(caller, bytes([byte]), b"" if byte != 10 else b"ef\n")
    expect(caller, LONG[:1500], b"")
    expect(caller, LONG[1500:] + b"\n", LONG + b"\n")
    expect(caller, b"".join(b"%d\n" % i for i in range(500)), b"".join(b"%d\n" % i for i in range(500)))
    if name not in ("asyncio", "uvloop"):   # readline hands the last part out at the end, as weir's does
        expect(caller, b"part", b"")
        nothing_more(caller)


def all_bytes(caller, another):
    expect(caller, b"no line", b"no line")
    big = bytes(range(256)) * 400
    expect(caller, big, big)
    with another() as second:
        expect(second, b"x", b"x")


peers = {"asyncio": ["/usr/bin/python3", SCRIPT]}
if os.path.isdir(FOLDER):
    peers.update({word[len("echo_"):]: [os.path.join(FOLDER, word)] for word in sorted(os.listdir(FOLDER))
                  if word.startswith("echo_")})
if not os.path.exists(peers["asyncio"][0]):
    del peers["asyncio"]
    if not peers:
        print("no peer is built, and there is no /usr/bin/python3")
        sys.exit(77)
for name, argv in peers.items():
    if name != "uring":
        serve(argv, "lines", lines)
        serve(argv, "bytes", all_bytes)
print(f"lines stay whole: {', '.join(peers)}")

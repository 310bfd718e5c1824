# SPDX-License-Identifier: BSD-2-Clause
"""cache_lines.py  The 64-byte lines of a connection's own memory that an echoed line touches in user space, counted exactly.

With thousands of connections each of these lines has left the cache before the same one asks again, so they are what a request
costs more than with a few. The ceiling is 1.15 times the 14 that were measured in the build made for tests (gcc 12, -O1, asserts
on), all of them in one page: six of the parked frames, six of the connection, two of the task. What is shipped has as many. What
the loop touches for each of them, its own state and tables, libev's and libc's, is printed beside it.
"""
import contextlib
import os
import socket
import sys
import tempfile

import _count
import _lines
from _count import _peer

_count.need_valgrind()

CONNECTIONS = 7                 # a prime: steps of 1 to 6 are as many orders, and in each another one comes before
WARM, ROUNDS = 2, 12
CEILING = 16


def ask(callers, order, greeting=b""):
    for number in order:
        callers[number].sendall(greeting + _count.LINE)
        if _count.receive(callers[number], len(_count.LINE)) != _count.LINE:
            sys.exit("another line came back")


def talk(port):
    with contextlib.ExitStack() as open_ones:
        callers = [open_ones.enter_context(socket.create_connection(("127.0.0.1", port), timeout=_peer.PATIENCE))
                   for _ in range(CONNECTIONS)]
        ask(callers, range(CONNECTIONS), b"echo\n")
        for turn in range(WARM + ROUNDS):
            step = turn % (CONNECTIONS - 1) + 1
            ask(callers, [(turn + i * step) % CONNECTIONS for i in range(CONNECTIONS)])


library = os.path.realpath(os.path.join(os.environ["WEIR_BUILD_DIR"], "libweir.so"))
with tempfile.TemporaryDirectory() as folder:
    log = os.path.join(folder, "trace")
    with _peer.Server(1, ["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-file={log}"]) as server:
        begin = _lines.place_of("weir_reader_readline", library, server.pid())
        talk(server.port)
    with open(log, encoding="ascii", errors="replace") as trace:
        owners, segments = _lines.steady(_lines.segments_of(trace, begin), CONNECTIONS, ROUNDS)

own = _lines.owned(owners, segments)
lines, (least, most), loops, instructions, code = _lines.report_of(segments, own)
print(f"{lines} lines of a connection's own ({least} to {most}) for an echoed line, ceiling {CEILING}; with the loop's "
      f"{lines + loops}; {code} of code, {instructions:.0f} instructions")
print("\n".join(_lines.pages_of(own)))
if lines > CEILING:
    sys.exit("more than the ceiling")

# SPDX-License-Identifier: BSD-2-Clause
"""_count.py  What a request costs: the difference between a long and a short conversation, so that the start cancels out.

A conversation is a function serve(wrapper, requests, batch): it starts a server by the words of @wrapper, asks it, and
ends it. That of the line echo is here, that of a page in _page.py.
"""
import collections
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["WEIR_SOURCE_DIR"], "tests", "interop"))
import _peer                                        # noqa: E402

SHORT, LONG = 50, 550
RECEIVES, SENDS = ("recvfrom", "recvmsg"), ("sendto", "sendmsg")        # as the kernel calls them
LINE = b"x" * 63 + b"\n"
ALLOCATOR = re.compile(r"(je_)?(malloc|calloc|realloc|reallocarray|aligned_alloc|memalign|posix_memalign|[mr]allocx)")
TIMER = re.compile(r"ev_timer_(start|stop|again)")      # what touches libev's heap


# --- Conversations ---------------------------------------------------------

def receive(client, size):
    """Exactly so many bytes, or what came before the end. (MSG_WAITALL does not wait on a socket with a timeout.)"""
    got = b""
    while len(got) < size:
        more = client.recv(size - len(got))
        if not more:
            break
        got += more
    return got


def talk(port, requests, batch=1):
    """So many requests of @batch lines each over one connection, one after the other."""
    with socket.create_connection(("127.0.0.1", port), timeout=_peer.PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        greeting = b"echo\n"                        # in one piece with the first request: one receive, however it is timed
        for _ in range(requests):
            client.sendall(greeting + LINE * batch)
            greeting = b""
            if receive(client, len(LINE) * batch) != LINE * batch:
                sys.exit("another line came back")


def serve_lines(wrapper, requests, batch=1):
    with _peer.Server(1, wrapper) as server:
        talk(server.port, requests, batch)


def per_request(count, serve, batch):
    """By name, what a request takes of what @count counts; what is 0 is left out."""
    difference = count(serve, LONG, batch)
    difference.subtract(count(serve, SHORT, batch))
    return {name: number / (LONG - SHORT) for name, number in difference.items() if number != 0}


# --- System calls ----------------------------------------------------------

def need_strace():
    if shutil.which("strace") is None or \
            subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode != 0:
        print("strace is not here, or may not trace")
        sys.exit(77)


def system_calls(serve, requests, batch):
    """Of the thread that receives, from its first receive to its last send: how lines of a log are told and written before and
    after that depends on what else the machine does."""
    threads = collections.defaultdict(list)
    with tempfile.NamedTemporaryFile("r") as log:
        serve(["strace", "-f", "-q", "-o", log.name], requests, batch)
        for line in log:
            found = re.match(r"(\d+) +(\w+)\(", line)
            if found:
                threads[found[1]].append(found[2])
    calls = max(threads.values(), key=lambda names: sum(name in RECEIVES for name in names))
    first = next(place for place, name in enumerate(calls) if name in RECEIVES)
    last = max(place for place, name in enumerate(calls) if name in SENDS)
    return collections.Counter(calls[first:last + 1])


def check_system_calls(serve, batch, what):
    """One wait, one receive and one send for a batch, or the end of the test."""
    costs = per_request(system_calls, serve, batch)
    print(f"{batch} {what} at a time:", ", ".join(f"{name} {cost:.3f}" for name, cost in sorted(costs.items())))
    waits = sum(costs.pop(name, 0) for name in ["epoll_wait", "epoll_pwait", "epoll_pwait2"])
    receives = sum(costs.pop(name, 0) for name in RECEIVES)
    sends = sum(costs.pop(name, 0) for name in SENDS)
    if any(costs.get(name, 0) != 0 for name in ["epoll_ctl", "mmap", "brk"]):
        sys.exit("a request registers a descriptor or takes memory")
    # A peer that is held up is waited for more than once: an odd call in 500 requests is not the requests'.
    if waits > 1.01 or receives != 1 or sends != 1:
        sys.exit("a request costs more than one wait, one receive and one send")
    if any(abs(cost) > 0.01 for cost in costs.values()):
        sys.exit(f"a request makes other calls: {costs}")


# --- Instructions ----------------------------------------------------------

def need_valgrind():
    if shutil.which("valgrind") is None:
        print("valgrind is not here")
        sys.exit(77)


def read_callgrind(lines):
    """Of a profile: all instructions, and all calls of the allocator and of libev's timers. Names are written once, and
    numbered."""
    counts, names, callee = collections.Counter(), {}, None
    for line in lines:
        if line.startswith(("summary:", "totals:")):
            counts["instructions"] = int(line.split()[1])
        elif line.startswith(("fn=", "cfn=")):
            number, name = re.match(r"c?fn=\((\d+)\)(?: (\S+))?", line).groups()
            if name is not None:
                names[number] = name
            callee = names[number]
        elif line.startswith("calls="):
            name = callee.split("'")[0].split("@")[0]
            for what, pattern in (("allocations", ALLOCATOR), ("timers", TIMER)):
                if pattern.fullmatch(name):
                    counts[what] += int(line[len("calls="):].split()[0])
    return counts


def callgrind(serve, requests, batch):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "callgrind")
        serve(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"], requests, batch)
        with open(out, encoding="ascii", errors="replace") as lines:
            counts = read_callgrind(lines)
    if counts["allocations"] == 0:
        sys.exit("no allocation was seen, though every start has some: the counting is broken")
    return counts


def check_instructions(serve, batch, what, ceiling):
    """No allocation, and no more instructions than @ceiling for each of a batch, or the end of the test."""
    costs = per_request(callgrind, serve, batch)
    cost = costs["instructions"] / batch
    print(f"{cost:.0f} instructions for {what}, {batch} at a time, ceiling {ceiling}; "
          f"{costs.get('allocations', 0):.3f} allocations")
    if cost > ceiling:
        sys.exit("more than the ceiling")
    if abs(costs.get("allocations", 0)) > 0.01:
        sys.exit("a request allocates")

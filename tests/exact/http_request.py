# SPDX-License-Identifier: BSD-2-Clause
"""http_request.py  What a page costs by the http plugin in the program: system calls by strace, allocations by valgrind.

In steady state a request is one receive and one send, sixteen pipelined ones are too, and none of them allocates or touches
epoll's set. The difference between a long and a short conversation, so that the start cancels out.
"""
import collections
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

BUILD = os.environ["WEIR_BUILD_DIR"]
SHORT, LONG = 50, 550
PATIENCE = 120                                      # seconds; only a test that fails takes them
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

CONFIG = f"""
workers = 1;
pin = false;
servers = ({{ name = "web"; listen = [ "127.0.0.1:0" ]; handler = "{BUILD}/plugins/http.so"; options = {{ page = "hello"; }}; }});
"""


def talk(port, requests, batch):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(REQUEST)
        answer = client.recv(4096)
        for _ in range(requests):
            client.sendall(REQUEST * batch)
            if len(client.recv(len(answer) * batch, socket.MSG_WAITALL)) != len(answer) * batch:
                sys.exit("an answer was cut short")


def serve(wrapper, requests, batch):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weir.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG)
        process = subprocess.Popen([*wrapper, os.path.join(BUILD, "weir"), "run", "-c", path], stderr=subprocess.PIPE, text=True)
        port = None
        for line in process.stderr:
            if found := re.search(r"listening .*address=127\.0\.0\.1:(\d+)", line):
                port = int(found[1])
            if " ready " in line:
                break
        else:
            sys.exit("the program did not start")
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
            found = children.read().split()
        program = int(found[0]) if found else process.pid     # it may be a tracer's child
        try:
            talk(port, requests, batch)
        finally:
            os.kill(program, signal.SIGTERM)
            process.communicate(timeout=PATIENCE)
        if process.returncode != 0:
            sys.exit(f"the program ended with {process.returncode}")


def can_trace():
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


def calls(requests, batch):
    counts = collections.Counter()
    with tempfile.NamedTemporaryFile("r") as log:
        serve(["strace", "-f", "-q", "-o", log.name], requests, batch)
        for line in log:
            if found := re.match(r"\d+ +(\w+)\(", line):
                counts[found[1]] += 1
    return counts


def allocations(requests, batch):
    with tempfile.NamedTemporaryFile("r") as log:
        serve(["valgrind", f"--log-file={log.name}", "--soname-synonyms=somalloc=*jemalloc*", "--undef-value-errors=no"],
              requests, batch)
        found = re.search(r"total heap usage: ([\d,]+) allocs", log.read())
    return int(found[1].replace(",", "")) if found else sys.exit("valgrind says nothing of a heap")


def check_calls(batch):
    difference = calls(LONG, batch)
    difference.subtract(calls(SHORT, batch))
    for name, expected in (("recvfrom", LONG - SHORT), ("sendto", LONG - SHORT), ("epoll_ctl", 0)):
        if difference[name] != expected:
            sys.exit(f"{name}: {difference[name]} more for {LONG - SHORT} more batches of {batch}, not {expected}")
    print(f"{batch} in a batch: one receive and one send, {difference['epoll_wait'] / (LONG - SHORT):.2f} waits")


def check_allocations(batch):
    more = allocations(LONG, batch) - allocations(SHORT, batch)
    # The start and the end differ by a few from run to run; one each time would be hundreds.
    if more > (LONG - SHORT) // 10:
        sys.exit(f"{more} allocations more for {LONG - SHORT} more batches of {batch}")
    print(f"{batch} in a batch: {more} allocations more in all")


if not os.path.exists(os.path.join(BUILD, "plugins", "http.so")):
    print("the http plugin is not built: llhttp's sources are not here")
    sys.exit(77)
tools = 0
if can_trace():
    tools += 1
    for size in (1, 16):
        check_calls(size)
if shutil.which("valgrind") is not None:
    tools += 1
    check_allocations(1)
    check_allocations(16)
if tools == 0:
    print("neither strace nor valgrind is here")
    sys.exit(77)

# SPDX-License-Identifier: BSD-2-Clause
"""_page.py  A conversation for _count: the weir program, one worker, and the page of its http plugin."""
import os
import signal
import socket
import sys
import tempfile

import _count

sys.path.insert(0, os.path.join(os.environ["WEIR_SOURCE_DIR"], "tests", "program"))
import _weir                                        # noqa: E402

PLUGIN = os.path.join(_weir.BUILD, "plugins", "http.so")
CONFIG = '''
workers = 1;
servers = ( { name = "page"; listen = [ "127.0.0.1:0" ]; handler = "http"; options = { page = "Hello, World!"; }; } );
'''
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: exact\r\nAccept: */*\r\n\r\n"

if not os.path.exists(PLUGIN):
    print("the http plugin is not built here")
    sys.exit(77)


def is_page(answer):
    return answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\nHello, World!")


def length_of_answer(client):
    """Of all answers, because a date is always as long."""
    answer = b""
    client.sendall(GET)
    while not is_page(answer):
        more = client.recv(4096)
        if not more:
            sys.exit(f"no page, but {answer!r}")
        answer += more
    return len(answer)


def talk(client, requests, batch):
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    size = length_of_answer(client)
    for _ in range(requests):
        client.sendall(GET * batch)
        answers = _count.receive(client, size * batch)
        if not all(is_page(answers[at:at + size]) for at in range(0, size * batch, size)):
            sys.exit(f"other answers than pages: {answers!r}")


def pid(weir):
    """Of the program itself, which is the wrapper's child or has taken its place."""
    number = weir.process.pid
    with open(f"/proc/{number}/task/{number}/children", encoding="ascii") as children:
        found = children.read().split()
    return int(found[0]) if found else number


def serve_pages(wrapper, requests, batch=1):
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "page.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG)
        weir = _weir.Weir(["run", "-c", config], folder, wrapper=wrapper)
        try:
            with weir.connect("page") as client:
                talk(client, requests, batch)
            os.kill(pid(weir), signal.SIGTERM)
            status = weir.wait()
        finally:
            if weir.process.poll() is None:         # a tracer that is killed lets go of the program: that one first
                os.kill(pid(weir), signal.SIGKILL)
                weir.wait()
        if status != 0:
            sys.exit(f"the program ended with {status}:\n{weir.output}")

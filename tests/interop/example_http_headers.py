# SPDX-License-Identifier: BSD-2-Clause
"""example_http_headers.py  examples/http_headers: what it asks for, what it prints, and which URLs it refuses."""
import socket
import threading

from _example import expect, run

ANSWER = b"HTTP/1.1 200 OK\r\nServer: x\r\n folded\nEmpty:\r\n\r\nbody"
LINES = "HTTP header> HTTP/1.1 200 OK\nHTTP header> Server: x\nHTTP header>  folded\nHTTP header> Empty:\nHTTP header> body\n"


def serve(listener, asked, answer):
    caller, _ = listener.accept()
    with caller, caller.makefile("rb") as lines:
        asked += iter(lines.readline, b"\r\n")
        caller.sendall(answer)


def ask(rest, answer=ANSWER, host="127.0.0.1"):
    """What the server was asked with "http://HOST:PORT" and @rest, and what the program said."""
    family = socket.AF_INET6 if host == "[::1]" else socket.AF_INET
    with socket.create_server((host.strip("[]"), 0), family=family) as listener:
        asked = []
        server = threading.Thread(target=serve, args=(listener, asked, answer), daemon=True)
        server.start()
        said = run("http_headers", f"http://{host}:{listener.getsockname()[1]}{rest}")
        server.join()
        return asked, said


for rest, path in (("", b"/"), ("/", b"/"), ("/a/b.html?c=d&e", b"/a/b.html?c=d&e")):
    expect(rest, ask(rest), ([b"HEAD " + path + b" HTTP/1.0\r\n", b"Host: 127.0.0.1\r\n"], (LINES, "", 0)))
expect("a name", ask("/", b"HTTP/1.0 404 Not Found\r\n", "localhost")[1], ("HTTP header> HTTP/1.0 404 Not Found\n", "", 0))
try:
    expect("IPv6", ask("/", host="[::1]")[1], (LINES, "", 0))
except OSError:
    print("there is no IPv6 here")

out, err, status = ask("/", b"x" * 100000)[1]
expect("a line of 100,000 bytes", (out, bool(err), status), ("", True, 1))

expect("https", run("http_headers", "https://localhost/"), ("", "http_headers: https needs TLS, which is not there yet\n", 1))
for url in ((), ("ftp://localhost/",), ("http://",), ("http:///",), ("http://localhost:0/",), ("http://localhost:65536/",),
            ("http://localhost:x/",), ("http://localhost/a b",), ("http://localhost/\r\nX: y",), ("http://u@localhost/",),
            ("http://[::1/",), ("http://" + "h" * 300,), ("http://localhost/", "/b")):
    expect(url, run("http_headers", *url), ("", "Usage: http_headers http://HOST[:PORT][/PATH]\n", 2))

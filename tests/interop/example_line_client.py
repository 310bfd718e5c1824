# SPDX-License-Identifier: BSD-2-Clause
"""example_line_client.py  examples/line_client: typed and piped input, a file, a server that ends first, one that does not read."""
import os
import socket
import subprocess
import tempfile

from _example import PATIENCE, Running, expect, path, run

MOST = 256 * 1024 * 1024        # bytes: far more than any socket buffers


def server():
    return socket.create_server(("127.0.0.1", 0))


def lines_in_turn(listener, port):
    """Each line goes out when it was typed, and each reply is printed when it came."""
    with Running("line_client", "localhost", port) as client:
        far, _ = listener.accept()
        with far, far.makefile("rb") as received:
            for count in range(100):
                client.process.stdin.write(b"line %d\n" % count)
                client.process.stdin.flush()
                expect("it sent", received.readline(), b"line %d\n" % count)
                far.sendall(b"reply %d\n" % count)
                expect("it printed", client.line(), f"reply {count}")
            client.process.stdin.close()
            expect("the end of what is typed is the end of what is sent", received.readline(), b"")
            far.sendall(b"and one more\nwithout an end")
        expect("after that", client.line(), "and one more")
        client.ends()
        expect("the rest", client.unread + client.process.stdout.read(), b"without an end")


def the_server_ends_first(listener, port):
    with Running("line_client", "localhost", port) as client:
        far, _ = listener.accept()
        far.sendall(b"bye\n")
        far.close()
        expect("its words", client.line(), "bye")
        client.ends()                               # though its input is open


def a_file(listener, port):
    """A file cannot be watched, and need not be."""
    text = bytes(i % 251 for i in range(1000000))
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.seek(0)
        client = subprocess.Popen([path("line_client"), "localhost", str(port)], stdin=file)
        far, _ = listener.accept()
        with far, far.makefile("rb") as received:
            expect("all of it", received.read() == text, True)
    expect("its end", client.wait(PATIENCE), 0)


def a_server_that_does_not_read(listener, port):
    """What is typed stays in the pipe then: writing to it would block."""
    with Running("line_client", "localhost", port) as client:
        far, _ = listener.accept()
        pipe = client.process.stdin.fileno()
        os.set_blocking(pipe, False)
        written = 0
        piece = bytes(range(1, 251)) * 16
        idle = 0
        while idle < 10:                            # full, and nothing was taken in so many turns of its loop
            try:
                written += os.write(pipe, piece)
                idle = 0
                expect("it does not read what it cannot send", written < MOST, True)
            except BlockingIOError:
                idle += 1
                far.sendall(b"still there\n")       # printed in a turn of its loop, in which it would take something too
                expect("it lives", client.line(), "still there")
        os.set_blocking(pipe, True)
        client.process.stdin.close()
        received = 0
        while more := far.recv(65536):
            received += len(more)
        expect("not a byte is lost", received, written)
        far.close()
        client.ends()


with server() as listening:
    place = listening.getsockname()[1]
    lines_in_turn(listening, place)
    the_server_ends_first(listening, place)
    a_file(listening, place)
    a_server_that_does_not_read(listening, place)
out, err, status = run("line_client", "localhost", place)
expect("nobody there", (out, "Connection refused" in err, status), ("", True, 1))
expect("no words", run("line_client"), ("", "line_client: Invalid argument: say HOST PORT\n", 1))

# SPDX-License-Identifier: BSD-2-Clause
"""example_chat.py  examples/chat: names, what the others see, who does not read is dropped and nobody else; line_client in it."""
import socket
import sys

from _example import PATIENCE, Running, expect

MOST = 256 * 1024 * 1024        # bytes until somebody who does not read has to be gone: far more than any socket buffers


class Guest:
    """One who is in the room."""

    def __init__(self, port, name, answer, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.lines = self.socket.makefile("rb")
        expect("a greeting", self.lines.readline(), b"Your name?\n")
        self.say(name)
        expect("an answer", self.lines.readline().decode(), answer + "\n")      # from now on the others are heard

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def hears(self, *lines):
        for line in lines:
            expect("heard", self.lines.readline().decode(), line + "\n")

    def goes(self):
        self.lines.close()
        self.socket.close()


def conversation(port):
    ada = Guest(port, "ada", "Welcome, ada.")
    bob = Guest(port, "bob\r", "Welcome, bob.")
    ada.hears("* bob comes")
    cyd = Guest(port, "a name of more than 20 bytes", "Welcome, a name of more than .")
    ada.hears("* a name of more than  comes")
    bob.hears("* a name of more than  comes")
    bob.say("hello\r")
    bob.say("")
    bob.say("größer \x1b[2J%s")                     # nothing that a terminal would obey, and no format
    for guest in (ada, cyd):
        guest.hears("bob: hello", "bob: ", "bob: größer [2J%s")
    second = Guest(port, "bob", "bob is here already.")
    expect("the name was taken", second.lines.readline(), b"")
    second.goes()
    cyd.socket.shutdown(socket.SHUT_WR)
    expect("one who goes", cyd.lines.readline(), b"")
    cyd.goes()
    bob.hears("* a name of more than  goes")
    bob.say("x" * 2000)                             # over the limit of a line: he is out
    ada.hears("* a name of more than  goes", "* bob goes")
    bob.goes()
    bob = Guest(port, "bob", "Welcome, bob.")       # and may come again
    ada.hears("* bob comes")
    bob.goes()
    ada.hears("* bob goes")
    ada.goes()


def who_does_not_read(port):
    slow = Guest(port, "slow", "Welcome, slow.", receive_buffer=4096)
    other = Guest(port, "other", "Welcome, other.")
    slow.hears("* other comes")
    talker = Guest(port, "talker", "Welcome, talker.")
    other.hears("* talker comes")
    line, sent, dropped = "x" * 1000, 0, False
    while not dropped:
        talker.say(line)
        heard = other.lines.readline()              # so that the other one is never behind
        if heard == b"* slow is too slow\n":
            dropped, heard = True, other.lines.readline()
        expect("the other one heard", heard.decode(), "talker: " + line + "\n")
        sent += len(line)
        if sent > MOST:
            sys.exit("who does not read is never dropped")
    talker.hears("* slow is too slow")
    talker.say("the others are here")
    other.hears("talker: the others are here")
    for guest in (slow, other, talker):
        guest.goes()


def line_clients(port):
    with Running("line_client", "127.0.0.1", port) as ada, Running("line_client", "127.0.0.1", port) as bob:
        def say(client, text):
            client.process.stdin.write(text)
            client.process.stdin.flush()

        expect("ada is asked", ada.line(), "Your name?")
        say(ada, b"ada\n")
        expect("ada is in", ada.line(), "Welcome, ada.")
        expect("bob is asked", bob.line(), "Your name?")
        say(bob, b"bob\nhello\n")
        expect("bob is in", bob.line(), "Welcome, bob.")
        expect("ada hears", [ada.line(), ada.line()], ["* bob comes", "bob: hello"])
        say(ada, b"hello yourself\n")
        expect("bob hears", bob.line(), "ada: hello yourself")
        bob.process.stdin.close()                   # the end of what is typed ends him
        bob.ends()
        expect("ada hears", ada.line(), "* bob goes")
        ada.process.stdin.close()
        ada.ends()


with Running("chat", 0) as chat:
    room = chat.port()
    conversation(room)
    who_does_not_read(room)
    line_clients(room)
    idle = Guest(room, "idle", "Welcome, idle.")
    chat.stop()
    expect("Ctrl-C closes the room", idle.lines.readline(), b"")
    idle.goes()

# SPDX-License-Identifier: BSD-2-Clause
"""example_echo_streams.py  asyncio's echo client and echo servers by streams, in weir, with each other and with asyncio's own."""
import asyncio
import socket

from _example import PATIENCE, Running, expect, run

SAID = "Send: 'Hello World!'\nReceived: 'Hello World!'\nClose the connection\n"


async def echo_once(reader, writer):
    """The handler of asyncio's documentation."""
    writer.write(await reader.read(100))
    await writer.drain()
    writer.close()


async def client_of_weir(port, message):
    """The client of asyncio's documentation."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(message)
    answer = await reader.read(100)
    expect("after the answer", await reader.read(), b"")
    writer.close()
    await writer.wait_closed()
    return answer


async def our_client_and_asyncios_server():
    server = await asyncio.start_server(echo_once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        expect("the client, with asyncio", await asyncio.to_thread(run, "echo_client", "Hello World!", port), (SAID, "", 0))


def a_client_that_ends_at_once():
    """A server that ends without an answer gives an empty one; nobody there is an error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with Running("echo_client", "abc", port) as client:
            far, _ = listener.accept()
            expect("what it sent", far.recv(3, socket.MSG_WAITALL), b"abc")
            far.close()
            expect("an empty answer", [client.line(), client.line()], ["Send: 'abc'", "Received: ''"])
            client.ends()
    out, err, status = run("echo_client", "abc", port)
    expect("nobody there", (out, "Connection refused" in err, status), ("", True, 1))


def serving(name, closes_clients):
    """@name says where it serves, serves clients of both kinds, and ends with Ctrl-C, though a client is silent."""
    with Running(name, 0) as server:
        port = server.port()
        expect(f"{name}, our client", run("echo_client", "Hello World!", port), (SAID, "", 0))
        expect(f"{name} says", server.line().split(",")[0].split(" from")[0], "Received 'Hello World!'")
        for message in (b"x", b"y" * 100):
            expect(f"{name}, asyncio", asyncio.run(asyncio.wait_for(client_of_weir(port, message), PATIENCE)), message)
        taken, complaint, status = run(name, port)
        expect(f"{name} twice", (taken, "in use" in complaint, status), ("", True, 1))
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as silent:
            expect("one who came later", run("echo_client", "Hello World!", port), (SAID, "", 0))       # so this one is in
            if closes_clients:
                server.stop()
                expect(f"{name}, a silent client", silent.recv(1), b"")
        if not closes_clients:                      # it waits for its clients, and this one has left
            server.stop()


asyncio.run(asyncio.wait_for(our_client_and_asyncios_server(), PATIENCE))
a_client_that_ends_at_once()
serving("echo_server", True)
serving("echo_server_loop", False)

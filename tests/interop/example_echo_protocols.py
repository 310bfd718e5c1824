# SPDX-License-Identifier: BSD-2-Clause
"""example_echo_protocols.py  asyncio's echo client and server as protocols, in weir, with each other and with asyncio's own."""
import asyncio
import signal
import socket

from _example import PATIENCE, Running, expect, run

SAID = "Data sent: 'Hello World!'\nData received: 'Hello World!'\nThe server closed the connection: success\n"


class EchoServer(asyncio.Protocol):
    """The server of asyncio's documentation."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)
        self.transport.close()


class EchoClient(asyncio.Protocol):
    """The client of asyncio's documentation."""

    def __init__(self, message, done):
        self.message, self.done, self.answer = message, done, b""

    def connection_made(self, transport):
        transport.write(self.message)

    def data_received(self, data):
        self.answer += data

    def connection_lost(self, exc):
        self.done.set_result((self.answer, exc))


async def our_client():
    server = await asyncio.get_running_loop().create_server(EchoServer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        expect("with asyncio", await asyncio.to_thread(run, "echo_client_protocol", "Hello World!", port), (SAID, "", 0))


async def asyncios_client(port, message):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    await loop.create_connection(lambda: EchoClient(message, done), "127.0.0.1", port)
    return await done


asyncio.run(asyncio.wait_for(our_client(), PATIENCE))
with Running("echo_server_protocol", 0) as server:
    port = server.port()
    expect("both ours", run("echo_client_protocol", "Hello World!", port), (SAID, "", 0))
    expect("it says", [server.line().split(":")[0], server.line(), server.line()],
           ["Connection from 127.0.0.1", "Data received: 'Hello World!'", "Send, and close the client's socket"])
    for message in (b"x", b"y" * 1000):
        expect("asyncio", asyncio.run(asyncio.wait_for(asyncios_client(port, message), PATIENCE)), (message, None))
    with socket.create_connection(("127.0.0.1", port)):
        pass                                        # one that says nothing and leaves
    expect("after it", run("echo_client_protocol", "Hello World!", port), (SAID, "", 0))
    out, err, status = run("echo_server_protocol", port)
    expect("twice", (out, "in use" in err, status), ("", True, 1))
    server.stop(signal.SIGTERM, -signal.SIGTERM)
out, err, status = run("echo_client_protocol", "abc", port)
expect("nobody there", (out, "Connection refused" in err, status), ("", True, 1))

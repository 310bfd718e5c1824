# SPDX-License-Identifier: BSD-2-Clause
"""asyncio_peer.py  Python's asyncio at the other end, as client and as server, with the same scripts.

Each script gets a reader and a writer of asyncio and says in its first line what weir's side does (programs/peer.c).
"""
import asyncio
import socket
import struct
import sys

import _peer

MIB = 1024 * 1024


def check(true, what):
    if not true:
        raise AssertionError(what)


async def lines(reader, writer):
    writer.write(b"echo\n")
    for text in [b"one\n", b"\n", b"x" * 60000 + b"\n", "größer\n".encode()]:
        writer.write(text)
        await writer.drain()
        check(await reader.readline() == text, f"{text[:20]!r} did not come back")


async def half_close(reader, writer):
    """The end of our output is not the end of the connection: what follows still comes."""
    writer.write(b"echo\nlast line\nno newline")
    writer.write_eof()
    check(await reader.read() == b"last line\nno newline" + b"bye\n", "not everything came after the half-close")


async def pipelined(reader, writer):
    batch = b"".join(b"line %d\n" % i for i in range(1000))
    writer.write(b"echo\n" + batch)
    check(await reader.readexactly(len(batch)) == batch, "1000 lines in one piece")


async def slow_writer(reader, writer):
    """One byte at a time; nothing but whole lines comes back."""
    writer.write(b"echo\n")
    for text in [b"drip\n", b"drop\n"]:
        for i in range(len(text)):
            writer.write(text[i:i + 1])
            await writer.drain()
            await asyncio.sleep(0)
        check(await reader.readline() == text, f"{text!r} in single bytes")


async def slow_reader(reader, writer):
    """We take small bites; weir's task waits for us and nothing is lost."""
    writer.write(b"source %d\n" % (8 * MIB))
    at = 0
    while at < 8 * MIB:
        piece = await reader.read(7000)
        check(piece and piece == _peer.pattern(at, len(piece)), f"wrong bytes after {at}")
        at += len(piece)
        await asyncio.sleep(0)


async def both_ways(reader, writer):
    total = 64 * MIB
    writer.write(b"both %d\n" % total)

    async def send():
        for at in range(0, total, 65521 * 4):
            writer.write(_peer.pattern(at, min(65521 * 4, total - at)))
            await writer.drain()

    sending = asyncio.ensure_future(send())
    at = 0
    while at < total:
        piece = await reader.read(min(MIB, total - at))
        check(piece and piece == _peer.pattern(at, len(piece)), f"wrong bytes after {at}")
        at += len(piece)
    await sending
    check(await reader.readline() == b"ok\n", "weir's side got other bytes than were sent")


async def reset(reader, writer):
    """A connection that is cut off hard, in the middle of a line."""
    writer.write(b"echo\nhello\nhalf a li")
    check(await reader.readline() == b"hello\n", "no answer before the reset")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def end(writer):
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionResetError:
        pass


# --- Both roles ---------------------------------------------------------------------------------------------------------

async def as_client(script, count):
    """weir serves, on two workers."""
    async def one(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await script(reader, writer)
        await end(writer)

    with _peer.Server(2) as server:
        await asyncio.gather(*[one(server.port) for _ in range(count)])
        await one(server.port) if script is not both_ways else None     # and it serves on afterwards


async def as_server(script, count):
    """weir connects."""
    results = []

    async def one(reader, writer):
        try:
            await script(reader, writer)
            results.append(None)
        except Exception as failure:                # told in the end: asyncio would only log it
            results.append(failure)
        await end(writer)

    server = await asyncio.start_server(one, "127.0.0.1", 0, backlog=1000)
    port = server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(_peer.PEER, "connect", str(port), str(count),
                                                   stderr=asyncio.subprocess.PIPE)
    _, errors = await process.communicate()
    while len(results) < count and process.returncode == 0:
        await asyncio.sleep(0)                      # our own side ends its last lines
    server.close()
    for failure in results:
        if failure is not None:
            raise failure
    if script is reset:
        check(process.returncode == 1 and b"reset" in errors.lower(), f"a reset gave {errors!r}")
    else:
        check(process.returncode == 0, errors.decode())


async def main():
    for script, count in [(lines, 1), (lines, 300), (half_close, 5), (pipelined, 5), (slow_writer, 5), (slow_reader, 2),
                          (both_ways, 1), (reset, 1)]:
        for role in [as_client, as_server]:
            try:
                await asyncio.wait_for(role(script, count), _peer.PATIENCE)
            except (AssertionError, OSError, EOFError, asyncio.TimeoutError) as failure:
                sys.exit(f"{script.__name__}, {count} times, {role.__name__}: {failure!r}")
            print(f"{script.__name__}, {count} times, {role.__name__}: good")


asyncio.run(main())

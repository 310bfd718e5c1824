# SPDX-License-Identifier: BSD-2-Clause
"""asyncio_peer.py  Python's asyncio at the other end, as client and as server, with the same scripts; over TCP and Unix sockets.

Each script gets a reader and a writer of asyncio, says in its first line what weir's side does (programs/peer.c), and may ask for
one more connection to the same loop.
"""
import asyncio
import os
import socket
import struct
import sys
import tempfile

import _peer

MIB = 1024 * 1024


def check(true, what):
    if not true:
        raise AssertionError(what)


async def lines(reader, writer, another):
    writer.write(b"echo\n")
    for text in [b"one\n", b"\n", b"x" * 60000 + b"\n", "größer\n".encode()]:
        writer.write(text)
        await writer.drain()
        check(await reader.readline() == text, f"{text[:20]!r} did not come back")


async def half_close(reader, writer, another):
    """The end of our output is not the end of the connection: what follows still comes."""
    writer.write(b"echo\nlast line\nno newline")
    writer.write_eof()
    check(await reader.read() == b"last line\nno newline" + b"bye\n", "not everything came after the half-close")


async def pipelined(reader, writer, another):
    batch = b"".join(b"line %d\n" % i for i in range(1000))
    writer.write(b"echo\n" + batch)
    check(await reader.readexactly(len(batch)) == batch, "1000 lines in one piece")


async def slow_writer(reader, writer, another):
    """One byte at a time; nothing but whole lines comes back."""
    writer.write(b"echo\n")
    for text in [b"drip\n", b"drop\n"]:
        for i in range(len(text)):
            writer.write(text[i:i + 1])
            await writer.drain()
            await asyncio.sleep(0)
        check(await reader.readline() == text, f"{text!r} in single bytes")


async def slow_reader(reader, writer, another):
    """We take small bites; weir's task waits for us and nothing is lost."""
    writer.write(b"source %d\n" % (8 * MIB))
    at = 0
    while at < 8 * MIB:
        piece = await reader.read(7000)
        check(piece and piece == _peer.pattern(at, len(piece)), f"wrong bytes after {at}")
        at += len(piece)
        await asyncio.sleep(0)


async def both_ways(reader, writer, another):
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


async def reset(reader, writer, another):
    """A connection that is cut off hard, in the middle of a line."""
    writer.write(b"echo\nhello\nhalf a li")
    check(await reader.readline() == b"hello\n", "no answer before the reset")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


# --- weir's side is the one that ends, or is slow -------------------------------------------------------------------------

async def weir_half_closes(reader, writer, another):
    """The end of weir's output is not the end of its input: it counts what still comes."""
    writer.write(b"finish\n")
    check(await reader.read() == b"last words\n", "weir did not end its output")
    writer.write(b"12345")
    await writer.drain()
    writer.write(b"678")
    writer.write_eof()


async def weir_resets(reader, writer, another):
    writer.write(b"drop\n")
    try:
        check(False, f"a reset came as {await reader.read()!r}")
    except ConnectionResetError:
        pass


async def weir_drips(reader, writer, another):
    """Single bytes, each sent by itself; asyncio's reads put them together."""
    writer.write(b"drip 3000\n")
    at = 0
    for n in [1, 999, 2000]:
        check(await reader.readexactly(n) == _peer.pattern(at, n), f"wrong bytes after {at}")
        at += n
    check(await reader.read() == b"", "more than was asked for")


async def weir_holds(reader, writer, another):
    """weir does not read, so asyncio's writer has to wait; it goes on when weir does, and not a byte is lost."""
    total = 64 * MIB
    writer.write(b"hold %d\n" % total)
    for at in range(0, total, 65521 * 16):
        writer.write(_peer.pattern(at, min(65521 * 16, total - at)))
    waiting = asyncio.ensure_future(writer.drain())
    for _ in range(100):                            # turns of our loop, in each of which the kernel takes what it can
        await asyncio.sleep(0)
    check(not waiting.done(), "somebody reads 64 MiB ahead")
    _, second = await another()
    second.write(b"go\n")
    await waiting
    check(await reader.readline() == b"ok\n", "weir's side got other bytes than were sent")
    await end(second)


async def end(writer):
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionResetError:
        pass


# --- Both roles ---------------------------------------------------------------------------------------------------------

PRINTS = {weir_half_closes: "after its own end: 8 bytes\n"}        # once for each connection
RESETS = {reset, weir_resets}                       # what a Unix socket does not have
CONNECTIONS = {weir_holds: 2}                       # as many as one run of the script takes


def check_output(script, count, output):
    check(output == PRINTS.get(script, "") * count, f"weir's side printed {output!r}")


async def play(script, count, connect):
    async def one():
        reader, writer = await connect()
        await script(reader, writer, connect)
        await end(writer)

    await asyncio.gather(*[one() for _ in range(count)])
    if script in (lines, reset):
        reader, writer = await connect()            # it serves on afterwards
        await lines(reader, writer, connect)
        await end(writer)


async def as_client(script, count):
    """weir serves, on two workers, or on one where connections need each other."""
    with _peer.Server(1 if script in CONNECTIONS else 2) as server:
        await play(script, count, lambda: asyncio.open_connection("127.0.0.1", server.port))
    check_output(script, count, server.output)


async def as_unix_client(script, count):
    """weir serves on a Unix socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        with _peer.Server(1, path=path):
            await play(script, count, lambda: asyncio.open_unix_connection(path))
        check(not os.path.exists(path), "the socket's file is still there")


async def as_server(script, count):
    """weir connects."""
    await serve(script, count, lambda one: asyncio.start_server(one, "127.0.0.1", 0, backlog=1000))


async def as_unix_server(script, count):
    """weir connects to a Unix socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        await serve(script, count, lambda one: asyncio.start_unix_server(one, path, backlog=1000))


async def serve(script, count, start):
    count *= CONNECTIONS.get(script, 1)
    results, others = [], asyncio.Queue()

    async def one(reader, writer):
        if CONNECTIONS.get(script, 1) > 1 and (results or playing):
            others.put_nowait((reader, writer))     # for the script, which ends it
            results.append(None)
            return
        playing.append(writer)
        try:
            await script(reader, writer, others.get)
            results.append(None)
        except Exception as failure:                # told in the end: asyncio would only log it
            results.append(failure)
        await end(writer)

    playing = []
    server = await start(one)
    name = server.sockets[0].getsockname()
    place = name if isinstance(name, str) else str(name[1])
    process = await asyncio.create_subprocess_exec(_peer.PEER, "connect", place, str(count),
                                                   stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    output, errors = await process.communicate()
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
    check_output(script, count, output.decode())


async def main():
    for script, count in [(lines, 1), (lines, 300), (half_close, 5), (pipelined, 5), (slow_writer, 5), (slow_reader, 2),
                          (both_ways, 1), (reset, 1), (weir_half_closes, 5), (weir_resets, 5), (weir_drips, 3), (weir_holds, 1)]:
        for role in [as_client, as_unix_client, as_server, as_unix_server]:
            if role in (as_unix_client, as_unix_server) and script in RESETS:
                continue
            try:
                await asyncio.wait_for(role(script, count), _peer.PATIENCE)
            except (AssertionError, OSError, EOFError, asyncio.TimeoutError) as failure:
                sys.exit(f"{script.__name__}, {count} times, {role.__name__}: {failure!r}")
            print(f"{script.__name__}, {count} times, {role.__name__}: good")


asyncio.run(main())

# SPDX-License-Identifier: BSD-2-Clause
"""protocols.py  A protocol of asyncio's and one of weir's that do the same are told the same, whoever connects.

Each scene is played by asyncio's streams at the far end, four times: against weir's protocol (programs/protocols.c) and against its
twin below, each as client and as server. What the two were told, in order, has to be equal, and to be what the scene says.
"""
import asyncio
import socket
import struct
import sys

import _peer

PROGRAM = _peer.PEER.removesuffix("peer") + "protocols"
BULK = 32 * 1024 * 1024


class Log:
    """What callbacks were called, as programs/protocols.c prints it; it and its subclasses are the twin."""

    def __init__(self, words, lost):
        self.words, self.lost, self.log, self.times, self.transport = words, lost, [], 0, None

    def connection_made(self, transport):
        self.transport = transport
        self.log.append("made")
        if "greet" in self.words:
            transport.write(b"hi")
            transport.close()
        if "bulk" in self.words:
            transport.set_write_buffer_limits(1000, 100)
            transport.write(bytes(BULK))

    def eof_received(self):
        self.log.append("end")
        if "keep" not in self.words:
            return False
        self.transport.write(b"late")
        self.transport.close()
        return True

    def pause_writing(self):
        self.log.append("paused")

    def resume_writing(self):
        self.log.append("resumed")
        self.transport.close()

    def connection_lost(self, exc):
        self.log.append(f"lost:{exc.errno if exc else 0}")
        self.lost.set_result(" ".join(self.log))


class Buffered(Log, asyncio.BufferedProtocol):
    region = bytearray(3)

    def get_buffer(self, _):
        return self.region

    def buffer_updated(self, n):
        self.log.append(f"updated:{n}")
        if "echo" in self.words:
            self.transport.write(bytes(self.region[:n]))


class Plain(Log, asyncio.Protocol):
    def data_received(self, data):
        if self.log[-1].startswith("data:"):
            self.log[-1] += data.hex()
        else:
            self.log.append("data:" + data.hex())
        if "echo" in self.words:
            self.transport.write(data)
        self.times += 1
        if self.times > 1:
            return
        if "pause" in self.words:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self.transport.resume_reading)
        if "abort" in self.words:
            self.transport.abort()
        if "finish" in self.words:
            self.transport.write(b"done")
            self.transport.write_eof()
        if "switch" in self.words:
            other = Buffered(self.words, self.lost)
            other.log, other.transport = self.log, self.transport
            self.transport.set_protocol(other)


# --- The far end ------------------------------------------------------------------------------------------------------------

def expect(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r:.200}, not {wanted!r:.200}")


async def say_and_end(reader, writer):
    writer.write(b"12345678")
    writer.write_eof()
    expect("nothing", await reader.read(), b"")


async def say_and_hear(reader, writer):
    for text in (b"abc", b"defgh"):
        writer.write(text)
        expect("an echo", await reader.readexactly(len(text)), text)
    writer.write_eof()
    expect("the end", await reader.read(), b"")


async def say_and_reset(reader, writer):
    writer.write(b"abc")
    expect("an echo", await reader.readexactly(3), b"abc")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hear(reader, writer):
    expect("a greeting", await reader.read(), b"hi")


async def hear_it_all(reader, writer):
    got = 0
    while piece := await reader.read(1 << 20):
        got += len(piece)
    expect("all", got, BULK)


async def end_and_hear(reader, writer):
    writer.write(b"x")
    writer.write_eof()
    expect("what comes after our end", await reader.read(), b"late")


async def hear_the_end_and_go_on(reader, writer):
    writer.write(b"x")
    expect("its last words", await reader.read(), b"done")
    writer.write(b"yz")
    await writer.drain()
    writer.write_eof()


async def be_dropped(reader, writer):
    writer.write(b"abc")
    expect("nothing", await reader.read(), b"")


SCENES = [                                          # the far end, the protocol's words, what it has to be told
    (say_and_end, [], "made data:3132333435363738 end lost:0"),
    (say_and_end, ["pause"], "made data:3132333435363738 end lost:0"),
    (say_and_end, ["buffered"], "made updated:3 updated:3 updated:2 end lost:0"),
    (say_and_hear, ["echo"], "made data:6162636465666768 end lost:0"),
    (say_and_hear, ["echo", "pause"], "made data:6162636465666768 end lost:0"),
    (say_and_hear, ["echo", "buffered"], "made updated:3 updated:3 updated:2 end lost:0"),
    (say_and_hear, ["echo", "switch"], "made data:616263 updated:3 updated:2 end lost:0"),
    (say_and_reset, ["echo"], "made data:616263 lost:104"),
    (say_and_reset, ["echo", "buffered"], "made updated:3 lost:104"),
    (hear, ["greet"], "made lost:0"),
    (hear_it_all, ["bulk"], "made paused resumed lost:0"),
    (end_and_hear, ["keep"], "made data:78 end lost:0"),
    (hear_the_end_and_go_on, ["finish"], "made data:78797a end lost:0"),
    (be_dropped, ["abort"], "made data:616263 lost:0"),
]


# --- Four times -------------------------------------------------------------------------------------------------------------

def far_server(scene, done):
    async def one(reader, writer):
        try:
            await scene(reader, writer)
            done.set_result(None)
        except Exception as failure:                # told by whoever waits: asyncio would only log it
            done.set_exception(failure)
        writer.close()

    return asyncio.start_server(one, "127.0.0.1", 0)


async def far_client(scene, port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await scene(reader, writer)
    writer.close()


def port_of(server):
    return server.sockets[0].getsockname()[1]


async def twin_connects(scene, words):
    loop = asyncio.get_running_loop()
    done, lost = loop.create_future(), loop.create_future()
    kind = Buffered if "buffered" in words else Plain
    async with await far_server(scene, done) as server:
        await loop.create_connection(lambda: kind(words, lost), "127.0.0.1", port_of(server))
        await done
    return await lost


async def twin_serves(scene, words):
    loop = asyncio.get_running_loop()
    lost = loop.create_future()
    kind = Buffered if "buffered" in words else Plain
    async with await loop.create_server(lambda: kind(words, lost), "127.0.0.1", 0) as server:
        await far_client(scene, port_of(server))
    return await lost


async def what_it_printed(process):
    output = (await process.stdout.read()).decode()
    expect("how it ended", await process.wait(), 0)
    return output.strip()


async def weir_connects(scene, words):
    done = asyncio.get_running_loop().create_future()
    async with await far_server(scene, done) as server:
        process = await asyncio.create_subprocess_exec(PROGRAM, "connect", str(port_of(server)), *words,
                                                       stdout=asyncio.subprocess.PIPE)
        await done
        return await what_it_printed(process)


async def weir_serves(scene, words):
    process = await asyncio.create_subprocess_exec(PROGRAM, "serve", *words, stdout=asyncio.subprocess.PIPE)
    await far_client(scene, int(await process.stdout.readline()))
    return await what_it_printed(process)


async def main():
    # asyncio 3.11 itself calls connection_lost twice when resume_writing closes, stumbles the second time, and would log it.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    for scene, words, wanted in SCENES:
        for role in (twin_connects, twin_serves, weir_connects, weir_serves):
            try:
                told = await asyncio.wait_for(role(scene, words), _peer.PATIENCE)
                expect("what it was told", told, wanted)
            except (AssertionError, OSError, EOFError, ValueError, asyncio.TimeoutError) as failure:
                sys.exit(f"{scene.__name__}, {words}, {role.__name__}: {failure!r}")
        print(f"{scene.__name__} {' '.join(words)}: {wanted}")


asyncio.run(main())

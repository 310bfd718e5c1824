#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench/peers/echo_asyncio.py  Lines said back on asyncio's streams: a task for each connection, one loop, one thread.

With ECHO_LOOP=uvloop in the environment the loop is uvloop's, the rest the same. With "bytes" whatever came is sent back. Run by
Debian's python3, for which Debian has uvloop.

Try:  /usr/bin/python3 echo_asyncio.py 7000
"""
import asyncio
import os
import socket
import sys

BULK_MAX = 256 * 1024
buffers = int(sys.argv[4]) if len(sys.argv) > 4 else 0     # of the kernel, for each direction; 0: as it likes


async def say_lines(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
    except (ConnectionError, ValueError):               # the peer left, or a line is longer than 64 KiB
        pass
    finally:
        writer.close()


async def say_bytes(reader, writer):
    if buffers:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, buffers)
    try:
        while data := await reader.read(BULK_MAX):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(port="7000", host="127.0.0.1", what="lines"):
    serve = say_bytes if what == "bytes" else say_lines
    server = await asyncio.start_server(serve, host, int(port), backlog=4096)   # both loops set TCP_NODELAY
    await server.serve_forever()


if os.environ.get("ECHO_LOOP") == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main(*sys.argv[1:4]))

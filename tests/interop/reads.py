# SPDX-License-Identifier: BSD-2-Clause
"""reads.py  The same reads of the same bytes by asyncio's StreamReader and by weir's, with limits: the same answers.

asyncio's reader is fed by hand. weir's (programs/reads.c) gets the bytes over a connection that asyncio writes to, as client and
as server, and begins when all have come, since what a long line costs depends on how much of it is there.
"""
import asyncio
import random
import sys

import _peer

PROGRAM = _peer.PEER.removesuffix("peer") + "reads"
SEPARATORS = [b"\n", b"-", b"--", b"ab-", b"-\n", b"a" * 10]

FIXED = [                                           # limit, bytes, reads; from the table of cases, C01 to C19
    (3, b"abc\n", "until:0a"), (3, b"abcd\nxx", "until:0a until:0a line line"), (5, b"abcdef--", "until:2d2d exactly:6 until:2d2d"),
    (5, b"abcde-", "until:2d2d all"), (5, b"abcdef-", "until:2d2d until:2d2d all"), (1, b"abcde", "until:5758595a all"),
    (64, b"aabaaab!", "until:61616162 all"), (4, b"abcde\nfg\nh", "line line line line"), (4, b"abcde", "line line"),
    (4, b"abcd\n", "line line"), (3, b"abcd", "line line"), (4, b"abcdefghijkl", "all all read:5 exactly:1 until:0a line"),
    (4, b"", "exactly:0 read:0 line all until:0a exactly:3"), (3, b"abcdefg", "exactly:8 exactly:1"),
    (9, b"a\nb\n\nc", "line line line line line"), (1, b"\n\n", "line until:0a line"), (2, b"ab\nabc\nd", "line line line all"),
    (65536, b"x" * 20000, "line"), (10000, b"x" * 20000 + b"\n", "until:0a line line"),
]


def random_script(seed):
    dice = random.Random(seed)
    data = bytes(dice.choice(b"ab-\n") for _ in range(dice.randrange(60)))
    reads = []
    for _ in range(dice.randrange(1, 10)):
        reads.append(dice.choice(["line", "line", "all"] + [f"{word}:{dice.randrange(12)}" for word in ("read", "exactly")] * 2
                                 + ["until:" + dice.choice(SEPARATORS).hex()] * 3))
    return dice.randrange(1, 20), data, " ".join(reads)


async def read_by_asyncio(limit, data, reads):
    reader = asyncio.StreamReader(limit=limit)
    reader.feed_data(data)
    reader.feed_eof()
    answers = []
    for word in reads.split():
        kind, _, rest = word.partition(":")
        try:
            if kind == "until":
                got = await reader.readuntil(bytes.fromhex(rest))
            elif kind == "line":
                got = await reader.readline()
            elif kind == "exactly":
                got = await reader.readexactly(int(rest))
            else:
                got = await reader.read(int(rest) if rest else -1)
            answers.append("=" + got.hex())
        except asyncio.LimitOverrunError as failure:
            answers.append(f"limit:{failure.consumed}")
        except asyncio.IncompleteReadError as failure:
            answers.append(f"incomplete:{failure.partial.hex()}:{'?' if failure.expected is None else failure.expected}")
        except ValueError:
            answers.append("limit")
    return " ".join(answers)


async def give(reader, writer, data):
    """All of it and the end; weir's side closes when it has done its reads, which may be before it has seen all."""
    writer.write(data)
    try:
        writer.write_eof()
        await reader.read()
    except OSError:                                 # a reset, or it was there before our end
        pass
    writer.close()


async def start(*words):
    return await asyncio.create_subprocess_exec(PROGRAM, *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                                                limit=1 << 20)


def as_line(script):
    limit, data, reads = script
    return f"{limit} await:{len(data)} {reads}\n".encode()


async def weir_connects(scripts):
    left = iter(scripts)
    server = await asyncio.start_server(lambda reader, writer: give(reader, writer, next(left)[1]), "127.0.0.1", 0)
    process = await start("connect", str(server.sockets[0].getsockname()[1]))
    output, _ = await process.communicate(b"".join(map(as_line, scripts)))
    server.close()
    return output.decode().splitlines()


async def weir_serves(scripts):
    process = await start("serve")
    answers = []
    for script in scripts:
        process.stdin.write(as_line(script))
        await process.stdin.drain()
        port = int(await process.stdout.readline())
        await give(*await asyncio.open_connection("127.0.0.1", port), script[1])
        answers.append((await process.stdout.readline()).decode().rstrip("\n"))
    process.stdin.close()
    if await process.wait() != 0:
        sys.exit("the program that serves failed")
    return answers


async def main():
    scripts = FIXED + [random_script(seed) for seed in range(400)]
    expected = [await read_by_asyncio(*script) for script in scripts]
    for role in (weir_connects, weir_serves):
        got = await asyncio.wait_for(role(scripts), _peer.PATIENCE)
        for script, answer, wanted in zip(scripts, got, expected):
            if answer.rstrip() != wanted:
                sys.exit(f"{role.__name__}, {script}:\nasyncio {wanted:.2000}\nweir    {answer:.2000}")
        if len(got) != len(scripts):
            sys.exit(f"{role.__name__}: {len(got)} answers for {len(scripts)} scripts")
    kinds = {kind: sum(kind in answer for answer in expected) for kind in ("=", "limit ", "limit:", "incomplete:")}
    print(f"{len(scripts)} scripts in both roles, with {kinds}")
    if not all(kinds.values()):
        sys.exit("a kind of answer never came")


asyncio.run(main())

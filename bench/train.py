#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench/train.py BUILD  Run what is typical with programs that write a profile (cmake/pgo.cmake), and check every reply.

Fixed numbers of requests, so that two trainings differ in little but the sizes of batches. What is run is what
servers do all day: lines and pages, alone and in batches, connections that come and go, bytes by the megabyte, a
proxy. Nothing is measured. Exit status 1: something did not go as it should, and there is no profile to be used.
"""
import sys

sys.dont_write_bytecode = True

import pathlib

from children import Client, Server, Void, end_all
from configured import Weir

MIB = 1 << 20
LINES = [("-m", "echo", "-c", "1", "-n", "10000"), ("-m", "echo", "-c", "64", "-n", "60000"),
         ("-m", "echo", "-c", "64", "-n", "60000", "-p", "16"), ("-m", "accept", "-c", "16", "-n", "4000")]
PAGES = [("-m", "http", "-c", "1", "-n", "10000"), ("-m", "http", "-c", "64", "-n", "60000"),
         ("-m", "http", "-c", "64", "-n", "60000", "-p", "16")]


def load(build, name, words, port):
    client = Client([build / "bench" / name, *words, "127.0.0.1", port], None, 120)
    client.go()
    client.finish()


def end(server):
    """It has to end by itself: a profile is written at exit. (Status 3 of the program: idle connections were cut off.)"""
    status = server.end(20.0)
    if status not in (0, 3):
        raise server.void(f"ended with status {status}")


def train(build):
    server = Server([build / "bench" / "echo_server", "PORT"], None)
    for words in LINES:
        load(build, "client", words, server.port)
    upstream = server

    server = Weir(build / "weir", None, "weir-proxy.conf", {"UPSTREAM": f"127.0.0.1:{upstream.port}"})
    load(build, "client", LINES[1], server.port)
    end(server)
    end(upstream)

    server = Weir(build / "weir", None)
    for words in PAGES:
        load(build, "client", words, server.port)
    end(server)

    for way in ("in", "out", "echo"):
        server = Server([build / "bench" / "bulk_server", "PORT", "127.0.0.1", way, str(MIB // 4), "0"], None)
        load(build, "client_bulk", ("-m", way, "-b", str(128 * MIB)), server.port)
        end(server)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        train(pathlib.Path(sys.argv[1]).resolve())
    except (Void, OSError) as trouble:
        print(f"train: {trouble}", file=sys.stderr)
        return 1
    finally:
        end_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())

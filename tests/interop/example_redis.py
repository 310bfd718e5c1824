# SPDX-License-Identifier: BSD-2-Clause
"""example_redis.py  examples/redis against a real server: hiredis, by its libev adapter, in weir's loop."""
import os
import shutil
import subprocess
import sys
import tempfile

import _peer

REDIS = os.path.join(_peer.BUILD, "examples", "redis")

if not os.path.exists(REDIS):
    print("hiredis, or the examples, are not here")
    sys.exit(77)
if shutil.which("redis-server") is None:
    print("redis-server is not here")
    sys.exit(77)


def ask(*arguments):
    done = subprocess.run([REDIS, *arguments], capture_output=True, text=True, timeout=_peer.PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


def check(got, expected, what):
    if got != expected:
        sys.exit(f"{what}: {got!r}, expected {expected!r}")


with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
    path = os.path.join(folder, "redis.sock")
    check(ask(path, "PING")[0], 1, "without a server")
    server = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir",
                               folder, "--daemonize", "no"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in server.stdout:
            if "ready to accept connections" in line.lower():
                break
        else:
            print("redis-server does not start here")
            sys.exit(77)
        check(ask(path, "SET", "greeting", "hello"), (0, "OK\n", ""), "SET")
        check(ask(path, "GET", "greeting"), (0, "hello\n", ""), "GET")
        check(ask(path, "INCR", "count"), (0, "1\n", ""), "INCR")
        check(ask(path, "GET", "nothing"), (0, "(nil)\n", ""), "GET of nothing")
        big = "x" * 100000                                  # several readiness events, both ways
        check(ask(path, "ECHO", big), (0, big + "\n", ""), "ECHO")
        code, out, errors = ask(path, "NOSUCH")
        check((code, out, "unknown command" in errors), (1, "", True), "an unknown command")
        check(ask(path)[0], 2, "too few arguments")
    finally:
        server.terminate()
        server.wait(_peer.PATIENCE)
        server.stdout.close()

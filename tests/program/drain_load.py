# SPDX-License-Identifier: BSD-2-Clause
"""drain_load.py  A drain under load loses no request: not of a busy connection, not of one that was just made.

The moments are random: after so many answers, whatever is under way then. The seed is printed, and set with WEIR_SEED.
"""
import os
import random
import re
import shutil
import signal
import subprocess
import unittest

import _load
import _weir

CONFIG = """
workers = %d;
drain_timeout = "1h";
servers = ( { name = "h"; listen = [ "127.0.0.1:0" ]; handler = "http"; options = { page = "drained well\\n"; }; } );
"""
PAGE = b"drained well\n"
SEED = int(os.environ.get("WEIR_SEED", random.randrange(1 << 32)))
WRK = shutil.which("wrk")
COUNT = 5000                                        # answers of a wrk thread, then the drain may come

# Says when there is a load, and at the end what went wrong.
SCRIPT = """
local count, wanted = 0, nil
function init(args) wanted = tonumber(args[1]) end
function response(status, headers, body)
    count = count + 1
    if count == wanted then io.write("loaded\\n") io.flush() end
end
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("requests=%d connect=%d read=%d write=%d status=%d timeout=%d\\n", summary.requests, e.connect,
                           e.read, e.write, e.status, e.timeout))
end
"""


class DrainLoad(_weir.Case):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        print(f"WEIR_SEED={SEED}")

    def begin(self, workers):
        weir = self.start(CONFIG % workers)
        weir.wait_line("ready ")
        return weir

    def counted(self, weir, name):
        line = weir.wait_line(rf"counter server=h name={name} ")[0]
        return int(line.rsplit("=", 1)[1])

    def test_a_drain_loses_no_request(self):
        for round in range(10):
            with self.subTest(round=round):
                weir = self.begin(workers=self.random.choice((1, 2, 3)))
                depths = [self.random.choice((1, 1, 16)) for _ in range(24)]
                load = _load.Load(weir.addresses["h"][0], PAGE, depths)
                load.wait_answers(self.random.randrange(100, 3000), _weir.PATIENCE)
                load.drain()
                weir.kill(self.random.choice((signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)))
                self.assertEqual(weir.wait(), 0, weir.output)
                load.stop()
                load.wait(_weir.PATIENCE)
                self.assertEqual(load.failures, [])
                self.assertIn("stopped end=clean", weir.output)
                self.assertEqual(self.counted(weir, "requests"), load.answers)

    def test_connections_that_end_after_each_answer_lose_none(self):
        for round in range(5):
            with self.subTest(round=round):
                weir = self.start((CONFIG % 2).replace("options = {", "options = { max_requests = 1;"))
                weir.wait_line("ready ")
                load = _load.Load(weir.addresses["h"][0], PAGE, [1] * 24)
                load.wait_answers(self.random.randrange(100, 1000), _weir.PATIENCE)
                load.drain()
                weir.kill(signal.SIGTERM)
                self.assertEqual(weir.wait(), 0, weir.output)
                load.stop()
                load.wait(_weir.PATIENCE)
                self.assertEqual(load.failures, [])
                self.assertEqual(self.counted(weir, "requests"), load.answers)

    @unittest.skipUnless(WRK, "wrk is not installed")
    def test_wrk_counts_no_error_but_refused_connections(self):
        self.write("count.lua", SCRIPT)
        for round in range(5):
            with self.subTest(round=round):
                weir = self.begin(workers=2)
                result = self.wrk(weir, self.random.randrange(100, 5000))
                self.assertEqual(weir.wait(), 0, weir.output)
                # A refused connection counts as a failed write: wrk does not look how connecting went.
                for error in ("read", "status", "timeout"):
                    self.assertEqual(result[error], 0, result)

    @unittest.skipUnless(WRK, "wrk is not installed")
    def test_wrk_counts_no_error_without_a_drain(self):
        self.write("count.lua", SCRIPT)
        weir = self.begin(workers=2)
        result = self.wrk(weir, 5000, drain=False)
        self.assertEqual({result[error] for error in ("connect", "read", "write", "status", "timeout")}, {0}, result)
        self.assertEqual(weir.stop(), 0)
        # Those that were under way when wrk left are the server's alone.
        self.assertTrue(0 <= self.counted(weir, "requests") - result["requests"] <= 32, result)

    def wrk(self, weir, count, drain=True):
        """What wrk counted, when the program was told to drain after so many answers of one of wrk's threads."""
        wrk = subprocess.Popen([WRK, "-t2", "-c32", f"-d{_weir.PATIENCE}s", f"--timeout={_weir.PATIENCE}s", "-s", "count.lua",
                                f"http://{weir.addresses['h'][0]}/", "--", str(count)], cwd=self.folder, text=True,
                               stdout=subprocess.PIPE)
        try:
            while "loaded" not in wrk.stdout.readline():
                self.assertIsNone(wrk.poll())
            if drain:
                weir.kill(signal.SIGTERM)
                weir.wait()
            wrk.send_signal(signal.SIGINT)                      # ends it early, with its figures
            output = wrk.communicate(timeout=_weir.PATIENCE)[0]
        finally:
            wrk.kill()
            wrk.wait()
            wrk.stdout.close()
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", output)}


if __name__ == "__main__":
    _weir.main()

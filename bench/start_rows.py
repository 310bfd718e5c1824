# SPDX-License-Identifier: BSD-2-Clause
"""Rows of the weir program's beginning: how long until it serves, and how long a check of its configuration takes.

Times on the wall, unlike the others: nothing is pinned, and what the machine
does besides is in them. Beside each stands the least that could be done.
"""
import pathlib
import socket
import statistics
import subprocess
import time

from children import Child, Void, free_port

CONFIG = pathlib.Path(__file__).resolve().parent.parent / "conf" / "weir.conf"
PATIENCE = 10.0         # seconds; who takes as long fails anyway
ATTEMPTS = 3
LOOK_S = 0.0002         # between two attempts to connect


class TimesRow:
    """The median of some times in milliseconds, weir and the least by turns."""

    unit = "ms"

    def measure(self, settings):
        times = {"weir": [], "floor": []}
        if not CONFIG.exists():
            raise Void("conf/weir.conf is missing")
        for _ in range(settings.size.starts):
            times["weir"].append(self.weir_ms(settings))
            times["floor"].append(self.floor_ms(settings))
        medians = {side: statistics.median(of) for side, of in times.items()}
        settings.say(f"{self.name}: {medians['weir']:.1f} and {medians['floor']:.1f} ms")
        return {"weir": f"{medians['weir']:.1f}", "floor": f"{medians['floor']:.1f}", "figure": medians["weir"],
                "spread": None, "raw": times,
                "notes": [f"median of {len(of)}, {side}: {min(of):.1f} to {max(of):.1f} ms" for side, of in times.items()]}


class StartRow(TimesRow):
    """From before the fork to the answer on the first connection that was accepted."""

    name = "start"
    question, answer = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200 "

    def __init__(self, what, goal):
        self.what, self.goal = what, goal

    @staticmethod
    def knock(child, port):
        """A connection, as soon as there is somebody to take it. From another address: a socket that asks its own port meets
        itself."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and child.process.poll() is None:
            caller = socket.socket()
            caller.settimeout(PATIENCE)
            caller.bind(("127.0.0.2", 0))
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return caller
            caller.close()
            time.sleep(LOOK_S)
        raise child.void("accepts no connection")

    def first_answer_ms(self, argv_at):
        for _ in range(ATTEMPTS - 1):           # somebody may take the port between probe and bind
            try:
                return self.try_port(argv_at, free_port())
            except Void:
                pass
        return self.try_port(argv_at, free_port())

    def try_port(self, argv_at, port):
        argv = argv_at(port)
        began = time.perf_counter()
        child = Child(argv, None)
        try:
            with self.knock(child, port) as caller:
                caller.sendall(self.question)
                answer = caller.recv(65536)
                took = (time.perf_counter() - began) * 1000
            if not answer.startswith(self.answer):
                raise child.void(f"answered {answer[:40]!r}")
        finally:
            child.end()
        return took

    def weir_ms(self, settings):
        return self.first_answer_ms(lambda port: [
            settings.program("weir"), "run", "-c", CONFIG, "-o", "servers.echo.listen=127.0.0.1:0",
            "-o", f"servers.http.listen=127.0.0.1:{port}"])

    def floor_ms(self, settings):
        return self.first_answer_ms(lambda port: [settings.program("floor_http"), port])


class CheckRow(TimesRow):
    """`weir check`, from before the fork to its end; beside `true`, which checks nothing."""

    name = "check"

    def __init__(self, what, goal):
        self.what, self.goal = what, goal

    @staticmethod
    def run_ms(argv):
        began = time.perf_counter()
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
        took = (time.perf_counter() - began) * 1000
        if done.returncode != 0:
            raise Void(f"{argv[0]}: status {done.returncode}: {done.stderr.strip()}")
        return took

    def weir_ms(self, settings):
        return self.run_ms([str(settings.program("weir")), "check", "-c", str(CONFIG)])

    def floor_ms(self, settings):
        return self.run_ms(["true"])

# SPDX-License-Identifier: BSD-2-Clause
"""gdb.py  tools/weir-gdb.py, on a running program and on its core file: lists tasks, and shows the stack of one."""
import os
import re
import resource
import shutil
import signal
import subprocess
import sys

import _weir

SCRIPT = os.path.join(_weir.SOURCE, "tools", "weir-gdb.py")
CONFIG = """
workers = 2;
watchdog = 0;
copy_plugins = false;
servers = ( { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stubborn.so"; } );
"""

if shutil.which("gdb") is None:
    print("gdb is not here")
    sys.exit(77)
if os.environ["WEIR_SANITIZE"]:
    print("a sanitizer's frames and memory are not what gdb is tried on")
    sys.exit(77)


class Gdb(_weir.Case):
    def begin(self, **options):
        """A program with a task that waits for its client, and one that sleeps."""
        weir = self.start(CONFIG, "-o", "drain_timeout=0", **options)
        weir.wait_line("ready ")
        self.reader, self.sleeper = weir.connect("a"), weir.connect("a")
        for client, line in ((self.reader, b"hello\n"), (self.sleeper, b"sleep\n")):
            self.addCleanup(client.close)
            client.sendall(line)
            self.assertEqual(client.recv(16), line)
        return weir

    def gdb(self, target, *commands):
        arguments = [word for command in commands for word in ("-ex", command)]
        done = subprocess.run(["gdb", "-batch", "-nx", "-iex", "set debuginfod enabled off", *target, "-x", SCRIPT, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_weir.PATIENCE, check=False)
        if "ptrace: Operation not permitted" in done.stderr:
            self.skipTest("nobody may be traced here")
        return done

    def check(self, target):
        """What holds of a process and of its core file; the tasks, by what they wait for."""
        done = self.gdb(target, "weir tasks", "weir bt misbehaving", "weir bt main", "weir bt 0x10", "weir bt")
        out = done.stdout
        rows = [line.split(None, 6) for line in out.splitlines() if re.match(r"0x[0-9a-f]{16} ", line)]
        named = {row[3]: row for row in rows if row[6] == "misbehaving"}
        self.assertEqual(sorted(named), ["bytes", "sleep"], out + done.stderr)
        for kind, client in (("bytes", self.reader), ("sleep", self.sleeper)):
            self.assertEqual(named[kind][5], "127.0.0.1:%d" % client.getsockname()[1])
            self.assertEqual(named[kind][2], "parked")
            self.assertLess(float(named[kind][4]), 600)
        self.assertEqual(len([row for row in rows if row[6] == "main"]), 2, out)
        self.assertIn("4 tasks on 2 loops", out)

        stacks = re.split(r"^task 0x", out, flags=re.MULTILINE)[1:]
        self.assertEqual(len(stacks), 4, out)
        reading = next(stack for stack in stacks if "waits for bytes" in stack)
        self.assert_order(reading, "wait_until", "weir_reader_readline", " misbehave ", "run_handler", "task_main",
                          "weir__switch_entry")
        sleeping = next(stack for stack in stacks if "waits for sleep" in stack)
        self.assert_order(sleeping, "wait_until", "weir_sleep", " misbehave ", "run_handler", "task_main", "weir__switch_entry")
        self.assertTrue(any("serve_main" in stack for stack in stacks), out)
        self.assertIn("there is no task 0x10", done.stderr)
        self.assertIn("weir bt TASK", done.stderr)

    def assert_order(self, stack, *names):
        at = 0
        for name in names:
            at = stack.find(name, at)
            self.assertGreater(at, 0, f"{name} in:\n{stack}")
        self.assertNotIn("epoll_wait", stack)           # the thread's own frame, which it was hung under

    def test_a_running_program_and_goes_on_after_it(self):
        weir = self.begin()
        self.check(["-p", str(weir.process.pid)])
        self.reader.sendall(b"still here\n")
        self.assertEqual(self.reader.recv(32), b"still here\n")

    def test_a_core_file(self):
        """The kernel's: gcore of gdb reads memory in large pieces and loses those with a stack's guard page (Linux 6.13)."""
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        if most == 0:
            self.skipTest("core files are forbidden here")
        with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
            pattern = file.read().strip()
        if pattern.startswith("|") or "/" in pattern:
            self.skipTest(f"core files go elsewhere: core_pattern is {pattern}")
        weir = self.begin(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (most, most)))
        weir.kill(signal.SIGABRT)
        weir.wait()
        cores = [name for name in os.listdir(self.folder) if name != "weir.conf"]
        if not cores:
            self.skipTest("no core file was written")
        self.check([_weir.PROGRAM, self.path(cores[0])])

    def test_a_program_without_weir_has_a_sentence(self):
        done = self.gdb([sys.executable], "weir tasks")
        self.assertIn("is this a process that uses weir", done.stderr)


if __name__ == "__main__":
    _weir.main()

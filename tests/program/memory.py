# SPDX-License-Identifier: BSD-2-Clause
"""memory.py  jemalloc in the program: an arena for each worker, and its figures in a debug line."""
import re
import sys

import _weir

CONFIG = """
log = { level = "debug"; memory_interval = "10ms"; };
servers = ( { name = "a"; listen = [ "127.0.0.1:0" ]; handler = "%(fixtures)s/stages.so"; } );
"""


class Memory(_weir.Case):
    def figures(self, workers):
        """The line after the workers have started, and another one: it comes again and again."""
        weir = self.start(CONFIG, "-o", f"workers={workers}")
        weir.wait_line("ready ")
        seen = len([line for line in weir.lines if "memory allocated=" in line])
        line = weir.wait_line("debug memory allocated=", seen + 2)[-1]
        self.assertEqual(weir.stop(), 0)
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}

    def test_each_worker_has_an_arena_of_its_own(self):
        one, four = self.figures(1), self.figures(4)
        self.assertEqual(four["arenas"] - one["arenas"], 3)

    def test_the_figures_make_sense(self):
        seen = self.figures(2)
        self.assertEqual(set(seen), {"allocated", "active", "resident", "mapped", "retained", "arenas"})
        self.assertGreater(seen["allocated"], 0)
        self.assertLessEqual(seen["allocated"], seen["active"])
        self.assertLessEqual(seen["active"], seen["resident"])

    def test_counters_are_told_with_them(self):
        weir = self.start(CONFIG)
        self.assertEqual(weir.ask("a", b"x\n")[-2:], b"x\n")
        weir.wait_line("debug counter server=a name=lines value=1")
        self.assertEqual(weir.stop(), 0)


if "jemalloc none" in _weir.subprocess.run([_weir.PROGRAM, "version"], capture_output=True, text=True, check=True).stdout:
    print("the program is built without jemalloc")
    sys.exit(77)
if __name__ == "__main__":
    _weir.main()

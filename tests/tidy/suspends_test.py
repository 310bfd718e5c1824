#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""suspends_test.py  suspends.py finds a function without a scene, a scene without a function, and a wait that nobody cuts."""
import os
import stat
import sys
import tempfile

import suspends

HEADER = """/* <weir/read.h>  Reading. */
/*
 * Read.                                                              [suspends]
 *
 * asyncio  StreamReader.read
 */
int weir_read(int n);

/*
 * Wait until it is over, and spare what is waited for meanwhile, which is long.
 *                                                                    [suspends]
 *
 * asyncio  asyncio.shield
 */
__attribute__((warn_unused_result)) int weir_shield(void *task,
                                                    int n);

/*
 * Look.
 *
 * What it is about, and that weir_read() is [suspends], is not its mark.
 */
int weir_look(void);
"""
TASK = "/* core/task.h */\nenum wait_kind {\n    WAIT_NOTHING, WAIT_BYTES,\n    WAIT_SHIELD, /* WAIT_OLD, */ WAIT_KINDS\n};\n"
GOOD = ["weir_read\tempty\t1", "weir_read\tfor its turn\t0", "weir_shield\tthe task runs\t2"]

failures = 0


def expect(name, found, *parts):
    """Exactly one problem, with each of @parts in it; none at all when there are no parts."""
    global failures
    fits = len(found) == 1 and all(part in found[0] for part in parts) if parts else not found
    if not fits:
        failures += 1
        print(f"{name}: found {found}, expected {parts or 'nothing'}")


def look(header=HEADER, task=TASK, *listings):
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "include", "weir"))
        os.makedirs(os.path.join(root, "core"))
        with open(os.path.join(root, "include", "weir", "read.h"), "w", encoding="utf-8") as file:
            file.write(header)
        with open(os.path.join(root, "core", "task.h"), "w", encoding="utf-8") as file:
            file.write(task)
        programs = []
        for number, rows in enumerate(listings):
            programs.append(os.path.join(root, f"test_{number}"))
            with open(programs[-1], "w", encoding="utf-8") as file:
                listing = "\n".join(rows + [""])
                file.write(f"#!/bin/sh\n[ -n \"$WEIR_CUT_LIST\" ] || exit 3\ncat <<'END'\n{listing}END\n")
            os.chmod(programs[-1], stat.S_IRWXU)
        return list(suspends.check(root, programs))


def main():
    expect("all is there", look(HEADER, TASK, GOOD))
    expect("in two programs", look(HEADER, TASK, GOOD[:2], GOOD[2:]))
    more = HEADER + "\n/*\n * Sleep.        [suspends]\n *\n */\nint weir_sleep(void);\n"
    expect("a function without a scene", look(more, TASK, GOOD),
           "include/weir/read.h", "weir_sleep suspends and has no scene")
    expect("a scene taken away", look(HEADER, TASK.replace("WAIT_SHIELD, ", ""), GOOD[:2]), "weir_shield suspends and has no scene")
    expect("a scene of nothing", look(HEADER, TASK, GOOD + ["weir_look\tshort\t1"]), "test_0", "\"weir_look\": no header marks it")
    expect("a scene twice", look(HEADER, TASK, GOOD, GOOD[:1]), "test_1", "weir_read", "played twice")
    expect("a new wait", look(HEADER, TASK.replace("WAIT_KINDS", "WAIT_NEW, WAIT_KINDS"), GOOD), "WAIT_NEW: no scene waits in it")
    expect("a program without scenes", look(HEADER, TASK, GOOD, []), "test_1", "no scene")
    expect("no marks at all", look("/* nothing */\nint weir_look(void);\n", "enum wait_kind { WAIT_NOTHING, WAIT_KINDS };\n"),
           "include/weir", "looks at nothing")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""suspends.py ROOT PROGRAM...  Each function that include/weir marks [suspends] has a scene in tests/cut, and each kind of wait.

The functions are read from the headers, the kinds from enum wait_kind in core/task.h, and the scenes are what the programs
themselves say that they play (WEIR_CUT_LIST in the environment). A new suspending function, or a new kind of wait inside of
one, fails here until a row of a table in tests/cut says how it is cut short.
"""
import os
import re
import subprocess
import sys

import csource

ENUM = re.compile(r"enum wait_kind \{(.*?)\}", re.DOTALL)
NOT_CUT = {
    "WAIT_NOTHING": "it runs or stands in the row",
    "WAIT_SIGNAL": "nothing waits for that yet",
}


def suspending(root):
    """{function: "file:line"} of those whose comment says [suspends] in its first paragraph."""
    found = {}
    folder = os.path.join(root, "include", "weir")
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".h"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            source = csource.CSource(file.read())
        for declaration in source.declarations():
            if declaration.comment is not None and "[suspends]" in declaration.comment.text.split("\n *\n")[0]:
                found[declaration.name] = f"include/weir/{name}:{declaration.line}"
    return found


def kinds(root):
    """The names of enum wait_kind, in order, so that a scene's number is one of them."""
    with open(os.path.join(root, "core", "task.h"), encoding="utf-8") as file:
        match = ENUM.search(csource.CSource(file.read()).code)
    names = [name.strip() for name in match[1].split(",") if name.strip()] if match else []
    return [name for name in names if name != "WAIT_KINDS"]


def scenes(program):
    """[(function, state, kind)] as the program lists them."""
    listing = subprocess.run([program], env={**os.environ, "WEIR_CUT_LIST": "1"}, check=True, capture_output=True, text=True)
    rows = [line.split("\t") for line in listing.stdout.splitlines()]
    return [(function, state, int(kind)) for function, state, kind in rows]


def check(root, programs):
    """What is wrong, as lines."""
    functions = suspending(root)
    names = kinds(root)
    covered, waited, seen = set(), set(), set()
    for program in programs:
        where = os.path.basename(program)
        rows = scenes(program)
        if not rows:
            yield f"{where}: no scene: add one, or remove the program"
        for function, state, kind in rows:
            if function not in functions:
                yield f"{where}: \"{function}\": no header marks it [suspends]: mark it there, or remove the scene"
            if (function, state) in seen:
                yield f"{where}: \"{function}\" in \"{state}\" is played twice: name the states apart"
            seen.add((function, state))
            covered.add(function)
            if kind < len(names):
                waited.add(names[kind])
    for function, where in functions.items():
        if function not in covered:
            yield f"{where}: {function} suspends and has no scene: add a row to a table in tests/cut (tests/README.md says how)"
    for name in names:
        if name not in waited and name not in NOT_CUT:
            yield f"core/task.h: {name}: no scene waits in it: add a row to a table in tests/cut, or a reason to suspends.py"
    if not functions:
        yield "include/weir: no function is marked [suspends]: this test looks at nothing"


def main(arguments):
    problems = list(check(arguments[0], arguments[1:]))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

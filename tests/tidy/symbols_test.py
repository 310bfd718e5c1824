#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""symbols_test.py --cc CC  symbols.py finds a name too many, one too few, and one that is not ours."""
import argparse
import os
import subprocess
import sys
import tempfile

CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "symbols.py")
HIDDEN = "__attribute__((visibility(\"hidden\"))) "

CASES = [                                           # name, source, list, status, words
    ("all is well", "int weir_a; " + HIDDEN + "int weir__b;", "weir_a\n", 0, "1 exported, 0 findings"),
    ("one too many", "int weir_a; int weir__b;", "weir_a\n", 1, "weir__b is exported and not listed"),
    ("one too few", "int weir_a;", "weir_a\nweir_gone\n", 1, "weir_gone is listed and not exported"),
    ("not sorted", "int weir_a; int weir_b;", "weir_b\nweir_a\n", 1, "not sorted"),
    ("not ours", "int weir_a; " + HIDDEN + "int helper;", "weir_a\n", 1, "helper is global"),
    ("nothing", HIDDEN + "int weir__b;", "", 1, "nothing is exported"),
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default="cc")
    cc = parser.parse_args().cc

    failed = 0
    for name, source, listed, status, words in CASES:
        with tempfile.TemporaryDirectory() as folder:
            for file, text in (("a.c", source), ("list", listed)):
                with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                    out.write(text)
            subprocess.run([cc, "-fPIC", "-c", "a.c"], cwd=folder, check=True)
            subprocess.run([cc, "-shared", "-o", "liba.so", "a.o"], cwd=folder, check=True)
            subprocess.run(["ar", "rc", "liba.a", "a.o"], cwd=folder, check=True)
            done = subprocess.run([sys.executable, CHECKER, "--list", "list", "--shared", "liba.so", "--static", "liba.a"],
                                  cwd=folder, stdout=subprocess.PIPE, text=True)
        if done.returncode != status or words not in done.stdout:
            failed += 1
            print(f"symbols_test: {name}: wanted status {status} and \"{words}\", got status {done.returncode}:\n{done.stdout}")
    print(f"symbols_test: {len(CASES)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

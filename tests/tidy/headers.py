#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""headers.py ROOT --cc CC --cxx CXX  Each header compiles alone.

Public ones as C17 and as C++17, both with and without _GNU_SOURCE, with every common warning an error: they are compiled
with the flags of others. Internal ones as our C, as released and as tested (WEIR_FAULTS).
"""
import argparse
import concurrent.futures
import glob
import os
import subprocess
import sys

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]


def public_ways(arguments):
    for gnu in ([], ["-D_GNU_SOURCE"]):
        yield [arguments.cc, "-x", "c", "-std=c17", "-Wstrict-prototypes", "-Wmissing-prototypes", *gnu]
        yield [arguments.cxx, "-x", "c++", "-std=c++17", *gnu]


def internal_ways(arguments):
    for faults in ([], ["-DWEIR_FAULTS=1"]):
        yield [arguments.cc, "-x", "c", "-std=gnu17", "-D_GNU_SOURCE", "-I.", *faults]


def compile_alone(root, command, include):
    unit = f"#include {include}\ntypedef int unit;\n"       # a header of macros alone would be an empty unit, which ISO C forbids
    done = subprocess.run([*command, *STRICT, "-Iinclude", "-"], input=unit, cwd=root, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0, f"{include} does not compile alone: {' '.join(command)}\n{done.stdout}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="c++")
    arguments = parser.parse_args()

    def headers(pattern):
        return sorted(os.path.relpath(path, arguments.root) for path in glob.glob(os.path.join(arguments.root, pattern)))

    jobs = []
    for header in headers("include/weir/*.h"):
        jobs += [(command, f"<{header[len('include/'):]}>") for command in public_ways(arguments)]
    for folder in ("core", "net", "streams", "server"):
        for header in headers(f"{folder}/*.h"):
            jobs += [(command, f"\"{header}\"") for command in internal_ways(arguments)]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda job: compile_alone(arguments.root, *job), jobs))
    failures = [output for good, output in results if not good]
    for output in failures:
        print(output)
    print(f"headers: {len(jobs)} compilations, {len(failures)} failed")
    return 1 if failures or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""symbols.py --list FILE --shared libweir.so --static libweir.a [--update]  The library's names, as its users see them.

The shared library exports exactly what symbols.txt lists, so that a name neither slips out nor vanishes unnoticed; after a
wanted change, --update writes the list anew. The static one cannot hide its inner names, so all of them begin with weir_
and cannot collide with those of a program.
"""
import argparse
import subprocess
import sys


def nm(*arguments):
    done = subprocess.run(["nm", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def exported(shared):
    return sorted({fields[2] for fields in nm("-D", "--defined-only", shared) if len(fields) == 3 and fields[1] != "A"})


def foreign(static):
    """Global names of the archive that are not ours to take."""
    names = {fields[2] for fields in nm("-g", "--defined-only", static) if len(fields) == 3}
    return sorted(name for name in names if not name.startswith("weir_"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", required=True)
    parser.add_argument("--shared", required=True)
    parser.add_argument("--static", required=True)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()

    there = exported(arguments.shared)
    if arguments.update:
        with open(arguments.list, "w", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in there)
    with open(arguments.list, encoding="utf-8") as file:
        listed = file.read().split()

    findings = [f"{arguments.list}: {name} is exported and not listed: hide it, or list it with --update"
                for name in there if name not in listed]
    findings += [f"{arguments.list}: {name} is listed and not exported: programs lose it; if that is wanted, --update"
                 for name in listed if name not in there]
    if listed != sorted(listed):
        findings.append(f"{arguments.list}: not sorted: write it with --update")
    if not there:
        findings.append(f"{arguments.shared}: nothing is exported: put the declarations under the visibility pragma")
    findings += [f"{arguments.static}: {name} is global: make it static, or begin it with weir__"
                 for name in foreign(arguments.static)]

    for finding in findings:
        print(finding)
    print(f"symbols: {len(there)} exported, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""cases.py ROOT  Prints which tests name which case of tests/cases.txt; fails when a case that is due has none.

A test names a case in its comment, as "C07"; suites.py says which comment belongs to which test. A number that is not in the list
is a finding too, and so is one that is listed as "later" though a test names it: then it is due.
"""
import os
import re
import sys

import suites

LIST = "tests/cases.txt"
LINE = re.compile(r"(C\d{2,3}) +(\w+) +(due|later) +(\S.*)")
NUMBER = re.compile(r"\bC\d{2,3}\b")


def read_list(text):
    """The cases: number -> (line, area, state, what); and findings about the file itself."""
    cases, findings, before = {}, [], 0
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        if not found:
            findings.append((LIST, at, "not a case", "write: NUMBER AREA due|later WHAT"))
            continue
        if int(found[1][1:]) != before + 1:
            findings.append((LIST, at, f"{found[1]} does not follow C{before:02}", "list each number once, in order"))
        before = int(found[1][1:])
        cases[found[1]] = (at, found[2], found[3], found[4])
    return cases, findings


def named_by(tests):
    """number -> the tests that name it."""
    named = {}
    for test in tests:
        for number in sorted(set(NUMBER.findall("\n".join(test.comments)))):
            named.setdefault(number, []).append(test)
    return named


def compare(cases, named):
    for number, (line, _, state, what) in cases.items():
        if state == "due" and number not in named:
            yield LIST, line, f"{number} ({what}) has no test", "write one, and name the number in its comment"
        if state == "later" and number in named:
            yield LIST, line, f"{number} is \"later\", and {named[number][0]} tests it", "it is \"due\" now"
    for number, tests in named.items():
        if number not in cases:
            yield tests[0].path, tests[0].line, f"{number} is no case", f"take a number of {LIST}"


def print_table(cases, named):
    for number, (_, area, state, what) in cases.items():
        print(f"{number:<5}{area:<12}{what}" + (" (later)" if state == "later" else ""))
        for test in named.get(number, []):
            print(f"       {test}")


def main():
    root = sys.argv[1]
    with open(os.path.join(root, LIST), encoding="utf-8") as file:
        cases, findings = read_list(file.read())
    named = named_by(suites.find(root))
    print_table(cases, named)
    findings += compare(cases, named)
    for path, line, what, instead in findings:
        print(f"{path}:{line}: {what}: {instead}")
    later = sum(state == "later" for _, _, state, _ in cases.values())
    print(f"{len(cases)} cases, {sum(number in named for number in cases)} with tests, {later} later, {len(findings)} findings")
    return 1 if findings or not cases else 0


if __name__ == "__main__":
    sys.exit(main())

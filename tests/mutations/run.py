#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""run.py [NAME...]  Breaks the library on purpose, one place at a time, and shows which test notices.

Each entry of mutations.txt has a name, a line that says what goes wrong, a file, the text to be replaced, which stands there
exactly once, and what replaces it. Entries are applied to a copy of the tree, never to this one; core and the suites below are
built, and run until one fails. A mutation that none notices is a failure, and so is one that does not apply any more.

Takes about ten seconds an entry. NAME: only these.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SUITES = ["task_trees", "task", "task_cancel", "task_api", "timeout", "task_wait", "task_gather", "task_group",
          "task_group_leave", "executor"]
SECTIONS = {"old", "new"}


def read(path):
    """[(name, file, old, new)] of mutations.txt."""
    entries, section = [], None
    with open(path, encoding="ascii") as lines:
        for line in lines:
            word = line.split(maxsplit=1)[0] if line.strip() else ""
            if line.startswith("=== "):
                entries.append({"name": line[4:].strip(), "old": "", "new": ""})
                section = None
            elif entries and line.startswith("file ") and section is None:
                entries[-1]["file"] = line[5:].strip()
            elif entries and line.rstrip() == word and word in SECTIONS:
                section = word
            elif entries and section:
                entries[-1][section] += line
    return [(e["name"], e["file"], e["old"].strip("\n"), e["new"].strip("\n")) for e in entries]


def build(folder):
    """None, or what the compiler said."""
    done = subprocess.run(["cmake", "--build", os.path.join(folder, "build"), "--target"] + [f"core_test_{s}" for s in SUITES],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout if done.returncode != 0 else None


def first_failure(folder):
    """The suite that notices, and the first line that says how; (None, "") when all pass."""
    for suite in SUITES:
        try:
            done = subprocess.run([os.path.join(folder, "build/tests/core", f"test_{suite}")], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=300, check=False,
                                  env=dict(os.environ, CK_TIMEOUT_MULTIPLIER="1"))
        except subprocess.TimeoutExpired:
            return suite, "does not end"
        if done.returncode != 0:
            lines = [line for line in done.stdout.splitlines() if "TREE_SEED" in line or ":F:" in line or ":E:" in line]
            return suite, lines[0].replace(folder + "/tree/", "") if lines else f"ended with {done.returncode}"
    return None, ""


def mutate(folder, name, file, old, new):
    """(noticed by, how), or an exception that says what is wrong with the entry."""
    path = os.path.join(folder, "tree", file)
    with open(path, encoding="utf-8") as source:
        before = source.read()
    if before.count(old) != 1:
        raise ValueError(f"the old text stands {before.count(old)} times in {file}")
    try:
        with open(path, "w", encoding="utf-8") as out:
            out.write(before.replace(old, new))
        said = build(folder)
        if said is not None:
            raise ValueError("does not compile:\n" + said)
        return first_failure(folder)
    finally:
        with open(path, "w", encoding="utf-8") as out:
            out.write(before)


def main():
    wanted = sys.argv[1:]
    entries = [e for e in read(os.path.join(HERE, "mutations.txt")) if not wanted or e[0] in wanted]
    missing = set(wanted) - {e[0] for e in entries}
    if missing:
        sys.exit(f"no such mutation: {', '.join(sorted(missing))}")

    bad = []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT, os.path.join(folder, "tree"), ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
        subprocess.run(["cmake", "-S", os.path.join(folder, "tree"), "-B", os.path.join(folder, "build"), "-G", "Ninja",
                        "-DCMAKE_BUILD_TYPE=Debug", "-DBUILD_TESTING=ON", "-DWEIR_BENCH=OFF"], stdout=subprocess.DEVNULL,
                       check=True)
        said = build(folder)
        suite, how = first_failure(folder) if said is None else ("", said)
        if suite is not None:
            sys.exit(f"the tree fails as it is: {suite} {how}")
        for name, file, old, new in entries:
            begun = time.monotonic()
            try:
                suite, how = mutate(folder, name, file, old, new)
            except ValueError as problem:
                suite, how = None, str(problem)
            if suite is None:
                bad.append(name)
            print(f"{name:<40} {suite or 'NOT NOTICED':<18} {time.monotonic() - begun:5.1f} s  {how}", flush=True)
    print(f"{len(entries)} mutations, {len(entries) - len(bad)} noticed" + (": not " + ", ".join(bad) if bad else ""))
    return 1 if bad else 0


sys.exit(main())

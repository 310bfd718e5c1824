#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""run.py [NAME...]  Breaks the library on purpose, one place at a time, and shows which test notices.

Each entry of the *.txt files here has a name, a line that says what goes wrong, a file, the text to be replaced, which stands
there exactly once, and what replaces it; before its first entry a file says which suites have to notice. Entries are applied to
a copy of the tree, never to this one; the suites are built, and run until one fails. A mutation that none notices is a failure,
and so is one that does not apply any more.

Takes about ten seconds an entry. NAME: only these; "streams.txt" is all of that file.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SECTIONS = {"old", "new"}


def read(path):
    """[(name, suites, file, old, new)] of one file."""
    entries, section, suites = [], None, []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            word = line.split(maxsplit=1)[0] if line.strip() else ""
            if line.startswith("=== "):
                entries.append({"name": line[4:].strip(), "old": "", "new": ""})
                section = None
            elif not entries and line.startswith("suites "):
                suites += line.split()[1:]
            elif entries and line.startswith("file ") and section is None:
                entries[-1]["file"] = line[5:].strip()
            elif entries and line.rstrip() == word and word in SECTIONS:
                section = word
            elif entries and section:
                entries[-1][section] += line
    return [(e["name"], suites, e["file"], e["old"].strip("\n"), e["new"].strip("\n")) for e in entries]


def read_all(wanted):
    """The entries of all files, or those asked for."""
    entries, missing = [], set(wanted)
    for file in sorted(os.listdir(HERE)):
        if file.endswith(".txt"):
            mine = read(os.path.join(HERE, file))
            entries += [e for e in mine if not wanted or e[0] in wanted or file in wanted]
            missing -= {file} | {e[0] for e in mine}
    if missing:
        sys.exit(f"no such mutation: {', '.join(sorted(missing))}")
    return entries


def build(folder, suites):
    """None, or what the compiler said."""
    done = subprocess.run(["cmake", "--build", os.path.join(folder, "build"), "--target"] + [s.replace("/", "_") for s in suites],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout if done.returncode != 0 else None


def first_failure(folder, suites):
    """The suite that notices, and the first line that says how; (None, "") when all pass."""
    for suite in suites:
        try:
            done = subprocess.run([os.path.join(folder, "build/tests", suite)], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=300, check=False,
                                  env=dict(os.environ, CK_TIMEOUT_MULTIPLIER="1"))
        except subprocess.TimeoutExpired:
            return suite, "does not end"
        if done.returncode != 0:
            lines = [line for line in done.stdout.splitlines() if "_SEED=" in line or ":F:" in line or ":E:" in line]
            return suite, lines[0].replace(folder + "/tree/", "") if lines else f"ended with {done.returncode}"
    return None, ""


def mutate(folder, suites, file, old, new):
    """(noticed by, how), or an exception that says what is wrong with the entry."""
    path = os.path.join(folder, "tree", file)
    with open(path, encoding="utf-8") as source:
        before = source.read()
    if before.count(old) != 1:
        raise ValueError(f"the old text stands {before.count(old)} times in {file}")
    try:
        with open(path, "w", encoding="utf-8") as out:
            out.write(before.replace(old, new))
        said = build(folder, suites)
        if said is not None:
            raise ValueError("does not compile:\n" + said)
        return first_failure(folder, suites)
    finally:
        with open(path, "w", encoding="utf-8") as out:
            out.write(before)


def main():
    entries = read_all(sys.argv[1:])
    used = sorted({suite for entry in entries for suite in entry[1]})

    bad = []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT, os.path.join(folder, "tree"), ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
        subprocess.run(["cmake", "-S", os.path.join(folder, "tree"), "-B", os.path.join(folder, "build"), "-G", "Ninja",
                        "-DCMAKE_BUILD_TYPE=Debug", "-DBUILD_TESTING=ON", "-DWEIR_BENCH=OFF"], stdout=subprocess.DEVNULL,
                       check=True)
        said = build(folder, used)
        suite, how = first_failure(folder, used) if said is None else ("", said)
        if suite is not None:
            sys.exit(f"the tree fails as it is: {suite} {how}")
        for name, suites, file, old, new in entries:
            begun = time.monotonic()
            try:
                suite, how = mutate(folder, suites, file, old, new)
            except ValueError as problem:
                suite, how = None, str(problem)
            if suite is None:
                bad.append(name)
            print(f"{name:<40} {suite or 'NOT NOTICED':<18} {time.monotonic() - begun:5.1f} s  {how}", flush=True)
    print(f"{len(entries)} mutations, {len(entries) - len(bad)} noticed" + (": not " + ", ".join(bad) if bad else ""))
    return 1 if bad else 0


sys.exit(main())

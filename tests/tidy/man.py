#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""man.py ROOT  docs/man/weir.conf.5 names the keys of conf/weir.conf, with the same defaults, and mandoc finds nothing wrong.

conf/weir.conf is compared with the program's own table by tests/server/test_config_document.c; the manual follows the file. A key
is named by its section and its name: "workers", "log.level", "servers.limit", "http.page". In the file, one behind a "#" stands
there with its default; in the manual, ".It Ic NAME No = DEFAULT ;" does, and ".It Ic NAME" one that has none. mandoc is asked
where it is installed.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

FILE, MANUAL = "conf/weir.conf", "docs/man/weir.conf.5"

SECTIONS = {                                        # headings of the manual
    "Keys of the file": "", "Keys of log": "log.", "Keys of a server": "servers.",
    "Options of echo": "echo.", "Options of http": "http.",
}
MODEL = re.compile(r"# (\w+) = (.*);$")
SETTING = re.compile(r"(\w+) = (.*)$")
ITEM = re.compile(r"\.It Ic (\w+)(?: No = (.*) ;)?$")


def keys_of_file(text):
    """What conf/weir.conf shows: key -> (line, value, whether that is the default for certain)."""
    found, section, server = {}, "", None
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        model = MODEL.match(line)
        setting = SETTING.match(line)
        if model:
            found.setdefault(section + model[1], (number, model[2], True))
        elif setting:
            name, value = setting[1], setting[2]
            found.setdefault(section + name, (number, value.rstrip(";"), False))
            if section == "servers." and name == "name":
                server = value.strip('";')
            if value in ("{", "("):                 # a group below, named by its key; options by their server
                section = "log." if name == "log" else "servers." if name == "servers" else f"{server}."
        elif line.startswith("}"):
            section = "servers." if section not in ("log.", "servers.") else "" if section == "log." else section
        elif line.startswith(")"):
            section = ""
    return found


def keys_of_manual(text):
    """What the manual's items name: key -> (line, default or None)."""
    found, section = {}, None
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith((".Ss ", ".Sh ")):
            section = SECTIONS.get(line[4:])
        item = ITEM.match(line)
        if item and section is not None:
            default = item[2]
            if default is not None:
                default = default.replace(r"\(dq", '"').replace(r"\-", "-")
            found[section + item[1]] = (number, default)
    return found


def compare(file, manual):
    for key, (line, value, is_default) in file.items():
        if key not in manual:
            yield FILE, line, f"{key} is not in {MANUAL}", "describe it there"
            continue
        there, default = manual[key]
        if default != value and (is_default or default is not None):
            yield MANUAL, there, f"{key} has the default {default}", f"{FILE}:{line} says {value}"
    for key, (line, _) in manual.items():
        if key not in file:
            yield MANUAL, line, f"{key} is not in {FILE}", "take it out, or show it there"


def lint(root):
    """What mandoc says, but for manuals that are not installed on this machine."""
    pages = sorted(glob.glob(os.path.join(root, "docs", "man", "*.[1-8]")))
    done = subprocess.run(["mandoc", "-T", "lint", *pages], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    for line in done.stdout.splitlines():
        place = re.match(r"mandoc: (.*?):(\d+):\d+: (.*)", line)
        if place and "referenced manual not found" not in line:
            yield os.path.relpath(place[1], root), place[2], place[3], "mend it, as mandoc -T lint sees it"


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def main():
    root = sys.argv[1]
    file, manual = keys_of_file(read(root, FILE)), keys_of_manual(read(root, MANUAL))
    findings = list(compare(file, manual))
    if not file or not manual:
        findings.append((FILE if not file else MANUAL, 1, "no key is found here", "write it as this checker's comment says"))
    if shutil.which("mandoc"):
        findings += lint(root)
    else:
        print("mandoc is not installed: how the pages are written was not looked at")
    for path, line, what, instead in findings:
        print(f"{path}:{line}: {what}: {instead}")
    print(f"{len(file)} keys, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

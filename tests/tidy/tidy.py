#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tidy.py ROOT  What people should not spend review on, as a test.

Prints "file:line: what: what to do instead" for each finding, and fails when there is one. The rules are in rules_*.py,
each a function from a Tree to its findings. What is right all the same stands in allow.txt with its reason:

    RULE  WHERE  REASON         WHERE: a path or a pattern of paths, or path:function for function-length

An entry that nothing needs any more is a finding itself, so the list cannot rot.
"""
import fnmatch
import os
import sys

import rules_calls
import rules_docs
import rules_form
import rules_layers
import rules_sizes
import rules_twins
from csource import CSource

RULES = [
    rules_form.first_line, rules_form.first_comment, rules_form.line_length, rules_form.whitespace, rules_form.open_questions,
    rules_form.places,
    rules_layers.quoted_includes, rules_layers.own_header_first,
    rules_calls.banned_calls, rules_calls.calls_past_the_seam,
    rules_sizes.file_length, rules_sizes.function_length,
    rules_twins.test_twins,
    rules_docs.rows, rules_docs.marks,
]
ALLOW_LIST = "tests/tidy/allow.txt"
NOT_OURS = {".git", "build", "__pycache__"}


class Tree:
    """The files of a checkout: paths are relative to its root, and each file is read and scanned once."""
    def __init__(self, root):
        self.root = root
        self.paths = []
        self._texts = {}
        self._sources = {}
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(set(folders) - NOT_OURS)
            for name in sorted(files):
                path = os.path.relpath(os.path.join(folder, name), root)
                if self._is_text(path):
                    self.paths.append(path)

    def _is_text(self, path):
        try:
            with open(os.path.join(self.root, path), encoding="utf-8") as file:
                self._texts[path] = file.read()
        except (UnicodeDecodeError, OSError):
            return False
        return "\0" not in self._texts[path]

    def text(self, path):
        return self._texts[path]

    def c(self, path):
        if path not in self._sources:
            self._sources[path] = CSource(self._texts[path])
        return self._sources[path]

    def matching(self, *patterns):
        return [path for path in self.paths if any(fnmatch.fnmatch(path, pattern) for pattern in patterns)]

    def c_files(self):
        return self.matching("*.c", "*.h")


class AllowList:
    def __init__(self, tree):
        self.entries = []                           # [line, rule, where, reason, used]
        self.findings = []
        lines = tree.text(ALLOW_LIST).split("\n") if ALLOW_LIST in tree.paths else []
        for number, line in enumerate(lines, 1):
            fields = line.split(None, 2)
            if not fields or fields[0].startswith("#"):
                continue
            if len(fields) < 3:
                self.findings.append((ALLOW_LIST, number, "no reason", "write: rule, where, and why this is right here"))
            else:
                self.entries.append([number, *fields, False])

    def allows(self, rule, where):
        found = False
        for entry in self.entries:
            if entry[1] == rule and fnmatch.fnmatch(where, entry[2]):
                entry[4] = found = True
        return found

    def leftovers(self):
        yield from self.findings
        for number, rule, where, _, used in self.entries:
            if not used:
                yield ALLOW_LIST, number, f"nothing needs \"{rule} {where}\" any more", "remove the entry"


def check(root):
    """All findings as (path, line, what, instead)."""
    tree = Tree(root)
    allow = AllowList(tree)
    findings = []
    for rule in RULES:
        name = rule.__name__.replace("_", "-")
        for path, line, what, instead, *function in rule(tree):
            if not allow.allows(name, ":".join([path, *function])):
                findings.append((path, line, f"{what} [{name}]", instead))
    return sorted(findings + list(allow.leftovers()))


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    findings = check(root)
    for path, line, what, instead in findings:
        print(f"{path}:{line}: {what}: {instead}")
    print(f"tidy: {len(findings)} findings in {len(Tree(root).paths)} files")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: BSD-2-Clause
"""suites.py  The tests of a checkout by name, each with the comments that belong to it.

In a suite a test is what stands in the first column as START_TEST(name) or as a macro that makes one, CASE(name, ...), and is
added to a test case further down. A comment belongs to the test it stands in, or to the next one below it; directly above several
tests without a blank line between them it belongs to them all. The comment that begins a file belongs to none.

In a script a test is a function, with its docstring and the comments in it and directly above it. The script as a whole is one too,
without a name, with its own docstring.
"""
import ast
import glob
import os
import re

from csource import CSource

NOT_SUITES = ("tests/contract/", "tests/tidy/", "tests/install/", "tests/mutations/", "tests/lib/")
BEGINNING = re.compile(r"^[A-Z][A-Z_]*\((?P<name>[a-z]\w*)\b", re.MULTILINE)


class Test:
    def __init__(self, path, name, line, last_line):
        self.path = path                            # "tests/streams/test_reader.c"
        self.name = name                            # "" for a script as a whole
        self.line = line
        self.last_line = last_line
        self.comments = []

    @property
    def suite(self):
        """As ctest names it: "streams/test_reader"."""
        return os.path.splitext(self.path.removeprefix("tests/"))[0]

    def __str__(self):
        return f"{self.suite}: {self.name}" if self.name else self.suite


def tests_of_suite(path, text):
    source = CSource(text)
    lines = source.code_lines
    tests = []
    for found in BEGINNING.finditer(source.code):
        line, name = source.line_of(found.start()), found["name"]
        last = line
        if line < len(lines) and lines[line].rstrip() == "{":
            while last < len(lines) and lines[last - 1].rstrip() != "}":
                last += 1
        else:
            while last < len(lines) and not lines[last - 1].rstrip().endswith(")"):
                last += 1
        tests.append(Test(path, name, line, last))
    for comment in source.comments:
        for test in owners(tests, comment, lines) if comment.line > 2 else []:      # 1 and 2: the licence, the file's idea
            test.comments.append(comment.text)
    return [test for test in tests if re.search(rf"\btcase_add_\w+\([^;]*\b{test.name}\b", source.code)]


def owners(tests, comment, lines):
    for at, test in enumerate(tests):
        if test.line <= comment.line <= test.last_line:
            return [test]
        if comment.last_line < test.line:
            group = [test]
            if comment.last_line == test.line - 1:
                for before, after in zip(tests[at:], tests[at + 1:]):
                    if not all(line.strip() for line in lines[before.last_line:after.line - 1]):
                        break
                    group.append(after)
            return group
    return []


def tests_of_script(path, text):
    lines = text.split("\n")
    tree = ast.parse(text)
    whole = Test(path, "", 1, len(lines))
    whole.comments.append(ast.get_docstring(tree) or "")
    tests = [whole]
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        test = Test(path, node.name, node.lineno, node.end_lineno)
        test.comments.append(ast.get_docstring(node) or "")
        above = node.lineno - 1
        while above > 0 and lines[above - 1].startswith("#"):
            above -= 1
        test.comments += re.findall(r"(?:^|\s)#.*", "\n".join(lines[above:node.end_lineno]))
        tests.append(test)
    return tests


def find(root):
    """Every test, in the order of paths and lines."""
    tests = []
    for path in sorted(glob.glob(os.path.join(root, "tests", "**", "*.*"), recursive=True)):
        name = os.path.relpath(path, root)
        if name.startswith(NOT_SUITES) or os.path.basename(name).startswith("_") or not name.endswith((".c", ".py")):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        tests += tests_of_suite(name, text) if name.endswith(".c") else tests_of_script(name, text)
    return tests

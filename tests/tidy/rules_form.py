# SPDX-License-Identifier: BSD-2-Clause
"""rules_form.py  How any file looks: its first lines, its width, its blanks."""
import os
import re

LICENCE = "SPDX-License-Identifier: BSD-2-Clause"
WIDTH = 132                                         # two columns of a diff on a wide screen; the samples of docs/STYLE.md need it
PATTERNS = ("*.c", "*.h", "*.S", "*.py", "*.sh", "*.cmake", "*.map", "*CMakeLists.txt", "dev", ".ci/run")

# A path that exists on one person's machine only.
SOMEONES_PLACE = re.compile(r"(?<![\w.})*])/(?:root|(?:home|Users)/\w+)(?:/|\b(?!\w))")


def _files(tree):
    return tree.matching(*PATTERNS)


def first_line(tree):
    for path in _files(tree):
        lines = tree.text(path).split("\n")
        number = 2 if lines[0].startswith("#!") else 1
        if len(lines) < number or LICENCE not in lines[number - 1]:
            yield path, number, "no licence line", f"begin with a comment \"{LICENCE}\""


def first_comment(tree):
    """After the licence, a comment; in C it names the file, since what was copied from elsewhere says the wrong name."""
    for path in _files(tree):
        lines = [line for line in tree.text(path).split("\n") if not line.startswith("#!") and LICENCE not in line]
        while lines and lines[0].strip(" #") == "":
            lines.pop(0)
        opening = " ".join(lines[:2]).split("*/")[0]
        if not re.match(r"\s*(/\*|#(?!\s*include|\s*ifndef|\s*pragma)|\"\"\")", opening):
            yield path, 2, "no first comment", "say in a comment what the file's one idea is"
        elif path.endswith((".c", ".h", ".S")) and os.path.splitext(os.path.basename(path))[0] not in opening:
            yield path, 2, "the first comment does not name the file", f"begin it with \"{path}  <the idea>\""


def line_length(tree):
    for path in _files(tree):
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            if len(line) > WIDTH:
                yield path, number, f"{len(line)} columns", f"break the line before column {WIDTH}"


def whitespace(tree):
    for path in _files(tree):
        text = tree.text(path)
        for number, line in enumerate(text.split("\n"), 1):
            if "\t" in line:
                yield path, number, "a tab", "indent with spaces"
            if line != line.rstrip():
                yield path, number, "blanks at the end of the line", "remove them"
        if not text.endswith("\n") or text.endswith("\n\n"):
            yield path, text.count("\n") + 1, "the file does not end with one line break", "end it with exactly one"


def open_questions(tree):
    for path in tree.c_files():
        for comment in tree.c(path).comments:
            for number, line in enumerate(comment.text.split("\n"), comment.line):
                if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                    yield path, number, "a note to oneself", "open an issue, and write OPEN: with its number"
                elif "OPEN:" in line and not re.search(r"#\d+", line):
                    yield path, number, "an open question that nobody will find", "open an issue, and write OPEN: with its number"


def places(tree):
    for path in _files(tree) + tree.matching("*.md", "*.txt"):
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            if SOMEONES_PLACE.search(line):
                yield path, number, "a path of someone's machine", "say it relative to the checkout, or by a variable"

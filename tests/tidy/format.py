#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""format.py ROOT [--clang-format PROGRAM]  What clang-format would change, columns set by hand aside.

docs/STYLE.md aligns fields, constants and trailing comments into columns where that reads better. clang-format can only
align all of them or none, so blanks inside a line are its author's, and so is where a statement is broken: what is checked is
where statements begin, braces, and blanks between tokens. Macros are left alone.
"""
import argparse
import concurrent.futures
import difflib
import os
import re
import subprocess
import sys

from tidy import Tree

NOT_OURS = ("bench/floor_", "tests/contract/weir/")


def essence(line):
    """A line without what is left to its author: blanks inside, also in "(struct job) {", "; ; " and "; ) {"."""
    indentation = re.match(" *", line)[0]
    words = re.sub(r" +", " ", line.strip()).replace("WEIR_TIMEOUT (", "WEIR_TIMEOUT(")
    words = re.sub(r"(?<![\w)])((?:return )?\((?:const )?(?:struct )?\w+(?:\[\])?\)) \{", r"\1{", words)
    return indentation + words.replace("; )", ";)").replace("; ;", ";;")


def in_macro(lines, number):
    """The body of a macro is no C that a formatter could understand."""
    return "".join(lines[number:number + 1]).startswith("#define") or number > 0 and lines[number - 1].endswith("\\")


def only_broken_elsewhere(before, ours, theirs):
    """Whether two runs of lines are one text, cut at other places; a brace on a line of its own counts as text."""
    def text(lines):
        return " ".join(" ".join("<line> {" if line.strip() == "{" else essence(line) for line in lines).split())

    def ends(lines):
        return sum(re.search(r";\s*(/\*.*)?$", line) is not None for line in lines)

    in_a_statement = re.search(r"[^;{}:/\s]\s*$", before) and not before.lstrip().startswith("#")
    begins_alike = re.match(" *", ours[0])[0] == re.match(" *", theirs[0])[0]
    return text(ours) == text(theirs) and ends(ours) == ends(theirs) and (in_a_statement or begins_alike)


def findings(program, root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        lines = file.read().split("\n")
    done = subprocess.run([program, path], cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    wanted = done.stdout.split("\n")
    matcher = difflib.SequenceMatcher(None, [essence(line) for line in lines], [essence(line) for line in wanted], autojunk=False)
    for what, first, last, wanted_first, wanted_last in matcher.get_opcodes():
        if what == "equal" or all(in_macro(lines, number) for number in range(first, max(last, first + 1))):
            continue
        before = lines[first - 1] if first > 0 else ""
        if what == "replace" and only_broken_elsewhere(before, lines[first:last], wanted[wanted_first:wanted_last]):
            continue
        instead = "\n".join(f"    {line}" for line in wanted[wanted_first:wanted_last])
        instead = f"write\n{instead}" if instead.strip() else "remove them" if what == "delete" else "write an empty line"
        yield f"{path}:{first + 1}: {max(last - first, 1)} lines are laid out in another way: {instead}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("--clang-format", default="clang-format-14")
    arguments = parser.parse_args()

    paths = [path for path in Tree(arguments.root).c_files() if not path.startswith(NOT_OURS)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [line for lines in pool.map(lambda path: list(findings(arguments.clang_format, arguments.root, path)), paths)
                 for line in lines]
    for line in found:
        print(line)
    print(f"format: {len(paths)} files, {len(found)} findings")
    return 1 if found or not paths else 0


if __name__ == "__main__":
    sys.exit(main())

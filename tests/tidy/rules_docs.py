# SPDX-License-Identifier: BSD-2-Clause
"""rules_docs.py  The comment of a public function: there, with its origin, and with the marks of the contract."""
import re

ORIGIN = re.compile(r"^ \* (?:beyond )?asyncio\b", re.MULTILINE)
MARKS = ("[suspends]", "[thread-safe]")
CONTRACT = "tests/contract/weir/"


def _public(tree):
    for path in tree.matching("include/weir/*.h"):
        for declaration in tree.c(path).declarations():
            yield path, declaration


def rows(tree):
    for path, declaration in _public(tree):
        if declaration.comment is None:
            yield path, declaration.line, f"{declaration.name} has no comment", "document it directly above, as docs/STYLE.md shows"
        elif not ORIGIN.search(declaration.comment.text):
            yield (path, declaration.line, f"{declaration.name} has no row for its origin",
                   "add a row \"asyncio  <name there>\" or \"beyond asyncio  <why>\"")


def _contract_marks(tree):
    """{function: marks}: from the comment on the declaration's lines, and from sentences "Every a, b and c [suspends]"."""
    marks = {}
    for path in tree.matching(CONTRACT + "*.h"):
        source = tree.c(path)
        verbs = []
        for comment in source.comments:
            for sentence in re.findall(r"Every ([\w, ]+) \[suspends\]", comment.text):
                verbs += re.findall(r"\w+", sentence.replace(" and ", " "))
        for declaration in source.declarations():
            marks[declaration.name] = {mark for mark in MARKS if mark in declaration.trailing}
            if declaration.name.rsplit("_", 1)[-1] in verbs:
                marks[declaration.name].add("[suspends]")
    return marks


def marks(tree):
    contract = _contract_marks(tree)
    for path, declaration in _public(tree):
        if declaration.comment is None or declaration.name not in contract:
            continue
        opening = declaration.comment.text.split("\n *\n")[0]       # the marks stand in the first paragraph
        for mark in MARKS:
            if mark in contract[declaration.name] and mark not in opening:
                yield (path, declaration.line, f"{declaration.name} lacks {mark}",
                       "the contract has it: put it at the right of the comment's first line")
        if "[suspends]" in opening and "[suspends]" not in contract[declaration.name]:     # to promise more threads is free
            yield path, declaration.line, f"{declaration.name} has [suspends]", "in the contract it does not suspend: remove it"

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""asyncio_page.py ROOT [--update]  docs/ASYNCIO.md says what became of each name of asyncio, and is what this makes of the sources.

docs/asyncio_rows.txt has the rows and says how one is written. From the sources come the file of each name, what is different
(what stands behind the first semicolon, or ", which", of a function's asyncio row in its header), and whether a test that is named
exists. Functions with an asyncio row that no row of the file names make a list of their own, each with a suite that calls it.

A finding is: a row without a proof, a function that no proof of its row mentions, a name or a test that does not exist, a name
that is awaited and there already, a public function that no suite calls, and a page that is another than this makes; --update
writes the page.
"""
import functools
import glob
import os
import re
import sys

import suites
from csource import CSource

ROWS, PAGE, CONTRACT = "docs/asyncio_rows.txt", "docs/ASYNCIO.md", "tests/contract/weir"
FOLDERS = ("core", "net", "streams")
UNLIKE = re.compile(r"; |, (?=(?:which|whose|where|as in) )")
KINDS = ("is", "differs", "proof", "later", "awaits", "none")

HEADING = """# asyncio in weir

What became of each name, option, promise and example that asyncio's documentation of streams, transports and protocols has. The
rules are those of Python 3.11, where a row does not say otherwise. A function is described at its declaration.

- **difference**: what someone who knows asyncio would not expect. Codes for exceptions are the same everywhere: `<weir/error.h>`.
- **not yet**: announced, not there; a program that needs it does not compile, or gets `-ENOTSUP`.
- **nothing**: nothing of its own is needed here, and why.
- **proof**: a test that fails when it is not so.

This page is made by `python3 tests/tidy/asyncio_page.py . --update` from `docs/asyncio_rows.txt`, the headers and the tests, and a
test looks that it still is. What weir has and asyncio has not is not here: [include/weir](../include/weir/README.md).
"""


class Row:
    def __init__(self, line, number, name):
        self.line, self.number, self.name = line, number, name
        self.entries = {kind: [] for kind in KINDS}


class Names:
    """What the public headers declare."""

    def __init__(self, root, folder):
        self.root = root
        self.places = {}                            # function, type, constant, STRUCT.MEMBER, "key" -> header
        self.functions = {}                         # function -> what stands in its asyncio row
        self.comments = {}                          # STRUCT.MEMBER -> its comment
        for path in sorted(glob.glob(os.path.join(root, folder, "*.h"))):
            with open(path, encoding="utf-8") as file:
                self._read(os.path.relpath(path, root), file.read())

    def _read(self, path, text):
        source = CSource(text)
        for declaration in source.declarations():
            self.places.setdefault(declaration.name, path)
            self.functions[declaration.name] = origin(declaration.comment.text) if declaration.comment else None
        for name in re.findall(r"\b(WEIR_[A-Z_]+)\b(?= *=|,|\n)|#define (WEIR_[A-Z_]+)", source.code):
            self.places.setdefault(name[0] or name[1], path)
        for found in re.finditer(r"^(?:typedef )?struct (weir_\w+)?[^;{]*{(.*?)^}([^;]*);", text, re.MULTILINE | re.DOTALL):
            name = (found[3].strip() or found[1])
            self.places[name] = path                # with a body: better than where it is only announced
            for member, comment in members(found[2]):
                self.places[f"{name}.{member}"] = path
                self.comments[f"{name}.{member}"] = comment
        for name in re.findall(r"typedef [^;{]*?\b(weir_\w+);|typedef [^;{]*\(\*(weir_\w+)\)", source.code):
            self.places.setdefault(name[0] or name[1], path)
        for comment in source.comments:
            for key in re.findall(r'"[a-z_]+"', comment.text):
                self.places.setdefault(key, path)

    def has(self, name):
        if "/" in name:
            return os.path.exists(os.path.join(self.root, name))
        return name in self.places

    def is_called(self, name):
        """A function, a member or a key: what a test has to mention. A type may be meant without a word."""
        return name in self.functions or "." in name and "/" not in name or name.startswith('"')

    def is_refused(self, name):
        """A member that is declared, and whose comment says that it is not offered."""
        return "-ENOTSUP for now" in self.comments.get(name, "")


def members(body):
    """The members of a struct, each with the comment behind it or above it."""
    comments = re.findall(r"/\*.*?\*/", body, re.DOTALL)
    plain = re.sub(r"/\*.*?\*/", lambda match: f"\0{comments.index(match.group())}\0", body, flags=re.DOTALL)
    for found in re.finditer(r"(\0\d+\0)?\s*([^;\0]*?)(?:\(\*(\w+)\)\([^;]*\)|\b(\w+)(?:\[\d+\])?);[ ]*(\0\d+\0)?", plain):
        text = "".join(comments[int(mark.strip("\0"))] for mark in (found[1], found[5]) if mark)
        yield found[3] or found[4], " ".join(re.sub(r"[/*]+", " ", text).split())


def origin(comment):
    """The asyncio row of a comment, in one line; None for what is beyond asyncio."""
    found = re.search(r"^ \* asyncio +(.*?)(?=^ \* \S|^ \*/|\Z)", comment, re.MULTILINE | re.DOTALL)
    return " ".join(found[1].replace("\n *", " ").replace("*/", "").split()) if found else None


def read_rows(text):
    """Sections and rows in their order, and findings about the file."""
    found, findings, row = [], [], None
    for at, line in enumerate(text.split("\n"), 1):
        words = line.split(None, 1)
        if not words or words[0] == "#":
            continue
        if line.startswith("== "):
            found.append(line[3:])
        elif not line.startswith(" ") and words[0].isdigit() and len(words) == 2:
            row = Row(at, int(words[0]), words[1])
            found.append(row)
        elif line.startswith("  ") and words[0] in KINDS and len(words) == 2 and row is not None:
            row.entries[words[0]].append(words[1])
        else:
            findings.append((ROWS, at, "neither a heading, nor a row, nor a part of one", "write it as the file's head says"))
    numbers = [row.number for row in found if isinstance(row, Row)]
    if numbers != list(range(1, len(numbers) + 1)):
        findings.append((ROWS, 1, "the numbers of the rows are not 1, 2, 3, ...", "number each once, in order"))
    return found, findings


@functools.cache
def words_of(root, path):
    """What a test's file mentions; with what its suite shares, or what its script starts, since that does the calling."""
    shared = ("tests/lib/*",) if path.endswith(".c") else ("tests/programs/*.c", "examples/*.c")
    paths = [os.path.join(root, path)] + [found for pattern in shared for found in glob.glob(os.path.join(root, pattern))]
    words = set()
    for path_of_one in paths:
        with open(path_of_one, encoding="utf-8") as file:
            words |= set(re.findall(r"\w+", file.read()))
    return words


def look_at(root, row, names, contract, tests):
    """What is wrong with a row."""
    entries = row.entries
    kinds = [kind for kind in ("is", "later", "none") if entries[kind]]
    if len(kinds) != 1:
        yield f"{row.number} ({row.name}) says {' and '.join(kinds) or 'nothing'}", "say one of: is, later, none"
    if kinds == ["is"] and not entries["proof"]:
        yield f"{row.number} ({row.name}) has no proof", "name a test that fails when it is not so"
    if entries["later"] and not entries["awaits"]:
        yield f"{row.number} ({row.name}) awaits nothing", "say which names will be it, as the contract has them"
    for name in " ".join(entries["is"]).split():
        if not names.has(name) or names.is_refused(name):
            yield f"{row.number}: there is no {name}", "name what is there, or say \"later\""
    for name in " ".join(entries["awaits"]).split():
        if names.has(name) and not names.is_refused(name):
            yield f"{row.number} ({row.name}) awaits {name}, which is there", "say what it is, and its proof"
        elif not contract.has(name):
            yield f"{row.number} awaits {name}, which nobody promises", "take the name from the contract"
    for proof in entries["proof"]:
        if proof not in tests:
            yield f"{row.number}: there is no test \"{proof}\"", "name one as SUITE: TEST"
    words = set().union(*(words_of(root, tests[proof].path) for proof in entries["proof"] if proof in tests))
    for name in " ".join(entries["is"]).split():
        if names.is_called(name) and name.rsplit(".", 1)[-1].strip('"') not in words:
            yield f"{row.number} ({row.name}): no proof mentions {name}", "name a test that does, or take it out"


# --- The page --------------------------------------------------------------------------------------------------------------------

def definitions(root):
    """Where each function is defined: name -> path."""
    found = {}
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(root, folder, "*.c"))):
            with open(path, encoding="utf-8") as file:
                for function in CSource(file.read()).functions:
                    if not function.is_static:
                        found.setdefault(function.name, os.path.relpath(path, root))
    return found


def escape(text):
    return text.replace("|", "\\|").replace("<", "\\<").replace("*", "\\*")


def link(text, path):
    return f"[{text}](../{path})"


def split_origin(text):
    """The name in asyncio, and what is different."""
    name, _, unlike = UNLIKE.sub("\0", text, count=1).partition("\0")
    return name, unlike


def sentence(texts):
    """Their parts, each once."""
    parts = [part for text in texts for part in text.split("; ") if part]
    return escape("; ".join(dict.fromkeys(parts)))


def cells(row, names, defined, tests):
    """weir, file, difference, proof."""
    entries = row.entries
    if entries["later"]:
        return f"**not yet**: {escape(entries['later'][0])}", "", "", ""
    if entries["none"]:
        return "**nothing**", "", escape(entries["none"][0]), ""
    found = " ".join(entries["is"]).split()
    paths = [name if "/" in name else defined.get(name, names.places.get(name)) for name in found]
    files = list(dict.fromkeys(path for path in paths if path))
    weir = ", ".join(f"`{os.path.basename(name)}`" for name in found)
    unlike = sentence(entries["differs"] + [split_origin(names.functions.get(name) or "")[1] for name in found])
    proofs = [link(f"`{proof.partition(': ')[2] or proof}`", tests[proof].path) for proof in entries["proof"] if proof in tests]
    return weir, ", ".join(link(f"`{path}`", path) for path in files), unlike, ", ".join(proofs)


def other_names(found, names):
    """Functions with an asyncio row that no row names."""
    named = {name for row in found if isinstance(row, Row) for name in " ".join(row.entries["is"]).split()}
    return [name for name in sorted(names.functions) if names.functions[name] and name not in named]


def callers(root):
    """function -> the suites whose files mention it."""
    found = {}
    for path in sorted(glob.glob(os.path.join(root, "tests", "*", "test_*.c"))):
        with open(path, encoding="utf-8") as file:
            for name in set(re.findall(r"\bweir_\w+", CSource(file.read()).code)):
                found.setdefault(name, []).append(os.path.relpath(path, root))
    return found


def make_page(found, names, defined, tests, called):
    lines = [HEADING]
    done = sum(bool(row.entries["is"]) for row in found if isinstance(row, Row))
    later = sum(bool(row.entries["later"]) for row in found if isinstance(row, Row))
    total = sum(isinstance(row, Row) for row in found)
    lines.append(f"Of {total} rows {done} are here with a proof, {later} are not yet here, {total - done - later} need nothing.")
    for row in found:
        if not isinstance(row, Row):
            lines += ["", f"## {row}", "", "| # | asyncio | weir | file | difference | proof |",
                      "| --- | --- | --- | --- | --- | --- |"]
            continue
        weir, files, unlike, proofs = cells(row, names, defined, tests)
        lines.append(f"| {row.number} | {escape(row.name)} | {weir} | {files} | {unlike} | {proofs} |")
    lines += ["", "## Other names of asyncio that are here", "",
              "| asyncio | weir | file | difference | called by |", "| --- | --- | --- | --- | --- |"]
    for name in other_names(found, names):
        there, unlike = split_origin(names.functions[name])
        path = defined.get(name, names.places[name])
        stem = os.path.splitext(os.path.basename(path))[0]
        own_first = sorted(called.get(name, []), key=lambda suite: f"test_{stem}.c" not in suite)
        suite = "".join(link(f"`{os.path.basename(suite)}`", suite) for suite in own_first[:1])    # all would change too often
        lines.append(f"| {escape(there)} | `{name}` | {link(f'`{path}`', path)} | {escape(unlike)} | {suite} |")
    return "\n".join(lines) + "\n"


def read(root, path):
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def main():
    root = sys.argv[1]
    names, contract = Names(root, "include/weir"), Names(root, CONTRACT)
    tests = {str(test): test for test in suites.find(root)}
    called = callers(root)
    found, findings = read_rows(read(root, ROWS))
    for row in found:
        if isinstance(row, Row):
            findings += [(ROWS, row.line, what, instead) for what, instead in look_at(root, row, names, contract, tests)]
    for name in other_names(found, names):
        if name not in called:
            findings.append((names.places[name], 1, f"no suite calls {name}", "test it, or give it a row with a proof"))
    page = make_page(found, names, definitions(root), tests, called)
    if "--update" in sys.argv:
        with open(os.path.join(root, PAGE), "w", encoding="utf-8") as file:
            file.write(page)
    elif read(root, PAGE) != page:
        findings.append((PAGE, 1, "not what the sources make of it", "run tests/tidy/asyncio_page.py . --update"))
    for path, line, what, instead in findings:
        print(f"{path}:{line}: {what}: {instead}")
    print(f"{sum(isinstance(row, Row) for row in found)} rows, {len(findings)} findings")
    return 1 if findings or not found else 0


if __name__ == "__main__":
    sys.exit(main())

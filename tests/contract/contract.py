#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""contract.py INCLUDE CONTRACT --clang CLANG  include/weir declares what the contract declares.

A program written against CONTRACT/weir/*.h must compile and mean the same with INCLUDE/weir/*.h. So for each header of the
contract, everything that including it makes visible (functions, types, fields, constants, macros: as clang understands
them, parameter names aside) is compared with what the header of the same name makes visible here. Two lists beside the
contract say what differs on purpose:

    later.txt       KIND NAME #ISSUE       in the contract, and the issue that brings it here, or "after #ISSUE"
    additions.txt   KIND NAME REASON       here, and not in the contract

NAME may be a pattern. Names are as this script prints them: "function weir_run", "header weir/tls.h". An entry that nothing
needs is a failure.
"""
import argparse
import concurrent.futures
import fnmatch
import glob
import json
import os
import re
import subprocess
import sys

# What may be added without changing what a caller can write. Where a function is visible is symbols.py's matter.
HARMLESS_ATTRIBUTES = {"VisibilityAttr", "DeprecatedAttr"}


class Headers:
    """The headers of one side, and what each of them makes visible: {header: {(kind, name): description}}."""
    def __init__(self, clang, root):
        self.clang = clang
        self.root = root
        self.names = sorted(os.path.relpath(path, root) for path in glob.glob(os.path.join(root, "weir", "*.h")))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            self.visible = dict(zip(self.names, pool.map(self._read, self.names)))
        self.all = {}
        for header in self.names:
            self.all.update(self.visible[header])

    def home(self, kind, name):
        """The header that declares a name: of those that show it, the one that shows least."""
        return min((header for header in self.names if (kind, name) in self.visible[header]),
                   key=lambda header: len(self.visible[header]))

    def _clang(self, header, *options):
        done = subprocess.run([self.clang, "-x", "c", "-std=c17", "-D_GNU_SOURCE", "-I", self.root, *options, "-"], text=True,
                              input=f"#include <{header}>\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise SystemExit(f"contract: {os.path.join(self.root, header)} does not compile:\n{done.stderr}")
        return done.stdout

    def _read(self, header):
        found = {}
        for node in json.loads(self._clang(header, "-fsyntax-only", "-Xclang", "-ast-dump=json"))["inner"]:
            for kind, name, description in describe(node):
                found[kind, name] = description
        for kind, name, description in macros(self._clang(header, "-E", "-dM")):
            found[kind, name] = description
        return found


def describe(node):
    """(kind, name, description) of a declaration at the top of a file, if it is one of weir's."""
    kind, name = node["kind"], node.get("name", "")
    inner = node.get("inner", [])
    if kind == "EnumDecl":
        yield from describe_enum(name, inner)
    elif not name.startswith("weir_"):
        return
    elif kind == "FunctionDecl":
        attributes = sorted({child["kind"] for child in inner if child["kind"].endswith("Attr")} - HARMLESS_ATTRIBUTES)
        words = [node.get("storageClass", ""), "inline" if node.get("inline") else "", type_of(node), *attributes]
        yield "function", name, " ".join(filter(None, words))
    elif kind == "RecordDecl" and node.get("completeDefinition"):
        fields = [f"{type_of(field)} {field.get('name', '')}{width(field)}" for field in inner if field["kind"] == "FieldDecl"]
        yield node["tagUsed"], name, "{ " + "; ".join(fields) + " }"
    elif kind == "TypedefDecl":
        yield "typedef", name, type_of(node)
    elif kind == "VarDecl":
        yield "variable", name, f"{node.get('storageClass', '')} {type_of(node)}".strip()


def describe_enum(tag, inner):
    value = -1
    values = []
    for constant in (child for child in inner if child["kind"] == "EnumConstantDecl"):
        given = next((int(child["value"]) for child in constant.get("inner", []) if "value" in child), None)
        value = value + 1 if given is None else given
        values.append((constant["name"], value))
    if tag.startswith("weir_") or any(name.startswith("WEIR_") for name, _ in values):
        for name, value in values:
            yield "constant", name, f"{value} in enum {tag}".strip()


def type_of(node):
    return node["type"]["qualType"]


def width(field):
    if not field.get("isBitfield"):
        return ""
    return " : " + str(next(child["value"] for child in field["inner"] if "value" in child))


def macros(text):
    for line in text.splitlines():
        match = re.match(r"#define (WEIR_\w+(?:\([^)]*\))?) ?(.*)", line)
        if match and not re.fullmatch(r"WEIR_\w+_H", match[1]):
            name, _, parameters = match[1].partition("(")
            yield "macro", name, f"({parameters} {match[2]}" if parameters else match[2]


class List:
    """A list of exceptions; it remembers which were needed."""
    def __init__(self, path, reason_pattern):
        self.path = path
        self.entries = []                           # [line, kind, pattern, used]
        self.findings = []
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                fields = line.split(None, 2)
                if not fields or fields[0].startswith("#"):
                    continue
                if len(fields) < 3 or not re.match(reason_pattern, fields[2]):
                    self.findings.append(f"{path}:{number}: no reason that begins with {reason_pattern}: say why, or which issue")
                else:
                    self.entries.append([number, fields[0], fields[1], False])

    def has(self, kind, name):
        found = False
        for entry in self.entries:
            if entry[1] == kind and fnmatch.fnmatch(name, entry[2]):
                entry[3] = found = True
        return found

    def leftovers(self):
        yield from self.findings
        for number, kind, pattern, used in self.entries:
            if not used:
                yield f"{self.path}:{number}: nothing needs \"{kind} {pattern}\" any more: remove the entry"


def compare(ours, contract, later, additions):
    for header in contract.names:
        if header not in ours.names and not later.has("header", header):
            yield f"{header} is missing: write it, or list \"header {header}\" in later.txt with its issue"
    for header in sorted(set(ours.names) - set(contract.names)):
        if not additions.has("header", header):
            yield f"{header} is not in the contract: remove it, or list \"header {header}\" in additions.txt with the reason"

    for (kind, name), wanted in sorted(contract.all.items()):
        home = contract.home(kind, name)
        if (kind, name) not in ours.all:
            if not later.has(kind, name):
                yield f"{home}: {kind} {name} is missing: declare it as the contract does, or list it in later.txt with its issue"
        elif ours.all[kind, name] != wanted:
            yield f"{ours.home(kind, name)}: {kind} {name} is \"{ours.all[kind, name]}\": the contract has \"{wanted}\""
        else:
            for header in contract.names:
                if (kind, name) in contract.visible[header] and (kind, name) not in ours.visible.get(header, ours.all):
                    yield f"{header}: {kind} {name} cannot be seen through it: include what declares it, as the contract does"

    for kind, name in sorted(set(ours.all) - set(contract.all)):
        if not additions.has(kind, name):
            yield (f"{ours.home(kind, name)}: {kind} {name} is not in the contract: remove it, or list it in additions.txt "
                   "with the reason")

    yield from later.leftovers()
    yield from additions.leftovers()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("include")
    parser.add_argument("contract")
    parser.add_argument("--clang", default="clang")
    arguments = parser.parse_args()

    ours = Headers(arguments.clang, arguments.include)
    contract = Headers(arguments.clang, arguments.contract)
    later = List(os.path.join(arguments.contract, "later.txt"), r"(after )?#\d+")
    additions = List(os.path.join(arguments.contract, "additions.txt"), r"\S")

    findings = list(compare(ours, contract, later, additions))
    for finding in findings:
        print(finding)
    print(f"contract: {len(contract.all)} names in the contract, {len(set(ours.all) & set(contract.all))} of them here, "
          f"{len(set(ours.all) - set(contract.all))} more here, {len(findings)} findings")
    return 1 if findings or not contract.names else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""contract_test.py --clang CLANG  contract.py finds every way in which a declaration can differ.

A small contract, and beside it copies with one thing changed each.
"""
import os
import subprocess
import sys
import tempfile

CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "contract.py")

BASE = """
#include <stddef.h>
#include <stdbool.h>
#define WEIR_ALL ((size_t)-1)
enum weir_kind { WEIR_ONE = 1, WEIR_TWO };
enum { WEIR_MINUS = -1 };
typedef struct weir_view { const char *data; size_t len; } weir_view;
typedef struct weir_loop weir_loop;
typedef int (*weir_cb)(weir_loop *loop, void *arg);
struct weir_options { bool fast; int kind, depth; void *reserved[8]; };
int weir_run(weir_cb cb, void *arg);
__attribute__((warn_unused_result)) size_t weir_read(weir_loop *loop, size_t n, weir_view *out);
__attribute__((format(printf, 2, 3))) int weir_printf(weir_loop *loop, const char *format, ...);
static inline int weir_twice(int n) { return 2 * n; }
"""
MORE = "#include <weir/base.h>\nint weir_more(const weir_view *view);\n"


def changed(old, new):
    assert BASE.count(old) == 1, old
    return {"include/weir/base.h": BASE.replace(old, new)}


MORE_LATER = {"include/weir/more.h": None, "contract/later.txt": "header weir/more.h #7\nfunction weir_mo* #7\n"}

CASES = [                                           # name, files changed (None: removed), words printed (None: all is well)
    ("the same", {}, None),
    ("other parameter names, comments, visibility", changed(
        "int weir_run(weir_cb cb, void *arg);",
        "#pragma GCC visibility push(default)\n/* Run. */ int weir_run(weir_cb main, void *a);\n#pragma GCC visibility pop"), None),
    ("another parameter type", changed("size_t n, weir_view *out", "int n, weir_view *out"), "function weir_read is"),
    ("a parameter more", changed("weir_cb cb, void *arg);", "weir_cb cb, void *arg, int flags);"), "function weir_run is"),
    ("another result", changed("int weir_run", "long weir_run"), "function weir_run is"),
    ("const dropped", {"include/weir/more.h": MORE.replace("const ", "")}, "function weir_more is"),
    ("an attribute dropped", changed("__attribute__((warn_unused_result)) ", ""), "function weir_read is"),
    ("an attribute added", changed("int weir_run", "__attribute__((warn_unused_result)) int weir_run"), "function weir_run is"),
    ("no longer inline", changed("static inline int weir_twice(int n) { return 2 * n; }", "int weir_twice(int n);"), "twice is"),
    ("a field renamed", changed("kind, depth", "kind, deep"), "struct weir_options is"),
    ("fields in another order", changed("kind, depth", "depth, kind"), "struct weir_options is"),
    ("a field of another type", changed("bool fast", "int fast"), "struct weir_options is"),
    ("a field more", changed("const char *data; size_t len;", "const char *data; size_t len, room;"), "struct weir_view is"),
    ("a shorter array", changed("reserved[8]", "reserved[7]"), "struct weir_options is"),
    ("an opaque type", changed("struct weir_options { bool fast; int kind, depth; void *reserved[8]; };", "struct weir_options;"),
     "struct weir_options is missing"),
    ("another callback", changed("(weir_loop *loop, void *arg)", "(void *arg, weir_loop *loop)"), "typedef weir_cb is"),
    ("another value", changed("WEIR_TWO }", "WEIR_TWO = 3 }"), "constant WEIR_TWO is"),
    ("another value, negative", changed("= -1", "= -2"), "constant WEIR_MINUS is"),
    ("another enum", changed("enum weir_kind", "enum weir_sort"), "constant WEIR_ONE is"),
    ("another macro", changed("((size_t)-1)", "((size_t)0)"), "macro WEIR_ALL is"),
    ("a macro gone", changed("#define WEIR_ALL ((size_t)-1)", ""), "macro WEIR_ALL is missing"),
    ("a function gone", changed("int weir_run(weir_cb cb, void *arg);", ""), "function weir_run is missing"),
    ("not visible through its header", {
        "include/weir/more.h": "struct weir_view;\nint weir_more(const struct weir_view *view);\n"}, "cannot be seen through it"),
    ("a header gone", {"include/weir/more.h": None}, "weir/more.h is missing"),
    ("a header that comes later", MORE_LATER, None),
    ("later without an issue", {**MORE_LATER, "contract/later.txt": "header weir/more.h soon\n"}, "no reason that begins with"),
    ("later, and there by now", {"contract/later.txt": "function weir_more #7\n"}, "nothing needs"),
    ("a function more", {"include/weir/more.h": MORE + "int weir_extra(void);\n"}, "weir_extra is not in the contract"),
    ("a constant more", {"include/weir/more.h": MORE + "enum weir_x { WEIR_X };\n"}, "constant WEIR_X is not in the contract"),
    ("a macro more", {"include/weir/more.h": MORE + "#define WEIR_F(x) x\n"}, "macro WEIR_F is not in the contract"),
    ("a function more, with its reason", {"include/weir/more.h": MORE + "int weir_extra(void);\n",
                                          "contract/additions.txt": "function weir_extra it is handy\n"}, None),
    ("a reason for nothing", {"contract/additions.txt": "function weir_extra it is handy\n"}, "nothing needs"),
    ("a header more", {"include/weir/new.h": "\n"}, "weir/new.h is not in the contract"),
    ("what does not compile", {"include/weir/more.h": "int weir_more(\n"}, "does not compile"),
]


def write(root, files):
    for path, text in files.items():
        if text is not None:
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)


def main():
    failed = 0
    for name, changes, words in CASES:
        files = {f"{side}/weir/{header}": f"#pragma once\n{text}" for side in ("include", "contract")
                 for header, text in (("base.h", BASE), ("more.h", MORE))}
        with tempfile.TemporaryDirectory() as root:
            write(root, {**files, **changes})
            done = subprocess.run([sys.executable, CHECKER, "include", "contract", *sys.argv[1:]], cwd=root, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        good = done.returncode == 0 if words is None else done.returncode == 1 and words in done.stdout
        if not good:
            failed += 1
            print(f"contract_test: {name}: wanted {words or 'no finding'}, got status {done.returncode}:\n{done.stdout}")
    print(f"contract_test: {len(CASES)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""format_test.py  format.py finds what is laid out wrongly, and leaves columns and line breaks to their author."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

CASES = [                                           # name, a file, whether something is found
    ("as it should be", "int f(int x)\n{\n    if (x > 0)\n        return 1;\n    return 0;\n}\n", False),
    ("columns set by hand", "struct s {\n    int         a;      /* one */\n    const char *b;      /* two */\n};\n", False),
    ("a statement broken by hand", "int f(int x)\n{\n    return x > 1 &&\n           x < 3;\n}\n", False),
    ("an enum on few lines", "enum e { A, B,\n         C };\n", False),
    ("a macro", "#define F(x) \\\n  do { f( x ); } while (0)\n", False),
    ("a function's brace at the end", "int f(void) {\n    return 1;\n}\n", True),
    ("a brace on its own line", "void f(int x)\n{\n    while (x)\n    {\n        g();\n        h();\n    }\n}\n", True),
    ("a wrong indentation", "int f(void)\n{\n  return 1;\n}\n", True),
    ("no blank before a parenthesis", "int f(int x)\n{\n    if(x)\n        return 1;\n    return 0;\n}\n", True),
    ("no blank after a comma", "int f(int x)\n{\n    return g(x,x);\n}\n", True),
    ("two statements on a line", "void f(void)\n{\n    g(); h();\n}\n", True),
]


def main():
    failed = 0
    for name, text, wanted in CASES:
        with tempfile.TemporaryDirectory() as root:
            shutil.copy(os.path.join(HERE, "..", "..", ".clang-format"), root)
            with open(os.path.join(root, "a.c"), "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run([sys.executable, os.path.join(HERE, "format.py"), root], stdout=subprocess.PIPE, text=True)
        if (done.returncode == 1) != wanted:
            failed += 1
            print(f"format_test: {name}: wanted {'a finding' if wanted else 'none'}, got status {done.returncode}:\n{done.stdout}")
    print(f"format_test: {len(CASES)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

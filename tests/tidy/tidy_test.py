#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tidy_test.py  Each rule of the tidy test fires where it should and keeps quiet where it should.

A small tree that is in order, and beside it copies with one thing wrong each: the wrong thing, and nothing else, is found.
"""
import os
import sys
import tempfile

import tidy

C = "/* SPDX-License-Identifier: BSD-2-Clause */\n"

PUBLIC = C + """/* <weir/read.h>  Reading. */
#ifndef WEIR_READ_H
#define WEIR_READ_H
#include <stddef.h>

/*
 * Read @n bytes.                                                     [suspends]
 *
 * asyncio  StreamReader.read
 */
int weir_read(size_t n);

/*
 * Version.                                                        [thread-safe]
 *
 * beyond asyncio
 */
const char *weir_version(void);
int weir_version_number(void);

typedef int (*weir_cb)(void *arg);
typedef struct weir_table { int (*weir_field)(void); } weir_table;
#endif
"""

GOOD = {
    "include/weir/read.h": PUBLIC,
    "tests/contract/weir/read.h": C + "/* read.h */\n"
                                      "int weir_read(size_t n);            /* [suspends] */\n"
                                      "const char *weir_version(void);     /* never NULL */ /* [thread-safe] */\n"
                                      "int weir_version_number(void);      /* [thread-safe] */\n",
    "core/sys.h": C + "/* core/sys.h  The seam. */\n#include <stdlib.h>\n"
                      "static inline void *sys_malloc(size_t n)\n{\n    return malloc(n);\n}\n",
    "core/task.h": C + "/* core/task.h  Tasks. */\nint weir__task_run(void);\n",
    "core/task.c": C + "/* core/task.c  Tasks: malloc( in a comment, and gmtime( too. OPEN: is it? #7 */\n"
                       "#include \"core/task.h\"\n\n#include \"core/sys.h\"\n\n"
                       "int weir__task_run(void)\n{\n    return table->recv(\"malloc(\") + task_free(1);\n}\n",
    "core/switch_x86_64.S": C + "/* switch_x86_64.S  The switch. */\n",
    "net/read.c": C + "/* net/read.c  Reading. */\n#include <weir/read.h>\n\n#include \"core/task.h\"\n\n"
                      "int weir_read(size_t n)\n{\n    return (int)n;\n}\n",
    "examples/echo.c": C + "/* examples/echo.c  Echo. */\n#include <weir/read.h>\n",
    "tests/core/test_task.c": C + "/* tests/core/test_task.c  Tasks. */\n#include \"core/task.h\"\n#include \"lib/suite.h\"\n",
    "tests/net/test_read.c": C + "/* tests/net/test_read.c  Reading. */\n#include <weir/read.h>\n",
    "dev": "#!/usr/bin/env bash\n# SPDX-License-Identifier: BSD-2-Clause\n#\n# dev  Steps.\n",
    "README.md": "# weir\n",
    "tests/tidy/allow.txt": "# RULE WHERE REASON\ntest-twins core/switch_*.S tests/core/test_task.c: no task runs without it\n",
}


def with_line(path, line):
    return {path: GOOD[path] + line + "\n"}


def replaced(path, old, new):
    assert GOOD[path].count(old) == 1, (path, old)
    return {path: GOOD[path].replace(old, new)}


def body(lines):
    return "\nstatic int long_one(void)\n{\n" + "    step();\n" * (lines - 3) + "}\n"


SOMEWHERE = "/ro" + "ot/x"                          # in two pieces, or this file would be found

CASES = [                                           # name, files changed, the rules that fire
    ("all is well", {}, []),

    ("no licence in C", replaced("net/read.c", C, ""), ["first-line"]),
    ("no licence in a script", replaced("dev", "# SPDX-License-Identifier: BSD-2-Clause\n", ""), ["first-line"]),
    ("no first comment", replaced("net/read.c", "/* net/read.c  Reading. */\n", ""), ["first-comment"]),
    ("no first comment in a script", replaced("dev", "#\n# dev  Steps.\n", "set -e\n"), ["first-comment"]),
    ("the comment of another file", replaced("net/read.c", "net/read.c ", "net/write.c "), ["first-comment"]),
    ("a long line", with_line("net/read.c", "/* " + "x" * 130 + " */"), ["line-length"]),
    ("a tab", with_line("net/read.c", "\tint x;"), ["whitespace"]),
    ("a blank at the end", with_line("dev", "true "), ["whitespace"]),
    ("an empty line at the end", with_line("dev", ""), ["whitespace"]),
    ("an open question without an issue", with_line("net/read.c", "/* OPEN: why? */"), ["open-questions"]),
    ("a note to oneself", with_line("net/read.c", "/* TO" "DO: more */"), ["open-questions"]),
    ("a place of someone", with_line("README.md", f"See {SOMEWHERE}."), ["places"]),
    ("no place of someone", with_line("README.md", "See ${HOME}/src/x, chroot/x, /etc/x, <a/home/b>."), []),

    ("core includes net", with_line("core/task.c", "#include \"net/server.h\""), ["quoted-includes"]),
    ("net includes streams", with_line("net/read.c", "#include \"streams/reader.h\""), ["quoted-includes"]),
    ("the library includes the program", with_line("net/read.c", "#include \"server/config.h\""), ["quoted-includes"]),
    ("the program includes all of it", {"server/main.c": C + "/* server/main.c  Main. */\n#include \"core/task.h\"\n"
                                        "#include \"server/config.h\"\n", "tests/server/test_main.c": C + "/* test_main.c */\n"
                                        "#include \"server/config.h\"\n"}, []),
    ("a file of the program without a test", {"server/main.c": C + "/* server/main.c  Main. */\n"}, ["test-twins"]),
    ("no folder", with_line("net/read.c", "#include \"server.h\""), ["quoted-includes"]),
    ("up and over", with_line("net/read.c", "#include \"../core/task.h\""), ["quoted-includes"]),
    ("an example looks inside", with_line("examples/echo.c", "#include \"core/task.h\""), ["quoted-includes"]),
    ("a test program looks inside", {"tests/programs/echo.c": GOOD["examples/echo.c"] + "#include \"core/task.h\"\n"},
     ["quoted-includes"]),
    ("a public header looks inside", replaced("include/weir/read.h", "<stddef.h>", "\"core/task.h\""), ["quoted-includes"]),
    ("a public header that is not there", with_line("examples/echo.c", "#include <weir/no.h>"), ["quoted-includes"]),
    ("own public header second", replaced("net/read.c", "#include <weir/", "#include <errno.h>\n#include <weir/"),
     ["own-header-first"]),
    ("own private header second", replaced("core/task.c", "#include \"core/task", "#include <errno.h>\n#include \"core/task"),
     ["own-header-first"]),

    ("a banned call", replaced("net/read.c", "(int)n", "sprintf(a, b)"), ["banned-calls"]),
    ("a banned call in a test", with_line("tests/net/test_read.c", "int x = strcpy(a, b);"), ["banned-calls"]),
    ("a wrapped call", replaced("net/read.c", "(int)n", "malloc (n)"), ["calls-past-the-seam"]),
    ("a relative of a wrapped call", replaced("net/read.c", "(int)n", "strdup(n)"), ["calls-past-the-seam"]),
    ("a wrapped call in a header", with_line("core/task.h", "static void *x = malloc(1);"), ["calls-past-the-seam"]),
    ("a wrapped call in a test", with_line("tests/net/test_read.c", "void *x = malloc(1);"), []),

    ("a long file", with_line("net/read.c", "int x;\n" * 600), ["file-length", "whitespace"]),
    ("a function of 70 lines", {"net/read.c": GOOD["net/read.c"] + body(70)}, []),
    ("a function of 71 lines", {"net/read.c": GOOD["net/read.c"] + body(71)}, ["function-length"]),
    ("a long test", {"tests/net/test_read.c": GOOD["tests/net/test_read.c"] + body(71).replace("static int long_one(void)",
                                                                                              "START_TEST(long_one)")},
     ["function-length"]),

    ("no twin", {"core/pool.c": C + "/* core/pool.c  Pools. */\n"}, ["test-twins"]),
    ("the stand-in is gone", {**replaced("tests/tidy/allow.txt", "tests/core/test_task.c", "tests/core/test_gone.c")},
     ["test-twins"]),

    ("no comment", replaced("include/weir/read.h", "StreamReader.read\n */\n", "StreamReader.read\n */\n\n"), ["rows"]),
    ("no origin", replaced("include/weir/read.h", " * asyncio  StreamReader.read\n", ""), ["rows"]),
    ("a function more, without a word", replaced("include/weir/read.h", "typedef int", "int weir_more(void);\ntypedef int"),
     ["rows"]),
    ("an inline one, without a word", replaced("include/weir/read.h", "typedef int",
                                               "static inline int weir_more(int n)\n{\n    return n;\n}\ntypedef int"), ["rows"]),
    ("suspends, unsaid", replaced("include/weir/read.h", "[suspends]", "it waits"), ["marks"]),
    ("suspends, where it does not", replaced("include/weir/read.h", "[thread-safe]", "[suspends] [thread-safe]"),
     ["marks", "marks"]),
    ("thread-safe, unsaid", replaced("include/weir/read.h", "[thread-safe]", "threads"), ["marks", "marks"]),
    ("thread-safe, beyond the contract", replaced("include/weir/read.h", "[suspends]", "[suspends] [thread-safe]"), []),
    ("a sentence for all", {**replaced("include/weir/read.h", "[suspends]", "it waits"), "tests/contract/weir/read.h":
                            C + "/* read.h  Every wait and read [suspends]. */\nint weir_read(void);\n"}, ["marks"]),

    ("allowed", {**with_line("net/read.c", "/* " + "x" * 130 + " */"),
                 **with_line("tests/tidy/allow.txt", "line-length net/*.c a table")}, []),
    ("a function allowed", {"net/read.c": GOOD["net/read.c"] + body(71),
                            **with_line("tests/tidy/allow.txt", "function-length net/read.c:long_one a table")}, []),
    ("another function allowed", {"net/read.c": GOOD["net/read.c"] + body(71),
                                  **with_line("tests/tidy/allow.txt", "function-length net/read.c:other a table")},
     ["function-length", "any more"]),
    ("allowed for nothing", with_line("tests/tidy/allow.txt", "line-length net/*.c a table"), ["any more"]),
    ("allowed for no reason", with_line("tests/tidy/allow.txt", "line-length net/*.c"), ["no reason"]),
]


def findings_of(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return tidy.check(root)


def main():
    failed = 0
    for name, changes, rules in CASES:
        findings = findings_of({**GOOD, **changes})
        unexplained = [finding for finding in findings if not any(rule in finding[2] for rule in rules)]
        silent = [rule for rule in rules if not any(rule in finding[2] for finding in findings)]
        if unexplained or silent or len(findings) != len(rules):
            failed += 1
            print(f"tidy_test: {name}: wanted {rules}, got {findings}")

    fired = {rule for _, _, rules in CASES for rule in rules}
    for rule in tidy.RULES:
        if rule.__name__.replace("_", "-") not in fired:
            failed += 1
            print(f"tidy_test: no case for {rule.__name__}")
    print(f"tidy_test: {len(CASES)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

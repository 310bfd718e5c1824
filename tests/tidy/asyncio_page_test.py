#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""asyncio_page_test.py  asyncio_page.py makes the page of rows, headers and tests, and finds each way in which they do not fit."""
import os
import subprocess
import sys
import tempfile

MAKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "asyncio_page.py")

ROWS = """# A comment.

== Reading

1 StreamReader.read(n=-1)
  is weir_reader_read weir_options.limit "peername"
  differs no | in it
  proof streams/test_reader: reads
2 start_tls()
  later TLS
  awaits weir_start_tls weir_options.tls
3 async def
  none any function
4 an example
  is examples/echo.c weir_protocol.connection_made WEIR_ALL
  proof interop/talk
"""

HEADER = """/* SPDX-License-Identifier: BSD-2-Clause */
/* How; "peername" is one. */
struct weir_options {
    int limit;                  /* bytes */
    void *tls;                  /* no TLS. Answered with
                                 * -ENOTSUP for now */
};

typedef struct weir_protocol {
    void (*connection_made)(void *self);
} weir_protocol;

#define WEIR_ALL 1

/*
 * Read.
 *
 * asyncio  StreamReader.read; -1 is
 *          WEIR_ALL
 */
int weir_reader_read(void);

/*
 * Peek.
 *
 * beyond asyncio
 */
int weir_reader_peek(void);

/*
 * Stop.
 *
 * asyncio  loop.stop, which is for one thread
 */
int weir_loop_stop(void);
"""

SOURCE = """int weir_reader_read(void)
{
    return 0;
}
"""

SUITE = """/* The suite. */
START_TEST(reads)
{
    weir_loop_stop();
    weir_reader_read(limit, "peername");
}
END_TEST

Suite *suite(void)
{
    tcase_add_test(cases, reads);
}
"""

LINES = """## Reading

| # | asyncio | weir | file | difference | proof |
| --- | --- | --- | --- | --- | --- |
| 1 | StreamReader.read(n=-1) | `weir_reader_read`, `weir_options.limit`, `"peername"` | \
[`streams/reader.c`](../streams/reader.c), [`include/weir/a.h`](../include/weir/a.h) | no \\| in it; -1 is WEIR_ALL | \
[`reads`](../tests/streams/test_reader.c) |
| 2 | start_tls() | **not yet**: TLS |  |  |  |
| 3 | async def | **nothing** |  | any function |  |
| 4 | an example | `echo.c`, `weir_protocol.connection_made`, `WEIR_ALL` | [`examples/echo.c`](../examples/echo.c), \
[`include/weir/a.h`](../include/weir/a.h) |  | [`interop/talk`](../tests/interop/talk.py) |

## Other names of asyncio that are here

| asyncio | weir | file | difference | called by |
| --- | --- | --- | --- | --- |
| loop.stop | `weir_loop_stop` | [`include/weir/a.h`](../include/weir/a.h) | which is for one thread | \
[`test_reader.c`](../tests/streams/test_reader.c) |
"""


def change(where, old, new):
    def changed(texts):
        assert old in texts[where], old
        texts[where] = texts[where].replace(old, new)
    return changed


H, R, S = "include/weir/a.h", "docs/asyncio_rows.txt", "tests/streams/test_reader.c"
CASES = [                                           # name, what is changed, words of the finding
    ("no proof", change(R, "  proof interop/talk\n", ""), "4 (an example) has no proof"),
    ("a proof of something else", change(S, "weir_reader_read(", "weir_reader_peek("), "1 (StreamReader.read(n=-1)): no proof"),
    ("a proof without the member", change(S, "limit", "limits"), "no proof mentions weir_options.limit"),
    ("a script without the callback", change("examples/echo.c", "connection_made", ""), "no proof mentions weir_protocol."),
    ("no such suite", change(R, "interop/talk", "interop/walk"), "4: there is no test \"interop/walk\""),
    ("no such test", change(R, "test_reader: reads", "test_reader: writes"), "1: there is no test \"streams/test_reader: writes\""),
    ("a test that does not run", change(S, "tcase_add_test(cases, reads);", ""), "no test \"streams/test_reader: reads\""),
    ("no such function", change(H, "int weir_reader_read(", "int weir_reader_reed("), "1: there is no weir_reader_read"),
    ("no such member", change(R, "weir_options.limit", "weir_options.limits"), "1: there is no weir_options.limits"),
    ("no such callback", change(H, "(*connection_made)", "(*connection_lost)"), "4: there is no weir_protocol.connection_made"),
    ("no such key", change(H, "\"peername\"", "\"sockname\""), "1: there is no \"peername\""),
    ("no such constant", change(R, "WEIR_ALL", "WEIR_NONE"), "4: there is no WEIR_NONE"),
    ("no such example", change(R, "examples/echo.c", "examples/ohce.c"), "4: there is no examples/ohce.c"),
    ("a member that is refused", change(R, "weir_options.limit", "weir_options.tls"), "1: there is no weir_options.tls"),
    ("there after all", change(H, "int weir_loop_stop(", "int weir_start_tls("), "2 (start_tls()) awaits weir_start_tls, which"),
    ("offered after all", change(H, "-ENOTSUP for now", "a code"), "2 (start_tls()) awaits weir_options.tls, which is there"),
    ("awaited in vain", change(R, "weir_start_tls", "weir_start_tsl"), "awaits weir_start_tsl, which nobody promises"),
    ("awaits nothing", change(R, "  awaits weir_start_tls weir_options.tls\n", ""), "2 (start_tls()) awaits nothing"),
    ("says nothing", change(R, "  none any function\n", ""), "3 (async def) says nothing"),
    ("says two things", change(R, "  none any", "  later X\n  none any"), "3 (async def) says later and none"),
    ("a row less", change(R, "3 async def\n  none any function\n", ""), "the numbers of the rows are not 1, 2, 3"),
    ("no row", change(R, "  differs no", "  unlike no"), "7: neither a heading, nor a row, nor a part of one"),
    ("a function that nobody tests", change(S, "weir_loop_stop();", ""), "no suite calls weir_loop_stop"),
    ("another difference", change(H, "-1 is\n", "0 is\n"), "docs/ASYNCIO.md:1: not what the sources make of it"),
    ("another file", change("streams/reader.c", "weir_reader_read", "other"), "docs/ASYNCIO.md:1: not what the sources make of it"),
    ("a page changed by hand", change("docs/ASYNCIO.md", "any function", "some"), "docs/ASYNCIO.md:1: not what the sources"),
]


def run(root, *words):
    done = subprocess.run([sys.executable, MAKER, root, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return done.returncode, done.stdout


def write(root, texts):
    for path, text in texts.items():
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as out:
            out.write(text)


def main():
    failed = 0
    whole = {R: ROWS, H: HEADER, S: SUITE, "streams/reader.c": SOURCE, "examples/echo.c": "connection_made",
             "tests/interop/talk.py": '"""Talk."""\n', "tests/contract/weir/a.h": HEADER + "int weir_start_tls(void);\n"}
    with tempfile.TemporaryDirectory() as root:
        write(root, whole)
        made = run(root, "--update"), run(root)
        with open(os.path.join(root, "docs/ASYNCIO.md"), encoding="utf-8") as file:
            page = file.read()
    if made != ((0, "4 rows, 0 findings\n"), (0, "4 rows, 0 findings\n")) or not page.endswith(LINES):
        failed += 1
        print(f"all is well: {made}, expected to end with\n{LINES}\nin\n{page}")
    for name, changed, words in CASES:
        texts = {**whole, "docs/ASYNCIO.md": page}
        changed(texts)
        with tempfile.TemporaryDirectory() as root:
            write(root, texts)
            status, said = run(root)
        if status != 1 or words not in said:
            failed += 1
            print(f"{name}: status {status}, expected 1 and \"{words}\" in\n{said}")
    print(f"{failed} of {len(CASES) + 1} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

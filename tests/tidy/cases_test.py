#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""cases_test.py  cases.py gives each number to the tests it belongs to, and finds what is due, unknown, or due after all."""
import os
import subprocess
import sys
import tempfile

CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.py")

LIST = """# A comment.
C01  reader      due    above a test

C02  reader      due    above several
C03  reader      due    inside of one
C04  reader      due    in a table above
C05  scripts     due    in a docstring
C06  scripts     due    of the script itself
C07  tls         later  not here
"""

SUITE = """/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tests/streams/test_a.c  What a.c promises; C07 is not here.
 */
static int helper(int n)
{
    return n;
}

/* C01: why. */
START_TEST(first)
{
    helper(1);                  /* C03 */
}
END_TEST

/* C02 */
CASE(second, "steps",
     "expected")
CASE(third, "steps", "expected")

CASE(fourth, "steps", "expected")

static const int table[] = {    /* C04 */
    1,

    2,
};

START_TEST(fifth)
{
    helper(table[_i]);
}
END_TEST

START_TEST(sixth)               /* C04 */
{
    helper(0);
}
END_TEST

Suite *suite(void)
{
    tcase_add_test(cases, first);
    tcase_add_test(cases, second);
    tcase_add_test(cases, third);
    tcase_add_test(cases, fourth);
    tcase_add_loop_test(cases, fifth, 0, 2);
    tcase_add_test(cases, sixth);
}
"""

SCRIPT = '''"""talk.py  Both ways (C06)."""


def helper():
    return "C07"


async def half_close(reader):
    """C05: the rest still comes."""
    return reader
'''

TABLE = """C01  reader      above a test
       streams/test_a: first
C02  reader      above several
       streams/test_a: second
       streams/test_a: third
C03  reader      inside of one
       streams/test_a: first
C04  reader      in a table above
       streams/test_a: fifth
       streams/test_a: sixth
C05  scripts     in a docstring
       interop/talk: half_close
C06  scripts     of the script itself
       interop/talk
C07  tls         not here (later)
7 cases, 6 with tests, 1 later, 0 findings
"""


def change(where, old, new):
    def changed(texts):
        assert old in texts[where], old
        texts[where] = texts[where].replace(old, new)
    return changed


CASES = [                                           # name, what is changed, status, words
    ("all is well", lambda texts: None, 0, TABLE),
    ("none above", change("suite", "/* C01: why. */", "/* why. */"), 1, "tests/cases.txt:2: C01 (above a test) has no test"),
    ("none inside", change("suite", "/* C03 */", ""), 1, "C03 (inside of one) has no test"),
    ("a test that does not run", change("suite", "    tcase_add_test(cases, first);\n", ""), 1, "C03 (inside of one) has no test"),
    ("none in the script", change("script", "C05: the", "The"), 1, "tests/cases.txt:7: C05 (in a docstring) has no test"),
    ("a text is no comment", change("list", "later  not here", "due    not here"), 1, "C07 (not here) has no test"),
    ("due after all", change("suite", "C01: why", "C01, C07: why"), 1,
     "C07 is \"later\", and streams/test_a: first tests it: it is \"due\" now"),
    ("unknown", change("suite", "C01: why", "C01, C08: why"), 1, "tests/streams/test_a.c:11: C08 is no case"),
    ("a gap", change("list", "C03  reader      due    inside of one\n", ""), 1, "tests/cases.txt:5: C04 does not follow C02"),
    ("no state", change("list", "C04  reader      due ", "C04  reader      "), 1, "tests/cases.txt:6: not a case"),
    ("no list", change("list", LIST, "# A comment.\n"), 1, "is no case"),
]


def main():
    failed = 0
    for name, changed, status, words in CASES:
        texts = {"list": LIST, "suite": SUITE, "script": SCRIPT}
        changed(texts)
        with tempfile.TemporaryDirectory() as root:
            for path, text in (("tests/cases.txt", texts["list"]), ("tests/streams/test_a.c", texts["suite"]),
                               ("tests/interop/talk.py", texts["script"]), ("tests/lib/b.c", "/* C09 */\n" + SUITE)):
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as out:
                    out.write(text)
            done = subprocess.run([sys.executable, CHECKER, root], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != status or words not in done.stdout:
            failed += 1
            print(f"{name}: status {done.returncode}, expected {status} and \"{words}\" in\n{done.stdout}")
    print(f"{failed} of {len(CASES)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

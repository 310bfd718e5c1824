# SPDX-License-Identifier: BSD-2-Clause
"""rules_twins.py  Every source file has a test of its name, or the allow list names the one that covers it."""
import re


def test_twins(tree):
    allowed_elsewhere = re.compile(r"^\s*test-twins\s+(\S+)\s+(\S+?):?\s", re.MULTILINE)
    for path in tree.matching("core/*.c", "core/*.S", "net/*.c", "streams/*.c", "server/*.c"):
        folder, name = path.rsplit("/", 1)
        twin = f"tests/{folder}/test_{name.rsplit('.', 1)[0]}.c"
        if twin not in tree.paths:
            yield path, 1, "no test of its name", f"write {twin}, or name in the allow list the test that covers it"

    allow_list = "tests/tidy/allow.txt"
    if allow_list in tree.paths:
        text = tree.text(allow_list)
        for match in allowed_elsewhere.finditer(text):
            if match[2] not in tree.paths:
                yield (allow_list, text.count("\n", 0, match.start(1)) + 1, f"{match[2]} is not a test",
                       "begin the reason with the path of the test that covers the file")

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""headers_test.py --cc CC --cxx CXX  headers.py finds headers that lean on what was included before them."""
import os
import subprocess
import sys
import tempfile

CHECKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "headers.py")
GOOD = "#include <stddef.h>\nsize_t weir_good(size_t n);\n"

CASES = [
    ("all is well", {"include/weir/good.h": GOOD}, 0, "0 failed"),
    ("a public header lacks an include", {"include/weir/bad.h": "size_t weir_bad(void);\n"}, 1, "<weir/bad.h> does not"),
    ("a public header is no C++", {"include/weir/bad.h": "int weir_bad(int class);\n"}, 1, "-x c++"),
    ("a public header needs GNU names", {"include/weir/bad.h": "#include <sys/types.h>\noff64_t weir_bad(void);\n"}, 1, "-std=c17"),
    ("an internal header lacks an include", {"net/bad.h": "struct net { uint8_t kind; };\n"}, 1, "\"net/bad.h\" does not"),
    ("only the test flavour is broken", {"core/bad.h": "#ifdef WEIR_FAULTS\nint weir__bad(size_t n);\n#endif\n"},
     1, "-DWEIR_FAULTS=1"),
    ("there is nothing to check", {}, 1, "0 compilations"),
]


def main():
    failed = 0
    for name, files, status, words in CASES:
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            os.makedirs(os.path.join(root, "include"), exist_ok=True)
            done = subprocess.run([sys.executable, CHECKER, root, *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
        if done.returncode != status or words not in done.stdout:
            failed += 1
            print(f"headers_test: {name}: wanted status {status} and \"{words}\", got status {done.returncode}:\n{done.stdout}")
    print(f"headers_test: {len(CASES)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: BSD-2-Clause
"""instructions.py  User instructions of an echoed line, counted by callgrind: a number that no noise touches.

The ceiling is 1.3 times the 1,945 that were measured in the build made for tests (gcc 12, -O1, asserts on), with what libev
and libc need for it; a release needs less.
"""
import _count

_count.need_valgrind()
_count.check_instructions(_count.serve_lines, 1, "an echoed line", 2530)

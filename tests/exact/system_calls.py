# SPDX-License-Identifier: BSD-2-Clause
"""system_calls.py  The system calls of an echoed line, exactly: one wait, one receive, one send, nothing else.

Seen from outside, with strace, over the library as users get it; tests/streams counts the same at the seam.
"""
import _count

_count.need_strace()
for batch in [1, 16]:
    _count.check_system_calls(_count.serve_lines, batch, "lines")

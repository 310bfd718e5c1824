# SPDX-License-Identifier: BSD-2-Clause
"""http_instructions.py  User instructions of a page by the http plugin, alone and in batches, and that it allocates nothing.

The ceilings are 1.3 times the 4,070 and 2,380 that were measured in the build made for tests (gcc 12, -O1, asserts on), with
what llhttp, libev and libc need for it; a release needs less.
"""
import _count
import _page

_count.need_valgrind()
_count.check_instructions(_page.serve_pages, 1, "a page", 5300)
_count.check_instructions(_page.serve_pages, 16, "a page", 3100)

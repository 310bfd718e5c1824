# SPDX-License-Identifier: BSD-2-Clause
"""http.py  The system calls of a page by the http plugin, exactly: one wait, one receive, one send, for one request or for 16
that come together.
"""
import _count
import _page

_count.need_strace()
for batch in [1, 16]:
    _count.check_system_calls(_page.serve_pages, batch, "pages")

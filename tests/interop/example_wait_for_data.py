# SPDX-License-Identifier: BSD-2-Clause
"""example_wait_for_data.py  An open socket that is waited for, in three ways: by streams, by a protocol, by its descriptor."""
from _example import expect, run

for name in ("wait_for_data", "wait_for_data_protocol", "watch_descriptor"):
    expect(name, run(name), ("Received: abc\n", "", 0))

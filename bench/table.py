# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the table, and what each figure must be."""
from rows import BulkRow, EchoRow, Goal, IdleRow, ParkedRow


def all_rows():
    return [
        EchoRow("echo-64", "line echo, 64 connections", Goal("<=", 1.10, "at most 1.10"),
                64, 100000),
        EchoRow("echo-1000", "line echo, 1,000 connections", Goal("<=", 1.10, "at most 1.10"),
                1000, 100000),
        EchoRow("echo-pipelined-16", "line echo, 64 connections, 16 lines in flight each", None,
                64, 1600000, pipeline=16),
        EchoRow("accept", "accept, one line, close; 64 at a time",
                Goal("<=", 1.05, "1.05 is the aim", binding=False), 64, 20000, mode="accept"),
        IdleRow(),
        ParkedRow(),
        BulkRow("bulk-in", "1 GiB read", Goal(">=", 0.90, "at least 0.90"), "in"),
        BulkRow("bulk-out", "1 GiB written", Goal(">=", 0.90, "at least 0.90"), "out"),
        BulkRow("bulk-echo", "1 GiB read and written back", Goal(">=", 0.90, "at least 0.90"), "echo"),
    ]

# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the table, and what each figure must be."""
from beside import PeerRow
from core_rows import core_rows
from http_rows import HttpRow
from latency_rows import LatencyRow, OpenCheckRow, WorkersRow
from line_rows import BulkPeersRow, IdlePeersRow, StartEchoRow
from million_rows import HeldRow, ParkedMillionRow
from proxy_rows import ProxyBulkRow, ProxyRow
from rows import BulkRow, Goal, ParkedRow, RequestRow
from start_rows import CheckRow, StartRow


def at_most(text, value):
    """A goal that has been reached."""
    return Goal("<=", value, f"at most {text}", limit=value)


def all_rows():
    return [
        PeerRow("echo-1", "line echo, one connection", Goal("<=", 1.05, "1.05"), 1, 5000),
        PeerRow("echo-64", "line echo, 64 connections", Goal("<=", 1.05, "1.05, limit 1.20", limit=1.20), 64, 100000),
        PeerRow("echo-1000", "line echo, 1,000 connections", Goal("<=", 1.05, "1.05, limit 1.20", limit=1.20), 1000, 100000),
        RequestRow("echo-pipelined-16", "line echo, 64 connections, 16 lines in flight each", None,
                64, 1600000, pipeline=16),
        PeerRow("accept", "accept, one line, close; 64 at a time",
                Goal("<=", 1.05, "1.05"), 64, 20000, mode="accept"),
        HttpRow("http", "page of 13 bytes by the http plugin, 64 connections",
                Goal("<=", 1.08, "1.08, limit 1.15", limit=1.15), 100000),
        HttpRow("http-16", "the same, 16 requests in flight each",
                Goal("<=", 1.5, "1.5, limit 2", limit=2.0), 800000, pipeline=16),
        ProxyRow("proxy-64", "64-byte lines through the proxy plugin, 64 connections", at_most("2", 2.0), 64, 100000),
        ProxyBulkRow("proxy-bulk", "512 MiB each way through the proxy plugin", Goal(">=", 0.5, "at least 0.5", limit=0.5)),
        LatencyRow("latency-64", "64-byte lines at a constant rate, timed from when they were due; the figure is p99.9",
                   Goal("<=", 1.2, "1.2")),
        WorkersRow("workers-2", "two workers beside one, the same total rate", Goal("<=", 1.05, "1.05")),
        OpenCheckRow("the open-loop client against known delays", Goal("<=", 1.10, "within 10% of 1", limit=1.10)),
        StartRow("conf/weir.conf, all CPUs: from exec to the first answer", at_most("50 ms", 50)),
        CheckRow("weir check of conf/weir.conf", at_most("100 ms", 100)),
        StartEchoRow("line echo: from exec to the first answer", None),
        IdlePeersRow(),
        ParkedRow(),
        ParkedMillionRow("parked-million", "a million tasks that sleep or join"),
        ParkedMillionRow("parked-pairs", "a million tasks in readline, each at a memory pair", "--pairs"),
        HeldRow(),
        BulkRow("bulk-in", "1 GiB read", Goal(">=", 0.95, "0.95, limit 0.90", limit=0.90), "in"),
        BulkRow("bulk-out", "1 GiB written", Goal(">=", 0.95, "0.95, limit 0.90", limit=0.90), "out"),
        BulkPeersRow("bulk-echo", "1 GiB read and written back", Goal(">=", 0.95, "0.95, limit 0.90", limit=0.90), "echo"),
        *core_rows(),
    ]


def groups():
    """Words that --only takes for several rows, in whose file their results go."""
    return {"lines": ["echo-1", "echo-64", "echo-1000"], "pages": ["accept", "http", "http-16", "proxy-64", "proxy-bulk"],
            "rate": ["latency-64", "workers-2", "open-check"], "many": ["parked-million", "parked-pairs", "held"],
            "core": [row.name for row in core_rows()]}

# SPDX-License-Identifier: BSD-2-Clause
"""_lines.py  The cache lines that a request touches, from a trace of every access to memory (valgrind's lackey).

Several connections ask in turn, each time in another order, and one only after the one before it was answered. The trace is cut
where a function of the library begins that a handler calls once for each request; the return address that was just put on the
stack says whose stack it is, so whose request. What lies between two cuts is the end of one connection's request, a pass of the
loop, and the next one's. No clock and no size of a log is looked at, so a busy machine changes nothing.

A line is a connection's when it is touched around most of its requests, and around most requests of at most one neighbour, whose
block may share it. What is touched around all of them is the loop's: its own state, tables, libev, libc, the program's data.
"""
import collections
import re
import statistics
import subprocess
import sys

LINE_BITS, PAGE_BITS = 6, 12    # 64 bytes, 4 KiB
NEIGHBOURS = 2                  # connections that may share a line that is still theirs


def place_of(function, library, pid):
    """Where @function of the shared @library begins in this process."""
    symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    offset = re.search(rf"^([0-9a-f]+) T {function}(@|$)", symbols, re.MULTILINE)
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        base = re.search(rf"^([0-9a-f]+)-[0-9a-f]+ \S+ 00000000 .*{re.escape(library)}", maps.read(), re.MULTILINE)
    if offset is None or base is None:
        sys.exit(f"{function} or {library} is not in the process: where a request begins cannot be told")
    return int(offset[1], 16) + int(base[1], 16)


class Segment:
    """From one cut to the next: whose it begins with, whose it ends with, and what was touched between."""

    def __init__(self, before):
        self.before, self.after = before, None
        self.touched, self.code, self.instructions = collections.Counter(), set(), 0


def segments_of(trace, cut):
    """All between the first cut and the last."""
    segments, segment, stored = [], None, 0
    for line in trace:
        kind = line[:2]
        if kind not in ("I ", " L", " S", " M"):
            continue                            # valgrind's own words
        address, _, size = line[3:].partition(",")
        address = int(address, 16)
        if kind == "I ":
            if address == cut:
                if segment is not None:
                    segment.after = stored
                    segments.append(segment)
                segment = Segment(stored)
            if segment is not None:
                segment.instructions += 1
                segment.code.add(address >> LINE_BITS)
            continue
        if kind == " S":
            stored = address
        if segment is not None:
            for number in range(address >> LINE_BITS, (address + int(size) - 1 >> LINE_BITS) + 1):
                segment.touched[number] += 1
    return segments


def steady(segments, connections, rounds):
    """The last @rounds requests of each connection; a connection is known by its place on the stack. The end of the test when
    there are fewer."""
    ends = collections.Counter(segment.after for segment in segments)
    owners = {owner for owner, times in ends.items() if times >= rounds}
    if len(owners) != connections:
        sys.exit(f"{len(owners)} connections with {rounds} requests were seen, of {connections}: the counting is broken; {ends}")
    last = segments[-connections * rounds:]
    if any(segment.before not in owners or segment.after not in owners for segment in last):
        sys.exit("requests of nobody's are among the last: the counting is broken")
    return owners, last


def owned(owners, segments):
    """By connection, its lines with the accesses to each."""
    near = {owner: [segment for segment in segments if owner in (segment.before, segment.after)] for owner in owners}
    own = {owner: {} for owner in owners}
    around = collections.defaultdict(dict)
    for owner, of in near.items():
        requests = len(of) // 2                 # each is in two: where it begins, and where its task has parked
        times, accesses = collections.Counter(), collections.Counter()
        for segment in of:
            times.update(segment.touched.keys())
            accesses.update(segment.touched)
        for line, count in times.items():
            if count > requests / 2:
                around[line][owner] = accesses[line] / requests
    for line, theirs in around.items():
        if len(theirs) <= NEIGHBOURS:
            for owner, accesses in theirs.items():
                own[owner][line] = accesses
    for owner, lines in own.items():
        if owner >> LINE_BITS not in lines:
            sys.exit("the top of a connection's stack is not among its lines: the counting is broken")
    return own


def report_of(segments, own):
    """(lines of a connection, smallest and largest, the loop's, instructions, lines of code), a request each."""
    counts = sorted(len(lines) for lines in own.values())
    theirs = {line for lines in own.values() for line in lines}
    return (statistics.median_high(counts), (counts[0], counts[-1]),
            statistics.median_high(len(segment.touched.keys() - theirs) for segment in segments),
            statistics.mean(segment.instructions for segment in segments),
            statistics.median_high(len(segment.code) for segment in segments))


def pages_of(own):
    """For whoever wants fewer: of the connection in the middle, each page and its lines with the accesses of a request."""
    lines = sorted(own.values(), key=len)[len(own) // 2]
    pages = collections.defaultdict(list)
    for line, accesses in sorted(lines.items()):
        pages[line >> PAGE_BITS - LINE_BITS].append(f"+{(line << LINE_BITS) & 0xfff:03x} {accesses:.0f}")
    return [f"page {page << PAGE_BITS:x}: " + ", ".join(words) for page, words in pages.items()]

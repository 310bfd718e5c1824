# SPDX-License-Identifier: BSD-2-Clause
"""bench_report.py  Tables and bars say what was measured: also for a row that is void, a peer without a ratio, a figure below 0.

No server is run: results are made up, and what becomes of them is read back.
"""
import os
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.environ["WEIR_SOURCE_DIR"], "bench"))

import bars
import report

PEERS = [{"row": "echo", "server": "A & B 1.2", "value": 6.0, "unit": "µs", "digits": 3, "ratio": 1.5, "spread": (1.25, 1.75),
          "weir_over": 0.75, "raw": []},
         {"row": "echo", "server": "slow", "value": 1234.5, "unit": "µs", "digits": 0, "ratio": None, "spread": None,
          "weir_over": None, "raw": [], "text": "1 / 2 / 1,234"}]
RESULTS = [
    {"row": "echo", "what": "lines < 64 bytes", "unit": "µs", "weir": "4.500", "floor": "4.000", "figure": 1.125,
     "spread": (1.1, 1.2), "goal": "at most 1.10", "verdict": "FAIL", "notes": ["a note"], "peers": PEERS},
    {"row": "memory", "what": "slope", "unit": "bytes", "weir": "4,502", "floor": "-3", "figure": 4502, "spread": None,
     "goal": "–", "verdict": "–", "notes": []},
    {"row": "lost", "what": "void", "unit": "µs", "goal": "–", "verdict": "VOID", "notes": ["why"]},
    {"row": "alone", "what": "nothing beside it", "unit": "tasks", "weir": "200,000", "floor": "–", "figure": 200000,
     "spread": None, "goal": "–", "verdict": "pass", "notes": []},
]


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r} and not {wanted!r}")


table = report.markdown("name", RESULTS, {"machine": "x"})
for line in ("| echo | 4.500 | 4.000 | µs | 1.125 | 1.100–1.200 | at most 1.10 | FAIL |",
             "| lost | – | – | µs | – | – | – | VOID |",
             "| echo | A & B 1.2 | 6.000 | µs | 1.500 | 1.250–1.750 | 0.750 |",
             "| echo | slow | 1 / 2 / 1,234 | µs | – | – | – |",
             "![The same as bars](name.svg)", "- echo: a note", "- lost: why"):
    if line not in table.split("\n"):
        sys.exit(f"the table lacks {line!r}:\n{table}")

SVG = "{http://www.w3.org/2000/svg}"
picture = xml.etree.ElementTree.fromstring(bars.svg(RESULTS))
drawn = {(rect.get("class"), float(rect.get("width"))) for rect in picture.iter(SVG + "rect")}
longest = bars.LONGEST
expect("bars", drawn, {("weir", round(4.5 / 1234 * longest, 1)), ("floor", round(4 / 1234 * longest, 1)),
                       ("peer", round(6 / 1234 * longest, 1)), ("peer", longest), ("weir", longest), ("floor", 1.0)})
words = [text.text for text in picture.iter(SVG + "text")]
for word in ("A & B 1.2", "1 / 2 / 1,234", "-3", "4,502"):
    expect(f"words with {word}", word in words, True)
expect("rows without bars", [row for row in ("lost ", "alone ") if row in words], [])
expect("no picture", bars.svg(RESULTS[2:]), None)
expect("no link to a picture", "![" in report.markdown("name", RESULTS[2:], {}), False)
print("tables and bars say what was measured")

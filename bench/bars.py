# SPDX-License-Identifier: BSD-2-Clause
"""Results as bars, in SVG: a block for each row that has something beside weir, a bar for each server.

Written by hand, so that nothing needs to be installed; colours are those of a reader's theme where they can be.
"""
from xml.sax.saxutils import escape

WIDTH, NAMES, BAR, STEP, GAP = 760, 190, 14, 20, 30
LONGEST = WIDTH - NAMES - 210       # room for the figure after the longest bar
STYLE = """<style>
text { font: 12px sans-serif; fill: #24292f } .row { font-weight: bold } .unit { fill: #57606a }
.weir { fill: #0969da } .floor { fill: #8c959f } .peer { fill: #c9d1d9 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .unit { fill: #8d96a0 } .peer { fill: #484f58 } }
</style>"""


def first_number(text):
    """Of "1,234 / 5 / 6" the last, which a row of latencies is about; None where there is none."""
    try:
        return float(str(text).split("/")[-1].replace(",", "").strip())
    except ValueError:
        return None


def bars_of(result):
    """(class, name, value, text) of all that stand in a row; empty for a row of weir alone."""
    bars = [("weir", "weir", first_number(result.get("weir")), result.get("weir")),
            ("floor", "floor", first_number(result.get("floor")), result.get("floor"))]
    for peer in result.get("peers", ()):
        text = peer.get("text") or f"{peer['value']:,.{peer['digits']}f}"
        bars.append(("peer", peer["server"], first_number(text), text))
    return [bar for bar in bars if bar[2] is not None]


def block(result, bars, top):
    most = max(max(bar[2] for bar in bars), 1e-9)
    yield (f'<text class="row" x="0" y="{top}">{escape(result["row"])} <tspan class="unit">{escape(result["what"])}, '
           f'{escape(result["unit"])}</tspan></text>')
    for number, (kind, name, value, text) in enumerate(bars):
        y = top + 10 + number * STEP
        width = max(1.0, max(0.0, value) / most * LONGEST)
        yield f'<text x="{NAMES - 8}" y="{y + 11}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect class="{kind}" x="{NAMES}" y="{y}" width="{width:.1f}" height="{BAR}"/>'
        yield f'<text x="{NAMES + width + 6:.1f}" y="{y + 11}">{escape(str(text))}</text>'


def svg(results):
    """The text of the picture, or None where no row has two bars."""
    lines, top = [], 16
    for result in results:
        bars = bars_of(result)
        if len(bars) > 1:
            lines += block(result, bars, top)
            top += 10 + len(bars) * STEP + GAP
    if not lines:
        return None
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top - GAP + 10}" '
                      f'viewBox="0 0 {WIDTH} {top - GAP + 10}">', STYLE, *lines, "</svg>"]) + "\n"

# SPDX-License-Identifier: BSD-2-Clause
"""What a run leaves behind: the table on the terminal, and the same with the machine it came from.

Paths are written as seen from the top of the repository, so that a result says
nothing about where it was made."""
import datetime
import json
import os
import platform
import re
import subprocess
import time

import bars

SETTINGS = ("vm/max_map_count", "vm/overcommit_memory", "net/core/somaxconn",
            "net/ipv4/tcp_rmem", "net/ipv4/tcp_wmem")
HEAD = ("row", "weir", "floor", "unit", "ratio", "smallest–largest", "goal", "result")
PEER_HEAD = ("row", "beside weir", "figure", "unit", "over the floor", "smallest–largest", "weir over it")
BESIDE_HEAD = ("row", "beside weir", "ns", "weir over it", "smallest–largest")


def first_line(argv, cwd):
    try:
        run = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=10)
        return run.stdout.splitlines()[0] if run.returncode == 0 and run.stdout else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def read_text(path):
    try:
        with open(path) as text:
            return " ".join(text.read().split())
    except OSError:
        return "unknown"


def cpu_ticks():
    with open("/proc/stat") as lines:
        return [int(word) for word in next(lines).split()[1:9]]


def busy_share(before, after):
    """Of all CPU time between two readings: used by anyone, and stolen by the hypervisor."""
    grown = [b - a for a, b in zip(before, after)]
    total = max(1, sum(grown))
    return 1 - (grown[3] + grown[4]) / total, grown[7] / total


def how_busy(seconds=0.5):
    before = cpu_ticks()
    time.sleep(seconds)
    return busy_share(before, cpu_ticks())[0]


def build_facts(build, root):
    """Compiler and flags, out of the build's own cache."""
    cache = {}
    try:
        with open(build / "CMakeCache.txt") as lines:
            for line in lines:
                match = re.match(r"([A-Za-z_]+):[A-Z]+=(.*)", line.strip())
                if match:
                    cache[match[1]] = match[2]
    except OSError:
        pass
    kind = cache.get("CMAKE_BUILD_TYPE", "unknown")
    flags = " ".join(filter(None, (cache.get("CMAKE_C_FLAGS"),
                                   cache.get("CMAKE_C_FLAGS_" + kind.upper()))))
    compiler = cache.get("CMAKE_C_COMPILER")
    return {"compiler": first_line([compiler or "cc", "--version"], root) or "unknown",
            "build type": kind, "flags": flags or "unknown",
            "LTO": cache.get("WEIR_LTO", "unknown")}


def machine_facts(root):
    with open("/proc/cpuinfo") as text:
        model = re.search(r"model name\s*:\s*(.*)", text.read())
    with open("/proc/meminfo") as text:
        memory = int(text.readline().split()[1]) / 1048576
    commit = first_line(["git", "rev-parse", "--short=12", "HEAD"], root) or "none"
    if first_line(["git", "status", "--porcelain", "--untracked-files=no"], root):
        commit += ", with changes"
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"date": now.strftime("%Y-%m-%d %H:%M UTC"), "commit": commit,
            "machine": f"{model[1] if model else platform.machine()}, {os.cpu_count()} CPUs, "
                       f"{memory:.0f} GiB", "kernel": platform.release(),
            "settings": ", ".join(f"{name.rsplit('/')[-1]} = {read_text('/proc/sys/' + name)}"
                                  for name in SETTINGS)}


def cells(result):
    ratio = spread = "–"
    if result.get("spread"):
        ratio = f"{result['figure']:.3f}"
        spread = "{:.3f}–{:.3f}".format(*result["spread"])
    return (result["row"], result.get("weir", "–"), result.get("floor", "–"), result["unit"],
            ratio, spread, result["goal"], result["verdict"])


def number_or_dash(value, digits=3):
    return "–" if value is None else f"{value:,.{digits}f}"


def peer_rows(results):
    return [(peer["row"], peer["server"], peer.get("text") or number_or_dash(peer["value"], peer["digits"]), peer["unit"],
             number_or_dash(peer["ratio"]), "{:.3f}–{:.3f}".format(*peer["spread"]) if peer["spread"] else "–",
             number_or_dash(peer["weir_over"]))
            for result in results for peer in result.get("peers", ())]


def beside_rows(results):
    return [(other["row"], other["side"], f"{other['ns']:.1f}", f"{other['ratio']:.3g}",
             "{:.3g}–{:.3g}".format(*other["spread"]))
            for result in results for other in result.get("beside", ())]


def more_tables(results, drawn):
    """What stands beside weir, as lines after the main table."""
    lines = []
    for head, rows in ((PEER_HEAD, peer_rows(results)), (BESIDE_HEAD, beside_rows(results))):
        if rows:
            lines += [""] + drawn([head] + rows)
    return lines


def took(results, seconds):
    """How long it was from the first row to the last, in words."""
    longest = sorted(results, key=lambda result: result["wall_s"], reverse=True)[:3]
    minutes, rest = divmod(round(seconds), 60)
    return f"{len(results)} {'row' if len(results) == 1 else 'rows'} in {minutes} min {rest} s; the longest: " + \
        ", ".join(f"{result['row']} {result['wall_s']:.1f} s" for result in longest)


def aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def piped(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return lines


def terminal_table(results):
    lines = aligned([HEAD] + [cells(result) for result in results])
    return "\n".join(lines + more_tables(results, aligned) + notes(results))


def notes(results):
    return [f"{result['row']}: {note}" for result in results for note in result["notes"]]


def markdown(name, results, facts):
    lines = ["<!-- SPDX-License-Identifier: BSD-2-Clause -->", "# Benchmark results", "",
             "How to read and repeat this: [bench/README.md](../README.md).", ""]
    lines += [f"- **{key}**: {value}" for key, value in facts.items()] + [""]
    lines += piped([HEAD] + [cells(result) for result in results])
    lines += more_tables(results, piped)
    lines += ["", "Rows:", ""] + [f"- `{result['row']}`: {result['what']}" for result in results]
    if bars.svg(results) is not None:
        lines += ["", f"![The same as bars]({name}.svg)"]
    if notes(results):
        lines += ["", "Notes:", ""] + [f"- {note}" for note in notes(results)]
    return "\n".join(lines) + "\n"


def write(folder, name, results, facts):
    folder.mkdir(parents=True, exist_ok=True)
    picture = bars.svg(results)
    if picture is not None:
        (folder / f"{name}.svg").write_text(picture)
    (folder / f"{name}.md").write_text(markdown(name, results, facts))
    (folder / f"{name}.json").write_text(
        json.dumps({"facts": facts, "results": results}, indent=1, ensure_ascii=False) + "\n")

# SPDX-License-Identifier: BSD-2-Clause
"""rules_layers.py  Who may include what: the floors of the design, read off the quoted includes."""
import re

# A folder, and what its quoted includes may begin with. Angle brackets are the C library, libev and <weir/...>.
MAY_INCLUDE = {
    "include/": [],
    "core/": ["core/"],
    "net/": ["core/", "net/"],
    "streams/": ["core/", "net/", "streams/"],
    "server/": ["core/", "net/", "streams/", "server/"],
    "plugins/": ["plugins/"],
    "examples/": [],
    "tests/programs/": [],
    "tests/install/": [],
    "tests/server/": ["lib/", "core/", "net/", "streams/", "server/"],
    "tests/plugins/": ["lib/", "core/", "net/", "streams/", "server/", "plugins/"],
    "tests/cut/": ["cut/", "lib/", "core/", "net/", "streams/"],
    "tests/": ["lib/", "core/", "net/", "streams/"],
    "bench/": ["bench/", ""],
}


def quoted_includes(tree):
    for path in tree.c_files():
        folder = next((folder for folder in MAY_INCLUDE if path.startswith(folder)), None)
        if folder is None:
            continue
        allowed = MAY_INCLUDE[folder]
        for line, kind, included in tree.c(path).includes:
            if kind == "<":
                if included.startswith("weir/") and f"include/{included}" not in tree.paths:
                    yield path, line, f"<{included}> does not exist", "include a header of include/weir"
            elif not allowed:
                yield path, line, f"\"{included}\" is not public", "use <weir/...> and the C library only"
            elif "/" not in included and "" not in allowed:
                yield path, line, f"\"{included}\" has no folder", "write the folder too: \"core/task.h\""
            elif not included.startswith(tuple(allowed)):
                yield path, line, f"\"{included}\" is above {folder}", "a folder may use those below it; offer a hook there instead"


def own_header_first(tree):
    """A file includes a header of what it defines before all else, so that the header is proven to stand alone."""
    home = {}
    for header in tree.matching("include/weir/*.h"):
        for declaration in tree.c(header).declarations():
            home[declaration.name] = re.sub("^include/", "", header)

    for path in tree.matching("core/*.c", "net/*.c", "streams/*.c", "server/*.c"):
        source = tree.c(path)
        own = sorted({home[function.name] for function in source.functions if not function.is_static and function.name in home})
        private = re.sub(r"\.c$", ".h", path)
        own += [private] if private in tree.paths else []
        if own and (not source.includes or source.includes[0][2] not in own):
            line = source.includes[0][0] if source.includes else 1
            yield path, line, "its own header is not the first", "include first " + " or ".join(own)

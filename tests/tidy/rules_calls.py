# SPDX-License-Identifier: BSD-2-Clause
"""rules_calls.py  Functions that are not called: some nowhere, some only through core/sys.h."""
import re

INSTEAD = {
    "strcpy": "memcpy with a known length", "strcat": "snprintf", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "stpcpy": "memcpy with a known length", "gets": "fgets", "strtok": "strcspn and strspn", "gmtime": "gmtime_r",
    "localtime": "localtime_r", "asctime": "strftime", "ctime": "strftime",
    "gethostbyname": "getaddrinfo", "inet_ntoa": "inet_ntop", "alloca": "a pooled buffer", "tmpnam": "mkstemp",
}

# Relatives of what core/sys.h wraps: the same call under another name would slip past the fault plan too.
RELATIVES = {
    "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "send", "recv", "readv", "writev", "pread", "pwrite",
    "accept", "accept4", "eventfd", "pipe", "pipe2", "dup", "dup2", "open", "openat", "fopen", "strdup", "strndup", "asprintf",
    "vasprintf", "aligned_alloc", "posix_memalign", "reallocarray", "epoll_create1", "epoll_ctl", "epoll_wait", "timerfd_create",
    "signalfd", "mremap", "fork", "system", "popen", "sigprocmask", "usleep", "nanosleep", "sleep", "time", "gettimeofday",
}
SEAM = "core/sys.h"
BEHIND_THE_SEAM = {SEAM, "core/sys_fault.c"}
KEYWORDS = {"if", "while", "for", "switch", "return", "sizeof", "defined", "assert", "_Static_assert", "static_assert", "do"}

# A call by its name, not through a table (protocol->close(...)), and not a declaration of that name.
CALL = re.compile(r"(?<![\w.>])([a-z_]\w*)\s*\(")


def _calls(source):
    for number, line in enumerate(source.code_lines, 1):
        if line.lstrip().startswith("#"):
            continue
        for match in CALL.finditer(line):
            yield number, match[1]


def _wrapped(tree):
    """What core/sys.h calls of the C library, read from it."""
    if SEAM not in tree.paths:
        return set()
    names = {name for _, name in _calls(tree.c(SEAM))}
    return {name for name in names if not re.match(r"sys_|weir_", name)} - KEYWORDS


def banned_calls(tree):
    for path in tree.c_files():
        for line, name in _calls(tree.c(path)):
            if name in INSTEAD:
                yield path, line, f"{name}()", f"use {INSTEAD[name]}"


def calls_past_the_seam(tree):
    behind = _wrapped(tree) | RELATIVES
    for path in tree.matching("core/*.[ch]", "net/*.[ch]", "streams/*.[ch]"):
        if path in BEHIND_THE_SEAM:
            continue
        for line, name in _calls(tree.c(path)):
            if name in behind:
                yield path, line, f"bare {name}()", f"call it through {SEAM}, so that tests can make it fail"

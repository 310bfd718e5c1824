# SPDX-License-Identifier: BSD-2-Clause
"""rules_sizes.py  How long a file and a function may be before someone has to say why."""
FILE_LINES = 600
FUNCTION_LINES = 70


def file_length(tree):
    for path in tree.matching("*.c", "*.h", "*.S", "*.py", "*.sh", "dev"):
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES:
            yield path, FILE_LINES, f"{lines} lines", f"split it by idea, or give the reason in the allow list (limit {FILE_LINES})"


def function_length(tree):
    for path in tree.c_files():
        for function in tree.c(path).functions:
            if function.length > FUNCTION_LINES:
                yield (path, function.line, f"{function.name} has {function.length} lines",
                       f"split it by idea, or give the reason in the allow list (limit {FUNCTION_LINES})", function.name)

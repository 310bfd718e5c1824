# SPDX-License-Identifier: BSD-2-Clause
"""csource.py  A C file as the checks see it: code without comments and literals, comments, functions, declarations.

No parser, but a scanner that relies on how this project writes C: a function's braces stand alone in the first column,
and nothing but comments and preprocessor lines stands between declarations. Positions are kept: every derived text has
the line breaks of the original.
"""
import re

TOKEN = re.compile(r"""
      (?P<comment> /\*.*?\*/ | //[^\n]* )
    | (?P<literal> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
    | (?P<include> ^[ ]*\#[ ]*include[^\n]* )
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

NAME_BEFORE_PARENTHESIS = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|\bWEIR_[A-Z]+\b(?!\s*\()")


def blank(text):
    """The same number of characters and lines, with nothing in them."""
    return re.sub(r"[^\n]", " ", text)


class Comment:
    def __init__(self, text, line):
        self.text = text
        self.line = line                            # of its first line
        self.last_line = line + text.count("\n")


class Function:
    """A definition: from the first line of its declaration to its closing brace."""
    def __init__(self, name, line, last_line, is_static):
        self.name = name
        self.line = line
        self.length = last_line - line + 1
        self.is_static = is_static


class Declaration:
    """A function declared, or defined inline, in a header."""
    def __init__(self, name, line, last_line):
        self.name = name
        self.line = line
        self.last_line = last_line
        self.comment = None                         # what stands directly above it, or above its group
        self.trailing = ""                          # comments on its own lines


class CSource:
    def __init__(self, text):
        self.text = text
        self.comments = []
        self.includes = []                          # (line, '"' or '<', path)
        self.code = TOKEN.sub(self._token, text)
        self.code_lines = self.code.split("\n")
        self.functions = list(self._functions())

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def _token(self, match):
        text = match.group()
        if match["comment"]:
            self.comments.append(Comment(text, self.line_of(match.start())))
        elif match["include"]:
            found = re.match(r"\s*#\s*include\s*([\"<])([^\">]+)", text)
            if found:
                self.includes.append((self.line_of(match.start()), found[1], found[2]))
        else:
            return text[0] + blank(text[1:-1]) + text[-1]
        return blank(text)

    def _functions(self):
        lines = self.code_lines
        for at, line in enumerate(lines):
            if line.rstrip() != "{":
                continue
            first = at
            while first > 0 and lines[first - 1].strip() and not re.match(r"\s*#|.*[;}]\s*$", lines[first - 1]):
                first -= 1
            head = ATTRIBUTE.sub(" ", " ".join(lines[first:at]))
            name = NAME_BEFORE_PARENTHESIS.search(head)
            last = next((end for end in range(at, len(lines)) if re.match(r"}\s*$", lines[end])), len(lines) - 1)
            if name:
                called = name[1]
                if called in ("START_TEST", "END_TEST"):
                    called = head[name.end():].split(")")[0].strip()
                yield Function(called, first + 1, last + 1, bool(re.search(r"\bstatic\b", head)))

    def declarations(self):
        """The functions a header declares, in order, with the comment that belongs to each."""
        code = re.sub(r"^[ ]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: blank(match.group()), self.code, flags=re.MULTILINE)
        code = re.sub(r'extern\s+"\s*"\s*{', lambda match: blank(match.group()), code)
        found = []
        at = 0
        while at < len(code):
            end, depth = at, 0
            while end < len(code):
                depth += {"{": 1, "}": -1}.get(code[end], 0)
                if depth <= 0 and (code[end] == ";" or code[end] == "}" and "(" in code[at:end].split("{")[0]):
                    break
                end += 1
            chunk = code[at:end + 1]
            head = ATTRIBUTE.sub(lambda match: blank(match.group()), chunk)
            name = NAME_BEFORE_PARENTHESIS.search(head)
            if name and name[1].startswith("weir_") and not re.match(r"[\s}]*typedef\b|.*{", head[:name.start()], re.DOTALL):
                start = at + len(chunk) - len(chunk.lstrip(" \n}"))
                found.append(Declaration(name[1], self.line_of(start), self.line_of(end)))
            at = end + 1
        self._attach_comments(found)
        return found

    def _attach_comments(self, declarations):
        last_lines = {}
        by_last_line = {comment.last_line: comment for comment in self.comments}
        for declaration in declarations:
            above = by_last_line.get(declaration.line - 1)
            if above is not None and self.code_lines[above.line - 1].strip() == "":
                declaration.comment = above         # its own line, so not what trails the declaration before
            elif declaration.line - 1 in last_lines:
                declaration.comment = last_lines[declaration.line - 1].comment     # a group without blank lines
            declaration.trailing = " ".join(comment.text for comment in self.comments
                                            if declaration.line <= comment.line <= declaration.last_line)
            last_lines[declaration.last_line] = declaration

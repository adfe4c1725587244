"""What the YAML parser says about broken syntax -> a fault in plain words."""

from __future__ import annotations

from pathlib import Path

import yaml

from ftc.diagnostics import Diagnostic, Place

TABS = "indentation is made of spaces in YAML, and this line starts with a tab"
# The parser's words (libyaml's, then PyYAML's own) -> what is meant, and the way out.
WORDS = (
    (
        ("mapping values are not allowed",),
        "a `key: value` cannot stand here",
        "check the indentation and the line before; quote a value that holds `: `",
    ),
    (
        ("sequence entries are not allowed",),
        "a list item `- ` cannot stand here",
        "put it on a line of its own; quote a value that starts with `- `",
    ),
    (
        ("did not find expected key", "expected <block end>"),
        "this does not belong to the mapping or list around it",
        "check the indentation, quotes and brackets of this line and the one before",
    ),
    (
        ("did not find expected '-' indicator",),
        "a list goes on here, and this is no list item",
        "start it with `- `, or indent it less than the list",
    ),
    (
        ("did not find expected ',' or '}'", "expected ',' or '}'"),
        "a `{` is not closed: `,` or `}` is missing before this",
        "quote a value that holds `{`, `}`, `[`, `]` or `,`",
    ),
    (
        ("did not find expected ',' or ']'", "expected ',' or ']'"),
        "a `[` is not closed: `,` or `]` is missing before this",
        "quote a value that holds `{`, `}`, `[`, `]` or `,`",
    ),
    (
        ("found unexpected end of stream",),
        "a quote that starts here is not closed",
        "close it; inside single quotes, write ' as ''",
    ),
    (
        ("could not find expected ':'",),
        "a key starts here, and no `:` follows it",
        "write `key: value`",
    ),
    (
        ("found unknown escape character",),
        "there is no such escape in double quotes",
        "write \\\\ for a backslash, or use single quotes",
    ),
    (
        ("expected alphabetic or numeric character",),
        "the name of an anchor has letters, digits, - and _ only",
        "quote a value that starts with & or *",
    ),
    (
        ("cannot start any token",),
        "a value cannot start with this character",
        "quote the value",
    ),
)  # fmt: skip


def syntax_faults(path: Path, text: str, error: yaml.YAMLError) -> list[Diagnostic]:
    """Return the fault that stopped the parser; where that is a tab, every line with one."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return [Diagnostic("syntax", f"{path.name} is not YAML: {error}", Place(path, 1, 1))]
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "it ends too early"
    if "unexpected end of stream" in problem:
        mark = error.context_mark or mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    tabs = [
        Diagnostic("tab", TABS, Place(path, number, indent.index("\t") + 1), "use two spaces")
        for number, shown in enumerate(lines[line - 1 :], line)
        if "\t" in (indent := shown[: len(shown) - len(shown.lstrip(" \t"))])
    ]
    if tabs and tabs[0].place and tabs[0].place.line == line:
        return tabs
    column = mark.column + 1 if mark else 1
    if line > len(lines):  # the end of the file: point at its last character
        line = len(lines)
        column = max(1, len(lines[-1])) if lines else 1
    message, way_out = _plain_words(problem, error.context)
    if lines and lines[line - 1][: column - 1].endswith("$"):
        way_out = 'inside { } and [ ], quote it: "${NAME}"'
    return [Diagnostic("syntax", message, Place(path, max(line, 1), column), way_out)]


def _plain_words(problem: str, context: str | None) -> tuple[str, str | None]:
    for starts, message, way_out in WORDS:
        if any(words in problem for words in starts):
            return message, way_out
    return f"{context}: {problem}" if context else problem, None

"""Pieces of a Go template. Every tag trims the white space before it."""

from __future__ import annotations

import json

from ftc_runtime.templates.lines import Lines, indented


def go_string(text: str) -> str:
    """Return a text as a Go string, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def go_plain(text: str) -> str:
    """Return a text as it may stand between tags."""
    return text.replace("{{", '{{ "{{" }}')


def go_when(condition: str, lines: Lines) -> Lines:
    """Return lines that are written under a condition; nothing, if there are none."""
    if not lines:
        return []
    return ["{{- if " + condition + " }}", *indented(lines), "{{- end }}"]


def go_set(name: str, value: str, *, new: bool = False) -> Lines:
    """Return what gives a variable a value."""
    return ["{{- " + name + (" := " if new else " = ") + value + " }}"]

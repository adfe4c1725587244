"""ftc.lock as text: its head and its blocks, found without parsing TOML.

What stands here is on the way of `ftc status`, which may not parse the lock of a thousand stages.
It relies on how `writing` writes: no text holds a line break, so that a line begins with `[` only
where a table does.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ftc.lockfile import FILE_NAME

STAGE = "[stage."
# Compiled where they are used: `ftc status` loads this module and uses neither.
_CONFLICT = r"(?m)^(?:<{7}|={7}|>{7})(?: |$)"
_HEADER = r'(?m)^\[stage\.("(?:[^"\\]|\\.)*")\]$'


def text_of(root: Path) -> str:
    """Return the lock's text; an empty one if there is none."""
    try:
        return (root / FILE_NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def head_of(text: str) -> str:
    """Return what stands before the first stage."""
    end = text.find("\n" + STAGE)
    return text if end < 0 else text[: end + 1]


def stage_blocks(text: str) -> dict[str, str]:
    """Return the text of each stage's block, from its header to its last line, by name."""
    headers = list(re.finditer(_HEADER, text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    return {
        json.loads(header[1]): text[header.start() : end].rstrip("\n")
        for header, end in zip(headers, ends, strict=False)
    }


def has_conflict(text: str) -> bool:
    """Say whether a merge left its marks in the text."""
    return re.search(_CONFLICT, text) is not None


def sides_of(text: str) -> tuple[str, str]:
    """Return a text as each side of its merge conflict has it; equal ones without a conflict."""
    sides: tuple[list[str], list[str]] = ([], [])
    into: tuple[int, ...] = (0, 1)
    for line in text.splitlines():
        if line.startswith("<<<<<<<"):
            into = (0,)
        elif line.startswith("|||||||"):
            into = ()
        elif line.startswith("=======") and into != (0, 1):
            into = (1,)
        elif line.startswith(">>>>>>>"):
            into = (0, 1)
        else:
            for side in into:
                sides[side].append(line)
    return "\n".join(sides[0]) + "\n", "\n".join(sides[1]) + "\n"

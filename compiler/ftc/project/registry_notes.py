"""What ftc reads of a registry's dataset and LLaMA-Factory would not, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ftc.diagnostics import listed
from ftc.project.reading.nodes import Node
from ftc_runtime.contract import Json
from ftc_runtime.stages.dataset.spec import Columns, Tags

TURNS = {"observation_tag": "observation", "function_tag": "function_call", "system_tag": "system"}
USUAL = {"prompt": "instruction", "messages": "conversations"}
"""The columns of meanings that have another default in another format."""
ALWAYS_LEFT = ("system", "history", "tools")
"""Without an entry of their own LLaMA-Factory reads none of these."""
OF_FORMAT = {
    "alpaca": ("prompt", "query", "response", *ALWAYS_LEFT),
    "sharegpt": ("messages", "system", "tools"),
}
FIRST_BYTES = 1 << 16


def notes_of(entry: Node, *, form: str, rows: Path | None, media: Sequence[str]) -> Iterator[str]:
    """Give what is to be said of an entry. *form* is the format of its rows, *rows* their file."""
    columns, tags = entry.children.get("columns"), entry.children.get("tags")
    if tags is not None and form == "sharegpt":
        left = [word for tag, word in TURNS.items() if tag not in tags.children]
        if left:
            known = [getattr(Tags(), tag) for tag in TURNS if tag not in tags.children]
            yield (
                f"its tags leave out {listed(left, last='and')}: LLaMA-Factory would drop rows "
                f"with such turns, ftc reads them as {listed(known, last='and')}"
            )
    there = first_columns(rows) if rows is not None else frozenset()
    kept = [name for name in _left(columns, form) if name in there]
    if kept:
        what = listed(kept, last="and")
        yield f"LLaMA-Factory would not read the column{'s' * (len(kept) > 1)} {what}; ftc does"
    if form == "text":
        yield "its columns name a prompt alone, so its rows are read as texts to pretrain on"
    if media:
        yield f"its {listed(media, last='and')} are not read yet; the text of its rows is"


def _left(columns: Node | None, form: str) -> Iterator[str]:
    """Give the columns that an entry leaves to their defaults and LLaMA-Factory leaves out."""
    named = columns.children if columns is not None else {}
    taken = {node.value for node in named.values()}
    for meaning in OF_FORMAT.get(form, ()):
        column = USUAL.get(meaning) or str(getattr(Columns(), meaning))
        is_left = columns is not None or meaning in ALWAYS_LEFT
        if is_left and meaning not in named and column not in taken:
            yield column


def first_columns(path: Path) -> frozenset[str]:
    """Return the columns of the first row of a .json or .jsonl file; none if that is not read."""
    if path.suffix not in (".json", ".jsonl") or not path.is_file():
        return frozenset()
    try:
        with path.open("rb") as file:
            text = file.read(FIRST_BYTES).decode("utf-8-sig", "ignore")
        row: Json = json.JSONDecoder().raw_decode(text, text.index("{"))[0]
    except (OSError, ValueError, RecursionError):
        return frozenset()
    return frozenset(row) if isinstance(row, dict) else frozenset()

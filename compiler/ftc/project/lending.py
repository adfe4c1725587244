"""Models that nobody speaks to: they only lend their tokenizer to another model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ftc.project.meanings import Items, Meaning, meaning_of
from ftc.project.reading.nodes import KeyPath
from ftc.project.references import reference_fields
from ftc.project.schema import Item
from ftc_runtime.contract import Artifact, Settings

LENT = (Artifact.TOKENIZER,)


def lenders(items: Items) -> set[str]:
    """Return the models of checked items that lend their tokenizer, and are named nowhere else."""
    lent: set[str] = set()
    named: set[str] = set()
    for item in (item for section in items.values() for item in section.values()):
        for path, mark in reference_fields(type(item)):
            for reference in _references(item, path):
                meaning = meaning_of(items, reference, mark.wants)
                if isinstance(meaning, Meaning) and meaning.section == "models":
                    (lent if mark.wants == LENT else named).add(meaning.name)
    return lent - named


def _references(item: Item, path: KeyPath) -> Iterator[str]:
    value: Any = item
    for key in path:
        value = getattr(value, str(key)) if isinstance(value, Settings) else None
    if isinstance(value, str):
        yield value
    elif value is not None:
        yield from (name for name in value if isinstance(name, str))

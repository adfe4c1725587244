"""Texts as they are trained: cut into pieces by the `text_tokens` stage's own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftc_runtime.data.rows import Row, Text
from ftc_runtime.data.tokens import IGNORED, TokenRow
from ftc_runtime.preview.records import Kind, Stretch, Turn, Version
from ftc_runtime.stages.text_tokens.rows import TextMaker
from ftc_runtime.stages.tokens.rows import Made


@dataclass(frozen=True, slots=True)
class TrainedTexts:
    """Shows texts by their token rows, each of which is a turn."""

    maker: TextMaker

    def versions(self, rows: Sequence[Row]) -> list[tuple[Version, ...]]:
        """Return what becomes of each text, token by token."""
        made = self.maker.make([row for row in rows if isinstance(row, Text)])
        return [(self._version(one),) for one in made]

    def sizes(self, rows: Sequence[Row]) -> list[tuple[Version, ...]]:
        """Return the same: to show a text takes no longer than to encode it."""
        return self.versions(rows)

    def _version(self, made: Made) -> Version:
        if not made.rows:
            return Version(status="dropped", reason=made.reason or "", tokens=made.length)
        return Version(
            turns=tuple(Turn(who="text", stretches=self._stretches(row)) for row in made.rows),
            tokens=sum(len(row.input_ids) for row in made.rows),
            trained=sum(int((row.labels != IGNORED).sum()) for row in made.rows),
        )

    def _stretches(self, row: TokenRow) -> tuple[Stretch, ...]:
        """Return the first token, which is not trained, what follows, and the end token."""
        ids = row.input_ids.tolist()
        ends = ids[-1] == self.maker.end
        middle = ids[1:-1] if ends else ids[1:]
        parts: list[tuple[list[int], Kind, bool]] = [
            (ids[:1], "content", False),
            (middle, "content", True),
            (ids[-1:] if ends else [], "end", True),
        ]
        return tuple(
            Stretch(
                text=self.maker.encoder.whole.decode(part, skip_special_tokens=False),
                kind=kind,
                trained=trained,
                special=len(part) == 1 and part[0] in self.maker.encoder.special_ids,
                ids=tuple(part),
            )
            for part, kind, trained in parts
            if part
        )

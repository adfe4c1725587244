"""What the `tokens` stage tells: rows, tokens, what is trained, and one row to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ftc_runtime.contract import Json
from ftc_runtime.data.tokens import IGNORED, TokenRow

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TRAINED, END = "⟦", "⟧"
"""What surrounds the trained stretches of the example."""


@dataclass(slots=True)
class Part:
    """The rows of `train` or `eval`, and what was seen while they were made."""

    name: str
    rows: list[TokenRow] = field(default_factory=list)
    overlong: dict[str, int] = field(default_factory=dict)
    """Row -> its tokens, for those that were left out."""
    tokens: int = 0
    trained: int = 0
    longest_read: int = 0

    @property
    def read(self) -> int:
        """Rows, with those that were left out."""
        return len(self.rows) + len(self.overlong)

    def add(self, place: str, row: TokenRow, *, max_length: int) -> None:
        """Take a row in, or note that it is too long."""
        length = len(row.input_ids)
        self.longest_read = max(self.longest_read, length)
        if length > max_length:
            self.overlong[place] = length
            return
        self.rows.append(row)
        self.tokens += length
        self.trained += int((row.labels != IGNORED).sum())


def report(tokenizer: PreTrainedTokenizerFast, train: Part, evaluation: Part) -> Json:
    """Return the report as JSON."""
    return {
        "train": _counts(train),
        "eval": _counts(evaluation),
        "example": marked(tokenizer, train.rows[0]),
    }


def _counts(part: Part) -> Json:
    lengths = [len(row.input_ids) for row in part.rows]
    return {
        "rows": len(part.rows),
        "dropped": {"overlong": dict(part.overlong)},
        "tokens": part.tokens,
        "trained_tokens": part.trained,
        "longest": max(lengths, default=0),
        "lengths": _histogram(lengths),
    }


def _histogram(lengths: list[int]) -> dict[str, Json]:
    """Count the rows of up to 16, 32, 64, ... tokens."""
    counts: dict[int, int] = {}
    for length in lengths:
        bound = max(16, 1 << (length - 1).bit_length())
        counts[bound] = counts.get(bound, 0) + 1
    return {f"<={bound}": counts[bound] for bound in sorted(counts)}


def marked(tokenizer: PreTrainedTokenizerFast, row: TokenRow) -> str:
    """Return a row as text, its trained stretches between ⟦ and ⟧."""
    pieces: list[str] = []
    stretch: list[int] = []
    inside = False
    for token, label in zip(row.input_ids.tolist(), row.labels.tolist(), strict=True):
        if (label != IGNORED) != inside:
            pieces += [tokenizer.decode(stretch), END if inside else TRAINED]
            stretch, inside = [], not inside
        stretch.append(token)
    pieces.append(tokenizer.decode(stretch))
    return "".join(pieces) + (END if inside else "")

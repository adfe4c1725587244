"""What the `tokens` stage tells: rows, tokens, what is trained, and a few rows to look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ftc_runtime.contract import Json
from ftc_runtime.data.histogram import histogram, quantile
from ftc_runtime.data.leakage import Leaks
from ftc_runtime.data.packing import packs_needed
from ftc_runtime.data.places import Places
from ftc_runtime.data.tokens import IGNORED, TokenRow
from ftc_runtime.stages.tokens.rows import Made, Reason

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TRAINED, END = "⟦", "⟧"
"""What surrounds the trained stretches of an example."""
EXAMPLES = 3
SHARES = (0.5, 0.9, 0.99, 1.0)
OTHER_MAX_LENGTHS = (512, 1024, 2048, 4096, 8192, 16384, 32768)


def _no_places() -> dict[Reason, Places]:
    return {reason: Places() for reason in ("refused", "no thought", "overlong", "untrained")}


@dataclass(slots=True)
class Part:
    """What was seen of `train` or `eval` while its rows were made. It holds no rows."""

    name: str
    kept: int = 0
    dropped: dict[Reason, Places] = field(default_factory=_no_places)
    truncated: Places = field(default_factory=Places)
    """Rows that were cut, each with the tokens that went."""
    tokens_cut: int = 0
    split: Places = field(default_factory=Places)
    """Rows that became several token rows, each with how many."""
    tokens: int = 0
    trained: int = 0
    kept_lengths: Counter[int] = field(default_factory=Counter)
    """Tokens -> rows, of those that are kept."""
    lengths: Counter[int] = field(default_factory=Counter)
    """Tokens before anything was cut -> rows, of all that could be rendered."""
    thoughts: Counter[str] = field(default_factory=Counter)
    missing: Places = field(default_factory=Places)
    """Rows with an answer without a thought, where the model is to think."""
    thinking: int = 0
    """Rows with a thought."""
    examples: list[TokenRow] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Rows, with those that were left out."""
        return self.kept + sum(places.rows for places in self.dropped.values())

    @property
    def longest_read(self) -> int:
        """The tokens of the longest row, before anything was cut."""
        return max(self.lengths, default=0)

    def add(self, place: str, made: Made) -> None:
        """Note what became of a row."""
        if made.length:
            self.lengths[made.length] += 1
        self._see_thoughts(place, made)
        if made.reason is not None:
            self.dropped[made.reason].add(place, made.fault or made.length)
        if made.row is None:
            return
        self.kept += 1
        for row in made.rows:
            self.tokens += len(row.input_ids)
            self.kept_lengths[len(row.input_ids)] += 1
            self.trained += int((row.labels != IGNORED).sum())
        if made.more:
            self.split.add(place, len(made.rows))
        if made.cut:
            self.truncated.add(place, made.cut)
            self.tokens_cut += made.cut
        if len(self.examples) < EXAMPLES:
            self.examples.append(made.row)

    def _see_thoughts(self, place: str, made: Made) -> None:
        thoughts = made.thoughts
        self.thoughts["trained"] += thoughts.trained
        self.thoughts["masked"] += thoughts.masked
        self.thoughts["left_out"] += thoughts.left_out
        self.thoughts["missing"] += thoughts.missing
        self.thinking += bool(thoughts.trained + thoughts.masked)
        if thoughts.missing:
            self.missing.add(place)

    def json(self, *, max_length: int) -> dict[str, Json]:
        """Return it as JSON. The packs are those that `packing` makes, whether or not it is on."""
        packs = packs_needed(self.kept_lengths, size=max_length)
        pieces = self.kept_lengths.total()
        split: dict[str, Json] = {"split": {**self.split.json(), "pieces": pieces}}
        return {
            "rows": self.kept,
            "read": self.read,
            "dropped": {name: places.json() for name, places in self.dropped.items()},
            "truncated": {**self.truncated.json(), "tokens": self.tokens_cut},
            **(split if self.split.rows else {}),
            "tokens": self.tokens,
            "trained_tokens": self.trained,
            "trained_share": round(self.trained / self.tokens, 4) if self.tokens else 0.0,
            "longest": max(self.kept_lengths, default=0),
            "packs": packs,
            "packs_fill": round(self.tokens / (packs * max_length), 4) if packs else 0.0,
            "lengths": histogram(self.lengths, least=16),
            "quantiles": {f"{share:.0%}": quantile(self.lengths, share) for share in SHARES},
            "longer_than": {
                str(bound): sum(rows for length, rows in self.lengths.items() if length > bound)
                for bound in OTHER_MAX_LENGTHS
            },
            "thoughts": {name: self.thoughts[name] for name in sorted(self.thoughts)},
        }


def report(
    tokenizer: PreTrainedTokenizerFast,
    train: Part,
    evaluation: Part,
    leaks: Leaks,
    *,
    max_length: int,
) -> Json:
    """Return the report as JSON."""
    return {
        "train": train.json(max_length=max_length),
        "eval": evaluation.json(max_length=max_length),
        "leakage": leaks.json(),
        "examples": [marked(tokenizer, row) for row in train.examples],
    }


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

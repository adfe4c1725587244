"""What a preview is made of: rows, turns and stretches of text. Light: pydantic only.

The stretches of a rendered row hold its token ids in order, so that what is shown can be held
against what is trained, id by id.
"""

from __future__ import annotations

from typing import Literal

from ftc_runtime.contract import Settings

Status = Literal["kept", "cut", "dropped"]
Who = Literal[
    "system", "user", "assistant", "tool", "tools", "template", "text", "chosen", "rejected"
]
Kind = Literal["frame", "tools", "content", "thinking", "call", "end", "cut"]


class Stretch(Settings):
    """Neighbouring tokens of one kind, or a text that has none."""

    text: str
    kind: Kind = "content"
    """frame: the template's own words. end: what closes an answer. cut: what `truncate` left out,
    so it has no ids."""
    trained: bool = False
    special: bool = False
    """Is it one special token?"""
    ids: tuple[int, ...] = ()


class Turn(Settings):
    """What belongs to one message, or (`template`, `tools`) to none of them."""

    who: Who
    message: int | None = None
    """Its number in the conversation, from 0."""
    stretches: tuple[Stretch, ...] = ()


class Version(Settings):
    """One text of a row. A preference that is rendered has two: `chosen` and `rejected`."""

    name: str = ""
    turns: tuple[Turn, ...] = ()
    status: Status = "kept"
    reason: str = ""
    """Why it is dropped."""
    tokens: int | None = None
    """None where no tokenizer was at hand."""
    trained: int = 0
    cut: int = 0
    """The tokens that went."""


class Row(Settings):
    """A row and where it is."""

    part: str
    number: int
    """From 1, in the order in which the part's rows are read."""
    place: str
    """The line in its dataset, behind the dataset's name if there are several."""
    size: int
    """Its tokens before anything was cut; its characters where there is no tokenizer."""
    label: bool | None = None
    """Of a KTO row: whether its answer is wanted."""
    versions: tuple[Version, ...]

    @property
    def status(self) -> Status:
        """How it came out: dropped if one of its versions is, else cut if one is."""
        found = {version.status for version in self.versions}
        return "dropped" if "dropped" in found else "cut" if "cut" in found else "kept"


class Bin(Settings):
    """How many rows have more than the last bin's and no more than *upto*."""

    upto: int
    rows: int


class Measured(Settings):
    """What was found when all rows of a part were looked at."""

    kept: int
    cut: int
    """Of the kept ones, those that were cut."""
    dropped: dict[str, int]
    """Reason -> rows."""
    tokens: int
    trained: int
    quantiles: dict[str, int]
    """Share of the rows -> the size that they do not exceed: `90%`."""
    bins: tuple[Bin, ...]
    """Of the rows' sizes."""


class Part(Settings):
    """One part and the rows of it that were wanted."""

    name: str
    rows: int
    """How many there are; about, where a mix draws them."""
    shown: tuple[Row, ...]
    measured: Measured | None = None


class Unread(Settings):
    """Rows of the source that the `dataset` stage could not use, for one reason."""

    reason: str
    rows: int
    places: tuple[str, ...]
    """The first of them."""


class Answer(Settings):
    """All that was asked for."""

    unit: Literal["tokens", "characters"]
    parts: tuple[Part, ...]
    unread: tuple[Unread, ...] = ()

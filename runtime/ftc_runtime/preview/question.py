"""What is asked of command `preview`. Light: pydantic only."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ftc_runtime.contract import Settings


class PreviewPart(Settings):
    """Rows that belong together: the train part of a dataset, what a finetune is trained on."""

    name: str
    files: tuple[Path, ...]
    names: tuple[str, ...]
    """The dataset of each file."""
    mixed: bool = False
    """Are the rows drawn as the settings of the `tokens` stage say?"""


class PreviewChoice(Settings):
    """Which rows of each part are shown."""

    rows: int = 3
    numbers: tuple[int, ...] = ()
    """Rows by number, from 1. If there are any, nothing else counts."""
    order: Literal["first", "longest", "shortest", "random"] = "first"
    seed: int = 0
    only: Literal["kept", "cut", "dropped", "all"] = "kept"
    measured: bool = False
    """Look at all rows, and say what was found."""

    @property
    def reads_all(self) -> bool:
        """Does it take all rows to choose?"""
        return self.measured or self.order != "first"


class Preview(Settings):
    """Show rows. The answer is an `Answer` of `ftc_runtime.preview.records`.

    Without a tokenizer rows are shown as they are, else as *chat* and *tokens*, the settings of a
    stage of *kind*, make them.
    """

    command: Literal["preview"] = "preview"
    parts: tuple[PreviewPart, ...]
    choice: PreviewChoice = PreviewChoice()
    tokenizer: Path | None = None
    chat: Path | None = None
    kind: Literal["tokens", "text_tokens"] = "tokens"
    """Of the stage whose settings *tokens* are."""
    tokens: dict[str, Any] = Field(default={})
    report: Path | None = None
    """Of a `dataset` stage, which names the rows that could not be used."""

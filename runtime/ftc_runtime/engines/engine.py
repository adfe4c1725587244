"""What an engine is: prompts of token ids in, answers of token ids out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

from ftc_runtime.data.conversation import Conversation
from ftc_runtime.stages.predict.spec import Generation

Told = Callable[[int, int], None]
"""Called after each batch with its rows and the tokens of their answers."""


class Engine(Protocol):
    """A loaded model. Rows are told by their number, so that an answer never depends on others."""

    context_length: int | None
    """Most tokens of prompt and answer together, if the model says."""

    def prompt(self, conversation: Conversation) -> list[int]:
        """Return the ids after which the assistant answers."""

    def text(self, ids: Sequence[int], *, special: bool) -> str:
        """Return the text of ids, with special tokens or without."""

    def generate(
        self, prompts: Sequence[list[int]], generation: Generation, *, batch_size: int, told: Told
    ) -> list[list[int]]:
        """Return the answer to each prompt, in their order, without the token that ended it."""


def row_seed(seed: int, row: int) -> int:
    """Return a 32-bit seed of one row, so that its draws depend on no other row."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{row}".encode()).digest()[:4])

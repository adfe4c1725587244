"""Texts to token rows: each becomes one or several, or there is a reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from ftc_runtime.data.rows import Text
from ftc_runtime.data.tokens import IGNORED, TokenRow
from ftc_runtime.errors import StageError
from ftc_runtime.stages.text_tokens.spec import Data
from ftc_runtime.stages.tokens.rows import Made
from ftc_runtime.templates.encoding import Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class TextMaker:
    """Turns texts into token rows. A special token that a text spells is text."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, data: Data) -> None:
        """Take what the tokenizer puts in front of a text, and its end token.

        Raises:
            StageError: if it has no end token.
        """
        if not isinstance(tokenizer.eos_token_id, int):
            raise StageError(
                "the tokenizer has no end token, so the model could not learn where a text ends",
                "Use a model whose tokenizer_config.json names an eos_token",
            )
        self.encoder = Encoder(tokenizer)
        self.first = _put_in_front(self.encoder)
        self.end = tokenizer.eos_token_id
        self.data = data

    def make(self, texts: Sequence[Text]) -> list[Made]:
        """Return what became of each text, encoded together in parallel."""
        return list(map(self._made, self.encoder.texts([text.text for text in texts])))

    def _made(self, ids: list[int]) -> Made:
        whole = [*self.first, *ids, self.end]
        if not ids:
            return Made(reason="untrained", length=len(whole))
        if len(whole) > self.data.max_length and self.data.overlong != "split":
            return Made(reason="overlong", length=len(whole))
        row, *more = map(_row, pieces(whole, size=self.data.max_length))
        return Made(row, length=len(whole), more=tuple(more))


def pieces(ids: Sequence[int], *, size: int) -> list[Sequence[int]]:
    """Return the ids in pieces of up to *size*, each with the last one of the piece before.

    Nothing predicts the first token of a piece. So the one that two pieces share is predicted by
    the first of them, and predicts what follows in the second.
    """
    return [ids[start : start + size] for start in range(0, max(1, len(ids) - 1), size - 1)]


def _row(ids: Sequence[int]) -> TokenRow:
    input_ids = np.array(ids, np.int32)
    labels = input_ids.copy()
    labels[0] = IGNORED
    return TokenRow(input_ids, labels)


def _put_in_front(encoder: Encoder) -> list[int]:
    """Return the special tokens with which the tokenizer begins a text."""
    encoding = encoder.whole.encode("a")
    masked = zip(encoding.ids, encoding.special_tokens_mask, strict=True)
    return [token for token, _ in takewhile(lambda pair: pair[1], masked)]

"""Rendered conversations to token ids, so that no message can write a special token.

Ids are those of the whole text at once. Only where a message spells a special token is the stretch
between two real ones encoded again, as text.
"""

from __future__ import annotations

import copy
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tokenizers import Encoding, Tokenizer

from ftc_runtime.errors import StageError
from ftc_runtime.templates.rendered import Rendered

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids, and for each the span of `Rendered.text` that it stands for.

    The spans of a whole text are read only where they are asked for: as a list they would cost
    more than all the rest that Python does for a row.
    """

    ids: list[int]
    offsets: list[Span] | Encoding

    @property
    def spans(self) -> list[Span]:
        """All of them."""
        return self.offsets if isinstance(self.offsets, list) else self.offsets.offsets

    def within(self, first: int, last: int) -> slice:
        """Return the tokens that lie whole between two places of the text.

        No token begins or ends before one in front of it, so they are found by halving.
        """
        tokens = range(len(self.ids))
        start = bisect_left(tokens, first, key=lambda token: self._span(token)[0])
        behind = bisect_left(tokens, last, lo=start, key=lambda token: self._span(token)[0])
        stop = bisect_right(
            tokens, last, lo=start, hi=behind, key=lambda token: self._span(token)[1]
        )
        return slice(start, stop)

    def _span(self, token: int) -> Span:
        if isinstance(self.offsets, list):
            return self.offsets[token]
        found = self.offsets.token_to_chars(token)
        return found if found is not None else (0, 0)


class Encoder:
    """Turns rendered conversations into ids with a model's tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Take the fast tokenizer's core.

        Raises:
            StageError: if the model has a tokenizer written in Python only.
        """
        if not getattr(tokenizer, "is_fast", False):
            raise StageError(
                f"{type(tokenizer).__name__} is no fast tokenizer, so its tokens have no offsets",
                "Use a model whose repository has a tokenizer.json",
            )
        definition = json.loads(tokenizer.backend_tokenizer.to_str())
        definition["truncation"] = definition["padding"] = None
        self.special_ids = frozenset(
            token["id"] for token in definition["added_tokens"] if token["special"]
        )
        self.whole = Tokenizer.from_str(json.dumps(definition))
        specials = {token["content"] for token in definition["added_tokens"] if token["special"]}
        longest_first = sorted(specials, key=lambda text: (-len(text), text))
        self.spelled = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        """What spells a special token."""
        self._definition = definition

    def encode(self, rendered: Sequence[Rendered]) -> list[Encoded]:
        """Return the ids of many conversations, encoded in parallel."""
        encodings = self.whole.encode_batch(
            [item.text for item in rendered], add_special_tokens=False
        )
        return [
            self._with_spelled_specials(item, encoding)
            if item.mark
            else Encoded(encoding.ids, encoding)
            for item, encoding in zip(rendered, encodings, strict=True)
        ]

    def text(self, text: str) -> Encoded:
        """Return the ids of a text on its own, in which no special token is one."""
        encoding = self._start.encode(text, add_special_tokens=False)
        return Encoded(encoding.ids, encoding.offsets)

    def texts(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of many texts as `text` does, encoded in parallel."""
        encodings = self._start.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    @cached_property
    def _start(self) -> Tokenizer:
        """Encodes the beginning of a text without knowing any special token."""
        return _as_text(self._definition)

    @cached_property
    def _inside(self) -> Tokenizer:
        """Encodes what stands behind a special token, without knowing any."""
        definition = copy.deepcopy(self._definition)
        _never_first(definition["pre_tokenizer"])
        return _as_text(definition)

    def _with_spelled_specials(self, rendered: Rendered, encoding: Encoding) -> Encoded:
        """Encode again, as text and without the mark, the stretches in which the mark stands."""
        result = Encoded([], [])
        stretch_from = 0
        run = Encoded([], [])
        for token, span in zip(encoding.ids, encoding.offsets, strict=True):
            if token not in self.special_ids:
                run.ids.append(token)
                run.spans.append(span)
                continue
            self._append(result, run, rendered=rendered, stretch=(stretch_from, span[0]))
            result.ids.append(token)
            result.spans.append(span)
            stretch_from, run = span[1], Encoded([], [])
        stretch = (stretch_from, len(rendered.text))
        self._append(result, run, rendered=rendered, stretch=stretch)
        return result

    def _append(
        self, result: Encoded, run: Encoded, *, rendered: Rendered, stretch: tuple[int, int]
    ) -> None:
        start, stop = stretch
        text = rendered.text[start:stop]
        if rendered.mark in text:
            kept = [index for index, letter in enumerate(text, start) if letter != rendered.mark]
            encoder = self._inside if start else self._start
            again = encoder.encode(text.replace(rendered.mark, ""), add_special_tokens=False)
            spans = [(kept[first], kept[last - 1] + 1) for first, last in again.offsets]
            run = Encoded(again.ids, spans)
        result.ids.extend(run.ids)
        result.spans.extend(run.spans)


def _as_text(definition: dict[str, Any]) -> Tokenizer:
    tokenizer = Tokenizer.from_str(json.dumps(definition))
    tokenizer.encode_special_tokens = True
    return tokenizer


def _never_first(pre_tokenizer: dict[str, Any] | None) -> None:
    """Stop a sentencepiece-like tokenizer from treating a stretch as the beginning of the text."""
    if pre_tokenizer is None:
        return
    if pre_tokenizer.get("prepend_scheme") == "first":
        pre_tokenizer["prepend_scheme"] = "never"
    for inner in pre_tokenizer.get("pretokenizers", []):
        _never_first(inner)

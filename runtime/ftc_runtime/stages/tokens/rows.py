"""Conversations to token rows: each becomes one, or there is a reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ftc_runtime.data.conversation import Conversation, Message
from ftc_runtime.data.tokens import IGNORED, TokenRow
from ftc_runtime.stages.tokens.spec import Data, Masking
from ftc_runtime.templates.cutting import Cutter, Fitted
from ftc_runtime.templates.encoding import Encoded, Encoder
from ftc_runtime.templates.masks import USUAL, trained_pieces, trained_spans
from ftc_runtime.templates.rendered import ChatTemplate, Rendered, TemplateFault

Reason = Literal["refused", "no thought", "overlong", "untrained"]


@dataclass(frozen=True, slots=True)
class Thoughts:
    """The thoughts of a conversation's answers, counted."""

    trained: int = 0
    masked: int = 0
    left_out: int = 0
    missing: int = 0
    """Empty ones, written where the model is to think."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a row: its token row, or why there is none."""

    row: TokenRow | None = None
    reason: Reason | None = None
    fault: str = ""
    """The template's words, if it refused."""
    length: int = 0
    """Its tokens, before it was cut."""
    cut: int = 0
    """The tokens that went."""
    thoughts: Thoughts = Thoughts()
    more: tuple[TokenRow, ...] = ()
    """Its further pieces, where it was split."""

    @property
    def rows(self) -> tuple[TokenRow, ...]:
        """All token rows of it."""
        return () if self.row is None else (self.row, *self.more)


@dataclass(frozen=True, slots=True)
class RowMaker:
    """Turns conversations into token rows. It keeps nothing, so batches may come in any order."""

    template: ChatTemplate
    encoder: Encoder
    data: Data

    def make(self, conversations: Sequence[Conversation]) -> list[Made]:
        """Return what became of each conversation, encoded together in parallel."""
        made: dict[int, Made] = {}
        rendered: dict[int, Rendered] = {}
        for number, conversation in enumerate(conversations):
            try:
                rendered[number] = self.template.render(conversation)
            except TemplateFault as fault:
                made[number] = Made(reason="refused", fault=str(fault))
        encoded = self.encoder.encode(list(rendered.values()))
        for (number, text), tokens in zip(rendered.items(), encoded, strict=True):
            made[number] = self.made(Fitted(conversations[number], text, tokens))
        return [made[number] for number in range(len(conversations))]

    def made(self, whole: Fitted) -> Made:
        """Return what becomes of one that is rendered and encoded."""
        length = len(whole.encoded.ids)
        try:
            thoughts = counted_thoughts(whole, self.data)
            if thoughts.missing and self.data.missing_thinking in ("error", "drop"):
                return Made(reason="no thought", length=length, thoughts=thoughts)
            fitted = self.fitted(whole)
            if fitted is None:
                return Made(reason="overlong", length=length, thoughts=thoughts)
            messages = fitted.conversation.messages
            row = token_row(fitted.rendered, fitted.encoded, messages, masking=self.data)
        except TemplateFault as fault:
            return Made(reason="refused", fault=str(fault))
        if not (row.labels != IGNORED).any():
            return Made(reason="untrained", length=length, thoughts=thoughts)
        return Made(row, length=length, cut=length - len(row.input_ids), thoughts=thoughts)

    def fitted(self, whole: Fitted) -> Fitted | None:
        """Return it cut to `max_length`, if that is wanted and needed; None if it is too long."""
        if len(whole.encoded.ids) <= self.data.max_length:
            return whole
        if self.data.overlong != "truncate":
            return None
        return Cutter(self.template, self.encoder, self.data).fitted(whole)


def token_row(
    rendered: Rendered,
    encoded: Encoded,
    messages: Sequence[Message] = (),
    *,
    masking: Masking = USUAL,
) -> TokenRow:
    """Label the tokens that lie whole in a trained span with their ids, all others with `IGNORED`.

    A token that straddles the border belongs to the prompt: at inference it is already there.

    Raises:
        TemplateFault: if a message is to be trained that cannot be found in the text.
    """
    input_ids = np.array(encoded.ids, np.int32)
    labels = np.full_like(input_ids, IGNORED)
    for first, last in trained_spans(rendered, messages, masking=masking):
        inside = encoded.within(first, last)
        labels[inside] = input_ids[inside]
    return TokenRow(input_ids, labels)


def counted_thoughts(whole: Fitted, masking: Masking) -> Thoughts:
    """Count the thoughts of a conversation. A missing one counts where its answer is trained."""
    thoughts = whole.rendered.thoughts
    messages = whole.conversation.messages
    there = {at for at, said in enumerate(messages) if said.reasoning_content}
    if not there and not thoughts.missing:
        return Thoughts()
    pieces = trained_pieces(whole.rendered, messages, masking=masking)
    written = there - thoughts.left_out
    trained = {piece.message for piece in pieces if piece.part == "thinking"} & written
    answered = {piece.message for piece in pieces if piece.part in ("content", "end")}
    return Thoughts(
        trained=len(trained),
        masked=len(written - trained),
        left_out=len(thoughts.left_out),
        missing=len(thoughts.missing & answered),
    )

"""Rows as they are trained: rendered, encoded and masked by the `tokens` stage's own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ftc_runtime.data.conversation import Conversation
from ftc_runtime.data.rows import Judged, Preference, Row, Text
from ftc_runtime.data.tokens import IGNORED
from ftc_runtime.preview.left_out import with_left_out
from ftc_runtime.preview.records import Stretch, Turn, Version
from ftc_runtime.preview.turns import Layout, TokenText
from ftc_runtime.stages.tokens.rows import Made, RowMaker
from ftc_runtime.templates.cutting import Fitted
from ftc_runtime.templates.rendered import TemplateFault

CHOICES = ("chosen", "rejected")


@dataclass(frozen=True, slots=True)
class Trained:
    """Shows rows through a template, with what is trained of them."""

    maker: RowMaker
    bos: str
    """The tokenizer's first token, which belongs to no turn."""

    def sizes(self, rows: Sequence[Row]) -> list[tuple[Version, ...]]:
        """Return what becomes of each row, without its text: many at once."""
        texts = [_conversations(row) for row in rows]
        made = iter(self.maker.make([one for each in texts for one in each]))
        return [
            tuple(
                _outcome(next(made), name=CHOICES[index] if len(each) > 1 else "")
                for index in range(len(each))
            )
            or (self._text(row),)
            for row, each in zip(rows, texts, strict=True)
        ]

    def versions(self, rows: Sequence[Row]) -> list[tuple[Version, ...]]:
        """Return what becomes of each row, and its text token by token."""
        shown = []
        for row, outcomes in zip(rows, self.sizes(rows), strict=True):
            conversations = _conversations(row)
            shown.append(
                tuple(map(self._version, conversations, outcomes)) if conversations else outcomes
            )
        return shown

    def _version(self, conversation: Conversation, outcome: Version) -> Version:
        try:
            rendered = self.maker.template.render(conversation)
        except TemplateFault:
            return outcome
        whole = Fitted(conversation, rendered, self.maker.encoder.encode([rendered])[0])
        made = self.maker.made(whole)
        fitted = self.maker.fitted(whole) if made.row is not None else whole
        if fitted is None:
            fitted = whole
        turns = Layout(fitted, self._tokens(fitted, made), bos=self.bos).turns()
        if made.cut:
            turns = with_left_out(turns, whole.conversation, fitted.conversation)
        return outcome.model_copy(update={"turns": turns})

    def _tokens(self, fitted: Fitted, made: Made) -> list[TokenText]:
        ids = fitted.encoded.ids
        labels = made.row.labels.tolist() if made.row is not None else [IGNORED] * len(ids)
        specials = self.maker.encoder.special_ids
        return [
            TokenText(token, span, label != IGNORED, token in specials)
            for token, span, label in zip(ids, fitted.encoded.spans, labels, strict=True)
        ]

    def _text(self, row: Row) -> Version:
        """A text without turns is trained from its first token to its last."""
        text = row.text if isinstance(row, Text) else ""
        ids = tuple(self.maker.encoder.text(text).ids)
        stretch = Stretch(text=text, trained=True, ids=ids)
        turn = Turn(who="text", stretches=(stretch,))
        return Version(turns=(turn,), tokens=len(ids), trained=len(ids))


def _conversations(row: Row) -> list[Conversation]:
    match row:
        case Conversation():
            return [row]
        case Judged(conversation):
            return [conversation]
        case Preference(prompt, chosen, rejected):
            return [
                replace(prompt, messages=(*prompt.messages, answer))
                for answer in (chosen, rejected)
            ]
        case Text():
            return []


def _outcome(made: Made, *, name: str) -> Version:
    if made.row is None:
        reason = f"{made.reason}: {made.fault}" if made.fault else made.reason or ""
        return Version(name=name, status="dropped", reason=reason, tokens=made.length)
    return Version(
        name=name,
        status="cut" if made.cut else "kept",
        tokens=len(made.row.input_ids),
        trained=int((made.row.labels != IGNORED).sum()),
        cut=made.cut,
    )

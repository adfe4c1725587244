"""The tokens of a rendered conversation, laid out by who speaks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from ftc_runtime.preview.records import Kind, Stretch, Turn, Who
from ftc_runtime.templates.cutting import Fitted
from ftc_runtime.templates.rendered import Piece


@dataclass(frozen=True, slots=True)
class TokenText:
    """A token, where it stands in the text, and whether it is trained and a special one."""

    id: int
    span: tuple[int, int]
    trained: bool
    special: bool


class _Placed(NamedTuple):
    """A token with the turn and the kind of text that it belongs to."""

    token: TokenText
    who: Who
    message: int | None
    kind: Kind


class Layout:
    """Puts each token of a conversation into a turn, and keeps their order."""

    def __init__(self, fitted: Fitted, tokens: Sequence[TokenText], *, bos: str) -> None:
        """*bos* is the tokenizer's first token, which belongs to no turn."""
        self._text = fitted.rendered.text
        self._mark = fitted.rendered.mark
        self._messages = fitted.conversation.messages
        self._has_tools = bool(fitted.conversation.tools)
        self._pieces = fitted.rendered.pieces or (Piece(0, len(self._text), "frame"),)
        self._tokens = tokens
        self._bos = bos
        self._calls = self._where_calls_are()

    def turns(self) -> tuple[Turn, ...]:
        """Return the turns; one message has several if the template says something between."""
        placed = list(self._placed())
        stops = [one.token.span[0] for one in placed[1:]] + [len(self._text)]
        rows = list(zip(placed, stops, strict=True))
        turns = []
        for (who, message), own in groupby(rows, lambda row: (row[0].who, row[0].message)):
            stretches = tuple(self._stretches(list(own)))
            turns.append(Turn(who=who, message=message, stretches=stretches))
        return tuple(turns)

    def _stretches(self, rows: Sequence[tuple[_Placed, int]]) -> Iterator[Stretch]:
        """Give neighbours of a kind together; each special token stands alone."""
        numbered = enumerate(rows)
        for (kind, trained, special), own in groupby(
            numbered,
            lambda row: (
                row[1][0].kind,
                row[1][0].token.trained,
                row[0] if row[1][0].token.special else None,
            ),
        ):
            group = [row for _, row in own]
            start, stop = group[0][0].token.span[0], group[-1][1]
            yield Stretch(
                text=self._said(start, stop),
                kind=kind,
                trained=trained,
                special=special is not None,
                ids=tuple(one.token.id for one, _ in group),
            )

    def _said(self, start: int, stop: int) -> str:
        text = self._text[start:stop]
        return text.replace(self._mark, "") if self._mark else text

    def _placed(self) -> Iterator[_Placed]:
        starts = [piece.start for piece in self._pieces]
        # A token across a border belongs to where its middle is.
        middles = [(token.span[0] + max(token.span[1] - 1, 0)) // 2 for token in self._tokens]
        owners = [max(bisect_right(starts, middle) - 1, 0) for middle in middles]
        for at, own in groupby(range(len(owners)), owners.__getitem__):
            tokens = [self._tokens[index] for index in own]
            piece = self._pieces[at]
            if piece.message is not None:
                who, kind = self._who(piece.message), self._kind(at)
                yield from (_Placed(token, who, piece.message, kind) for token in tokens)
            else:
                yield from self._between(at, tokens)

    def _between(self, at: int, tokens: Sequence[TokenText]) -> Iterator[_Placed]:
        """Divide the template's words that are in front of, between or behind messages.

        A model's own template tells only where contents are: a turn's end and the next one's
        header are one piece. The first special token in it ends the turn, the next one begins.
        """
        before, after = self._neighbour(at, -1), self._neighbour(at, 1)
        if before is not None and after is not None and before.message == after.message:
            who: Who = "tools" if self._has_tools else self._who(before.message)
            yield from (_Placed(token, who, None, "tools") for token in tokens)
            return
        split = self._split(tokens, before, after)
        first = before.message if before is not None and split else None
        for index, token in enumerate(tokens):
            message = first if index < split else (after.message if after else None)
            yield _Placed(token, self._who(message), message, "frame")

    def _split(self, tokens: Sequence[TokenText], before: Piece | None, after: Piece | None) -> int:
        """Return how many of the tokens belong to what is before."""
        if after is None or after.part == "frame":
            return len(tokens)
        specials = [index for index, token in enumerate(tokens) if token.special]
        if before is None:
            return self._last_opener(tokens, specials)
        wanted = 0 if before.part == "end" else 1
        if len(specials) > wanted:
            return specials[wanted]
        return len(tokens) if wanted else 0

    def _last_opener(self, tokens: Sequence[TokenText], specials: Sequence[int]) -> int:
        """Return where the last turn begins that the template opens by itself.

        Each turn begins with the same special token; the text's own first token opens none, unless
        it is that very one.
        """
        ids = [tokens[index].id for index in specials]
        for index, token in zip(specials, ids, strict=True):
            if ids.count(token) > 1 or self._said(*tokens[index].span) != self._bos:
                return specials[len(ids) - 1 - ids[::-1].index(token)]
        return 0

    def _neighbour(self, at: int, step: int) -> Piece | None:
        index = at + step
        return self._pieces[index] if 0 <= index < len(self._pieces) else None

    def _who(self, message: int | None) -> Who:
        if message is None:
            return "template"
        return self._messages[message].role if message < len(self._messages) else "assistant"

    def _kind(self, at: int) -> Kind:
        return "call" if at in self._calls else self._pieces[at].part

    def _where_calls_are(self) -> frozenset[int]:
        """Return the pieces that hold calls: of a message that calls, its last content."""
        last = {
            piece.message: at
            for at, piece in enumerate(self._pieces)
            if piece.part == "content" and piece.message is not None
        }
        return frozenset(
            at
            for message, at in last.items()
            if message is not None
            and message < len(self._messages)
            and self._messages[message].tool_calls
        )

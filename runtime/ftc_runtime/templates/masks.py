"""Which stretches of a rendered conversation are trained.

Unless told otherwise the rule is LLaMA-Factory's: every answer and every call of tools, with what
closes it; nothing of the system message, the user's or a tool's.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftc_runtime.data.conversation import Message
from ftc_runtime.stages.tokens.spec import Masking
from ftc_runtime.templates.rendered import Piece, Rendered, TemplateFault

Span = tuple[int, int]

USUAL = Masking()


def trained_pieces(
    rendered: Rendered, messages: Sequence[Message] = (), *, masking: Masking = USUAL
) -> list[Piece]:
    """Return the pieces that are trained, in their order.

    An answer that the model would give behind a thought, and that stands without one, is not
    trained unless its message says so.

    Raises:
        TemplateFault: if a message is to be trained that cannot be found in the text.
    """
    trained: list[Piece] = []
    said: set[int] = set()
    for piece in rendered.pieces:
        at = piece.message
        if at is not None and piece.part == "content":
            said.add(at)
        wish = messages[at].loss if at is not None and at < len(messages) else None
        if _is_trained(piece, rendered, wish=wish, masking=masking, said=at in said):
            trained.append(piece)
    for at, message in enumerate(messages):
        if message.loss and message.text and at not in said:
            raise TemplateFault(f"message {at} has `loss: true`, and cannot be found in its text")
    return trained


def trained_spans(
    rendered: Rendered, messages: Sequence[Message] = (), *, masking: Masking = USUAL
) -> list[Span]:
    """Return the spans that are trained.

    Neighbours are one span, so that a token across their border is trained.

    Raises:
        TemplateFault: as `trained_pieces`.
    """
    spans: list[Span] = []
    for piece in trained_pieces(rendered, messages, masking=masking):
        if spans and spans[-1][1] == piece.start:
            spans[-1] = (spans[-1][0], piece.stop)
        else:
            spans.append((piece.start, piece.stop))
    return spans


def _is_trained(
    piece: Piece, rendered: Rendered, *, wish: bool | None, masking: Masking, said: bool
) -> bool:
    """Tell of one piece. *said*: its message's text has begun; *wish*: the message's `loss`."""
    at, thoughts = piece.message, rendered.thoughts
    if wish is False:
        return False
    if piece.part == "thinking":
        masked = at in thoughts.missing and masking.missing_thinking == "mask"
        if masked or not masking.train_thinking:
            return False
    if wish and at not in rendered.answers:
        return said  # what closes a turn is learnt with it, its header is not
    own = at in rendered.answers and piece.part != "frame"
    if wish:
        return own
    if own and at in thoughts.bare:
        return False
    match masking.train_on:
        case "all":
            return True
        case "last":
            return own and at == max(rendered.answers)
        case "assistant":
            return own

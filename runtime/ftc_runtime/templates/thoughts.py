"""Which thoughts a model's own template wrote, and where it would have the model think."""

from __future__ import annotations

from collections.abc import Sequence

from ftc_runtime.data.conversation import Message
from ftc_runtime.templates.rendered import Piece, Thoughts


def thoughts_in(
    text: str, pieces: Sequence[Piece], messages: Sequence[Message], *, thinks: bool
) -> Thoughts:
    """Return what became of the thoughts of *messages*, as their texts stand in *text*.

    *thinks*: the model is to think, so that an answer behind which no thought stands in front is
    none that it would give.
    """
    in_front: dict[int, str] = {}
    for piece in pieces:
        if piece.part == "thinking" and piece.message is not None:
            written = in_front.get(piece.message, "") + text[piece.start : piece.stop]
            in_front[piece.message] = written
    last = max((at for at, said in enumerate(messages) if said.role == "user"), default=-1)
    missing, left_out, bare = set[int](), set[int](), set[int]()
    for at, message in enumerate(messages):
        if message.role != "assistant":
            continue
        thought, front = (message.reasoning_content or "").strip(), in_front.get(at, "").strip()
        if thought and thought not in front:
            left_out.add(at)
        if not thinks or (thought and thought in front):
            continue
        (missing if front or at > last else bare).add(at)
    return Thoughts(frozenset(missing), frozenset(left_out), frozenset(bare))

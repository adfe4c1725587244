"""Which stretches of a rendered conversation are trained."""

from __future__ import annotations

from ftc_runtime.templates.rendered import Rendered

Span = tuple[int, int]


def trained_spans(rendered: Rendered) -> list[Span]:
    """Return the spans of every answer: what the assistant thinks, says, and ends with.

    Neighbours are one span, so that a token across their border is trained.
    """
    spans: list[Span] = []
    for piece in rendered.pieces:
        if piece.part == "frame" or piece.message not in rendered.answers:
            continue
        if spans and spans[-1][1] == piece.start:
            spans[-1] = (spans[-1][0], piece.stop)
        else:
            spans.append((piece.start, piece.stop))
    return spans

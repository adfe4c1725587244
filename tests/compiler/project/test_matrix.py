"""Items with a matrix: their variants, their names, and what is wrong with a matrix."""

from __future__ import annotations

from collections.abc import Callable


def test_faults_are_told_at_the_word_that_is_wrong(
    text: str, printed: str, refused: Callable[..., str]
) -> None:
    """Each case of faults/matrix.txt prints exactly what stands there."""
    assert refused(text) == printed

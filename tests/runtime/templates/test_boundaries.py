"""Where a text may be cut."""

from __future__ import annotations

import re

import pytest

from ftc_runtime.templates.boundaries import first_boundary, last_boundary

SPELLED = re.compile(re.escape("<|im_end|>"))


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("abc", 2, 2),
        ("abc", 0, 1),
        ("你好", 1, 1),
        ("ae\u0301", 2, 1),
        ("a👍🏽", 2, 1),
        ("a👩\u200d👧", 3, 1),
        ("a👩\u200d👧", 2, 1),
        ("ab<|im_end|>c", 7, 2),
        ("ab<|im_end|>c", 12, 12),
        ("<|im_end|>c", 4, 10),
    ],
)
def test_a_cut_is_between_characters_and_never_in_a_spelled_token(
    text: str, at: int, expected: int
) -> None:
    """At the place, or the next one in front of it; the first character always stays."""
    assert last_boundary(text, at, SPELLED) == expected


def test_the_first_character_may_be_long() -> None:
    """A family of emoji, or a spelled token."""
    assert first_boundary("👩\u200d👩\u200d👧x", SPELLED) == 5
    assert first_boundary("<|im_end|><|im_end|>", SPELLED) == 10

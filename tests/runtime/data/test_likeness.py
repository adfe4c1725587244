"""When two texts are alike."""

from __future__ import annotations

import pytest

from ftc_runtime.data.likeness import likeness


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is AI?", "what is  ai"),
        ("什么是人工智能？", "什么是人工智能"),
        ("你好，世界！", "你好 世界"),
        ("ＡＩ是什么", "ai 是什么?"),
        ("caf\u00e9", "cafe\u0301"),
        ("Straße", "STRASSE"),
        ("It's 1.5.", "its 1.5"),
    ],
)
def test_case_space_punctuation_and_form_make_no_difference(one: str, other: str) -> None:
    """In any script."""
    assert likeness(one) == likeness(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 + 1", "1 - 1"),
        ("12 / 4", "12 * 4"),
        ("1.5", "15"),
        ("at 10:30", "at 1030"),
        ("👍", "👎"),
        ("?", "!"),
        ("你好", "您好"),
    ],
)
def test_what_means_something_else_is_not_alike(one: str, other: str) -> None:
    """Signs that calculate, points in numbers, emoji, and texts of punctuation alone."""
    assert likeness(one) != likeness(other)

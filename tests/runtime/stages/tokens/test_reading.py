"""Files of conversations read as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.data.rows import conversation_of, row_line
from ftc_runtime.stages.tokens import reading
from ftc_runtime.stages.tokens.reading import Mixture
from ftc_runtime.stages.tokens.spec import Mixing, Share
from stage_runs import write_conversations


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return a file of two rows and one of three."""
    return [written(tmp_path / "ab.jsonl", "ab"), written(tmp_path / "xyz.jsonl", "xyz")]


def written(path: Path, words: Sequence[str]) -> Path:
    """Write a conversation for each word."""
    lines = [
        row_line(Conversation((text_message("user", word), text_message("assistant", "!"))))
        for word in words
    ]
    write_conversations(path, lines)
    return path


def mixed(files: list[Path], *shares: dict[str, Any], mix: Any = "concat", seed: int = 0) -> str:
    """Return the words of a mix, in its order."""
    mixture = Mixture(
        files,
        conversation_of,
        Mixing(mix=mix, mix_seed=seed),
        [Share(**share) for share in shares],
    )
    return "".join(row.row.messages[0].text for row in mixture)


@pytest.mark.parametrize(
    ("mix", "shares", "words"),
    [
        ("concat", [], "abxyz"),
        ("concat", [{}, {"repeat": 2}], "abxyzxyz"),
        ("concat", [{"weight": 2}, {}], "ababxyz"),
        ("interleave_under", [], "axby"),
        ("interleave_over", [], "axbyaz"),
        ("interleave_once", [], "axbyz"),
        ("interleave_once", [{"repeat": 2}, {}], "axbyazb"),
    ],
)  # fmt: skip
def test_rows_come_as_the_mix_says(
    files: list[Path], mix: str, shares: list[dict[str, Any]], words: str
) -> None:
    """Each dataset in its own order, from its first row again where it is read again."""
    assert mixed(files, *shares, mix=mix) == words


def test_rows_are_numbered_by_file_and_line(files: list[Path]) -> None:
    """So that the report can name them; by line alone where there is one file."""
    assert [row.place for row in Mixture(files, conversation_of)] == [
        "0:1",
        "0:2",
        "1:1",
        "1:2",
        "1:3",
    ]
    assert [row.place for row in Mixture(files[:1], conversation_of)] == ["1", "2"]


def test_a_share_is_chosen_by_seed_and_row(tmp_path: Path) -> None:
    """About as many as the weight says, whatever else is there, and each as often as it is."""
    words = [f"{number} " for number in range(2000)]
    files = [written(tmp_path / "rows.jsonl", words)]
    fewer = [written(tmp_path / "fewer.jsonl", words[:1000])]

    quarter = mixed(files, {"weight": 0.25})

    assert 430 < quarter.count(" ") < 570
    assert quarter.startswith(mixed(fewer, {"weight": 0.25}))
    assert mixed(files, {"weight": 0.25}, seed=1) != quarter
    assert mixed(files, {"weight": 1.25}) == "".join(words) + quarter
    assert mixed(files, {"weight": 0.25, "repeat": 2}) == quarter * 2


@pytest.mark.parametrize("mix", ["concat", "interleave_under", "interleave_over"])
def test_the_length_is_told_before_rows_are_read(files: list[Path], mix: Any) -> None:
    """With weights too: the order is known without the rows."""
    shares = [Share(weight=3), Share(repeat=2)]

    mixture = Mixture(files, conversation_of, Mixing(mix=mix), shares)

    assert len(mixture) == len(list(mixture))


def test_long_rows_make_short_batches(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tokenised at once is bounded in rows and in characters."""
    characters = next(iter(Mixture(files, conversation_of))).characters
    monkeypatch.setattr(reading, "BATCH_ROWS", 2)

    by_rows = [len(batch) for batch in Mixture(files, conversation_of).batches()]
    monkeypatch.setattr(reading, "BATCH_CHARACTERS", characters)
    by_characters = [len(batch) for batch in Mixture(files, conversation_of).batches()]

    assert (by_rows, by_characters) == ([2, 2, 1], [1, 1, 1, 1, 1])


def test_a_row_of_another_type_is_our_fault(tmp_path: Path) -> None:
    """The artifact's kind rules it out."""
    (tmp_path / "rows.jsonl").write_text('{"text":"a"}\n')

    with pytest.raises(ValueError, match=r"rows\.jsonl holds Text, not conversations"):
        list(Mixture([tmp_path / "rows.jsonl"], conversation_of))

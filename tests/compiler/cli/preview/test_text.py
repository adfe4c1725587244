"""The text of a preview: the same in a pipe and on a terminal, but for colour and folding."""

from __future__ import annotations

import io
import os
import pty
import re
import termios
import unicodedata

import pytest

from ftc.cli.console import Console
from ftc.cli.preview.characters import visible, wrapped
from ftc.cli.preview.text import Text
from ftc_runtime.preview.records import Answer, Part
from preview_answers import ANSWER, CHINESE

SEEN = """\
train 1  identity:1  20 tokens, 9 trained
     user │ <|im_start|>user↵
          │ 北京在哪里？<|im_end|>↵
assistant │ <|im_start|>assistant↵
   thinks │ ⟦<think>
          │ 想一想。
          │ </think>↵↵
assistant │ 在中国。<|im_end|>↵⟧

train 2  identity:2  1,000 tokens, 4 trained, 200 cut
     user │ <|im_start|>user↵
          │ <script>document.title = 'taken'</script><img src=x onerror=alert(1)>\\x1b[2J\\u202e\\u27e6<|im_end|>↵
assistant │ <|im_start|>assistant↵
          │ ⟦Once upon⟧ ✂ 160 characters cut:  a time  a time  a time  a time  a time  a time  a time  a t...⟦<|im_end|>↵⟧
     user │ ✂ 9 characters cut: And then?

train: 2 of 2 rows shown
  2 rows kept, 1 of them cut
  1,020 tokens, 13 trained
  tokens of a row, at most: 50% 20, 100% 1,200"""  # noqa: E501

TRAIN = Answer(unit="tokens", parts=ANSWER.parts[:1], unread=ANSWER.unread)


def piped(answer: Answer, *, color: str = "auto", ids: bool = False, unread: bool = False) -> str:
    """Return the text as it goes into a pipe."""
    console = Console(io.StringIO(), io.StringIO())
    console.configure(json=False, color=color, quiet=False)
    return Text(console, ids=ids, with_unread=unread).of(answer)


def on_terminal(answer: Answer, *, columns: int) -> str:
    """Return the text as it goes to a terminal of so many columns."""
    main, end = pty.openpty()
    termios.tcsetwinsize(end, (24, columns))
    with os.fdopen(main), os.fdopen(end, "w") as out:
        console = Console(out, io.StringIO())
        console.configure(json=False, color="auto", quiet=False)
        return Text(console, ids=False, with_unread=False).of(answer)


def without_colour(text: str) -> str:
    """Return a text without escape sequences."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_pipe_gets_marks_without_colour() -> None:
    """Who speaks, what is trained, what was cut, and nothing that moves a cursor."""
    assert piped(TRAIN) == SEEN


def test_colour_only_adds() -> None:
    """Without it the text is the same, and what is trained is green with it."""
    coloured = piped(TRAIN, color="always")

    assert without_colour(coloured) == SEEN
    assert "\x1b[32m⟦\x1b[0m\x1b[32mOnce upon\x1b[0m\x1b[32m⟧\x1b[0m" in coloured


def test_a_terminal_that_wants_no_colour_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR counts, and the lines are folded all the same."""
    monkeypatch.setenv("NO_COLOR", "1")

    told = on_terminal(TRAIN, columns=40)

    assert "\x1b" not in told
    assert told != SEEN


@pytest.mark.parametrize("columns", [32, 41, 80])
def test_a_terminal_gets_lines_that_fit(columns: int) -> None:
    """Wide characters count twice; folded lines, put together again, are those of the pipe."""
    told = without_colour(on_terminal(TRAIN, columns=columns))

    said = [line for line in told.splitlines() if " │ " in line]
    widths = [sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line) for line in said]
    assert max(widths) <= columns
    joined = re.sub(r"\s", "", "".join(line.partition("│")[2] for line in said))
    seen = [line.partition("│")[2] for line in SEEN.splitlines() if " │ " in line]
    assert joined == re.sub(r"\s", "", "".join(seen))


def test_ids_follow_their_text() -> None:
    """In order, behind each stretch."""
    answer = Answer(unit="tokens", parts=(Part(name="train", rows=1, shown=(CHINESE,)),))

    assert (
        piped(answer, ids=True)
        == """\
train 1  identity:1  20 tokens, 9 trained
     user │ <|im_start|> 1 user↵ 2 3
          │ 北京在哪里？ 5 <|im_end|> 4 ↵ 3
assistant │ <|im_start|> 1 assistant↵ 2 3
   thinks │ ⟦<think>
          │ 想一想。
          │ </think>↵↵ 6
assistant │ 在中国。 7 8 <|im_end|> 4 ↵ 3 ⟧

train: 1 of 1 row shown"""
    )


def test_rows_that_were_not_read_are_named_where_that_is_wanted() -> None:
    """With their places, as far as they are known."""
    assert piped(TRAIN, unread=True) == SEEN + "\nnot read, 3 rows: the answer is empty: 4, 9, ..."


def test_a_dropped_row_says_why() -> None:
    """In its head; nothing in it is trained."""
    dropped = Answer(unit="tokens", parts=ANSWER.parts[1:])

    assert piped(dropped).splitlines()[0] == (
        "eval 1  identity.holdout:1  3,000 tokens, dropped: overlong"
    )
    assert "⟦" not in piped(dropped)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x00\x07\x7f\x9b", "\\x00\\x07\\x7f\\x9b"),
        ("a\r\nb\tc", "a\\x0d\nb    c"),
        ("\u2028\u2066⟧", "\\u2028\\u2066\\u27e7"),
        ("中文 é 🗼", "中文 é 🗼"),
    ],
)
def test_what_would_do_something_is_spelled(text: str, shown: str) -> None:
    """Control characters, turns of direction, and our own marks."""
    assert visible(text) == shown


def test_a_fold_is_at_a_space_or_between_any_two_characters() -> None:
    """A word that is longer than a line is cut."""
    assert [piece.text for piece in wrapped("one two three", 8)] == ["one two ", "three"]
    assert [piece.text for piece in wrapped("北京在中国", 5)] == ["北京", "在中", "国"]
    assert [piece.text for piece in wrapped("abcdefgh", 4, used=3)] == ["a", "bcde", "fgh"]

"""A fault as text."""

from __future__ import annotations

from pathlib import Path

from ftc.diagnostics import (
    Diagnostic,
    Place,
    ProjectError,
    close_words,
    did_you_mean,
    in_file_order,
    listed,
    render,
    suggestion,
)

FILE = Path("project.yaml")


def test_a_fault_shows_its_line_and_a_caret_under_the_word() -> None:
    """Code, message, place, line, caret, help; the gutter is as wide as the number."""
    fault = Diagnostic("unknown-key", "no key `b`", Place(FILE, 10, 3, 2), "write `a`")

    text = render(fault, {FILE: "\n" * 9 + "- bb: 1\n"})

    assert text == (
        "error[unknown-key]: no key `b`\n"
        "  --> project.yaml:10:3\n"
        "   |\n"
        "10 | - bb: 1\n"
        "   |   ^^\n"
        "   = help: write `a`"
    )


def test_a_fault_without_a_place_or_a_text() -> None:
    """What is not known is left out."""
    assert render(Diagnostic("empty", "nothing"), {}) == "error[empty]: nothing"
    assert render(Diagnostic("empty", "nothing", Place(FILE, 3, 1)), {FILE: "a\n"}) == (
        "error[empty]: nothing\n --> project.yaml:3:1"
    )


def test_a_caret_stands_under_wide_characters() -> None:
    """A Chinese character takes two columns, a combining accent none; a tab is shown as a space."""
    text = "\t模型: e\u0301x\n"

    lines = render(Diagnostic("c", "m", Place(FILE, 1, 6, 3)), {FILE: text}).splitlines()

    assert lines[3:] == ["1 |  模型: e\u0301x", "  |        ^^"]


def test_a_long_line_is_cut_around_the_caret() -> None:
    """A hundred characters are shown, and the word is among them."""
    text = "a" * 150 + "WORD" + "b" * 150

    lines = render(Diagnostic("c", "m", Place(FILE, 1, 151, 4)), {FILE: text}).splitlines()

    assert lines[3] == "1 | " + "a" * 49 + "WORD" + "b" * 47
    assert lines[4] == "  | " + " " * 49 + "^^^^"


def test_faults_come_in_file_order_and_once() -> None:
    """Those without a place first."""
    late, early = Diagnostic("a", "m", Place(FILE, 9, 1)), Diagnostic("a", "m", Place(FILE, 2, 5))
    earlier, nowhere = Diagnostic("b", "m", Place(FILE, 2, 1)), Diagnostic("c", "m")

    assert in_file_order([late, early, late, nowhere, earlier]) == [nowhere, earlier, early, late]


def test_an_error_prints_all_its_faults() -> None:
    """With an empty line between two."""
    error = ProjectError([Diagnostic("a", "one"), Diagnostic("b", "two", help="three")])

    assert str(error) == "error[a]: one\n\nerror[b]: two\n = help: three"


def test_words_that_were_meant() -> None:
    """The likeliest first, at most three; capitals and the kind of dash do not count."""
    known = ["lora_alpha", "lora_dropout", "learning_rate", "rouge-l", "rouge-1", "rouge-2"]

    assert did_you_mean("lora_alfa", known) == "lora_alpha"
    assert did_you_mean("wombat", known) is None
    assert close_words("ROUGE_L", known) == ["rouge-l"]
    assert suggestion("rouge", known) == "did you mean `rouge-l`, `rouge-2` or `rouge-1`?"
    assert suggestion("wombat", known) is None
    assert listed(["a", "b"], last="and") == "a and b"

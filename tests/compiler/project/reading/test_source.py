"""Text -> values with places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import ftc.project.reading.events
from ftc.diagnostics import Place, ProjectError
from ftc.project.reading.source import parse

FILE = Path("project.yaml")


def test_broken_text_is_refused_with_its_places(
    text: str, printed: str, refused: Callable[..., str]
) -> None:
    """Each case of faults/source.txt prints exactly what stands there."""
    assert refused(text) == printed


def test_scalars_follow_yaml_1_2() -> None:
    """Only true and false are booleans; numbers are what they look like; nothing is a date."""
    text = (
        "[no, on, yes, y, true, FALSE, null, ~, '', 1e-4, 010, 0o17, 0x1F, +1, 1_000, 12:30:45,"
        " 2024-01-01, .5, -1., 1.e3, '5', null x, 0b1, 1e, ., -]"
    )

    node = parse(FILE, text, {})

    assert node is not None
    assert node.value == [
        *("no", "on", "yes", "y", True, False, None, None, "", 1e-4, 10, 15, 31, 1, "1_000"),
        *("12:30:45", "2024-01-01", 0.5, -1.0, 1000.0, "5", "null x", "0b1", "1e", ".", "-"),
    ]


def test_each_key_and_value_has_its_place() -> None:
    """Lines and columns count from 1, in characters; quotes belong to the value."""
    text = 'a: {名: "x", b: 12}\nc:\n  - d\n  - e: |\n      long\n      text\nf:\n'

    node = parse(FILE, text, {})

    assert node is not None
    keys = [("a",), ("a", "名"), ("a", "b"), ("c", 1), ("c", 1, "e"), ("f",), ("a", "z"), ("q",)]
    assert [node.key_place(key) for key in keys] == [
        Place(FILE, 1, 1, 1),
        Place(FILE, 1, 5, 1),
        Place(FILE, 1, 13, 1),
        Place(FILE, 4, 5, 1),
        Place(FILE, 4, 5, 1),
        Place(FILE, 7, 1, 1),
        Place(FILE, 1, 1, 1),
        Place(FILE, 1, 1, 1),
    ]
    assert [node.value_place(key) for key in keys[:6]] == [
        Place(FILE, 1, 4, 15),
        Place(FILE, 1, 8, 3),
        Place(FILE, 1, 16, 2),
        Place(FILE, 4, 5, 1),
        Place(FILE, 4, 8, 1),
        Place(FILE, 7, 1, 1),
    ]


def test_anchors_and_merges_keep_the_places_of_what_they_share() -> None:
    """An own key wins over a merged one; a merged key is where the anchor wrote it."""
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], z: 5}\nd: *a\n"

    node = parse(FILE, text, {})

    assert node is not None
    assert node.value == {
        "a": {"x": 1, "y": 2},
        "b": {"y": 3, "z": 4},
        "c": {"z": 5, "x": 1, "y": 2},
        "d": {"x": 1, "y": 2},
    }
    assert node.key_place(("c", "y")) == Place(FILE, 1, 14, 1)
    assert node.key_place(("c", "z")) == Place(FILE, 3, 19, 1)
    assert node.key_place(("d", "x")) == Place(FILE, 1, 8, 1)


def test_a_variable_is_text_whatever_it_holds() -> None:
    """The value is taken as it is; nothing in it is read as YAML or expanded again."""
    text = "a: ${N}\nb: '${N}-${M:-m}'\nc: $${N} $N\nd: ${E:-x}\ne: ${E}\n${N}: f\n"

    node = parse(FILE, text, {"N": "{8: ${M}}", "E": ""})

    assert node is not None
    assert node.value == {
        "a": "{8: ${M}}",
        "b": "{8: ${M}}-m",
        "c": "${N} $N",
        "d": "x",
        "e": "",
        "${N}": "f",
    }


def test_a_hundred_thousand_brackets_are_no_recursion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Depth is counted while reading, so nothing here ever calls itself so deep."""
    for text in ("[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000):
        with pytest.raises(ProjectError) as raised:
            parse(FILE, text, {})

        assert [fault.code for fault in raised.value.diagnostics] == ["too-deep"]


def test_aliases_that_only_grow_in_depth_are_refused() -> None:
    """Each line adds one level and one value, so that only the depth gives it away."""
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))

    with pytest.raises(ProjectError) as raised:
        parse(FILE, text, {})

    assert [fault.code for fault in raised.value.diagnostics] == ["too-deep"]


@pytest.mark.parametrize("text", ['a: "\\ud800"', 'a: "\\UFFFFFFFF"', "a: \x07", "a\n\tb: [", "%"])
def test_without_libyaml_nothing_else_comes_out(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own parser is used where libyaml was not built in; its errors are turned as well."""
    monkeypatch.setattr(
        ftc.project.reading.events, "Parser", ftc.project.reading.events.PythonParser
    )

    with pytest.raises(ProjectError):
        parse(FILE, text, {})

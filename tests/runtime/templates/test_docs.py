"""docs/templates.md says what the files of the library and the slots say."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

import smollm2
from ftc_runtime.templates.definition import Slots, Thinking, built_in, extended, library
from ftc_runtime.templates.parity import prove

DOCS = Path(__file__).parents[3] / "docs" / "templates.md"


def table(header: str) -> list[str]:
    """Return the rows of a table, without its header."""
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    start = lines.index(header) + 2
    return lines[start : lines.index("", start)]


def comment(path: Path) -> str:
    """Return what a file says about itself in its first lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("# ") for line in lines if line.startswith("# "))


def test_every_built_in_template_is_listed() -> None:
    """With what its file says about it."""
    expected = []
    for name, path in library().items():
        template = built_in(name)
        thinks = "yes" if template.thinking else ""
        tools = template.tool_format or ""
        expected.append(f"| `{name}` | {comment(path)} | {thinks} | {tools} |")

    assert table("| Name | Models | Thinks | Tools |") == expected


def test_every_slot_is_explained() -> None:
    """In its own words."""
    fields = {
        **Slots.model_fields,
        **{f"thinking.{name}": field for name, field in Thinking.model_fields.items()},
    }

    assert table("| Slot | What it is |") == [
        f"| `{name}` | {field.description} |" for name, field in fields.items()
    ]


def test_the_templates_of_the_example_are_proven() -> None:
    """As a build would prove them."""
    block = re.findall(r"```yaml\n(templates:.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    written = yaml.safe_load(block[0])["templates"]

    for slots in written.values():
        base = slots.pop("extends", "empty")
        assert prove(extended(base, slots), smollm2.tokenizer()) == []

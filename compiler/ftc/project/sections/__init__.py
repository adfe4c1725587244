"""The sections of project.yaml, each after those that it mostly refers to.

A section whose items come in several forms is a folder with a module for each form, found by the
value of its discriminator: `format: gguf` is `sections/exports/gguf.py`. Adding a form is adding
a module there.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from ftc.project.schema import Item


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its key in the file, what one of its items is called, and how forms are told."""

    name: str
    noun: str
    discriminator: str | None = None
    default: str | None = None
    """The form of an item that does not name one."""

    def forms(self) -> list[str]:
        """Return the forms that exist, by the names of their modules."""
        if self.discriminator is None:
            return []
        folder = Path(__file__).parent / self.name
        return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")

    def item_class(self, form: str | None = None) -> type[Item]:
        """Import and return the class of this section's items, or of one form of them."""
        name = f"{__name__}.{self.name}" + (f".{form}" if form else "")
        return cast(type[Item], import_module(name).Item)

    def item_classes(self) -> list[type[Item]]:
        """Import and return the classes of all forms."""
        if self.discriminator is None:
            return [self.item_class()]
        return [self.item_class(form) for form in self.forms()]


GC = Section("gc", "`gc` section")
"""One mapping of settings rather than named items."""

SECTIONS = {
    section.name: section
    for section in (
        Section("models", "model"),
        Section("datasets", "dataset"),
        Section("finetunes", "finetune", "method", default="sft"),
        Section("exports", "export", "format"),
        Section("evals", "eval", "task", default="generate"),
    )
}

INGREDIENTS = {section.name: section for section in (Section("templates", "template"),)}
"""Sections of what items are made with, and is no target of its own."""

OPERATIONAL = {section.name: section for section in (Section("remotes", "remote"),)}
"""Sections of what is not built and in no key; ftc.local.yaml may hold them too."""

"""An item as it is written: its place in the file and, once checked, its values."""

from __future__ import annotations

from dataclasses import dataclass

from ftc.diagnostics import Diagnostic, Place
from ftc.project.reading.nodes import KeyPath, Node
from ftc.project.schema import Item
from ftc.project.sections import Section


@dataclass(frozen=True, slots=True)
class Written:
    """One item of one section, with the section's defaults merged under it."""

    section: Section
    name: str
    key: Place
    """Where its name stands."""
    node: Node
    item_class: type[Item] | None = None
    """The class of its form; None if it names none that there is."""
    item: Item | None = None
    """None if it has faults."""
    is_torn: bool = False
    """Its matrix has faults, so that nobody knows what it stands for."""

    @property
    def said(self) -> str:
        """Its name as it stands in the file: that of a variant without its settings."""
        return bare(self.name)

    @property
    def form(self) -> str | None:
        """The form that it names, or that of an item that names none."""
        discriminator = self.section.discriminator
        return (self.text(discriminator) if discriminator else None) or self.section.default

    def at_key(self, path: KeyPath) -> Place:
        """Return the place of the last key of *path* in the item, or of what is nearest above."""
        if not path or path[0] not in self.node.children:
            return self.key
        return self.node.key_place(path)

    def at_value(self, path: KeyPath) -> Place:
        """Return the place of the value at *path* in the item."""
        return self.node.value_place(path) if self.node.at(path) else self.at_key(path)

    def text(self, *path: str | int) -> str | None:
        """Return the text that is written at *path*, or None."""
        node = self.node.at(path)
        return node.value if node and isinstance(node.value, str) else None

    def fault(
        self, code: str, message: str, *path: str | int, help: str | None = None
    ) -> Diagnostic:
        """Return a fault of the value at *path*."""
        return Diagnostic(code, message, self.at_value(path), help)


def dotted(path: KeyPath) -> str:
    """Return a path as it is said: `lora.r`, `datasets[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def bare(name: str) -> str:
    """Return the name of the item whose variant has *name*: `sft` for `sft@lora.r=8`."""
    return name.partition("@")[0]

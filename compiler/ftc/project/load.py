"""`load`: project.yaml -> a checked project, or all its faults at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ftc.diagnostics import Diagnostic, Place, ProjectError, in_file_order
from ftc.project.items import checked
from ftc.project.local import read_local, with_local
from ftc.project.meanings import Meaning, meaning_of
from ftc.project.outline import VERSION, outline, with_items
from ftc.project.outside import source_faults
from ftc.project.overrides import COMMAND_LINE, argument_at, overridden, shown_arguments
from ftc.project.reading.nodes import KeyPath, Node
from ftc.project.reading.source import parse
from ftc.project.reading.text import read
from ftc.project.references import reference_faults
from ftc.project.registry import Registries
from ftc.project.remotes import remote_faults
from ftc.project.schema import Item
from ftc.project.sections import INGREDIENTS, OPERATIONAL, SECTIONS
from ftc.project.sections.gc import Item as Gc
from ftc.project.settings import settings_faults
from ftc.project.templates import template_faults
from ftc_runtime.contract import Artifact


@dataclass(frozen=True, slots=True)
class Project:
    """A project.yaml without faults."""

    name: str
    version: int
    file: Path
    """As it was given, for messages."""
    root: Path
    """The folder of the file, absolute: paths in the file start there."""
    items: dict[str, dict[str, Item]]
    """Section -> name -> item, in file order. Every section is there, empty or not."""
    ingredients: dict[str, dict[str, Item]]
    """The same of what items are made with: `templates`."""
    operational: dict[str, dict[str, Item]]
    """The same of what is not built: `remotes`. From ftc.local.yaml too."""
    text: str
    gc: Gc
    tree: Node
    """The whole file with `defaults` under every item and each variant as an item of its own:
    values and places."""
    settings: tuple[str, ...] = ()
    """Those of the command line that are laid over the file: `assistant.lora.r=8`."""
    registries: Mapping[Path, str] = field(default_factory=dict)
    """The text of each dataset_info.json that the items take entries from."""
    notes: tuple[str, ...] = ()
    """What is as it should be, and yet to be known."""

    def place(self, path: KeyPath) -> Place:
        """Return where the last key of *path* stands, or its nearest ancestor that is written.

        A setting that comes from `defaults` is there.
        """
        return self.tree.key_place(path)

    def line(self, path: KeyPath) -> int | str:
        """Return the line of the value at *path*, or of what it would stand under.

        For a value from the command line it is the argument: `-s assistant.lora.r=8`; for one from
        a registry the line there: `data/dataset_info.json:13`.
        """
        place = self.tree.value_place(path)
        if place.path == COMMAND_LINE:
            return argument_at(place, self.settings)
        return f"{place.path}:{place.line}" if place.path in self.registries else place.line

    def meaning(self, reference: str, wants: tuple[Artifact, ...]) -> Meaning:
        """Return the item and output that a reference means to a consumer of *wants*.

        Raises:
            ProjectError: if there is none, or more than one.
        """
        found = meaning_of(self.items, reference, wants)
        if isinstance(found, Meaning):
            return found
        raise ProjectError([Diagnostic(found.code, found.message, help=found.help)])

    def error(self, *faults: Diagnostic) -> ProjectError:
        """Return these faults as an error that can show the lines of the file."""
        sources = {
            self.file: self.text,
            COMMAND_LINE: shown_arguments(self.settings),
            **self.registries,
        }
        return ProjectError(in_file_order(faults), sources)


def load(path: Path, environment: Mapping[str, str], settings: Sequence[str] = ()) -> Project:
    """Return the project in a file, checked as far as can be without running or fetching anything.

    *environment* is where `${NAME}` takes its value from. *settings* are laid over the file before
    it is checked: `assistant.lora.r=8`.

    Raises:
        ProjectError: with every fault, in file order.
    """
    text = read(path)
    local = read_local(path.parent, environment)
    sources = {path: text, COMMAND_LINE: shown_arguments(settings), **local.texts}
    tree = with_local(parse(path, text, environment), local.root)
    tree, faults = overridden(tree, settings, environment)
    outer = outline(path, tree)
    root = path.parent.resolve()
    faults += [*outer.faults, *local.faults]
    registries = Registries(path.parent)
    outer.written, found = registries.with_entries(outer.written)
    faults += found
    written = []
    sections = (*SECTIONS, *INGREDIENTS, *OPERATIONAL)
    items: dict[str, dict[str, Item]] = {name: {} for name in sections}
    for item in outer.written:
        item, found = checked(item)
        faults += found
        written.append(item)
        if item.item is not None:
            items[item.section.name][item.name] = item.item
    gc = Gc()
    if outer.gc is not None:
        kept, found = checked(outer.gc)
        faults += found
        gc = kept.item if isinstance(kept.item, Gc) else gc
    for default in outer.unused:
        faults += [fault for fault in checked(default)[1] if fault.code != "missing-key"]
    faults += reference_faults(written, items)
    faults += source_faults(written, root)
    faults += settings_faults(written)
    faults += remote_faults(written)
    faults += template_faults(written, items["templates"])
    faults += registries.media_faults(written, items)
    if faults:
        raise ProjectError(in_file_order(faults), sources | registries.texts)
    return Project(
        name=outer.name,
        version=VERSION,
        file=path,
        root=root,
        ingredients={name: items.pop(name) for name in INGREDIENTS},
        operational={name: items.pop(name) for name in OPERATIONAL},
        items=items,
        text=text,
        gc=gc,
        tree=with_items(outer.tree, written),
        settings=tuple(settings),
        registries=registries.texts,
        notes=tuple(registries.notes),
    )

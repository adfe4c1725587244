"""LLaMA-Factory's dataset_info.json: an entry becomes the settings of an item written by hand."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ftc.diagnostics import Diagnostic, Place, ProjectError, listed, suggestion
from ftc.project.meanings import Items, Meaning, meaning_of
from ftc.project.outside import absent
from ftc.project.reading.json_text import parse_json
from ftc.project.reading.nodes import Node, merged, with_children
from ftc.project.reading.text import read
from ftc.project.references import links
from ftc.project.registry_notes import notes_of
from ftc.project.wanted import found, shown
from ftc.project.written import Written, bare
from ftc_runtime.contract import Json

FILE_NAME = "dataset_info.json"
HUBS = {"hf_hub_url": "hf://datasets/", "ms_hub_url": "ms://datasets/"}
REFUSED = {
    "script_url": "a script loads the rows, and ftc runs no code of a dataset: save them as .jsonl",
    "om_hub_url": "this version of ftc does not read the hub openMind yet: bring the rows here",
}
SOURCES = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name", "file_name")
"""In the order in which LLaMA-Factory tries them."""
SETTINGS = {
    "formatting": "format",
    "subset": "subset",
    "split": "split",
    "folder": "folder",
    "num_samples": "num_samples",
    "columns": "columns",
    "tags": "tags",
}
"""Key of an entry -> the same of an item."""
KEYS = (*SOURCES, *SETTINGS, "ranking")
TRAIN = "train"
MEDIA = ("images", "videos", "audios")


@dataclass(slots=True)
class Registries:
    """The registries that a project names, each read once."""

    folder: Path
    """The project's, as it was given."""
    texts: dict[Path, str] = field(default_factory=dict)
    media: dict[str, list[str]] = field(default_factory=dict)
    """Dataset -> what its rows have beside text."""
    notes: dict[str, None] = field(default_factory=dict)
    """What is to be said of the entries, each once."""
    _trees: dict[Path, Node | None] = field(default_factory=dict)

    def with_entries(self, written: Sequence[Written]) -> tuple[list[Written], list[Diagnostic]]:
        """Return the items, each with its entry laid under what is written, and the faults."""
        items: list[Written] = []
        faults: list[Diagnostic] = []
        for item in written:
            if (
                item.section.name == "datasets"
                and {"dataset_info", "entry"} & item.node.keys.keys()
            ):
                try:
                    item = self._with_entry(item)
                except ProjectError as error:
                    self.texts |= error.sources
                    faults += error.diagnostics
                    item = replace(item, is_torn=True)
            items.append(item)
        return items, faults

    def _with_entry(self, item: Written) -> Written:
        """Return the item with its entry under it.

        Raises:
            ProjectError: if there is no such entry, or it cannot be understood.
        """
        address, name = item.text("dataset_info"), item.text("entry")
        for key, other in (("dataset_info", "entry"), ("entry", "dataset_info")):
            if key not in item.node.children:
                message = f"`{item.said}` needs `{key}` beside `{other}`"
                raise ProjectError([Diagnostic("missing-key", message, item.at_key((other,)))])
        if address is None or name is None:
            return item  # what stands there instead of text is told where values are checked
        if fault := absent(item, self.folder / address, address, key="dataset_info"):
            raise ProjectError([fault])
        if (self.folder / address).is_dir():
            address = posixpath.join(address, FILE_NAME)
        entries = self._tree(self.folder / address)
        entry = entries.children.get(name)
        if entry is None:
            message = f"{address} has no entry {shown(name)}"
            help = suggestion(name, map(str, entries.children))
            raise ProjectError([item.fault("unknown-name", message, "entry", help=help)])
        if not isinstance(entry.value, dict):
            message = f"the entry `{name}` needs an object, but {found(entry.value)}"
            raise ProjectError([Diagnostic("wrong-type", message, entry.place)])
        settings = _Entry(item, name, entry, posixpath.dirname(address))
        item = replace(item, node=merged(settings.node(), item.node))
        self.media[item.name] = settings.media
        self._note(item, entry)
        return item

    def _note(self, item: Written, entry: Node) -> None:
        source = item.text("source") or ""
        rows = None if "://" in source else self.folder / source
        form = item.text("format") or "alpaca"
        for note in notes_of(entry, form=form, rows=rows, media=self.media[item.name]):
            self.notes[f"{item.said}: {note}"] = None

    def media_faults(self, written: Sequence[Written], items: Items) -> Iterator[Diagnostic]:
        """Give a fault for each use of rows whose pictures or sounds would be left out."""
        for item in written:
            for link in links(item):
                meaning = meaning_of(items, link.reference, link.mark.wants)
                if not isinstance(meaning, Meaning) or meaning.section != "datasets":
                    continue
                if media := self.media.get(meaning.name):
                    what = listed(media, last="and")
                    message = f"this version of ftc does not read {what} yet"
                    help = f"the rows of `{bare(meaning.name)}` mean nothing without them"
                    yield Diagnostic("not-yet", message, link.place, help)

    def _tree(self, path: Path) -> Node:
        if path not in self._trees:
            self._trees[path] = None
            self.texts[path] = read(path)
            self._trees[path] = parse_json(path, self.texts[path])
        tree = self._trees[path]
        if tree is None:
            raise ProjectError([])  # told with the first item that names it
        if not isinstance(tree.value, dict):
            message = f"{path.name} holds entries by name, but {found(tree.value)}"
            raise ProjectError([Diagnostic("wrong-type", message, tree.place)])
        return tree


@dataclass(slots=True)
class _Entry:
    """One entry, on its way to be the settings of an item."""

    item: Written
    name: str
    entry: Node
    folder: str
    """That of the registry: files start there."""
    media: list[str] = field(default_factory=list)
    _children: dict[str | int, Node] = field(default_factory=dict)
    _keys: dict[str, Place] = field(default_factory=dict)

    def node(self) -> Node:
        """Return the settings, each at its place in the registry.

        Raises:
            ProjectError: with all that is wrong with the entry.
        """
        faults = [*self._unknown_keys(), *self._wrong_types()]
        if not faults and "source" not in self.item.node.children:
            faults += self._take_source()
        if faults:
            raise ProjectError(faults)
        for key, setting in SETTINGS.items():
            given = self.entry.children.get(key)
            if key == "split" and given is not None and given.value == TRAIN:
                continue  # which a file has as well, and is the default
            if given is not None and given.value is not None:
                self._set(setting, without_nulls(given), key)
        self._take_media()
        self._tell_type()
        return with_children(Node({}, self.entry.place), self._children, self._keys)

    def _set(self, setting: str, node: Node, key: str) -> None:
        self._children[setting], self._keys[setting] = node, self.entry.keys[key]

    def _unknown_keys(self) -> Iterator[Diagnostic]:
        for key, place in self.entry.keys.items():
            if key not in KEYS:
                message = f"an entry of {FILE_NAME} has no key `{key}`"
                yield Diagnostic("unknown-key", message, place, suggestion(key, KEYS))

    def _wrong_types(self) -> Iterator[Diagnostic]:
        """What SETTINGS name is checked as an item's own."""
        for key in SOURCES:
            node = self.entry.children.get(key)
            if node is not None and node.value is not None and not isinstance(node.value, str):
                message = f"`{key}` needs text, but {found(node.value)}"
                yield Diagnostic("wrong-type", message, node.place)
        ranking = self.entry.children.get("ranking")
        if ranking is not None and not isinstance(ranking.value, bool | None):
            message = f"`ranking` needs true or false, but {found(ranking.value)}"
            yield Diagnostic("wrong-type", message, ranking.place)

    def _take_source(self) -> Iterator[Diagnostic]:
        """Take the first source there is, one that can be read before one that cannot."""
        given = [key for key in SOURCES if self._value(key)]
        readable = [key for key in given if key not in REFUSED]
        if not given:
            message = f"the entry `{self.name}` says no source"
            help = f"it needs one of {', '.join(key for key in SOURCES if key not in REFUSED)}"
            yield Diagnostic("missing-key", message, self.entry.place, help)
        elif not readable:
            yield Diagnostic("not-yet", REFUSED[given[0]], self.entry.keys[given[0]])
        else:
            key, value = readable[0], str(self._value(readable[0]))
            source = HUBS.get(key, "") + value
            if key == "file_name":
                source = posixpath.join(self.folder, value)
            self._set("source", Node(source, self.entry.children[key].place), key)

    def _value(self, key: str) -> Json:
        node = self.entry.children.get(key)
        return node.value if node else None

    def _take_media(self) -> None:
        """Rows of text and pictures are read for their text."""
        columns = self._children.get("columns")
        if columns is None or not isinstance(columns.value, dict):
            return
        self.media += [column for column in MEDIA if column in columns.children]
        kept = {name: node for name, node in columns.children.items() if name not in MEDIA}
        places = {name: place for name, place in columns.keys.items() if name not in MEDIA}
        self._children["columns"] = with_children(columns, kept, places)

    def _tell_type(self) -> None:
        """Set the type of rows that an entry tells by `ranking` and by which columns it names."""
        if {"type", "format"} & self.item.node.children.keys():
            return
        columns = self._children.get("columns")
        named = set(columns.children) if columns else set()
        if self._value("ranking"):
            self._set("type", Node("preference", self.entry.children["ranking"].place), "ranking")
        elif columns and "kto_tag" in named:
            self._set("type", Node("kto", columns.key_place(("kto_tag",))), "columns")
        elif columns and named == {"prompt"} and self._value("formatting") in (None, "alpaca"):
            # Rows with nothing to answer: texts, as LLaMA-Factory pretrains on them.
            for setting in ("format", "type"):
                self._set(setting, Node("text", columns.key_place(("prompt",))), "columns")


def without_nulls(node: Node) -> Node:
    """Return a mapping without the members that are null, which stand for the default."""
    if not isinstance(node.value, dict):
        return node
    kept = {name: child for name, child in node.children.items() if child.value is not None}
    return with_children(node, kept, {name: node.keys[str(name)] for name in map(str, kept)})

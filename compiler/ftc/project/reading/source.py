"""project.yaml's text -> plain values, each with the place of its key and of itself.

Built on the events of PyYAML's parser, so that no tag can construct anything. An alias shares the
node of its anchor: a "bomb" takes no memory, and what it would come to is counted and refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ftc.diagnostics import Diagnostic, Place, ProjectError, in_file_order
from ftc.project.reading.environment import OPENED_LATER, expand
from ftc.project.reading.events import events
from ftc.project.reading.nodes import Node
from ftc.project.reading.scalars import NotANumberError, plain_value
from ftc.project.reading.syntax import syntax_faults
from ftc_runtime.contract import Json

DEEPEST = 64
MOST_EXPANDED = 20_000
UNWRITABLE = re.compile("[\0\ud800-\udfff]")
"""What an escape can name and no file or path can hold."""


def parse(path: Path, text: str, environment: Mapping[str, str]) -> Node | None:
    """Return the one document in *text*, or None if it holds nothing.

    Raises:
        ProjectError: with every fault of the text, in file order.
    """
    return _Tree(path, text, environment).build()


@dataclass(slots=True)
class _Frame:
    """A mapping or a list that is still open."""

    place: Place
    anchor: str | None
    keys: dict[str, Place] | None
    """None for a list."""
    is_flow: bool = False
    children: dict[str | int, Node] = field(default_factory=dict)
    merged: list[Node] = field(default_factory=list)
    key: str | None = None
    key_place: Place | None = None
    """Set while a key waits for its value. *key* is then None if the value is to be dropped."""
    merges: bool = False

    def closed(self) -> Node:
        """Return the node of what was read. An own key wins over a merged one."""
        if self.keys is not None:
            for source in self.merged:
                for name, place in source.keys.items():
                    if name not in self.keys:
                        self.keys[name] = place
                        self.children[name] = source.children[name]
        parts = self.children.values()
        value: Json = (
            [node.value for node in parts]
            if self.keys is None
            else {str(name): node.value for name, node in self.children.items()}
        )
        return Node(
            value,
            self.place,
            self.children,
            self.keys or {},
            1 + sum(node.size for node in parts),
            1 + max((node.height for node in parts), default=0),
        )


class _Tree:
    def __init__(self, path: Path, text: str, environment: Mapping[str, str]) -> None:
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.environment = environment
        self.faults: list[Diagnostic] = []
        self.frames: list[_Frame] = []
        self.anchors: dict[str, Node | None] = {}
        self.root: Node | None = None
        self.documents = 0
        self.expanded = 0

    def build(self) -> Node | None:
        handlers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        try:
            for event in events(self.text):
                handler = handlers.get(type(event))
                if handler is not None:
                    handler(event)
        except yaml.YAMLError as error:
            self.faults += syntax_faults(self.path, self.text, error)
        if self.faults:
            raise self._error()
        return self.root

    def _error(self) -> ProjectError:
        return ProjectError(in_file_order(self.faults), {self.path: self.text})

    def _fault(self, code: str, message: str, place: Place, help: str | None = None) -> None:
        self.faults.append(Diagnostic(code, message, place, help))

    def _stop(self, code: str, message: str, place: Place, help: str | None = None) -> NoReturn:
        self._fault(code, message, place, help)
        raise self._error()

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        if start.line == end.line:
            length = end.column - start.column
        else:
            shown = self.lines[start.line] if start.line < len(self.lines) else ""
            length = len(shown.rstrip()) - start.column
        return Place(self.path, start.line + 1, start.column + 1, max(1, length))

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            message = "a second document starts here, and a project is one"
            self._stop("syntax", message, self._place(event), "delete the `---`")

    def _open(self, event: Any) -> None:
        self._refuse_tag(event)
        place = self._place(event)
        if not event.flow_style and self.frames:
            place = self.frames[-1].key_place or place
        if len(self.frames) >= DEEPEST:
            self._stop("too-deep", f"values are nested more than {DEEPEST} deep here", place)
        if event.anchor:
            self.anchors[event.anchor] = None
        keys: dict[str, Place] | None = {} if isinstance(event, yaml.MappingStartEvent) else None
        self.frames.append(_Frame(place, event.anchor, keys, is_flow=bool(event.flow_style)))

    def _close(self, event: Any) -> None:
        frame = self.frames.pop()
        start, end = frame.place, event.end_mark
        if frame.is_flow and end.line + 1 == start.line:
            frame.place = replace(start, length=end.column + 1 - start.column)
        self._add(frame.closed(), frame.anchor, is_plain=False)

    def _scalar(self, event: Any) -> None:
        self._refuse_tag(event)
        place = self._place(event)
        value: Json = event.value
        is_plain = event.implicit[0]
        if is_plain:
            try:
                value = plain_value(event.value)
            except NotANumberError as error:
                self._fault("out-of-range", str(error), place, "quote it if it is text")
        if isinstance(value, str):
            value = self._expanded(value, event)
            if unwritable := UNWRITABLE.search(value):
                message = f"a text cannot hold the character U+{ord(unwritable[0]):04X}"
                self._fault("syntax", message, place, "delete it")
        if event.value == "" and is_plain and self.frames and self.frames[-1].key_place:
            place = self.frames[-1].key_place
        self._add(Node(value, place), event.anchor, is_plain=is_plain)

    def _expanded(self, text: str, event: Any) -> str:
        if "${" not in text or (self.frames and self._awaits_key()) or self._waits_to_be_opened():
            return text
        value, refusals = expand(text, self.environment)
        for refusal in refusals:
            place = self._find(refusal.written, event)
            self._fault(refusal.code, refusal.message, place, refusal.help)
        return value

    def _waits_to_be_opened(self) -> bool:
        """Is this among the options of a remote?"""
        keys = [frame.key for frame in self.frames[:3]]
        return len(keys) == 3 and OPENED_LATER.get(keys[0] or "") == keys[2]

    def _find(self, written: str, event: Any) -> Place:
        """Return where *written* stands between the marks of *event*."""
        start, end = event.start_mark, event.end_mark
        for number in range(start.line, min(end.line + 1, len(self.lines))):
            since = start.column if number == start.line else 0
            column = self.lines[number].find(written, since)
            if column >= 0:
                return Place(self.path, number + 1, column + 1, len(written))
        return self._place(event)

    def _alias(self, event: Any) -> None:
        place = self._place(event)
        if event.anchor not in self.anchors:
            self._fault("unknown-anchor", f"there is no anchor &{event.anchor} above", place)
        node = self.anchors.get(event.anchor)
        if node is None:
            if event.anchor in self.anchors:
                self._fault("cycle", f"*{event.anchor} stands inside its own anchor", place)
            node = Node(None, place)
        self.expanded += node.size
        if self.expanded > MOST_EXPANDED:
            message = f"the aliases of this file come to more than {MOST_EXPANDED:,} values"
            self._stop("too-large", message, place, "write shared settings under `defaults:`")
        if len(self.frames) + node.height > DEEPEST:
            self._stop("too-deep", f"values are nested more than {DEEPEST} deep here", place)
        self._add(node, None, is_plain=False)

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            written = event.tag.replace("tag:yaml.org,2002:", "!!")
            message = f"the tag {written} does nothing here: a value is what it looks like"
            self._fault("tag", message, self._place(event), "delete the tag; quote a text")

    def _awaits_key(self) -> bool:
        frame = self.frames[-1]
        return frame.keys is not None and frame.key_place is None

    def _add(self, node: Node, anchor: str | None, *, is_plain: bool) -> None:
        if anchor:
            self.anchors[anchor] = node
        if not self.frames:
            self.root = node
        elif self.frames[-1].keys is None:
            children = self.frames[-1].children
            children[len(children)] = node
        elif self._awaits_key():
            self._take_key(self.frames[-1], node, is_merge=is_plain and node.value == "<<")
        else:
            self._take_value(self.frames[-1], node)

    def _take_key(self, frame: _Frame, node: Node, *, is_merge: bool) -> None:
        frame.key_place = node.place
        frame.merges = is_merge and not frame.merged
        frame.key = None
        keys = frame.keys or {}
        if frame.merges:
            return
        if not isinstance(node.value, str):
            shown = json.dumps(node.value)
            is_scalar = not isinstance(node.value, list | dict)
            message = f"a key is text, but this is {shown if is_scalar else 'a list or mapping'}"
            help = f'quote it: "{shown}"' if is_scalar else None
            self._fault("non-string-key", message, node.place, help)
        elif is_merge:
            message = "`<<` is given twice"
            self._fault("duplicate-key", message, node.place, "write `<<: [*one, *other]`")
        elif node.value in keys:
            message = f"`{node.value}` is given twice: the first is in line {keys[node.value].line}"
            self._fault("duplicate-key", message, node.place, "delete one of them")
        else:
            frame.key = node.value

    def _take_value(self, frame: _Frame, node: Node) -> None:
        keys = frame.keys if frame.keys is not None else {}
        if frame.merges:
            self._merge(frame, node)
        elif frame.key is not None and frame.key_place is not None:
            keys[frame.key] = frame.key_place
            frame.children[frame.key] = node
        frame.key_place = None

    def _merge(self, frame: _Frame, node: Node) -> None:
        sources = list(node.children.values()) if isinstance(node.value, list) else [node]
        frame.merged += [source for source in sources if isinstance(source.value, dict)]
        if len(frame.merged) != len(sources) or not sources:
            place = frame.key_place or node.place
            self._fault("wrong-type", "`<<` merges mappings only", place, "write `<<: *anchor`")

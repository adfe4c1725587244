"""Why a stage must run: two preimages compared, leaf by leaf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ftc.plan.stages import Stage


class Change(NamedTuple):
    """One leaf that differs from the run that the project used last."""

    leaf: str
    """`lora.r`, `inputs.train`, `libraries.torch`, `version`."""
    before: Any
    now: Any
    line: int | str | None = None
    """For a setting its line of project.yaml, or the argument that sets it."""
    about: str | None = None
    """For an input: the output or the source that it is."""
    meaning: str | None = None
    """For a kind's version: what it makes otherwise since."""

    def words(self) -> str:
        """Return the change as it is shown: `lora.r 16 -> 8`."""
        if self.about is not None:
            return f"{self.about} changed"
        told = f"{self.leaf} {shown(self.before)} -> {shown(self.now)}"
        return f"{told}: {self.meaning}" if self.meaning else told


class Absent:
    """A leaf that is not there."""

    def __repr__(self) -> str:
        """Return what a reader should see in its place."""
        return "(unset)"


ABSENT = Absent()


def changes(
    before: Mapping[str, Any], now: Mapping[str, Any], *, stage: Stage | None
) -> tuple[Change, ...]:
    """Return what differs, settings first, in the order of their names.

    Without *stage*, which knows defaults, lines and the names of inputs, they are not told.
    """
    found: list[Change] = []
    defaults = stage.defaults if stage else {}
    old, new = dict(leaves(before["spec"])), dict(leaves(now["spec"]))
    for leaf in sorted(old.keys() | new.keys()):
        was = old.get(leaf, defaults.get(leaf, ABSENT))
        is_now = new.get(leaf, defaults.get(leaf, ABSENT))
        if was != is_now:
            found.append(Change(leaf, was, is_now, line=_line(stage, leaf)))
    for role in sorted(before["inputs"].keys() | now["inputs"].keys()):
        was, is_now = before["inputs"].get(role, ABSENT), now["inputs"].get(role, ABSENT)
        if was != is_now:
            found.append(Change(f"inputs.{role}", was, is_now, about=_about(stage, role)))
    for name in sorted(before["libraries"].keys() | now["libraries"].keys()):
        was, is_now = before["libraries"].get(name, ABSENT), now["libraries"].get(name, ABSENT)
        if was != is_now:
            found.append(Change(f"libraries.{name}", was, is_now))
    for leaf in ("schema", "kind", "version", "outputs"):
        if before[leaf] != now[leaf]:
            meaning = _meaning(before, now) if leaf == "version" else None
            found.append(Change(leaf, before[leaf], now[leaf], meaning=meaning))
    return tuple(found)


def _meaning(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """What the kind says of its versions since *before*. Another kind's are not to be compared."""
    from ftc_runtime.contract import params_class  # takes pydantic, and versions rarely change

    if before["kind"] != now["kind"]:
        return None
    try:
        words = params_class(now["kind"]).changes
    except ModuleNotFoundError:
        return None
    since = range(before["version"] + 1, now["version"] + 1)
    return "; ".join(words[number] for number in since if number in words) or None


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what stands in nested mappings, each with its path: `lora.r`."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, value


def _line(stage: Stage | None, leaf: str) -> int | str | None:
    """The line of a setting, or of what it would stand under."""
    if stage is None:
        return None
    while leaf not in stage.lines and "." in leaf:
        leaf = leaf.rpartition(".")[0]
    return stage.lines.get(leaf, stage.lines.get(""))


def _about(stage: Stage | None, role: str) -> str:
    if stage is None:
        return f"input {role}"
    if role == "source" and stage.source is not None:
        return stage.source.uri
    edge = stage.inputs.get(role)
    return f"{edge.stage} ({edge.output})" if edge else f"input {role}"


def shown(value: Any) -> str:
    """Return a value as it is shown, cut if it is long."""
    text = _text(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value[:19] if value.startswith("sha256:") else value
    if isinstance(value, list):
        return "[" + ", ".join(_text(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text(part)}" for key, part in value.items()) + "}"
    return "null" if value is None else str(value)

"""How a thing came to be: one record a stage, back to the data, and the text made from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ftc.store.lineage import Lineage
from ftc.store.records import Record

KEY_DIGITS = 12
LONGEST_VALUE = 60
DIGEST_LETTERS = 19
"""`sha256:` and twelve digits."""
SOURCE = "source"
FACTS_OF_RUN = (
    "started", "host", "seconds", "threads", "instruction_set", "aten_cpu_capability", "gpus",
    "driver", "attempts", "resumed", "resumed_from", "peak_bytes", "ftc", "python",
)  # fmt: skip


class Input(NamedTuple):
    """What a role was given. *key*: of the record that made it, if one is at hand."""

    role: str
    digest: str
    key: str | None
    about: str | None
    """For a source: where it came from."""


class Told(NamedTuple):
    """One stage as it is told."""

    record: Record
    stage: str
    reproduces: str | None
    settings: dict[str, Any]
    """Those that are not defaults, by their paths."""
    inputs: tuple[Input, ...]
    scores: tuple[tuple[str, dict[str, float]], ...]
    """What measured it, and the means."""

    def json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        preimage, facts = self.record.preimage, self.record.facts
        return {
            "type": "stage",
            "stage": self.stage,
            "kind": preimage["kind"],
            "version": preimage["version"],
            "key": self.record.key,
            "settings": self.settings,
            "inputs": {given.role: _without_role(given) for given in self.inputs},
            "libraries": preimage["libraries"],
            "reproduces": self.reproduces,
            "outputs": {name: out._asdict() for name, out in self.record.outputs.items()},
            "source": facts.get("source"),
            "ran": {name: facts[name] for name in FACTS_OF_RUN if name in facts},
            "resumed": _resumed(facts),
            "said": facts.get("stage", {}),
            "scores": [{"measured": name, "means": means} for name, means in self.scores],
        }


def story(roots: Sequence[Record], lineage: Lineage) -> dict[str, Told]:
    """Return key -> stage of all that the roots were made from, each before what it needs."""
    told: dict[str, Told] = {}
    ended: list[str] = []

    def tell(record: Record) -> None:
        if record.key not in told:
            one = told[record.key] = _told(record, lineage)
            for given in reversed(one.inputs):
                if given.key is not None:
                    tell(lineage.records[given.key])
            ended.append(record.key)

    for root in reversed(roots):
        tell(root)
    return {key: told[key] for key in reversed(ended)}


def _told(record: Record, lineage: Lineage) -> Told:
    scores = [(_measured_as(lineage.name(said)), means) for said, means in lineage.scores(record)]
    return Told(
        record=record,
        stage=lineage.name(record),
        reproduces=record.facts.get("reproduces"),
        settings=dict(sorted(_leaves(record.preimage["spec"]))),
        inputs=tuple(_inputs(record, lineage)),
        scores=tuple(sorted(scores, key=lambda scored: scored[0])),
    )


def _measured_as(name: str) -> str:
    """`predict:recall/small` -> `recall/small`: the eval, and the model's name in it."""
    return name.partition(":")[2] or name


def _inputs(record: Record, lineage: Lineage) -> Iterator[Input]:
    for role, digest in record.preimage["inputs"].items():
        maker = lineage.maker(digest)
        about = _source(record.facts.get("source") or {}) if role == SOURCE else None
        yield Input(role, digest, maker.record.key if maker else None, about)


def _source(source: Mapping[str, Any]) -> str | None:
    """A URI, with the commit of a hub."""
    uri, revision = source.get("uri"), source.get("revision")
    return f"{uri} at {revision}" if uri and revision else uri


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, part in value.items():
        if isinstance(part, dict) and part:
            yield from _leaves(part, f"{path}{name}.")
        else:
            yield f"{path}{name}", part


def _resumed(facts: Mapping[str, Any]) -> bool:
    return bool(facts.get("resumed") or facts.get("stage", {}).get("resumed"))


def _without_role(given: Input) -> dict[str, Any]:
    return {"digest": given.digest, "key": given.key, "from": given.about}


def lines(roots: Sequence[Record], told: Mapping[str, Told]) -> list[str]:
    """Return the story as a tree. A stage that was told before is only named."""
    seen: set[str] = set()
    found: list[str] = []
    for root in roots:
        found += ["", *_tree(told[root.key], told, seen=seen)]
    return found


def _tree(one: Told, told: Mapping[str, Told], *, seen: set[str]) -> Iterator[str]:
    head = f"{one.stage}  {one.record.key[:KEY_DIGITS]}"
    if one.record.key in seen:
        yield f"{head}  (above)"
        return
    seen.add(one.record.key)
    yield head + (f"  {one.reproduces}" if one.reproduces else "")
    mark = "│  " if one.inputs else "   "
    yield from (mark + detail for detail in _details(one))
    for number, given in enumerate(one.inputs, start=1):
        last = number == len(one.inputs)
        first, *rest = _branch(given, told, seen=seen)
        yield ("└─ " if last else "├─ ") + first
        yield from (("   " if last else "│  ") + line for line in rest)


def _branch(given: Input, told: Mapping[str, Told], *, seen: set[str]) -> Iterator[str]:
    head = f"{given.role} {given.digest[:DIGEST_LETTERS]}"
    if given.key is None:
        unknown = "from outside" if given.role == SOURCE else "no record of its making is at hand"
        yield f"{head}  {given.about or unknown}"
        return
    first, *rest = _tree(told[given.key], told, seen=seen)
    yield f"{head}  {first}"
    yield from rest


def _details(one: Told) -> Iterator[str]:
    preimage, facts = one.record.preimage, one.record.facts
    if one.settings:
        yield "set   " + ", ".join(f"{name} {shown(value)}" for name, value in one.settings.items())
    if preimage["libraries"]:
        versions = sorted(preimage["libraries"].items())
        yield "with  " + ", ".join(f"{name} {text[:DIGEST_LETTERS]}" for name, text in versions)
    if "started" in facts:
        yield "ran   " + _run(facts)
    if facts.get("stage"):
        yield "said  " + ", ".join(
            f"{name.replace('_', ' ')} {shown(value)}" for name, value in facts["stage"].items()
        )
    for stage, means in one.scores:
        measured = ", ".join(f"{name} {shown(value)}" for name, value in means.items())
        yield f"score {stage}: {measured}"


def _run(facts: Mapping[str, Any]) -> str:
    parts = [f"{facts['started']} on {facts.get('host', 'an unknown host')}"]
    if "seconds" in facts:
        parts.append(f"{facts['seconds']:.1f} s")
    parts += [f"{facts['threads']} threads"] if "threads" in facts else []
    parts += [str(facts["instruction_set"])] if "instruction_set" in facts else []
    parts += facts.get("gpus", [])
    return ", ".join([*parts, *(["resumed"] if _resumed(facts) else [])])


def shown(value: Any) -> str:
    """Return a value as it is written in project.yaml, cut if it is long."""
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."

"""Flip any setting of the schema: the keys of just the stages that use it change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from pydantic import Strict
from pydantic.fields import FieldInfo

from ftc.diagnostics import ProjectError
from ftc.plan.keys import key_of, preimage
from ftc.plan.lower import lower
from ftc.plan.stages import Plan
from ftc.project.load import load
from ftc.project.sections import SECTIONS
from ftc_runtime.contract import Settings, params_class

PROJECT = """\
version: 1
name: forge
models:
  base: {source: "scratch://llama", tokenizer: other}
  other: {source: "hf://org/name"}
datasets:
  rows: {source: rows.json, holdout: {fraction: 0.2}}
finetunes:
  tuned: {model: base, datasets: [rows], eval_dataset: rows.holdout}
  rough: {model: base, datasets: [rows], lora: {r: 3}}
exports:
  merged: {model: rough, format: safetensors}
  file: {model: tuned, format: gguf, quantization: q8_0}
evals:
  recall: {models: [tuned, file.q8_0], baseline: base, dataset: rows.holdout}
"""

WITHOUT_EFFECT_ON_LLAMA_CPP = ("dtype", "batch_size")
"""What a prediction from a GGUF does not take: such a file has its own types."""

OF_PACKS_ALONE = ("data", "max_length")
"""What a training takes only where rows are packed, which PROJECT's are not."""

NAMES_STAGES = ("quantization",)
"""Another value is another stage, not another key of the same."""


class Setting(NamedTuple):
    """One leaf of the schema, in one item of PROJECT."""

    section: str
    item: str
    path: tuple[str, ...]
    field: FieldInfo
    operational: bool

    def __repr__(self) -> str:
        """Return it as a user would write it."""
        return f"{self.section}.{self.item}.{'.'.join(self.path)}"


@cache
def every_setting() -> list[Setting]:
    """Return each setting that belongs to a stage, of every item of PROJECT."""
    found = []
    for name, items in yaml.safe_load(PROJECT).items():
        section = SECTIONS.get(name)
        for item, written in items.items() if section else ():
            assert section is not None
            form = section.discriminator and written.get(section.discriminator, section.default)
            owned = {key for kind in kinds_of(item) for key in params_class(kind).model_fields}
            for path, field, operational in leaves(section.item_class(form)):
                if path[0] in owned and path[0] not in NAMES_STAGES:
                    found.append(Setting(name, item, path, field, operational))
    return found


def leaves(
    settings: type[Settings], path: tuple[str, ...] = (), operational: bool = False
) -> Iterator[tuple[tuple[str, ...], FieldInfo, bool]]:
    """Give each leaf of settings: where it stands, what it is, whether it is operational."""
    for name, field in settings.model_fields.items():
        extra = field.json_schema_extra
        aside = operational or (isinstance(extra, dict) and bool(extra.get("operational")))
        below = [part for part in nested(field.annotation) if part is not None]
        for part in below:
            yield from leaves(part, (*path, name), aside)
        if not below:
            yield (*path, name), field, aside


def nested(annotation: Any) -> list[type[Settings]]:
    """Return the classes of settings that an annotation allows."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, Settings) else []
    return [found for part in getattr(annotation, "__args__", ()) for found in nested(part)]


def kinds_of(item: str) -> list[str]:
    """Return the kinds of the stages that an item of PROJECT comes to."""
    return [stage.kind for stage in planned(PROJECT).stages.values() if belongs(stage.name, item)]


def belongs(stage: str, item: str) -> bool:
    """Say whether a stage is an item's own: `predict:recall/base` is recall's."""
    name = stage.partition(":")[2]
    return name == item or name.startswith((f"{item}/", f"{item}."))


def uses(stage: str, kind: str, setting: Setting) -> bool:
    """Say whether a stage takes a setting: it is its item's, and its kind declares it."""
    aside = kind == "predict" and stage.endswith("q8_0")
    if aside and setting.path[0] in WITHOUT_EFFECT_ON_LLAMA_CPP:
        return False
    if kind == "sft" and setting.path == OF_PACKS_ALONE:
        return False
    return belongs(stage, setting.item) and declares(params_class(kind), setting.path)


def declares(settings: type[Settings], path: tuple[str, ...]) -> bool:
    """Say whether settings have a leaf of this path."""
    field = settings.model_fields.get(path[0])
    if field is None or len(path) == 1:
        return field is not None
    return any(declares(part, path[1:]) for part in nested(field.annotation))


def cards(plan: Plan) -> list[str]:
    """Return the stages that tell of an export: what made it changes what they tell."""
    return [name for name, stage in plan.stages.items() if stage.kind == "card"]


def way_to(card: str, plan: Plan) -> set[str]:
    """Return the stages that made the export of a card."""
    inputs = plan.stages[card].inputs
    return set(plan.closure(inputs[role].stage for role in inputs if role in ("model", "gguf.0")))


@cache
def folder() -> Path:
    """Return a folder with the rows that PROJECT names."""
    import tempfile

    path = Path(tempfile.mkdtemp(prefix="ftc-"))
    (path / "rows.json").write_text("[]")
    return path


@cache
def planned(text: str) -> Plan:
    """Load and lower a project."""
    file = folder() / "project.yaml"
    file.write_text(text)
    return lower(load(file, {}))


def keys(plan: Plan) -> dict[str, str]:
    """Return the key of each stage, as if every input had the bytes that its name says."""
    return {
        stage.name: key_of(
            preimage(stage, {role: str(edge) for role, edge in stage.inputs.items()})
        )
        for stage in plan.stages.values()
    }


def flipped(setting: Setting, value: Any) -> str:
    """Return PROJECT with one setting written."""
    document = yaml.safe_load(PROJECT)
    place = document[setting.section][setting.item]
    for step in setting.path[:-1]:
        place = place.setdefault(step, {})
    place[setting.path[-1]] = value
    return yaml.safe_dump(document, sort_keys=False)


def value_of(setting: Setting) -> st.SearchStrategy[Any]:
    """Return a strategy for the values that a setting takes, other than None."""
    return values_of(setting.field.annotation, list(setting.field.metadata))


def values_of(annotation: Any, bounds: list[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for the values that an annotation allows within bounds."""
    if get_origin(annotation) is Annotated:
        annotation, *marks = get_args(annotation)
        within = [bound for mark in marks for bound in getattr(mark, "metadata", [mark])]
        return values_of(annotation, bounds + [b for b in within if not isinstance(b, Strict)])
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        return st.one_of(*(values_of(part, bounds) for part in parts))
    for pattern in (getattr(bound, "pattern", None) for bound in bounds):
        if pattern is not None:
            return st.from_regex(pattern, fullmatch=True)
    if get_origin(annotation) is dict:
        return st.dictionaries(st.from_regex("[a-z_]{1,20}", fullmatch=True), st.integers())
    bounded: Any = Annotated[(annotation, *bounds)] if bounds else annotation
    return st.from_type(bounded)


@st.composite
def flips(draw: st.DrawFn) -> tuple[Setting, Any]:
    """Draw a setting and a value for it."""
    setting = draw(st.sampled_from(every_setting()))
    return setting, draw(value_of(setting))


@pytest.mark.invariant(4)
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(flips())
def test_a_setting_changes_the_keys_of_the_stages_that_use_it(flip: tuple[Setting, Any]) -> None:
    """A semantic one those, exactly; an operational one none; a default written out none."""
    setting, value = flip
    note(f"{setting} = {value!r}")
    before = planned(PROJECT)
    try:
        after = planned(flipped(setting, json.loads(json.dumps(value, default=list))))
    except ProjectError:
        # It contradicts another setting, or is no value for it on second sight.
        assume(False)

    changed = {name for name, key in keys(after).items() if keys(before)[name] != key}

    users = {name for name, stage in before.stages.items() if uses(name, stage.kind, setting)}
    is_default = leaf(before, users, setting) == leaf(after, users, setting)
    users |= {card for card in cards(before) if users & way_to(card, before)}
    assert changed == (set() if setting.operational or is_default else users)


def leaf(plan: Plan, users: set[str], setting: Setting) -> Any:
    """Return the value of a setting that the stages which use it are given."""
    value: Any = plan.stages[min(users)].params
    for step in setting.path:
        value = value.get(step) if isinstance(value, dict) else None
    return value

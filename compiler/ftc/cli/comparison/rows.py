"""How subjects differ and score: a row for each setting, score and fact of a training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ftc.cli.comparison.curves import read_curve
from ftc.cli.comparison.scores import scores_of
from ftc.cli.comparison.subjects import Made, Subject
from ftc.plan.explain import ABSENT
from ftc.plan.freshness import State
from ftc.plan.stages import Plan
from ftc.store.store import Store

COUNTS = ("rows",)
"""What stands among the scores and says how many, not how good."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing told of each subject; `ABSENT` or None where a subject has none."""

    type: Literal["setting", "score", "training"]
    group: str
    """The kind of stage of a setting; the eval of a score."""
    name: str
    values: tuple[Any, ...]

    def best(self) -> list[int]:
        """Return the positions of the highest score, unless all are equal."""
        known = [value for value in self.values if value is not None]
        if self.type != "score" or self.name in COUNTS or len(set(known)) < 2:
            return []
        return [at for at, value in enumerate(self.values) if value == max(known)]

    def differences(self) -> list[float | None]:
        """Return how far each score is from the first."""
        first = self.values[0]
        if self.type != "score" or self.name in COUNTS or first is None:
            return [None] * len(self.values)
        return [None if value is None else round(value - first, 4) for value in self.values]

    def record(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what `--json` prints."""
        fields: dict[str, Any] = {"type": self.type, "group": self.group, "name": self.name}
        values = [None if value is ABSENT else value for value in self.values]
        fields["values"] = dict(zip(names, values, strict=True))
        if self.type == "score":
            fields["differences"] = dict(zip(names, self.differences(), strict=True))
            fields["best"] = [names[at] for at in self.best()]
        return fields


def rows_of(
    compared: Sequence[Subject], plan: Plan, *, states: Mapping[str, State], store: Store
) -> list[Row]:
    """Return all there is to tell: settings that differ, scores, trainings."""
    return [
        *_setting_rows(compared),
        *(
            Row("score", target, metric, values)
            for target, metric, values in scores_of(compared, plan, states=states, store=store)
        ),
        *_training_rows(compared, store),
    ]


def _setting_rows(compared: Sequence[Subject]) -> list[Row]:
    """Return the settings, libraries and sources that are not the same for all subjects.

    Of a kind of stage that some have not got, only what is written for one of them is shown.
    """
    by_stage = [_stages(subject) for subject in compared]
    rows = []
    for place in dict.fromkeys(place for stages in by_stage for place in stages):
        made = [stages.get(place) for stages in by_stage]
        held = [{} if one is None else _held(one) for one in made]
        if all(made):
            names = dict.fromkeys(name for one in held for name in one)
        else:
            names = dict.fromkeys(name for one in made if one for name in one.written)
        for name in names:
            values = tuple(one.get(name, ABSENT) for one in held)
            if any(value != values[0] for value in values):
                rows.append(Row("setting", place, name, values))
    return rows


def _stages(subject: Subject) -> dict[str, Made]:
    """Return the stages behind a subject by kind, numbered where there are several."""
    counts: Counter[str] = Counter()
    stages: dict[str, Made] = {}
    for made in subject.chain:
        number = counts[made.kind]
        stages[f"{made.kind}[{number}]" if number else made.kind] = made
        counts[made.kind] += 1
    return stages


def _held(made: Made) -> dict[str, Any]:
    libraries = {f"libraries.{name}": version for name, version in made.libraries.items()}
    source = {"source": made.source} if made.source else {}
    return {**source, **made.settings, **libraries}


def shown_names(rows: Sequence[Row]) -> list[str]:
    """Return what settings are called: by the stage's kind too, where the name alone is not one."""
    groups: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        groups[row.name].add(row.group)
    return [
        row.name
        if len(groups[row.name]) == 1 and "[" not in row.group
        else f"{row.group}.{row.name}"
        for row in rows
    ]


def _training_rows(compared: Sequence[Subject], store: Store) -> list[Row]:
    """Return the facts of the trainings that the subjects come of."""
    facts = [dict(_training(subject, store)) for subject in compared]
    names = dict.fromkeys(name for one in facts for name in one)
    return [Row("training", "", name, tuple(one.get(name) for one in facts)) for name in names]


def _training(subject: Subject, store: Store) -> Iterator[tuple[str, Any]]:
    record = subject.training()
    if record is None:
        return
    curve = read_curve(record, store)
    if curve:
        yield "final_loss", curve[-1].loss
        yield "lowest_loss", min(point.loss for point in curve)
        measured_at = [point.eval_loss for point in curve if point.eval_loss is not None]
        if measured_at:
            yield "final_eval_loss", measured_at[-1]
            yield "lowest_eval_loss", min(measured_at)
        yield "steps", len(curve)
        yield "tokens", sum(point.tokens for point in curve)
    yield "seconds", record.facts.get("seconds")
    yield "peak_bytes", record.facts.get("peak_bytes")

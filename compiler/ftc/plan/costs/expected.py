"""What a stage will give, before it runs: bytes of each output, rows and tokens in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ftc.plan.costs.history import History, Run, run_of
from ftc.plan.costs.memory import adapter_bytes
from ftc.plan.costs.model_shape import DTYPE_BYTES, ModelShape, Unknown, shape_of_model
from ftc.plan.costs.work import MADE, Given
from ftc.plan.freshness import Freshness, State
from ftc.plan.stages import Edge, OutsideSource, Stage

BITS = {
    "f32": 32.0, "f16": 16.0, "bf16": 16.0, "q8_0": 8.5, "q6_k": 6.6, "q5_k_m": 5.7, "q5_k_s": 5.5,
    "q5_0": 5.5, "q5_1": 6.0, "q4_k_m": 4.9, "q4_k_s": 4.6, "q4_0": 4.5, "q4_1": 5.0,
    "q3_k_l": 4.3, "q3_k_m": 3.9, "q3_k_s": 3.5, "q2_k": 3.2,
}  # fmt: skip
"""llama.cpp's types -> bits a weight, with the larger types that some tensors get."""

GGUF_DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}


class Expected(NamedTuple):
    """Exact for a result that is known, else from shapes or from an earlier run."""

    sizes: Mapping[str, int | None]
    """Output -> bytes."""
    told: Mapping[str, Any]
    """What its process tells: rows, tokens."""

    def contents(self, output: str) -> Mapping[str, Any]:
        """Return what is known of what is in one output."""
        return contents(self.told, output)


def contents(told: Mapping[str, Any], output: str) -> Mapping[str, Any]:
    """Return what *told*, of a whole stage, says of one output: a part's rows stand by its name."""
    return {**told, "rows": told[output]} if output in told else told


class Expectation:
    """Answers for the stages of one plan, each after those before it."""

    def __init__(self, freshness: Freshness, history: History) -> None:
        """*freshness* has looked."""
        self._plan, self._states = freshness.plan, freshness.states
        self._store, self._owner = freshness.store, freshness.owner
        self._history = history
        self._known: dict[str, Expected] = {}

    def of(self, stage: Stage) -> Expected:
        """Return what the stage gives, or will."""
        if stage.name not in self._known:
            self._known[stage.name] = self._expected(stage, self._states[stage.name])
        return self._known[stage.name]

    def given(self, stage: Stage) -> Given:
        """Return what the stage is given, as far as it is known."""
        return Given(
            stage.semantic,
            stage.defaults,
            {role: self._size(edge) for role, edge in stage.inputs.items()}
            | {MADE: total(self.of(stage).sizes)},
            {
                role: self.of(self._plan.stages[edge.stage]).contents(edge.output)
                for role, edge in stage.inputs.items()
            },
        )

    def given_to(self, run: Run, stage: Stage) -> Given:
        """Return what an earlier run of the stage's kind was given."""
        told = {}
        for role, digest in run.inputs.items():
            maker = self._history.made.get(digest)
            told[role] = contents(maker[0].told, maker[1]) if maker else {}
        sizes = {r: self._history.size(d) for r, d in run.inputs.items() if r != "source"}
        return Given(run.spec, stage.defaults, {**sizes, MADE: sum(run.sizes.values())}, told)

    def shape(self, stage: Stage) -> ModelShape:
        """Return the sizes of the base model that the stage works on.

        Raises:
            Unknown: if they are not to be had yet.
        """
        while stage.kind != "model":
            edge = stage.inputs.get("model") or stage.inputs.get("gguf")
            if edge is None:
                raise Unknown(f"{stage.name} has no model")
            stage = self._plan.stages[edge.stage]
        return shape_of_model(self._plan, self._states, self._store, stage=stage)

    def _size(self, edge: Edge) -> int | None:
        return self.of(self._plan.stages[edge.stage]).sizes[edge.output]

    def _expected(self, stage: Stage, state: State) -> Expected:
        if (record := state.known) is not None:
            known = {name: stored.size for name, stored in record.outputs.items()}
            return Expected(known, record.facts.get("stage") or {})
        before = self._run_before(stage)
        # What comes from outside is of any size, whatever else of its kind was brought here.
        alike = before or (None if stage.source is not None else self._newest(stage.kind))
        shaped = self._shaped(stage)
        if before is None and stage.kind == "dataset" and stage.source is not None:
            shaped = {"train": size_of_source(stage.source), "holdout": 0}
        made = alike.sizes if alike else {}
        sizes = {name: shaped.get(name, made.get(name)) for name in stage.outputs}
        return Expected(sizes, self._told(stage, before))

    def _told(self, stage: Stage, before: Run | None) -> Mapping[str, Any]:
        """What it told the last time: another data set's rows say nothing of this one's."""
        told = before.told if before else {}
        edge = stage.inputs.get("rows")
        if edge is None:
            return told
        # Each row is answered, so that there are as many predictions.
        rows = self.of(self._plan.stages[edge.stage]).contents(edge.output).get("rows")
        return told if rows is None else {**told, "rows": rows}

    def _run_before(self, stage: Stage) -> Run | None:
        """The run of the stage that the project used last."""
        key = self._store.ref(self._owner, stage.name)
        record = self._store.record(key) if key else None
        return run_of(record) if record else None

    def _newest(self, kind: str) -> Run | None:
        return next((run for run in self._history.runs if run.kind == kind), None)

    def _shaped(self, stage: Stage) -> dict[str, int | None]:
        """The outputs whose size follows from the model's."""
        try:
            shape = self.shape(stage) if stage.kind in _SHAPED else None
        except Unknown:
            return {}
        if shape is None:
            return {}
        whole = shape.parameters * DTYPE_BYTES[shape.dtype]
        match stage.kind:
            case "model" | "merge":
                return {"model": whole}
            case "sft":
                return {"adapter": adapter_bytes(shape, stage.params["lora"])}
            case "gguf":
                outtype = GGUF_DTYPES.get(stage.params["outtype"], shape.dtype)
                return {"gguf": shape.parameters * DTYPE_BYTES[outtype]}
            case _:
                return {"gguf": int(shape.parameters * BITS[stage.params["quantization"]] / 8)}


_SHAPED = ("model", "merge", "sft", "gguf", "quantize")


def total(sizes: Mapping[str, int | None]) -> int | None:
    """Return the sum of what is known; None if nothing is."""
    known = [size for size in sizes.values() if size is not None]
    return sum(known) if known else None


def size_of_source(source: OutsideSource) -> int | None:
    """Return the bytes of a file or a folder; None for a hub, and for what is not there."""
    if source.path is None:
        return None
    return _size_on_disk(source.path)


def _size_on_disk(path: Path) -> int | None:
    try:
        if path.is_dir():
            return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return path.stat().st_size
    except OSError:
        return None

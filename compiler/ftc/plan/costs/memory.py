"""How much memory a training takes at its peak: an estimate from sizes alone, before it starts.

Letters: B rows or packs of a forward pass, T tokens of the longest, K positions that any of them
trains, N label tokens of them, V vocabulary, H hidden, I intermediate, Q width of all query heads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ftc.plan.costs.model_shape import DTYPE_BYTES, ModelShape, Unknown, shape_of_model
from ftc.plan.freshness import State
from ftc.plan.stages import Plan, Stage
from ftc.store.store import Store

Device = Literal["cpu", "gpu"]

FLOAT32 = 4
PROCESS_BYTES = {"cpu": 500 << 20, "gpu": 600 << 20}
"""On a CPU: Python with torch, transformers and PEFT imported, measured. On a GPU: CUDA's own."""

MAPPED_BYTES = 32 << 20
"""glibc maps a block of this size apart, and gives it back when it is freed (mallopt(3))."""

IN_HEAP, APART = 1.65, 1.1
"""What activations take, as a multiple of their size. In glibc's heap, measured, the holes that
temporary blocks leave between kept ones are not used again: torch's are aligned, and do not fit."""

CHECKPOINTED_IN_HEAP = 0.5
"""For the same reason checkpointing saves no more than about half of them there, measured."""

GRADIENTS = 5
"""Blocks of the width I that the backward pass of one layer has at once beside what was kept."""

OPTIMISER_STATES = {
    "adamw_torch": 2.0,
    "adamw_torch_fused": 2.0,
    "adafactor": 0.1,
    "adagrad": 1.0,
    "rmsprop": 1.0,
    "sgd": 0.0,
}
"""float32 numbers kept for each trained weight. Adafactor keeps a row and a column of a matrix."""

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class Lengths(NamedTuple):
    """The rows or packs to train on."""

    longest: int
    trained_share: float
    """Label tokens of all tokens."""
    measured: bool
    """Counted in the rows; else max_length, which is as long as they may be."""
    packed: bool = False


class Memory(NamedTuple):
    """Bytes at the peak of a training, by what they are for."""

    process: int
    weights: int
    adapter: int
    """LoRA weights, their gradients and the optimiser's states."""
    activations: int
    logits: int
    loading: int
    """What is needed beside the process while the model is read; gone when training begins."""
    longest: int
    measured_lengths: bool
    packed: bool

    @property
    def total(self) -> int:
        """Return the peak."""
        training = self.weights + self.adapter + self.activations + self.logits
        return self.process + max(self.loading, training)


def training_memory(
    plan: Plan, states: Mapping[str, State], store: Store, *, stage: Stage, device: Device
) -> Memory:
    """Return what *stage*, of the kind `sft`, takes on *device*.

    Raises:
        Unknown: if the sizes of its model are not to be had yet.
    """
    model = plan.stages[stage.inputs["model"].stage]
    if model.kind != "model":
        raise Unknown(f"{model.name} has no sizes yet")
    shape = shape_of_model(plan, states, store, stage=model)
    tokens = plan.stages[stage.inputs["train"].stage]
    lengths = row_lengths(tokens, states[tokens.name], store, pack=_pack(stage))
    return estimate(shape, stage.params, lengths=lengths, device=device)


def _pack(stage: Stage) -> int | None:
    data = stage.params["data"]
    return int(data["max_length"]) if data["packing"] else None


def row_lengths(tokens: Stage, state: State, store: Store, *, pack: int | None = None) -> Lengths:
    """Return the lengths that the report of the `tokens` stage tells, else the upper bound.

    *pack*: what a pack holds, where rows are packed; the fullest is full, unless all fit in one.
    """
    packed = pack is not None
    record = state.known
    if record is not None and store.holds(record.outputs["report"]):
        train = json.loads(store.path(record.outputs["report"]).read_bytes())["train"]
        longest = min(pack, train["tokens"]) if pack else train["longest"]
        share = train["trained_tokens"] / max(1, train["tokens"])
        return Lengths(longest, share, True, packed)
    return Lengths(int(tokens.params["data"]["max_length"]), 1.0, False, packed)


def estimate(
    shape: ModelShape, params: Mapping[str, Any], *, lengths: Lengths, device: Device
) -> Memory:
    """Return the memory of a LoRA training with the settings *params* of an `sft` stage."""
    training = params["training"]
    dtype = shape.dtype if params["dtype"] == "auto" else params["dtype"]
    size = DTYPE_BYTES[dtype]
    rows = micro_batch_size(params)
    weights = shape.parameters * size
    # Of each trained weight: itself, its gradient, and the states.
    adapter = adapter_bytes(shape, params["lora"]) * (2 + OPTIMISER_STATES[training["optim"]])
    tokens = rows * lengths.longest
    layer = tokens * _saved_by_layer(shape, params["lora"], size=size)
    inputs = tokens * shape.hidden * size * shape.layers
    block = tokens * shape.intermediate * size
    kept = _kept(
        layer,
        layers=shape.layers,
        inputs=inputs,
        checkpointing=training["gradient_checkpointing"],
        in_heap=device == "cpu" and block < MAPPED_BYTES,
    )
    return Memory(
        process=PROCESS_BYTES[device],
        weights=weights,
        adapter=int(adapter),
        activations=int(kept + GRADIENTS * block),
        logits=_logits(shape, lengths, rows=rows, size=size),
        # The file is mapped: its pages count until the last weight is copied out of it.
        loading=weights + (shape.parameters * DTYPE_BYTES[shape.dtype] if device == "cpu" else 0),
        longest=lengths.longest,
        measured_lengths=lengths.measured,
        packed=lengths.packed,
    )


def _kept(layer: int, *, layers: int, inputs: int, checkpointing: bool, in_heap: bool) -> float:
    """Bytes of activations kept for the backward pass. *layer*: of one; *inputs*: of all layers.

    With checkpointing each layer keeps its input alone, and one at a time is computed again.
    """
    whole = layer * layers
    least = min(whole, layer + inputs)
    if not in_heap:
        return APART * (least if checkpointing else whole)
    if not checkpointing:
        return IN_HEAP * whole
    return IN_HEAP * max(least, CHECKPOINTED_IN_HEAP * whole)


def adapter_bytes(shape: ModelShape, lora: Mapping[str, Any]) -> int:
    """Return the size of an adapter. Its weights are float32 whatever the base is."""
    targets = _targets(lora["target_modules"])
    return shape.layers * _lora_weights(shape, targets, rank=lora["r"]) * FLOAT32


def micro_batch_size(params: Mapping[str, Any]) -> int:
    """Return the rows or packs of one forward pass with the settings *params* of an `sft` stage."""
    from ftc_runtime.stages.sft.spec import Params

    return Params.model_validate(params).micro_batch_size()


def _targets(written: str | list[str]) -> frozenset[str]:
    """The projections that are adapted, by Llama's names; all of them for names of others."""
    if isinstance(written, str):
        return frozenset(PROJECTIONS)
    return frozenset(name.rpartition(".")[2] for name in written) & {*PROJECTIONS} or frozenset(
        PROJECTIONS
    )


def _lora_weights(shape: ModelShape, targets: frozenset[str], *, rank: int) -> int:
    """Weights of A and B in one layer: rank x (in + out) of each projection."""
    sides = {
        "q_proj": shape.hidden + shape.queries,
        "k_proj": shape.hidden + shape.keys,
        "v_proj": shape.hidden + shape.keys,
        "o_proj": shape.queries + shape.hidden,
        "gate_proj": shape.hidden + shape.intermediate,
        "up_proj": shape.hidden + shape.intermediate,
        "down_proj": shape.intermediate + shape.hidden,
    }
    return rank * sum(sides[name] for name in targets)


def _saved_by_layer(shape: ModelShape, lora: Mapping[str, Any], *, size: int) -> int:
    """Bytes that one layer keeps of each token for the backward pass.

    The base is frozen, so a projection keeps its input only for its adapter: once where several
    share it, but a float32 copy each where the base is of a smaller type.
    """
    targets = _targets(lora["target_modules"])
    inputs = (
        (shape.hidden, ("q_proj", "k_proj", "v_proj")),
        (shape.queries, ("o_proj",)),
        (shape.hidden, ("gate_proj", "up_proj")),
        (shape.intermediate, ("down_proj",)),
    )
    adapter_inputs = 0
    for width, readers in inputs:
        adapted = len(targets.intersection(readers))
        adapter_inputs += width * (min(adapted, 1) if size == FLOAT32 else adapted)
    norms = 2 * shape.hidden * FLOAT32
    # Query, and keys and values repeated for its heads, and what attention gives.
    attention = 4 * shape.queries * size
    # gate, silu(gate), up; their product is the input of down_proj.
    gated = 3 * shape.intermediate * size
    return norms + attention + gated + FLOAT32 * (adapter_inputs + int(lora["r"]) * len(targets))


def _logits(shape: ModelShape, lengths: Lengths, *, rows: int, size: int) -> int:
    """The logits BKV, those with a label NV, their log-softmax in float32, and its gradient.

    Which positions some row trains depends on how the rows' answers overlap: taken as chance.
    """
    untrained = 1 - lengths.trained_share
    kept = rows * lengths.longest * (1 - untrained**rows)
    labels = rows * lengths.longest * lengths.trained_share
    return int(shape.vocabulary * (kept * size + labels * (2 * FLOAT32 + (size % FLOAT32))))

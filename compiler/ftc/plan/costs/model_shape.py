"""The sizes of a model, found without torch: in its config.json, or in the header of its GGUF."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ftc.plan.costs.gguf_header import GgufHeader, read_gguf_header
from ftc.plan.freshness import State
from ftc.plan.locate import SCRATCH
from ftc.plan.stages import Plan, Stage
from ftc.store.objects import Stored
from ftc.store.store import Store

CONFIG = "config.json"
DTYPE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}

NAMES = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "heads": ("num_attention_heads", "n_head", "num_heads"),
    "intermediate": ("intermediate_size", "n_inner", "d_ff"),
    "vocabulary": ("vocab_size",),
}
"""What a size is called in transformers' configs; the first that is there counts."""


class ModelShape(NamedTuple):
    """What decides how much memory a causal language model takes."""

    hidden: int
    intermediate: int
    layers: int
    queries: int
    """Width of all query heads together."""
    keys: int
    """Width of all key heads together."""
    vocabulary: int
    parameters: int
    dtype: str
    """Of the stored weights."""


class Unknown(Exception):
    """The sizes are not to be had yet; the message says why."""


def shape_of_model(
    plan: Plan, states: Mapping[str, State], store: Store, *, stage: Stage
) -> ModelShape:
    """Return the sizes of the model that *stage*, of the kind `model`, makes.

    Raises:
        Unknown: if neither its result nor its source is here.
    """
    record = states[stage.name].known
    if record is not None and store.holds(record.outputs["model"]):
        return _stored_shape(store, record.outputs["model"])
    dtype = stage.params.get("dtype", "auto")
    source = stage.source
    if source is not None and source.uri.startswith(SCRATCH):
        config = dict(stage.params.get("config", {}))
        edge = stage.inputs.get("tokenizer")
        if edge is not None and "vocab_size" not in config:
            words = shape_of_model(plan, states, store, stage=plan.stages[edge.stage])
            config["vocab_size"] = words.vocabulary
        return _of_config(config, dtype="float32" if dtype == "auto" else dtype)
    if source is None or source.path is None or not source.path.exists():
        raise Unknown(f"{stage.name} is not here yet")
    return _source_shape(source.path, dtype=dtype)


def _stored_shape(store: Store, model: Stored) -> ModelShape:
    files = store.listing(model)
    if CONFIG not in files:
        raise Unknown(f"the model has no {CONFIG}")
    entry = files[CONFIG]
    config = store.path(Stored(entry.digest, entry.size, "file")).read_bytes()
    weights = sum(file.size for name, file in files.items() if name.endswith(".safetensors"))
    return _of_config(json.loads(config), weights=weights)


def _source_shape(path: Path, *, dtype: str) -> ModelShape:
    """The shape of a source; *dtype* is what the `model` stage turns it into."""
    try:
        if path.is_file():
            # What comes out of a GGUF file is bfloat16 unless the project says otherwise.
            return _of_gguf(read_gguf_header(path), "bfloat16" if dtype == "auto" else dtype)
        config = json.loads((path / CONFIG).read_bytes())
        weights = sum(file.stat().st_size for file in path.glob("*.safetensors"))
    except (OSError, ValueError) as error:
        raise Unknown(f"{path.name}: {error}") from error
    shape = _of_config(config, weights=weights)
    return shape if dtype == "auto" else shape._replace(dtype=dtype)


def _of_config(whole: Mapping[str, Any], *, weights: int = 0, dtype: str = "") -> ModelShape:
    """The sizes in a config. *weights*: bytes of its files, which tell its parameters exactly."""
    config = whole.get("text_config", whole)
    sizes = {size: _first(config, names) for size, names in NAMES.items()}
    missing = [NAMES[size][0] for size, value in sizes.items() if not value]
    if sizes["hidden"] and missing == [NAMES["intermediate"][0]]:
        sizes["intermediate"], missing = 4 * sizes["hidden"], []
    if missing:
        raise Unknown(f"its config says no {', '.join(missing)}")
    head = config.get("head_dim") or sizes["hidden"] // sizes["heads"]
    key_heads = config.get("num_key_value_heads") or sizes["heads"]
    said = config.get("dtype") or config.get("torch_dtype") or whole.get("dtype")
    shape = ModelShape(
        sizes["hidden"],
        sizes["intermediate"],
        sizes["layers"],
        queries=head * sizes["heads"],
        keys=head * key_heads,
        vocabulary=sizes["vocabulary"],
        parameters=0,
        dtype=dtype or (said if said in DTYPE_BYTES else "float32"),
    )
    experts = int(_first(config, ("num_local_experts", "num_experts", "n_routed_experts")) or 1)
    tied = bool(config.get("tie_word_embeddings", whole.get("tie_word_embeddings", False)))
    counted = weights // DTYPE_BYTES[shape.dtype] or _count(shape, experts=experts, tied=tied)
    return shape._replace(parameters=counted)


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> int:
    return next((int(config[name]) for name in names if config.get(name)), 0)


def _count(shape: ModelShape, *, experts: int, tied: bool) -> int:
    """Parameters of a gated transformer: attention, three matrices an expert, embeddings, norms."""
    attention = 2 * shape.hidden * (shape.queries + shape.keys)
    layer = attention + 3 * experts * shape.hidden * shape.intermediate + 2 * shape.hidden
    embeddings = shape.vocabulary * shape.hidden * (1 if tied else 2)
    return shape.layers * layer + embeddings + shape.hidden


def _of_gguf(header: GgufHeader, dtype: str) -> ModelShape:
    def size(name: str, default: int = 0) -> int:
        return int(
            header.fields.get(f"{header.fields.get('general.architecture')}.{name}", default)
        )

    hidden, heads = size("embedding_length"), size("attention.head_count")
    if not hidden or not heads:
        raise Unknown("its GGUF file says no embedding_length")
    head = size("attention.key_length", hidden // heads)
    return ModelShape(
        hidden,
        size("feed_forward_length"),
        size("block_count"),
        queries=head * heads,
        keys=head * size("attention.head_count_kv", heads),
        vocabulary=int(header.fields.get("tokenizer.ggml.tokens", size("vocab_size"))),
        parameters=header.parameters,
        dtype=dtype,
    )

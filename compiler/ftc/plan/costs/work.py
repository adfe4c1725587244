"""How much work a run is, by a measure that its time grows with; kinds without one have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any, NamedTuple

MADE = "made"
"""The role of what comes out, where that says best how much work it is."""


class Given(NamedTuple):
    """What a run is given, as far as it is known."""

    spec: Mapping[str, Any]
    """Its settings, without defaults."""
    defaults: Mapping[str, Any]
    """Leaf (`training.max_steps`) -> default."""
    sizes: Mapping[str, int | None]
    """Role -> bytes."""
    told: Mapping[str, Mapping[str, Any]]
    """Role -> what is known of what is in it: `rows`, `tokens`."""

    def setting(self, leaf: str) -> Any:
        """Return the value of a setting."""
        value: Any = self.spec
        for name in leaf.split("."):
            if not isinstance(value, Mapping) or name not in value:
                return self.defaults.get(leaf)
            value = value[name]
        return value

    def family(self) -> tuple[Any, ...]:
        """Return what must be equal for two runs of a kind to be compared.

        A GGUF file is answered from by another engine than a folder is, bfloat16 may be thirty
        times slower than float32, and packed rows take another time than padded ones.
        """
        roles = {role.split(".")[0] for role in self.sizes} - {MADE}
        how = [self.setting(leaf) for leaf in ("dtype", "attn_implementation", "data.packing")]
        return (*sorted(roles), *how)

    def size(self, *roles: str) -> int | None:
        """Return the bytes of the roles that there are; None if one is not known."""
        sizes = [size for role, size in self.sizes.items() if role.split(".")[0] in roles]
        return None if None in sizes or not sizes else sum(size or 0 for size in sizes)


def work_of(kind: str, given: Given) -> float | None:
    """Return how much work *kind* has with what it is given, in a unit of the kind's own."""
    measure = _MEASURES.get(kind)
    return measure(given) if measure else None


def has_measure(kind: str) -> bool:
    """Say whether the kind's time is scaled by its work."""
    return kind in _MEASURES


def _bytes(*roles: str) -> Callable[[Given], float | None]:
    return lambda given: given.size(*roles)


def _rows(given: Given) -> float | None:
    """Rows of `train` and `eval`, or of the predictions."""
    counts = [told.get("rows") for told in given.told.values()]
    known = [float(count) for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def _answers(given: Given) -> float | None:
    """Rows to answer x bytes of the model that answers."""
    rows, model = given.told.get("rows", {}).get("rows"), given.size("model", "gguf")
    return None if rows is None or model is None else float(rows * model)


def _training(given: Given) -> float | None:
    """Tokens of all steps x bytes of the model."""
    told, model = given.told.get("train", {}), given.size("model")
    rows, tokens = told.get("rows"), told.get("tokens")
    if not rows or not tokens or model is None:
        return None
    if given.setting("data.packing"):
        rows = ceil(tokens / given.setting("data.max_length"))  # packs are as good as full
    steps_per_epoch = ceil(rows / given.setting("training.global_batch_size"))
    steps = given.setting("training.max_steps") or ceil(
        given.setting("training.num_train_epochs") * steps_per_epoch
    )
    return float(steps / steps_per_epoch * tokens * model)


_MEASURES: dict[str, Callable[[Given], float | None]] = {
    "dataset": _bytes(MADE),
    "model": _bytes(MADE),
    "tokens": _rows,
    "text_tokens": _rows,
    "sft": _training,
    "merge": _bytes("model"),
    "gguf": _bytes("model"),
    "quantize": _bytes("gguf"),
    "predict": _answers,
    "score": _rows,
}

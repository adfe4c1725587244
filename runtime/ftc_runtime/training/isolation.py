"""A proof on the loaded model that the rows of a pack do not see each other.

Whether they do depends on the architecture and on how attention is computed: a layer that carries
a state from token to token hands it on to the next row, and says nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel

from ftc_runtime.data.tokens import IGNORED
from ftc_runtime.errors import StageError
from ftc_runtime.foreign import first_line
from ftc_runtime.training.collator import PackedRows, on_device
from ftc_runtime.training.loss import LabelLoss

LENGTH = 12
"""Tokens of each row of the probe."""

UNTRAINED = np.full(LENGTH, IGNORED, np.int32)


def prove_isolation(model: PeftModel, loss: LabelLoss, *, varlen: bool) -> None:
    """Pack a row between two others and see that its losses depend on itself alone.

    Raises:
        StageError: if they do not, or if the model takes no packs.
    """
    was_training = model.training
    model.eval()
    try:
        fault = _Probe(model, loss, varlen).fault()
    except (AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
        fault = f"it cannot compute one: {first_line(error)}"
    model.train(was_training)
    if fault:
        config = model.get_base_model().config
        raise StageError(
            f"rows cannot be packed for a model of the type {config.model_type} "
            f"with {config._attn_implementation} attention: {fault}",
            "set data.packing: false",
        )


class _Probe:
    def __init__(self, model: PeftModel, loss: LabelLoss, varlen: bool) -> None:
        self._model = model
        self._loss = loss
        self._varlen = varlen
        self._vocabulary: int = model.get_base_model().config.get_text_config().vocab_size

    def fault(self) -> str | None:
        """Return what shows that rows see each other, if anything does."""
        row, other, another = self._row(13), self._row(17), self._row(19)
        begun_otherwise = row.copy()
        begun_otherwise[0] = (row[0] + 1) % self._vocabulary
        packed = self._losses(other, row, another)
        among_others = self._losses(self._row(23), row, self._row(29))
        otherwise = self._losses(other, begun_otherwise, another)
        alone = self._losses(row)

        precision = torch.finfo(self._model.dtype).eps * max(1.0, float(alone.max()))
        # Equal shapes are computed alike, so that nothing but the other rows can move it. A model
        # with fresh weights hardly minds what it reads: what its own first token does is the scale.
        moved, own = _distance(packed, among_others), _distance(packed, otherwise)
        if moved > min(2 * precision, own / 10):
            return f"another row moves the loss of a token by {moved:.2g}"
        apart = _distance(packed, alone)
        if apart > max(8 * precision, 1e-4):
            return f"the loss of a token differs by {apart:.2g} from that of the row alone"
        return None

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _losses(self, *rows: NDArray[np.int32]) -> torch.Tensor:
        """Pack the rows and return the losses of the tokens of the middle one."""
        middle = len(rows) // 2
        labelled = [(row, row if place == middle else UNTRAINED) for place, row in enumerate(rows)]
        collate = PackedRows(labelled, [range(len(rows))], varlen=self._varlen)
        batch = on_device(collate([0]), self._model.device)
        return self._loss(self._model, batch, reduction="none")

    def _row(self, step: int) -> NDArray[np.int32]:
        return (step * np.arange(1, LENGTH + 1) % self._vocabulary).astype(np.int32)


def _distance(losses: torch.Tensor, others: torch.Tensor) -> float:
    return float((losses - others).abs().max())

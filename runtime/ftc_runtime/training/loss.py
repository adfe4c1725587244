"""The loss of next-token prediction, on the tokens that have a label and no others.

Shapes: B rows or packs, T tokens, K kept positions, N label tokens, V vocabulary.
"""

from __future__ import annotations

import inspect
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ftc_runtime.data.tokens import IGNORED
from ftc_runtime.training.collator import Batch


class LabelLoss:
    """The cross-entropy of one collated batch through a model."""

    def __init__(self, model: nn.Module) -> None:
        """Find out whether *model* can leave out logits that nobody needs."""
        self._can_leave_out = "logits_to_keep" in inspect.signature(model.forward).parameters

    def __call__(
        self, model: nn.Module, batch: Batch, *, reduction: Literal["sum", "none"] = "sum"
    ) -> torch.Tensor:
        """Return the sum over the label tokens, in float32; or each of them, N, unreduced."""
        inputs = dict(batch)
        labels_BT, kept_K = inputs.pop("labels"), inputs.pop("logits_to_keep")
        # With a cache, transformers would let the rows of a pack see each other.
        if self._can_leave_out:
            logits_BKV = model(**inputs, use_cache=False, logits_to_keep=kept_K).logits
        else:
            logits_BKV = model(**inputs, use_cache=False).logits[:, kept_K]
        targets_BK = labels_BT[:, kept_K + 1]
        labelled_BK = targets_BK.ne(IGNORED)
        return cross_entropy(
            logits_BKV[labelled_BK].float(), targets_BK[labelled_BK], reduction=reduction
        )

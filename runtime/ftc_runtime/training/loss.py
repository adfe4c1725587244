"""The loss of next-token prediction, on the tokens that have a label and no others.

Shapes: B rows, T tokens, K kept positions, V vocabulary.
"""

from __future__ import annotations

import inspect

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ftc_runtime.data.tokens import IGNORED


class LabelLoss:
    """Sums the cross-entropy of one collated batch through a model."""

    def __init__(self, model: nn.Module) -> None:
        """Find out whether *model* can leave out logits that nobody needs."""
        self._can_leave_out = "logits_to_keep" in inspect.signature(model.forward).parameters

    def __call__(self, model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the sum over the label tokens, in float32."""
        kept_K = batch["logits_to_keep"]
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        if self._can_leave_out:
            logits_BKV = model(**inputs, use_cache=False, logits_to_keep=kept_K).logits
        else:
            logits_BKV = model(**inputs, use_cache=False).logits[:, kept_K]
        targets_BK = batch["labels"][:, kept_K + 1]
        labelled_BK = targets_BK.ne(IGNORED)
        return cross_entropy(
            logits_BKV[labelled_BK].float(), targets_BK[labelled_BK], reduction="sum"
        )

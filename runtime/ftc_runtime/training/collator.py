"""Token rows put side by side for one forward pass.

Shapes: B rows, T tokens of the longest row, K positions whose next token is trained in some row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ftc_runtime.data.tokens import IGNORED, TokenRows


@dataclass(frozen=True, slots=True)
class Collator:
    """Pads rows on the right, where no earlier token of a causal model can see it."""

    rows: TokenRows

    def __call__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return input_ids, attention_mask and labels, all BT, and logits_to_keep, K.

        The loss needs logits only where the next token has a label. `logits_to_keep` says where,
        so that the prompt's positions never meet the vocabulary.
        """
        rows = [self.rows[index] for index in indices]
        longest = max(len(input_ids) for input_ids, _ in rows)
        input_ids_BT = torch.zeros(len(rows), longest, dtype=torch.int64)
        labels_BT = torch.full_like(input_ids_BT, IGNORED)
        attention_mask_BT = torch.zeros_like(input_ids_BT)
        for place, (input_ids, labels) in enumerate(rows):
            length = len(input_ids)
            # The rows are a read-only map of the file, which torch would warn about.
            input_ids_BT[place, :length] = torch.tensor(input_ids.astype("int64"))
            labels_BT[place, :length] = torch.tensor(labels.astype("int64"))
            attention_mask_BT[place, :length] = 1
        # Nothing comes before the first token, so nothing predicts it.
        labels_BT[:, 0] = IGNORED
        trained_T = labels_BT.ne(IGNORED).any(dim=0)
        return {
            "input_ids": input_ids_BT,
            "attention_mask": attention_mask_BT,
            "labels": labels_BT,
            "logits_to_keep": trained_T.nonzero().flatten() - 1,
        }

"""Token rows put together for one forward pass: side by side, or behind one another in packs.

Shapes: B rows or packs, T tokens of the longest, K positions whose next token is trained in some
of them, N rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ftc_runtime.data.tokens import IGNORED

Batch = dict[str, Any]
"""What a model's forward takes, tensors and numbers, with labels BT and logits_to_keep K.

The loss needs logits only where the next token has a label. `logits_to_keep` says where, so that
the prompt's positions never meet the vocabulary.
"""


def on_device(batch: Batch, device: torch.device) -> Batch:
    """Return the batch with its tensors on a device."""
    return {
        name: value.to(device) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }


class Rows(Protocol):
    """Input ids and labels of rows, by number."""

    def __getitem__(self, row: int, /) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the ids and the labels of a row."""


@dataclass(frozen=True, slots=True)
class Collator(ABC):
    """Makes batches of samples, which are what a step counts and the seed shuffles."""

    rows: Rows
    samples: Sequence[Sequence[int]]
    """The rows of each sample, by number."""

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    def rows_of(self, samples: Sequence[int]) -> list[int]:
        """Return the rows that are in samples."""
        return [row for sample in samples for row in self.samples[sample]]

    @abstractmethod
    def __call__(self, samples: Sequence[int]) -> Batch:
        """Return the samples as one batch."""


@dataclass(frozen=True, slots=True)
class PaddedRows(Collator):
    """Pads rows on the right, where no earlier token of a causal model can see it.

    Each sample is one row.
    """

    def __call__(self, samples: Sequence[int]) -> Batch:
        """Return input_ids, attention_mask and labels, all BT, and logits_to_keep."""
        rows = [self.rows[row] for row in self.rows_of(samples)]
        longest = max(len(input_ids) for input_ids, _ in rows)
        input_ids_BT = torch.zeros(len(rows), longest, dtype=torch.int64)
        labels_BT = torch.full_like(input_ids_BT, IGNORED)
        attention_mask_BT = torch.zeros_like(input_ids_BT)
        for place, (input_ids, labels) in enumerate(rows):
            length = len(input_ids)
            input_ids_BT[place, :length] = _tensor(input_ids)
            labels_BT[place, :length] = _tensor(labels)
            attention_mask_BT[place, :length] = 1
        # Nothing comes before the first token, so nothing predicts it.
        labels_BT[:, 0] = IGNORED
        return {
            "input_ids": input_ids_BT,
            "attention_mask": attention_mask_BT,
            "labels": labels_BT,
            "logits_to_keep": _kept(labels_BT),
        }


@dataclass(frozen=True, slots=True)
class PackedRows(Collator):
    """Puts the rows of a sample behind one another, where they do not see each other.

    There is no attention mask: given one, even of ones, transformers lets rows see each other.
    Without it, positions that begin anew tell where a row begins; `varlen` attention is told so.
    """

    varlen: bool

    def __call__(self, samples: Sequence[int]) -> Batch:
        """Return input_ids, position_ids and labels, all BT, and logits_to_keep.

        For `varlen` also the N + 1 places where rows begin and end among all B x T tokens.
        """
        packs = [[self.rows[row] for row in self.samples[sample]] for sample in samples]
        longest = max(sum(len(input_ids) for input_ids, _ in pack) for pack in packs)
        input_ids_BT = torch.zeros(len(packs), longest, dtype=torch.int64)
        labels_BT = torch.full_like(input_ids_BT, IGNORED)
        position_ids_BT = torch.zeros_like(input_ids_BT)
        starts: list[int] = []
        for place, pack in enumerate(packs):
            start = 0
            for input_ids, labels in pack:
                end = start + len(input_ids)
                input_ids_BT[place, start:end] = _tensor(input_ids)
                labels_BT[place, start + 1 : end] = _tensor(labels[1:])
                position_ids_BT[place, start:end] = torch.arange(end - start)
                starts.append(place * longest + start)
                start = end
            if start < longest:  # padding is a row of its own
                position_ids_BT[place, start:] = torch.arange(longest - start)
                starts.append(place * longest + start)
        batch: Batch = {
            "input_ids": input_ids_BT,
            "position_ids": position_ids_BT,
            "labels": labels_BT,
            "logits_to_keep": _kept(labels_BT),
        }
        return batch | _varlen([*starts, input_ids_BT.numel()]) if self.varlen else batch


def _varlen(starts: list[int]) -> Batch:
    starts_N = torch.tensor(starts, dtype=torch.int32)
    longest = int(starts_N.diff().max())
    return {
        "cu_seq_lens_q": starts_N,
        "cu_seq_lens_k": starts_N,
        "max_length_q": longest,
        "max_length_k": longest,
    }


def _tensor(numbers: NDArray[np.int32]) -> torch.Tensor:
    # The rows are a read-only map of the file, which torch would warn about.
    return torch.tensor(numbers.astype("int64"))


def _kept(labels_BT: torch.Tensor) -> torch.Tensor:
    return labels_BT.ne(IGNORED).any(dim=0).nonzero().flatten() - 1

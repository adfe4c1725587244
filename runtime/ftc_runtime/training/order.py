"""Which rows each optimiser step sees: decided by the seed and the epoch alone.

Not by the number of devices, nor by how many rows one of them holds. Every row comes once an
epoch; the last step of an epoch takes what is left, and nothing is repeated to fill it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import torch
from torch.utils.data import Sampler


@dataclass(frozen=True, slots=True)
class RowOrder:
    """The rows of every step."""

    rows: int
    global_batch_size: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Return the optimiser steps of one pass over the rows."""
        return ceil(self.rows / self.global_batch_size)

    def epoch(self, epoch: int) -> list[list[int]]:
        """Return the rows of each step of an epoch, counted from 0."""
        rows = _shuffled(self.rows, self.seed, epoch)
        size = self.global_batch_size
        return [rows[start : start + size] for start in range(0, self.rows, size)]

    def step(self, step: int) -> list[int]:
        """Return the rows of one step of the whole training, counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self.epoch(epoch)[place]


@lru_cache(maxsize=2)
def _shuffled(rows: int, seed: int, epoch: int) -> list[int]:
    # A digest, so that seed 1 of epoch 2 and seed 2 of epoch 1 have nothing in common.
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8]) >> 1)
    order: list[int] = torch.randperm(rows, generator=generator).tolist()
    return order


class MicroBatches(Sampler[list[int]]):  # type: ignore[misc]
    """The steps of one epoch, each cut into batches that one forward pass takes."""

    def __init__(self, order: RowOrder, *, size: int) -> None:
        """*size* is the most rows of one forward pass."""
        self.order = order
        self.size = min(size, order.global_batch_size)
        self.current_epoch = 0

    @property
    def accumulation_steps(self) -> int:
        """Return the forward passes of a full step."""
        return ceil(self.order.global_batch_size / self.size)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next iteration gives."""
        self.current_epoch = epoch

    def __len__(self) -> int:
        """Return the forward passes of one epoch."""
        full, rest = divmod(self.order.rows, self.order.global_batch_size)
        return full * self.accumulation_steps + ceil(rest / self.size)

    def __iter__(self) -> Iterator[list[int]]:
        """Give the rows of each forward pass."""
        for rows in self.order.epoch(self.current_epoch):
            for start in range(0, len(rows), self.size):
                yield rows[start : start + self.size]

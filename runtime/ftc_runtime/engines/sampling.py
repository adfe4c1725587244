"""Sampling of which every row has a stream of its own.

`do_sample` in transformers draws for a whole batch from one generator, so that an answer changes
with the rows beside it. Here each row adds Gumbel noise from its own generator to the logits; the
largest of them is then a draw from the softmax (Gumbel 1954; Maddison et al. 2014).

Shapes: B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from ftc_runtime.engines.engine import row_seed
from ftc_runtime.stages.predict.spec import Generation


def processors(
    generation: Generation, *, rows: Sequence[int], padding_B: torch.Tensor
) -> LogitsProcessorList:
    """Return what turns logits into those of which the largest is taken.

    *rows* are the numbers of the batch's rows, *padding_B* their padding tokens on the left.
    """
    chosen = LogitsProcessorList()
    if generation.repetition_penalty != 1.0:
        chosen.append(RepetitionPenalty(generation.repetition_penalty, padding_B))
    if generation.do_sample:
        chosen.append(TemperatureLogitsWarper(generation.temperature))
        if generation.top_k:
            chosen.append(TopKLogitsWarper(generation.top_k))
        if generation.top_p < 1.0:
            chosen.append(TopPLogitsWarper(generation.top_p))
        seeds = [row_seed(generation.seed, row) for row in rows]
        chosen.append(GumbelNoise(seeds, device=padding_B.device))
    return chosen


class RepetitionPenalty(LogitsProcessor):  # type: ignore[misc]
    """transformers' penalty, blind to padding: the pad token is often one that ends answers."""

    def __init__(self, penalty: float, padding_B: torch.Tensor) -> None:
        """*padding_B*: how many padding tokens each row has on the left."""
        self._penalise = RepetitionPenaltyLogitsProcessor(penalty)
        self._padding_B1 = padding_B[:, None]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return the scores (BV) with those lowered that *input_ids* (BT) already has."""
        places_1T = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        last_B1 = input_ids[:, -1:]
        real_BT = torch.where(places_1T < self._padding_B1, last_B1, input_ids)
        penalised: torch.Tensor = self._penalise(real_BT, scores)
        return penalised


class GumbelNoise(LogitsProcessor):  # type: ignore[misc]
    """Adds noise to each row from its own generator."""

    def __init__(self, seeds: Sequence[int], *, device: torch.device) -> None:
        """One seed a row."""
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return the scores (BV) with noise; what was ruled out stays so."""
        noise_BV = torch.stack(
            [
                torch.empty_like(row, dtype=torch.float32).exponential_(generator=generator)
                for row, generator in zip(scores, self._generators, strict=True)
            ]
        )
        return scores.float() - noise_BV.log()

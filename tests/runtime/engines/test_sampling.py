"""Sampling: a stream for each row, and the distribution that the settings ask for."""

import pytest
import torch

from ftc_runtime.engines.sampling import processors
from ftc_runtime.stages.predict.spec import Generation

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, -2.0])


def drawn(generation: Generation, *, rows: int) -> torch.Tensor:
    """Return how often each token is the largest, over many rows of equal logits."""
    chain = processors(generation, rows=range(rows), padding_B=torch.zeros(rows, dtype=torch.int64))
    scores = chain(torch.zeros(rows, 1, dtype=torch.int64), LOGITS.repeat(rows, 1))
    return torch.bincount(scores.argmax(-1), minlength=5) / rows


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax(temperature: float) -> None:
    """Over 8,000 rows a share is off by at most 3 standard errors, 0.017."""
    shares = drawn(Generation(do_sample=True, temperature=temperature, top_k=0), rows=8000)

    torch.testing.assert_close(shares, (LOGITS / temperature).softmax(-1), atol=0.017, rtol=0)


def test_top_k_and_top_p_rule_tokens_out() -> None:
    """Of top_k 2 only two come; of top_p 0.6 only the one that has 0.64."""
    assert drawn(Generation(do_sample=True, top_k=2), rows=500)[2:].sum() == 0
    assert drawn(Generation(do_sample=True, top_k=0, top_p=0.6), rows=500)[1:].sum() == 0


def test_greedy_changes_nothing() -> None:
    """No processor at all."""
    assert len(processors(Generation(), rows=[0], padding_B=torch.zeros(1))) == 0


def test_the_penalty_does_not_see_padding() -> None:
    """Token 4 pads the second row on the left and is in neither row's text."""
    generation = Generation(repetition_penalty=2.0)
    chain = processors(generation, rows=[0, 1], padding_B=torch.tensor([0, 2]))
    input_ids = torch.tensor([[0, 0, 1], [4, 4, 1]])

    scores = chain(input_ids, LOGITS.repeat(2, 1))

    assert scores.tolist() == [[1.0, 0.5, 0.0, -1.0, -2.0], [2.0, 0.5, 0.0, -1.0, -2.0]]

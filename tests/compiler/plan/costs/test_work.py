"""How much work a training is, by the tokens of all its steps."""

from __future__ import annotations

from typing import Any

from ftc.plan.costs.work import Given, work_of
from ftc.plan.lower import default_leaves
from ftc_runtime.stages.sft.spec import Params


def given(**spec: Any) -> Given:
    """Return a training on 1000 rows of 100 tokens with a model of one byte."""
    told = {"train": {"rows": 1000, "tokens": 100_000}, "model": {}}
    return Given(spec, dict(default_leaves(Params)), {"model": 1, "train": 1}, told)


def test_a_step_of_packs_is_the_work_of_all_their_rows() -> None:
    """Fifty packs of 2000 tokens: a step of ten is a fifth of an epoch, and of rows a hundredth."""
    training = {"max_steps": 5, "global_batch_size": 10}
    packing = {"packing": True, "max_length": 2000}

    assert work_of("sft", given(training=training)) == 5 * 10 * 100
    assert work_of("sft", given(training=training, data=packing)) == 5 * 10 * 2000


def test_only_trainings_alike_are_compared() -> None:
    """Packed rows and another attention take another time for the same work."""
    families = {
        given().family(),
        given(data={"packing": True, "max_length": 2000}).family(),
        given(attn_implementation="eager").family(),
    }

    assert len(families) == 3

"""The order of rows: fixed by seed and epoch alone, every row once an epoch."""

import pytest

from ftc_runtime.training.order import MicroBatches, RowOrder


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 64, 100])
def test_every_row_comes_once_an_epoch(rows: int) -> None:
    """No row is left out and none repeated to fill the last step."""
    order = RowOrder(rows, global_batch_size=8, seed=3)

    steps = order.epoch(0)

    assert sorted(row for step in steps for row in step) == list(range(rows))
    assert len(steps) == order.steps_per_epoch
    assert all(len(step) == 8 for step in steps[:-1])


def test_seed_and_epoch_each_change_the_order_and_do_not_stand_for_each_other() -> None:
    """Seed 1 in epoch 2 is not seed 2 in epoch 1."""
    orders = {
        (seed, epoch): tuple(map(tuple, RowOrder(50, 8, seed).epoch(epoch)))
        for seed in range(4)
        for epoch in range(4)
    }

    assert len(set(orders.values())) == 16


def test_the_order_is_the_one_of_before() -> None:
    """A golden order: another one would retrain every model to other weights."""
    assert RowOrder(10, 4, seed=42).epoch(1) == [[8, 9, 6, 4], [0, 1, 7, 3], [5, 2]]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 100])
def test_rows_of_a_step_do_not_depend_on_the_rows_of_a_forward_pass(size: int) -> None:
    """Joined over the accumulation, the micro-batches are the steps."""
    order = RowOrder(21, global_batch_size=8, seed=0)
    batches = MicroBatches(order, size=size)
    batches.set_epoch(5)

    passes = list(batches)

    joined = [
        [row for batch in passes[start : start + batches.accumulation_steps] for row in batch]
        for start in range(0, len(passes), batches.accumulation_steps)
    ]
    assert joined == order.epoch(5)
    assert len(batches) == len(passes)
    assert all(len(batch) <= size for batch in passes)


def test_a_step_is_found_by_its_number_over_all_epochs() -> None:
    """Step 4 of 3 a epoch is the second step of the second epoch."""
    order = RowOrder(20, global_batch_size=8, seed=1)

    assert order.step(4) == order.epoch(1)[1]

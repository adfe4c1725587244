"""Settings that are right one by one and not together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ftc.diagnostics import Diagnostic
from ftc.project.written import Written


def settings_faults(written: Iterable[Written]) -> list[Diagnostic]:
    """Return the faults of settings that contradict each other."""
    return [fault for item in written if item.item is not None for fault in _faults(item)]


def _faults(item: Written) -> Iterator[Diagnostic]:
    if item.section.name == "finetunes":
        yield from _batch_faults(item)
        yield from _warmup_faults(item)
        yield from _evaluation_faults(item)
        yield from _mix_faults(item)


def _batch_faults(item: Written) -> Iterator[Diagnostic]:
    """A device's share must divide the whole; a share that is larger is cut to the whole."""
    training = getattr(item.item, "training", None)
    if training is None:
        return
    whole, share = training.global_batch_size, training.per_device_train_batch_size
    if share is not None and share < whole and whole % share:
        divisor = next(number for number in range(share, 0, -1) if whole % number == 0)
        message = f"`global_batch_size` {whole} does not divide by "
        message += f"`per_device_train_batch_size` {share}"
        help = f"write `per_device_train_batch_size: {divisor}`"
        yield item.fault("contradiction", message, "training", "global_batch_size", help=help)


def _warmup_faults(item: Written) -> Iterator[Diagnostic]:
    training = getattr(item.item, "training", None)
    if training is not None and training.warmup_steps and training.warmup_ratio:
        message = "`warmup_steps` and `warmup_ratio` say the same thing twice"
        yield item.fault(
            "contradiction", message, "training", "warmup_ratio", help="delete one of them"
        )


def _evaluation_faults(item: Written) -> Iterator[Diagnostic]:
    """What the eval loss decides needs rows to measure it on, and a time to do so."""
    training = getattr(item.item, "training", None)
    if training is None:
        return
    strategy, eval_steps = training.eval_strategy, training.eval_steps
    if strategy == "steps" and eval_steps is None:
        message, help = "`eval_strategy: steps` needs `eval_steps`", "write `eval_steps: 100`, say"
        yield item.fault("contradiction", message, "training", "eval_strategy", help=help)
    if strategy in ("no", "epoch") and eval_steps is not None:
        message = f"`eval_steps` says nothing with `eval_strategy: {strategy}`"
        help = "delete it, or write `eval_strategy: steps`"
        yield item.fault("contradiction", message, "training", "eval_steps", help=help)
    if training.early_stopping_threshold and training.early_stopping_patience is None:
        message = "`early_stopping_threshold` says nothing without `early_stopping_patience`"
        help = "write `early_stopping_patience: 3`, say"
        place = ("training", "early_stopping_threshold")
        yield item.fault("contradiction", message, *place, help=help)
    for name in ("eval_steps", "load_best_model_at_end", "early_stopping_patience"):
        if not getattr(training, name):
            continue
        if getattr(item.item, "eval_dataset", None) is None:
            message, help = f"`{name}` needs `eval_dataset`", "name rows to measure the loss on"
            yield item.fault("contradiction", message, "training", name, help=help)
        elif strategy == "no" and name != "eval_steps":
            message, help = f"`{name}` needs the eval loss", "delete `eval_strategy: no`"
            yield item.fault("contradiction", message, "training", name, help=help)


def _mix_faults(item: Written) -> Iterator[Diagnostic]:
    """A weight among others says how likely a dataset gives the next row; alone it always does."""
    datasets, mix = getattr(item.item, "datasets", None), getattr(item.item, "mix", "concat")
    if not isinstance(datasets, dict) or len(datasets) > 1 or mix == "concat":
        return
    for name, share in datasets.items():
        if share.weight is not None:
            message = f"`weight` says nothing with `mix: {mix}` where there is one dataset"
            help = "delete it, or write `mix: concat` to take such a share of the rows"
            yield item.fault("contradiction", message, "datasets", name, "weight", help=help)

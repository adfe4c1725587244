"""transformers' Trainer with our order of rows, our loss and our curves."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments

from ftc_runtime import events, manifest
from ftc_runtime.data.tokens import IGNORED
from ftc_runtime.stages.sft.spec import Training
from ftc_runtime.training.best import Best
from ftc_runtime.training.checkpoints import Checkpoints, load_weights, save_weights
from ftc_runtime.training.collator import Batch, Collator, PackedRows, on_device
from ftc_runtime.training.curves import Curves
from ftc_runtime.training.isolation import prove_isolation
from ftc_runtime.training.loss import LabelLoss
from ftc_runtime.training.order import MicroBatches, RowOrder
from ftc_runtime.training.pulse import Pulse
from ftc_runtime.training.stop import Stop


@dataclass(frozen=True, slots=True)
class Schedule:
    """How many steps there are, and in which order the samples come."""

    order: RowOrder
    steps: int
    warmup_steps: int


def schedule(training: Training, *, samples: int) -> Schedule:
    """Return the schedule that the settings ask for on so many samples."""
    order = RowOrder(samples, training.global_batch_size, training.seed)
    steps = training.max_steps or ceil(training.num_train_epochs * order.steps_per_epoch)
    return Schedule(order, steps, training.warmup_steps or ceil(training.warmup_ratio * steps))


class OrderedLoader(DataLoader[Any]):  # type: ignore[misc]
    """A DataLoader whose batch sampler the Trainer tells the epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Pass the epoch on."""
        self.batch_sampler.set_epoch(epoch)


class LabelTrainer(Trainer):  # type: ignore[misc]
    """A Trainer that takes its batches in a given order, and averages over label tokens.

    The mean is over all label tokens of an optimiser step, so that it does not depend on how the
    step is cut into forward passes. Its checkpoints hold trained weights only, and are sealed.
    """

    loss_is_scaled_for_ga = True

    def __init__(
        self,
        loader: OrderedLoader,
        loss: LabelLoss,
        *,
        checkpoints: Checkpoints,
        best: Best,
        **kwargs: Any,
    ) -> None:
        """*loader* gives collated batches; *loss* sums over one; *best* is saved with the rest."""
        super().__init__(train_dataset=loader.dataset, **kwargs)
        self._loader = loader
        self._loss = loss
        self._checkpoints = checkpoints
        self._best = best
        self.add_callback(checkpoints)
        # Makes the Trainer count the label tokens of the whole step and hand them over.
        self.model_accepts_loss_kwargs = True

    def get_train_dataloader(self) -> OrderedLoader:
        """Return the loader as it is: accelerate's own would repeat rows to fill all ranks."""
        return self._loader

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return this batch's part of the step's mean loss."""
        loss = self._loss(model, inputs) / num_items_in_batch
        # The ranks' gradients are averaged afterwards, and each has only its own part.
        return loss * self.accelerator.num_processes

    def _save_checkpoint(self, model: torch.nn.Module, trial: None) -> None:
        with self._checkpoints.saving(self.model, self.state):
            super()._save_checkpoint(model, trial)

    def _save(self, output_dir: str, state_dict: None = None) -> None:
        save_weights(self.model, Path(output_dir))
        self._best.save(Path(output_dir))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: None = None) -> None:
        load_weights(self.model, Path(resume_from_checkpoint))
        self._best.load(Path(resume_from_checkpoint))


def train(
    model: PeftModel,
    collator: Collator,
    *,
    evaluation: Collator | None,
    lengths: NDArray[np.int64],
    training: Training,
    batch_size: int,
    work: Path,
) -> Curves:
    """Train the adapter of *model*, and leave it as it was last, or best. Returns the curves.

    *evaluation* gives the batches whose loss is measured. *lengths*: tokens of each row.
    *batch_size*: rows or packs of one forward pass.

    Writes under *work* alone, and goes on from the newest whole checkpoint there. SIGTERM saves at
    the end of the step and ends the process.

    Raises:
        StageError: if the rows of a pack see each other, the loss or its gradient stops being a
            number, or the disk is full.
    """
    loss = LabelLoss(model.get_base_model())
    if isinstance(collator, PackedRows):
        prove_isolation(model, loss, varlen=collator.varlen)
    plan = schedule(training, samples=len(collator))
    batches = MicroBatches(plan.order, size=batch_size)
    curves = Curves(
        rows_of=lambda step: collator.rows_of(plan.order.step(step)),
        tokens_of=lambda rows: int(lengths[rows].sum()),
        evaluate=None
        if evaluation is None
        else lambda: mean_loss(model, evaluation, loss=loss, batch_size=batches.size),
        best=Best(model, training),
        steps_per_epoch=plan.order.steps_per_epoch,
        training=training,
    )
    stop = Stop()
    trainer = LabelTrainer(
        OrderedLoader(
            range(len(collator)),
            batch_sampler=batches,
            collate_fn=collator,
            generator=torch.Generator(),
        ),
        loss,
        checkpoints=Checkpoints(work / manifest.FOLDER, stop=stop, training=training),
        best=curves.best,
        model=model,
        args=_arguments(training, plan, batches=batches, work=work),
        # The pulse rests before the curves evaluate.
        callbacks=[Pulse(work, timeout_s=training.ddp_timeout), curves],
    )
    trainer.remove_callback(PrinterCallback)
    with stop.listening():
        trainer.train(resume_from_checkpoint=_newest_checkpoint(work))
    if trainer.state.global_step < plan.steps and not curves.best.is_over:
        stop.obey()
    curves.best.put_back()
    return curves


def _newest_checkpoint(work: Path) -> str | None:
    """Return the folder of the checkpoint to go on from, and say so."""
    found = manifest.newest_whole(work)
    if found is None:
        return None
    events.resumed(found.done, found.total, found.unit)
    return str(found.folder)


def _arguments(
    training: Training, plan: Schedule, *, batches: MicroBatches, work: Path
) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=str(work / manifest.FOLDER),
        max_steps=plan.steps,
        warmup_steps=plan.warmup_steps,
        per_device_train_batch_size=batches.size,
        gradient_accumulation_steps=batches.accumulation_steps,
        learning_rate=training.learning_rate,
        lr_scheduler_type=training.lr_scheduler_type,
        weight_decay=training.weight_decay,
        adam_beta1=training.adam_beta1,
        adam_beta2=training.adam_beta2,
        adam_epsilon=training.adam_epsilon,
        max_grad_norm=training.max_grad_norm,
        optim=training.optim,
        seed=training.seed,
        activation_checkpointing=training.gradient_checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False},
        logging_steps=1,  # the curves hold every step
        logging_nan_inf_filter=False,
        save_strategy="no",  # `Checkpoints` says when
        ddp_timeout=training.ddp_timeout,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
    )
    # Several visible GPUs in one process would make it a DataParallel of another batch size.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


@torch.no_grad()  # type: ignore[untyped-decorator]
def mean_loss(model: PeftModel, collator: Collator, *, loss: LabelLoss, batch_size: int) -> float:
    """Return the mean loss over all label tokens."""
    was_training = model.training
    model.eval()
    total, labels = 0.0, 0
    for start in range(0, len(collator), batch_size):
        batch = collator(range(start, min(start + batch_size, len(collator))))
        batch = on_device(batch, model.device)
        total += loss(model, batch).item()
        labels += int(batch["labels"].ne(IGNORED).sum())
    model.train(was_training)
    return total / labels

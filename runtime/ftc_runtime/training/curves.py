"""What is told of a training: the curves, which are kept, and progress, which is shown."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ftc_runtime import events
from ftc_runtime.errors import StageError
from ftc_runtime.stages.sft.spec import Training
from ftc_runtime.training.best import Best
from ftc_runtime.training.memory import peak_bytes

SHOWN_ROWS = 8


@dataclass(frozen=True, slots=True)
class Point:
    """One optimiser step. No clock: two trainings that are equal have equal curves."""

    step: int
    epoch: float
    loss: float
    learning_rate: float
    grad_norm: float
    tokens: int
    eval_loss: float | None = None

    def line(self) -> str:
        """Return the JSON line of it."""
        fields = {
            "step": self.step,
            "epoch": round(self.epoch, 4),
            "loss": significant(self.loss),
            "learning_rate": significant(self.learning_rate),
            "grad_norm": significant(self.grad_norm),
            "tokens": self.tokens,
        }
        if self.eval_loss is not None:
            fields["eval_loss"] = significant(self.eval_loss)
        return json.dumps(fields) + "\n"


def significant(value: float) -> float:
    """Return the value with six significant digits, as many as float32 has."""
    return float(f"{value:.6g}")


@dataclass(slots=True)
class Curves(TrainerCallback):  # type: ignore[misc]
    """Takes down each step, says how far the training is, and stops one that has diverged."""

    rows_of: Callable[[int], list[int]]
    """The rows of a step, counted from 0."""
    tokens_of: Callable[[list[int]], int]
    evaluate: Callable[[], float] | None
    best: Best
    steps_per_epoch: int
    training: Training
    points: list[Point] = field(default_factory=list)
    _started: float = 0.0
    _tokens: int = 0
    _taken_up: int = 0
    """Steps that an earlier try made: they say nothing of this one's speed."""

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Take over the points of an earlier try, and start the clock."""
        self.points = [
            self._point(logs["step"], logs, eval_loss=logs.get("eval_loss"))
            for logs in state.log_history
        ]
        self.best.recall(
            {point.step: point.eval_loss for point in self.points if point.eval_loss is not None}
        )
        self._taken_up = len(self.points)
        self._started = time.monotonic()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        **kwargs: Any,
    ) -> None:
        """Take down the step that has just been made."""
        if "loss" not in logs:  # the Trainer's own last word has the means of all steps
            return
        step = state.global_step
        self._refuse_divergence(step, logs)
        eval_loss = None
        if self.evaluate and self.training.is_measured(
            step, steps_per_epoch=self.steps_per_epoch, steps=state.max_steps
        ):
            # In the Trainer's history too, which is what its checkpoints keep.
            eval_loss = state.log_history[-1]["eval_loss"] = self.evaluate()
            self.best.take(step, eval_loss)
        point = self._point(step, logs, eval_loss=eval_loss)
        self._tokens += point.tokens
        self.points.append(point)
        self._tell(point, total=state.max_steps, memory_bytes=peak_bytes(args.device))
        if self.best.is_over:
            # Saved, this step would be one to go on from, and the training is at its end.
            control.should_save = False
            control.should_training_stop = True

    def _point(self, step: int, logs: dict[str, float], *, eval_loss: float | None) -> Point:
        return Point(
            step=step,
            epoch=step / self.steps_per_epoch,
            loss=logs["loss"],
            learning_rate=logs["learning_rate"],
            grad_norm=logs["grad_norm"],
            tokens=self.tokens_of(self.rows_of(step - 1)),
            eval_loss=eval_loss,
        )

    def _refuse_divergence(self, step: int, logs: dict[str, float]) -> None:
        for name, words in (("loss", "the loss"), ("grad_norm", "the norm of the gradient")):
            if not math.isfinite(logs[name]):
                rows = self.rows_of(step - 1)
                shown = ", ".join(map(str, sorted(rows)[:SHOWN_ROWS]))
                more = ", ..." if len(rows) > SHOWN_ROWS else ""
                raise StageError(
                    f"{words} is {logs[name]} at step {step}, rows {shown}{more} of the tokens",
                    f"lower training.learning_rate (now {logs['learning_rate']:g}), "
                    "or train with dtype: float32",
                )

    def _tell(self, point: Point, *, total: int, memory_bytes: int) -> None:
        values = {
            "loss": significant(point.loss),
            "learning_rate": significant(point.learning_rate),
        }
        if point.eval_loss is not None:
            values["eval_loss"] = significant(point.eval_loss)
        grad_norm = significant(point.grad_norm)
        events.metric(point.step, **values, grad_norm=grad_norm, memory_bytes=memory_bytes)
        if point.step % self.training.logging_steps and point.step != total:
            return
        elapsed_s = time.monotonic() - self._started
        events.progress(
            point.step,
            total,
            "step",
            **values,
            grad_norm=grad_norm,
            memory_bytes=memory_bytes,
            tokens_per_second=round(self._tokens / elapsed_s, 1),
            eta_s=round(elapsed_s / (point.step - self._taken_up) * (total - point.step), 1),
        )

    def write(self, path: Path) -> None:
        """Write the curves, one JSON line a step."""
        with path.open("w", encoding="utf-8") as file:
            file.writelines(point.line() for point in self.points)

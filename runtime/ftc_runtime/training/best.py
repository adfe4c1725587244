"""The best adapter so far, and whether waiting for a better one is over."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import PeftModel, set_peft_model_state_dict
from safetensors.torch import load_file

from ftc_runtime.stages.sft.evaluation import Evaluation
from ftc_runtime.training.adapter import adapter_weights, write_weights

WEIGHTS = "best.safetensors"
"""In each checkpoint, so that the best adapter outlives those that are dropped."""


class Best:
    """What transformers' EarlyStoppingCallback and load_best_model_at_end keep.

    The lowest loss and the patience follow from the measured losses alone, which the Trainer's
    history holds; only the weights are kept beside it.
    """

    def __init__(self, model: PeftModel, settings: Evaluation) -> None:
        """*model* is the one that is trained, with its adapter."""
        self._model = model
        self._keeps = settings.load_best_model_at_end
        self._patience = settings.early_stopping_patience
        self._threshold = settings.early_stopping_threshold
        self._waited = 0
        self._weights: dict[str, torch.Tensor] | None = None
        self.loss = float("inf")
        self.step: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether so many measurements in a row were no better that training is to stop."""
        return self._patience is not None and self._waited >= self._patience

    def take(self, step: int, eval_loss: float) -> None:
        """Take what was measured after a step, and the weights if there were none better."""
        if self._count(step, eval_loss) and self._keeps:
            self._weights = {
                name: weight.detach().to("cpu", copy=True)
                for name, weight in adapter_weights(self._model).items()
            }

    def recall(self, measured: dict[int, float]) -> None:
        """Take up what an earlier try measured, by step; `load` takes up the weights."""
        for step, eval_loss in measured.items():
            self._count(step, eval_loss)

    def _count(self, step: int, eval_loss: float) -> bool:
        """Return whether it is the best so far. What is no number never is."""
        fell = self.loss - eval_loss
        self._waited = 0 if fell > self._threshold else self._waited + 1
        if not fell > 0:
            return False
        self.loss, self.step = eval_loss, step
        return True

    def save(self, folder: Path) -> None:
        """Write the best weights into a checkpoint, if they are wanted."""
        if self._weights is not None:
            write_weights(self._weights, folder / WEIGHTS)

    def load(self, folder: Path) -> None:
        """Take up the best weights of a checkpoint, if it has some."""
        if (folder / WEIGHTS).exists():
            self._weights = load_file(folder / WEIGHTS)

    def put_back(self) -> None:
        """Give the model its best weights, if they are wanted and something was measured."""
        if self._weights is not None:
            set_peft_model_state_dict(self._model, self._weights)

"""When a training is saved, and what makes a checkpoint of it count."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import PeftModel, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, rotate_checkpoints

from ftc_runtime import manifest
from ftc_runtime.errors import StageError
from ftc_runtime.foreign import DISK_FULL, first_line
from ftc_runtime.stages.sft.spec import Training
from ftc_runtime.training.adapter import adapter_weights, write_adapter
from ftc_runtime.training.merging import WEIGHTS
from ftc_runtime.training.stop import Stop

SAVE_SECONDS = 600.0
"""Without `save_steps`: a crash costs ten minutes at most, a save a fraction of a second."""

ADAPTER = "adapter"
OPTIMIZER_STATES = 2
"""Numbers that AdamW keeps for each trained weight."""

FIRST_SAVE_SECONDS = 5.0
"""What a save is taken to last while none was made."""

MARGIN = 1.5
"""By how much a step or a save may be slower than the last one was."""


class Checkpoints(TrainerCallback):  # type: ignore[misc]
    """Says after which steps the Trainer saves, and seals what it has saved."""

    def __init__(self, folder: Path, *, stop: Stop, training: Training) -> None:
        """*folder* is the Trainer's `output_dir`."""
        self._folder = folder
        self._stop = stop
        self._save_steps = training.save_steps
        self._save_total_limit = training.save_total_limit
        self._copies = 2 if training.load_best_model_at_end else 1
        self._saved_at = time.monotonic()
        self._save_seconds = FIRST_SAVE_SECONDS
        self._size: int | None = None

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the time."""
        self._step_began = time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Have the Trainer save if it is time to, and end if that was asked."""
        step_seconds = time.monotonic() - self._step_began
        self._stop.seconds = MARGIN * (step_seconds + self._save_seconds)
        self._stop.what = f"step {state.global_step + 1} of {state.max_steps}"
        if state.global_step >= state.max_steps:
            # All is done: writing the adapter takes no longer than saving would.
            return
        control.should_save = self._stop.asked or self._is_time(state.global_step)
        control.should_training_stop = self._stop.asked

    def _is_time(self, step: int) -> bool:
        if self._save_steps is not None:
            return step % self._save_steps == 0
        return time.monotonic() - self._saved_at >= SAVE_SECONDS

    @contextmanager
    def saving(self, model: PeftModel, state: TrainerState) -> Iterator[None]:
        """Make what the block saves a checkpoint that counts, and drop the oldest beyond the limit.

        Raises:
            StageError: if there is no room for it. The checkpoints before it stay as they are.
        """
        began = time.monotonic()
        folder = self._folder / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        needed = self._size or _expected_size(model, copies=self._copies)
        _hold_room(folder, state.global_step, needed=needed)
        try:
            yield
            sealed = manifest.seal(folder, done=state.global_step, total=state.max_steps)
        except (OSError, RuntimeError) as error:  # torch's writer raises the latter
            raise _unsaved(error, folder, state.global_step, needed=needed) from error
        finally:
            if not (folder / manifest.MANIFEST).exists():
                shutil.rmtree(folder, ignore_errors=True)
        rotate_checkpoints(str(self._folder), self._save_total_limit)
        self._size = sealed.size
        self._saved_at = time.monotonic()
        self._save_seconds = self._saved_at - began


def save_weights(model: PeftModel, folder: Path) -> None:
    """Write the trained weights of *model*, and none of the frozen ones, into a checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    write_adapter(model, folder / ADAPTER)


def load_weights(model: PeftModel, folder: Path) -> None:
    """Put the trained weights of a checkpoint into *model*."""
    weights = load_file(folder / ADAPTER / WEIGHTS)
    if weights.keys() != adapter_weights(model).keys():
        raise RuntimeError(f"{folder.name} is of another adapter")
    set_peft_model_state_dict(model, weights)


def _expected_size(model: PeftModel, *, copies: int) -> int:
    """Return the bytes of so many copies of the trained weights and of the optimiser's state."""
    trained: int = sum(
        weight.numel() * weight.element_size()
        for weight in model.parameters()
        if weight.requires_grad
    )
    return trained * (copies + OPTIMIZER_STATES)


def _hold_room(folder: Path, step: int, *, needed: int) -> None:
    free = shutil.disk_usage(folder.parent).free
    if free < needed:
        raise _full(folder, step, needed=needed, free=free)


def _unsaved(error: Exception, folder: Path, step: int, *, needed: int) -> StageError:
    free = shutil.disk_usage(folder.parent).free
    if free < needed or (isinstance(error, OSError) and error.errno in DISK_FULL):
        return _full(folder, step, needed=needed, free=free)
    return StageError(
        f"step {step} could not be saved in {folder.parent}: "
        f"{getattr(error, 'strerror', None) or first_line(error)}",
        f"a checkpoint takes {_mib(needed)}; see what limits files there",
    )


def _full(folder: Path, step: int, *, needed: int, free: int) -> StageError:
    return StageError(
        f"the disk is full: to save step {step} takes {_mib(needed)}, "
        f"{_mib(free)} are free in {folder.parent}",
        f"make room for {_mib(needed)} there",
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"

"""The training's heartbeat: a beat a step, and a rest where any time may pass."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ftc_runtime.heartbeat import Heartbeat


class Pulse(TrainerCallback):  # type: ignore[misc]
    """Watched is a step, up to the loss that is read from the device: there a hung rank hangs.

    Not watched are the first step, which compiles, and all that comes between steps.
    """

    def __init__(self, work: Path, *, timeout_s: float) -> None:
        """*work* is the stage's working folder, *timeout_s* the longest that a step may take."""
        self._heartbeat = Heartbeat(
            work, rank=int(os.environ.get("RANK", "0")), timeout_s=timeout_s
        )
        self._is_first = True

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Be watched from here, but for the first step."""
        if not self._is_first:
            self._heartbeat.beat(state.global_step, state.max_steps)
        self._is_first = False

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Be watched up to here."""
        self._heartbeat.rest(state.global_step, state.max_steps)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say that there are no more steps."""
        self._heartbeat.end()

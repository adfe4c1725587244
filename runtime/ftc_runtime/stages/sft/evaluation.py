"""When the loss is measured, and what follows from it. Names as in transformers."""

from typing import Literal

from pydantic import Field

from ftc_runtime.contract import Settings


class Evaluation(Settings):
    """How the loss on the rows of eval_dataset decides when to stop and what is kept."""

    eval_strategy: Literal["no", "epoch", "steps"] | None = Field(
        default=None,
        description="When the loss is measured on eval_dataset; at the last step too, unless no; "
        "not given it is steps with eval_steps, else epoch",
    )
    eval_steps: int | None = Field(
        default=None,
        description="Measure the loss on eval_dataset every so many steps",
        ge=1,
    )
    load_best_model_at_end: bool = Field(
        default=False, description="Keep the adapter whose eval loss was lowest, not the last"
    )
    metric_for_best_model: Literal["eval_loss"] = Field(
        default="eval_loss", description="What says which adapter is best: there is one measure"
    )
    early_stopping_patience: int | None = Field(
        default=None,
        description="Stop once so many measurements in a row were no better than the best",
        ge=1,
    )
    early_stopping_threshold: float = Field(
        default=0.0,
        description="By how much the eval loss must fall to count, where patience is given",
        ge=0,
    )

    def is_measured(self, step: int, *, steps_per_epoch: int, steps: int) -> bool:
        """Say whether the loss is measured after a step; *steps* is the last one."""
        if self.eval_strategy == "no":
            return False
        every = self.eval_steps or steps_per_epoch
        return step % every == 0 or step == steps

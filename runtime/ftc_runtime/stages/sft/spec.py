"""Stage `sft`: supervised fine-tuning of a LoRA adapter. Names as in PEFT and transformers."""

from typing import ClassVar, Literal, Self

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, Settings, StageParams, operational
from ftc_runtime.stages.model.spec import Dtype
from ftc_runtime.stages.sft.evaluation import Evaluation


class Lora(Settings):
    """The adapter, by the fields of peft.LoraConfig."""

    r: int = Field(default=8, description="Rank", ge=1)
    lora_alpha: int = Field(default=16, description="Scale: alpha / r", ge=1)
    lora_dropout: float = Field(default=0.0, description="Dropout before the adapter", ge=0, lt=1)
    target_modules: Literal["all-linear"] | list[str] = Field(
        default="all-linear", description="all-linear, or the names of the layers to adapt"
    )
    use_rslora: bool = Field(default=False, description="Scale by alpha / sqrt(r)")


class Training(Evaluation):
    """The loop, by the fields of transformers.TrainingArguments where it has one."""

    num_train_epochs: float = Field(default=3.0, description="Passes over the rows", gt=0)
    max_steps: int | None = Field(
        default=None, description="Stop after so many optimiser steps, whatever the epochs", ge=1
    )
    global_batch_size: int = Field(
        default=8,
        description="Rows or packs per optimiser step, over devices and accumulation",
        ge=1,
    )
    learning_rate: float = Field(default=2e-4, description="Peak learning rate", gt=0)
    lr_scheduler_type: Literal[
        "linear", "cosine", "constant", "constant_with_warmup", "polynomial", "inverse_sqrt"
    ] = Field(default="cosine", description="How the learning rate falls")
    warmup_steps: int = Field(default=0, description="Steps until the peak learning rate", ge=0)
    warmup_ratio: float = Field(
        default=0.0,
        description="Share of the steps until the peak, if warmup_steps is 0",
        ge=0,
        lt=1,
    )
    weight_decay: float = Field(default=0.0, description="Of the optimiser", ge=0)
    adam_beta1: float = Field(default=0.9, description="Of AdamW", ge=0, lt=1)
    adam_beta2: float = Field(default=0.999, description="Of AdamW", ge=0, lt=1)
    adam_epsilon: float = Field(default=1e-8, description="Of AdamW", gt=0)
    max_grad_norm: float = Field(default=1.0, description="Clip gradients to this norm", gt=0)
    optim: Literal["adamw_torch", "adafactor", "sgd"] = Field(
        default="adamw_torch", description="Optimiser, by transformers' name"
    )
    seed: int = Field(
        default=42, description="Of the adapter, the order of rows, dropout", ge=0, lt=2**32
    )
    per_device_train_batch_size: int | None = operational(
        None,
        "Rows or packs per device and forward pass; chosen unless given, the rest is accumulated",
        ge=1,
    )
    gradient_checkpointing: bool = operational(False, "Recompute activations to save memory")
    logging_steps: int = operational(1, "Report the loss every so many steps", ge=1)
    save_steps: int | None = operational(
        None, "Save a checkpoint every so many steps; unless given, about every ten minutes", ge=1
    )
    save_total_limit: int = operational(2, "Keep so many checkpoints, the newest", ge=1)
    ddp_timeout: int = operational(
        1800, "Seconds that a step may take before a process counts as stalled", ge=1
    )

    def micro_batch_size(self, *, most: int) -> int:
        """Return the rows of one forward pass: as given, else up to *most* that divide."""
        whole, share = self.global_batch_size, self.per_device_train_batch_size
        if share is not None:
            return min(share, whole)
        return next(size for size in range(min(most, whole), 0, -1) if whole % size == 0)

    def rehearsed(self, *, rows: int) -> Self:
        """Return one step at the peak learning rate, of so many rows in one forward pass."""
        return self.model_copy(
            update={
                "max_steps": 1,
                "warmup_steps": 0,
                "warmup_ratio": 0.0,
                "global_batch_size": rows,
                "per_device_train_batch_size": rows,
            }
        )


class Packing(Settings):
    """Whether rows share a sequence."""

    packing: bool = Field(
        default=False,
        description="Fill sequences of max_length tokens with rows that do not see each other",
    )


class Packs(Packing):
    """Whether rows share a sequence, and how long it is."""

    max_length: int | None = Field(
        default=None, description="Tokens of a pack: data.max_length, where rows are packed", ge=1
    )


class Tuning(Settings):
    """What is trained, and how."""

    dtype: Dtype = Field(
        default="auto",
        description="Type of the frozen base while training; auto is the model's own",
    )
    attn_implementation: Literal["auto", "eager", "sdpa", "varlen"] = Field(
        default="auto",
        description="How attention is computed; auto is transformers' choice, and for packs varlen",
    )
    lora: Lora = Field(default=Lora(), description="The adapter")
    training: Training = Field(default=Training(), description="The loop")


class Params(Tuning, StageParams):
    """Train a LoRA adapter on token rows by supervised fine-tuning."""

    kind: ClassVar = "sft"
    version: ClassVar = 1
    needs: ClassVar = {
        "model": Need(Artifact.MODEL),
        "train": Need(Artifact.TOKENS),
        "eval": Need(Artifact.TOKENS, optional=True),
    }
    makes: ClassVar = {"adapter": Artifact.ADAPTER, "curves": Artifact.TABLE}
    libraries: ClassVar = ("torch", "transformers", "peft", "accelerate")
    reproduces: ClassVar[Literal["exact", "seeded", "external"]] = "seeded"
    devices: ClassVar = 1
    resumes: ClassVar = True

    data: Packs = Field(default=Packs(), description="How rows are put together")
    rehearsal: bool = Field(default=False, description="Train on the longest row or pack alone")

    def micro_batch_size(self) -> int:
        """Return the rows or packs of one forward pass. A pack alone is as much as several rows."""
        return self.training.micro_batch_size(most=1 if self.data.packing else 8)

    def rehearsed(self) -> Self:
        """Return one step on the longest row or pack, as often as a forward pass takes them.

        So what would run out of memory does so now.
        """
        training = self.training.rehearsed(rows=self.micro_batch_size())
        return self.model_copy(update={"rehearsal": True, "training": training})

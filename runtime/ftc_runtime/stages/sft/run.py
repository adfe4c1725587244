"""Supervised fine-tuning: a base model and token rows in, a LoRA adapter and its curves out."""

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.tokens import IGNORED, TokenRows, read_tokens
from ftc_runtime.errors import StageError
from ftc_runtime.models.loading import load_causal_lm
from ftc_runtime.stages.sft.spec import Params
from ftc_runtime.training.adapter import attach_lora, write_adapter
from ftc_runtime.training.determinism import pin
from ftc_runtime.training.loop import train


def run(params: Params, stage: StageSpec) -> None:
    """Train an adapter of inputs["model"] on the rows of inputs["train"]."""
    events.phase("reading the token rows")
    train_rows = _rows(stage, "train")
    eval_rows = _rows(stage, "eval") if "eval" in stage.inputs else None

    events.phase("loading the model")
    pin(seed=params.training.seed, threads=stage.threads)
    model = load_causal_lm(stage.inputs["model"], dtype=params.dtype)
    _check_vocabulary(train_rows, vocabulary=model.config.get_text_config().vocab_size)
    adapted = attach_lora(model, params.lora)

    events.phase(f"training {adapted.trained:,} of {adapted.total:,} weights")
    curves = train(
        adapted.model,
        train_rows,
        eval_rows=eval_rows,
        training=params.training,
        work=stage.work,
    )

    events.phase("writing the adapter")
    write_adapter(adapted.model, stage.outputs["adapter"])
    curves.write(stage.outputs["curves"])
    events.done(rows=len(train_rows), steps=len(curves.points), loss=curves.points[-1].loss)


def _rows(stage: StageSpec, role: str) -> TokenRows:
    rows = read_tokens(stage.inputs[role])
    if not len(rows):
        raise StageError(
            f"there are no {role} rows",
            "the report of the tokens stage says how many were dropped as longer than max_length",
        )
    if not any((rows[number][1][1:] != IGNORED).any() for number in range(len(rows))):
        raise StageError(
            f"no token of the {len(rows)} {role} rows is trained",
            "each row needs an answer of the assistant",
        )
    return rows


def _check_vocabulary(rows: TokenRows, *, vocabulary: int) -> None:
    largest = max(int(rows[number][0].max()) for number in range(len(rows)))
    if largest >= vocabulary:
        raise StageError(
            f"the rows have token {largest}, but the model knows only {vocabulary}",
            "tokens and model must come from one model",
        )

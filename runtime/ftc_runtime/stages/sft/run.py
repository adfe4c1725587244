"""Supervised fine-tuning: a base model and token rows in, a LoRA adapter and its curves out."""

from pathlib import Path

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.tokens import IGNORED, TokenRow, TokenRows, read_tokens, write_token_rows
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
    if params.rehearsal:
        train_rows = _longest(train_rows, times=params.training.global_batch_size, work=stage.work)

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
    if not any(_is_trained(rows, number) for number in range(len(rows))):
        raise StageError(
            f"no token of the {len(rows)} {role} rows is trained",
            "each row needs an answer of the assistant",
        )
    return rows


def _is_trained(rows: TokenRows, number: int) -> bool:
    """Say whether the row has a label; nothing predicts its first token."""
    return bool((rows[number][1][1:] != IGNORED).any())


def _longest(rows: TokenRows, *, times: int, work: Path) -> TokenRows:
    """Return the longest of the rows that train something, so many times."""
    lengths = rows.lengths()
    trained = [number for number in range(len(rows)) if _is_trained(rows, number)]
    longest = rows[max(trained, key=lambda number: int(lengths[number]))]
    file = work / "longest.safetensors"
    write_token_rows(file, [TokenRow(*longest)] * times)
    return read_tokens(file)


def _check_vocabulary(rows: TokenRows, *, vocabulary: int) -> None:
    largest = max(int(rows[number][0].max()) for number in range(len(rows)))
    if largest >= vocabulary:
        raise StageError(
            f"the rows have token {largest}, but the model knows only {vocabulary}",
            "tokens and model must come from one model",
        )

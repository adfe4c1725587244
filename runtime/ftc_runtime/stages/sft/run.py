"""Supervised fine-tuning: a base model and token rows in, a LoRA adapter and its curves out."""

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.packing import best_fit
from ftc_runtime.data.tokens import IGNORED, TokenRows, read_tokens
from ftc_runtime.errors import StageError
from ftc_runtime.models.loading import load_causal_lm
from ftc_runtime.stages.sft.spec import Params
from ftc_runtime.training.adapter import attach_lora, write_adapter
from ftc_runtime.training.attention import load_options, set_attention
from ftc_runtime.training.collator import Collator, PackedRows, PaddedRows
from ftc_runtime.training.determinism import pin
from ftc_runtime.training.loop import train


def run(params: Params, stage: StageSpec) -> None:
    """Train an adapter of inputs["model"] on the rows of inputs["train"]."""
    events.phase("reading the token rows")
    rows = _rows(stage, "train")
    eval_rows = _rows(stage, "eval") if "eval" in stage.inputs else None

    events.phase("loading the model")
    pin(seed=params.training.seed, threads=stage.threads)
    model = load_causal_lm(
        stage.inputs["model"], dtype=params.dtype, **load_options(params.attn_implementation)
    )
    _check_vocabulary(rows, vocabulary=model.config.get_text_config().vocab_size)
    varlen = set_attention(model, params.attn_implementation, packing=params.data.packing)
    adapted = attach_lora(model, params.lora)

    collator = _collator(rows, params, varlen=varlen, rehearsal=params.rehearsal)
    events.phase(f"training {adapted.trained:,} of {adapted.total:,} weights")
    curves = train(
        adapted.model,
        collator,
        evaluation=None
        if eval_rows is None
        else _collator(eval_rows, params, varlen=varlen, rehearsal=False),
        lengths=rows.lengths(),
        training=params.training,
        batch_size=params.micro_batch_size(),
        work=stage.work,
    )

    if params.training.load_best_model_at_end and curves.best.step is not None:
        events.phase(f"writing the adapter of step {curves.best.step}, the best")
    else:
        events.phase("writing the adapter")
    write_adapter(adapted.model, stage.outputs["adapter"])
    curves.write(stage.outputs["curves"])
    events.done(rows=len(rows), steps=len(curves.points), loss=curves.points[-1].loss)


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


def _collator(rows: TokenRows, params: Params, *, varlen: bool, rehearsal: bool) -> Collator:
    """Return what makes batches of the rows: of each by itself, or of packs.

    Packs are made here and not with the token rows, which so are the same file whether or not
    they are packed: it takes a fraction of a second.
    """
    lengths = rows.lengths()
    if params.data.packing:
        samples = best_fit(lengths, size=params.data.max_length or int(lengths.max()))
    else:
        samples = [[row] for row in range(len(rows))]
    if rehearsal:
        samples = [_largest(samples, rows)] * params.training.global_batch_size
    if params.data.packing or varlen:
        return PackedRows(rows, samples, varlen=varlen)
    return PaddedRows(rows, samples)


def _largest(samples: list[list[int]], rows: TokenRows) -> list[int]:
    """Return the one of most tokens of the samples that train something."""
    lengths = rows.lengths()
    trained = [sample for sample in samples if any(_is_trained(rows, row) for row in sample)]
    return max(trained, key=lambda sample: int(lengths[sample].sum()))


def _check_vocabulary(rows: TokenRows, *, vocabulary: int) -> None:
    largest = max(int(rows[number][0].max()) for number in range(len(rows)))
    if largest >= vocabulary:
        raise StageError(
            f"the rows have token {largest}, but the model knows only {vocabulary}",
            "tokens and model must come from one model",
        )

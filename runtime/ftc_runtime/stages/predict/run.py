"""Predict: rows in, a model's answer to each row's last question out."""

import time

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.conversation import Conversation
from ftc_runtime.data.rows import read_conversations
from ftc_runtime.engines.engine import Engine
from ftc_runtime.errors import StageError
from ftc_runtime.evals.predictions import Prediction, write_predictions
from ftc_runtime.stages.predict.spec import Generation, Params
from ftc_runtime.templates.chat import read_chat

REHEARSED_TOKENS = 4


def run(params: Params, stage: StageSpec) -> None:
    """Answer inputs["rows"] with inputs["model"] (and "adapter"), or with inputs["gguf"]."""
    rows = [
        _question(number, row)
        for number, row in enumerate(read_conversations(stage.inputs["rows"]))
    ]
    if not rows:
        raise StageError("there are no rows to answer", "check the eval's dataset and its holdout")

    events.phase("loading the model")
    engine = load_engine(params, stage)
    prompts = [engine.prompt(question) for question, _ in rows]
    _check_lengths(prompts, params.generation, context_length=engine.context_length)

    events.phase(f"answering {len(rows)} rows")
    progress = Progress(len(rows))
    answers = engine.generate(
        prompts, _drawn(params), batch_size=params.batch_size, told=progress.told
    )
    write_predictions(
        stage.outputs["predictions"],
        (
            Prediction(
                prompt=engine.text(prompt, special=True),
                predict=engine.text(answer, special=False),
                label=label,
            )
            for prompt, answer, (_, label) in zip(prompts, answers, rows, strict=True)
        ),
    )
    events.done(rows=len(rows), tokens=progress.tokens)


def _question(number: int, row: Conversation) -> tuple[Conversation, str]:
    """Return all before the last turn of the assistant, and that turn's text."""
    for place in reversed(range(len(row.messages))):
        if row.messages[place].role == "assistant":
            return row.upto(place), row.messages[place].text
    raise StageError(f"row {number} has no answer to compare with")


def _drawn(params: Params) -> Generation:
    """Return how answers are drawn: as the user says, in a rehearsal only their first tokens."""
    if not params.rehearsal:
        return params.generation
    most = min(REHEARSED_TOKENS, params.generation.max_new_tokens)
    return params.generation.model_copy(update={"max_new_tokens": most})


def load_engine(params: Params, stage: StageSpec) -> Engine:
    """Return the engine for what there is: a GGUF file, or a model folder."""
    chat = read_chat(stage.inputs["chat"])
    if "gguf" in stage.inputs:
        from ftc_runtime.engines.llama_cpp import LlamaCppEngine

        return LlamaCppEngine(
            stage.inputs["gguf"], threads=stage.threads, enable_thinking=chat.thinks
        )
    from ftc_runtime.engines.transformers import TransformersEngine
    from ftc_runtime.training.determinism import pin

    pin(seed=params.generation.seed, threads=stage.threads)
    return TransformersEngine(
        stage.inputs["model"],
        stage.inputs.get("adapter"),
        chat=chat,
        dtype=params.dtype,
    )


def _check_lengths(
    prompts: list[list[int]], generation: Generation, *, context_length: int | None
) -> None:
    longest = max(range(len(prompts)), key=lambda row: len(prompts[row]))
    needed = len(prompts[longest]) + generation.max_new_tokens
    if context_length is not None and needed > context_length:
        raise StageError(
            f"row {longest} needs {needed} tokens, {len(prompts[longest])} of them the prompt's, "
            f"but the model has {context_length}",
            f"lower generation.max_new_tokens (now {generation.max_new_tokens}), or drop the row",
        )


class Progress:
    """Says how many rows are answered, and how fast."""

    def __init__(self, rows: int) -> None:
        """Start the clock."""
        self.tokens = 0
        self._done, self._rows, self._started = 0, rows, time.monotonic()

    def told(self, rows: int, tokens: int) -> None:
        """Take note of a batch."""
        self._done += rows
        self.tokens += tokens
        elapsed_s = time.monotonic() - self._started
        events.progress(
            self._done,
            self._rows,
            "row",
            tokens_per_second=round(self.tokens / elapsed_s, 1),
            eta_s=round(elapsed_s / self._done * (self._rows - self._done), 1),
        )

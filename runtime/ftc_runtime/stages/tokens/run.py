"""Stage `tokens`: conversations rendered to token ids, with labels on what is trained."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import transformers

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.conversation import Conversation
from ftc_runtime.data.leakage import Leakage, Leaks
from ftc_runtime.data.rows import read_conversations
from ftc_runtime.data.tokens import TokenRow, write_token_rows
from ftc_runtime.models.configs import write_json
from ftc_runtime.models.tokenizer import load_tokenizer
from ftc_runtime.stages.tokens.checks import check
from ftc_runtime.stages.tokens.report import Part, report
from ftc_runtime.stages.tokens.rows import RowMaker
from ftc_runtime.stages.tokens.spec import Params
from ftc_runtime.templates.chat import chat_template, read_chat
from ftc_runtime.templates.encoding import Encoder

ROWS_AT_ONCE = 1000


def run(params: Params, stage: StageSpec) -> None:
    """Write `train` and `eval` as token rows, and what was found in `report`."""
    workers = params.data.preprocessing_num_workers or os.cpu_count() or 1
    os.environ["RAYON_NUM_THREADS"] = str(workers)
    transformers.utils.logging.disable_progress_bar()

    events.phase("loading the tokenizer")
    tokenizer = load_tokenizer(stage.inputs["tokenizer"])
    chat = read_chat(stage.inputs["chat"])
    maker = RowMaker(chat_template(chat, tokenizer), Encoder(tokenizer), params.data)

    evaluated = stage.many("eval")
    leakage = Leakage() if evaluated else None
    train, train_rows = _part("train", stage.many("train"), maker, leakage)
    evaluation, eval_rows = _part("eval", evaluated, maker, leakage)
    leaks = leakage.found() if leakage else Leaks()
    check(params.data, train, evaluation, leaks)
    write_token_rows(stage.outputs["train"], train_rows)
    write_token_rows(stage.outputs["eval"], eval_rows)
    write_json(stage.outputs["report"], report(tokenizer, train, evaluation, leaks))
    events.done(rows=train.kept, tokens=train.tokens, trained=train.trained)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A conversation with its line in its file of rows."""

    place: str
    conversation: Conversation


def _part(
    name: str, files: list[Path], maker: RowMaker, leakage: Leakage | None
) -> tuple[Part, list[TokenRow]]:
    """Return the rows of the files, and what was seen while they were made."""
    numbered = [
        Numbered(f"{index}:{line}" if len(files) > 1 else str(line), conversation)
        for index, path in enumerate(files)
        for line, conversation in enumerate(read_conversations(path), start=1)
    ]
    part = Part(name)
    rows: list[TokenRow] = []
    for start in range(0, len(numbered), ROWS_AT_ONCE):
        batch = numbered[start : start + ROWS_AT_ONCE]
        for item, made in zip(
            batch, maker.make([item.conversation for item in batch]), strict=True
        ):
            part.add(item.place, made)
            if made.row is not None:
                rows.append(made.row)
                if leakage is not None:
                    leakage.add(item.conversation, item.place, measured=name == "eval")
        events.progress(start + len(batch), len(numbered), unit="row", part=name)
    return part, rows

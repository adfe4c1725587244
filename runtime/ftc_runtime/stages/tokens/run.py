"""Stage `tokens`: conversations rendered to token ids, with labels on what is trained."""

from __future__ import annotations

import os

import transformers

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.leakage import Leakage, Leaks
from ftc_runtime.data.tokens import TokenWriter
from ftc_runtime.models.configs import write_json
from ftc_runtime.models.tokenizer import load_tokenizer
from ftc_runtime.stages.tokens.checks import check
from ftc_runtime.stages.tokens.part import written_part
from ftc_runtime.stages.tokens.reading import Mixture
from ftc_runtime.stages.tokens.report import report
from ftc_runtime.stages.tokens.rows import RowMaker
from ftc_runtime.stages.tokens.spec import Params
from ftc_runtime.templates.chat import chat_template, read_chat
from ftc_runtime.templates.encoding import Encoder


def run(params: Params, stage: StageSpec) -> None:
    """Write `train` and `eval` as token rows, and what was found in `report`."""
    workers = params.data.preprocessing_num_workers or os.cpu_count() or 1
    os.environ["RAYON_NUM_THREADS"] = str(workers)
    transformers.utils.logging.disable_progress_bar()

    events.phase("loading the tokenizer")
    tokenizer = load_tokenizer(stage.inputs["tokenizer"])
    chat = read_chat(stage.inputs["chat"])
    maker = RowMaker(chat_template(chat, tokenizer), Encoder(tokenizer), params.data)

    trained = Mixture(stage.many("train"), params, params.shares)
    evaluated = Mixture(stage.many("eval"))
    leakage = Leakage() if len(evaluated) else None
    events.phase("making token rows")
    writers = {name: TokenWriter(stage.outputs[name]) for name in ("train", "eval")}
    train = written_part("train", trained, maker, writers["train"], leakage=leakage)
    evaluation = written_part("eval", evaluated, maker, writers["eval"], leakage=leakage)
    leaks = leakage.found() if leakage else Leaks()
    check(params.data, train, evaluation, leaks)
    for writer in writers.values():
        writer.close()
    found = report(tokenizer, train, evaluation, leaks, max_length=params.data.max_length)
    write_json(stage.outputs["report"], found)
    events.done(rows=train.kept, tokens=train.tokens, trained=train.trained)

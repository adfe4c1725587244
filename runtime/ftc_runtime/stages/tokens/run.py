"""Stage `tokens`: conversations rendered to token ids, with labels on what is trained."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import transformers

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.conversation import Conversation
from ftc_runtime.data.rows import read_conversations
from ftc_runtime.data.tokens import IGNORED, TokenRow, write_token_rows
from ftc_runtime.errors import StageError
from ftc_runtime.models.configs import write_json
from ftc_runtime.models.tokenizer import load_tokenizer
from ftc_runtime.stages.tokens.report import Part, report
from ftc_runtime.stages.tokens.spec import Data, Params
from ftc_runtime.templates.chat import chat_template, read_chat
from ftc_runtime.templates.encoding import Encoded, Encoder
from ftc_runtime.templates.masks import trained_spans
from ftc_runtime.templates.rendered import ChatTemplate, Rendered, TemplateFault

ROWS_AT_ONCE = 1000
FAULTS_SHOWN = 10


def run(params: Params, stage: StageSpec) -> None:
    """Write `train` and `eval` as token rows, and what was found in `report`."""
    workers = params.data.preprocessing_num_workers or os.cpu_count() or 1
    os.environ["RAYON_NUM_THREADS"] = str(workers)
    transformers.utils.logging.disable_progress_bar()

    events.phase("loading the tokenizer")
    tokenizer = load_tokenizer(stage.inputs["tokenizer"])
    chat = read_chat(stage.inputs["chat"])
    maker = RowMaker(chat_template(chat, tokenizer), Encoder(tokenizer), params.data)

    train = maker.part("train", stage.many("train"))
    evaluation = maker.part("eval", stage.many("eval"))
    if not train.rows:
        raise StageError(
            f"no row is left to train on: each has more than {params.data.max_length} tokens",
            f"Raise data.max_length to {train.longest_read}",
        )
    write_token_rows(stage.outputs["train"], train.rows)
    write_token_rows(stage.outputs["eval"], evaluation.rows)
    write_json(stage.outputs["report"], report(tokenizer, train, evaluation))
    events.done(rows=len(train.rows), tokens=train.tokens, trained=train.trained)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A conversation with its line in its file of rows."""

    place: str
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class RowMaker:
    """Turns files of conversations into token rows."""

    template: ChatTemplate
    encoder: Encoder
    data: Data

    def part(self, name: str, files: list[Path]) -> Part:
        """Return the rows of the files, those that are too long left out and named.

        Raises:
            StageError: naming every row that the template refuses, or that is too long if
                `overlong` is `error`.
        """
        numbered = [
            Numbered(f"{index}:{line}" if len(files) > 1 else str(line), conversation)
            for index, path in enumerate(files)
            for line, conversation in enumerate(read_conversations(path), start=1)
        ]
        part = Part(name)
        refused: list[str] = []
        for start in range(0, len(numbered), ROWS_AT_ONCE):
            batch = numbered[start : start + ROWS_AT_ONCE]
            self._add(part, batch, refused)
            events.progress(start + len(batch), len(numbered), unit="row", part=name)
        if refused:
            raise StageError(
                f"{len(refused)} of {len(numbered)} {name} rows cannot be rendered:\n"
                + "\n".join(refused[:FAULTS_SHOWN]),
                "Change these rows, or use a model whose chat template takes them",
            )
        if part.overlong and self.data.overlong == "error":
            raise StageError(
                f"{len(part.overlong)} of {part.read} {name} rows exceed "
                f"{self.data.max_length} tokens: "
                + ", ".join(f"row {row} ({tokens})" for row, tokens in part.overlong.items()),
                f"Raise data.max_length to {part.longest_read}, or set data.overlong: drop",
            )
        if part.overlong:
            events.warning(
                f"{len(part.overlong)} of {part.read} {name} rows exceed {self.data.max_length} "
                "tokens and are left out; the report names them"
            )
        return part

    def _add(self, part: Part, batch: list[Numbered], refused: list[str]) -> None:
        rendered: list[Rendered] = []
        places: list[str] = []
        for item in batch:
            try:
                rendered.append(self.template.render(item.conversation))
                places.append(item.place)
            except TemplateFault as fault:
                refused.append(f"row {item.place}: {fault}")
        encoded = self.encoder.encode(rendered)
        for place, text, tokens in zip(places, rendered, encoded, strict=True):
            part.add(place, token_row(text, tokens), max_length=self.data.max_length)


def token_row(rendered: Rendered, encoded: Encoded) -> TokenRow:
    """Label the tokens that lie whole in a trained span with their ids, all others with `IGNORED`.

    A token that straddles the border belongs to the prompt: at inference it is already there.
    """
    input_ids = np.array(encoded.ids, np.int32)
    spans = np.array(encoded.spans, np.int64).reshape(-1, 2)
    starts, stops = spans[:, 0], spans[:, 1]
    labels = np.full_like(input_ids, IGNORED)
    for first, last in trained_spans(rendered):
        inside = (starts >= first) & (starts < last) & (stops <= last)
        labels[inside] = input_ids[inside]
    return TokenRow(input_ids, labels)

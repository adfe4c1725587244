"""Command `preview`: rows of a dataset as they are, or as a template and a mask make them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from ftc_runtime.contract import Json
from ftc_runtime.data.rows import Row, read_rows, row_from
from ftc_runtime.models.tokenizer import load_tokenizer
from ftc_runtime.preview.choosing import Candidate, Chooser, View
from ftc_runtime.preview.plain import Plain
from ftc_runtime.preview.question import Preview, PreviewPart
from ftc_runtime.preview.records import Answer, Part, Unread
from ftc_runtime.preview.rendered import Trained
from ftc_runtime.preview.texts import TrainedTexts
from ftc_runtime.stages.text_tokens.rows import TextMaker
from ftc_runtime.stages.text_tokens.spec import Params as TextParams
from ftc_runtime.stages.tokens.reading import Mixture
from ftc_runtime.stages.tokens.rows import RowMaker
from ftc_runtime.stages.tokens.spec import Mixed, Params
from ftc_runtime.templates.chat import chat_template, read_chat
from ftc_runtime.templates.encoding import Encoder


def run(command: Preview) -> Json:
    """Return the rows that are wanted of each part, as `Answer` says."""
    params = (TextParams if command.kind == "text_tokens" else Params).model_validate(
        command.tokens
    )
    view = _view(command, params)
    answer = Answer(
        unit="characters" if command.tokenizer is None else "tokens",
        parts=tuple(_part(part, view, command, params) for part in command.parts),
        unread=_unread(command.report),
    )
    return cast(Json, answer.model_dump(mode="json"))


def _view(command: Preview, params: Params | TextParams) -> View:
    if command.tokenizer is None:
        return Plain()
    tokenizer = load_tokenizer(command.tokenizer)
    if isinstance(params, TextParams):
        return TrainedTexts(TextMaker(tokenizer, params.data))
    template = chat_template(read_chat(command.chat), tokenizer)
    maker = RowMaker(template, Encoder(tokenizer), params.data)
    return Trained(maker, bos=str(tokenizer.bos_token or ""))


def _part(part: PreviewPart, view: View, command: Preview, params: Mixed) -> Part:
    chooser = Chooser(part.name, view, command.choice)
    rows = _Rows(part, params)
    measured = None
    if command.choice.numbers:
        shown = chooser.numbered(rows)
    elif command.choice.reads_all:
        measured, numbers = chooser.measured(rows)
        picked = command.choice.model_copy(update={"numbers": tuple(numbers)})
        shown = Chooser(part.name, view, picked).numbered(rows) if numbers else []
    else:
        shown = chooser.first(rows)
    return Part(name=part.name, rows=len(rows), shown=tuple(shown), measured=measured)


def _row_of(line: str, path: Path) -> Row:
    return row_from(json.loads(line))


class _Rows:
    """The rows of a part, in the order in which they are trained or lie in their file."""

    def __init__(self, part: PreviewPart, params: Mixed) -> None:
        self._part = part
        self._mixture = None
        if part.mixed:
            self._mixture = Mixture(part.files, _row_of, params, params.shares)

    def __len__(self) -> int:
        if self._mixture is not None:
            return len(self._mixture)
        return sum(1 for path in self._part.files for _ in read_rows(path))

    def __iter__(self) -> Iterator[Candidate]:
        if self._mixture is not None:
            for number, drawn in enumerate(self._mixture, start=1):
                yield Candidate(number, self._place(drawn.place), drawn.row)
            return
        lines = (
            (f"{file}:{line}", row)
            for file, path in enumerate(self._part.files)
            for line, row in enumerate(read_rows(path), start=1)
        )
        for number, (place, row) in enumerate(lines, start=1):
            yield Candidate(number, self._place(place), row)

    def _place(self, place: str) -> str:
        """Return `dataset:line` for a file's number and the line in it."""
        file, _, line = place.rpartition(":")
        return f"{self._part.names[int(file or 0)]}:{line}"


def _unread(report: Path | None) -> tuple[Unread, ...]:
    """Return what the report of a `dataset` stage says of the rows that it could not use."""
    if report is None:
        return ()
    dropped = json.loads(report.read_bytes())["dropped"]
    return tuple(
        Unread(reason=reason, rows=places["rows"], places=tuple(map(str, places["places"])))
        for reason, places in dropped.items()
    )

"""The file of answers: one JSON line a row, by the names that LLaMA-Factory gives them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Prediction(BaseModel):
    """One row's answer. *prompt* shows special tokens; *predict* and *label* do not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    predict: str
    label: str


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write one JSON line for each, in order."""
    with path.open("w", encoding="utf-8") as file:
        for prediction in predictions:
            file.write(json.dumps(prediction.model_dump(), ensure_ascii=False) + "\n")


def read_predictions(path: Path) -> list[Prediction]:
    """Return the answers in the order of the rows."""
    with path.open(encoding="utf-8") as file:
        return [Prediction.model_validate_json(line) for line in file]

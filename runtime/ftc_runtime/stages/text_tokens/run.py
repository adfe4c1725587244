"""Stage `text_tokens`: texts to token ids, every one of which is trained."""

from __future__ import annotations

from ftc_runtime.contract import StageSpec
from ftc_runtime.data.rows import text_of
from ftc_runtime.stages.text_tokens.rows import TextMaker
from ftc_runtime.stages.text_tokens.spec import Params
from ftc_runtime.stages.tokens.making import TokensMade, tokenizer_of


def run(params: Params, stage: StageSpec) -> None:
    """Write `train` and `eval` as token rows, and what was found in `report`."""
    tokenizer = tokenizer_of(stage, params.data)
    maker = TextMaker(tokenizer, params.data)
    TokensMade(stage, params, params.data, tokenizer).write(maker, text_of)

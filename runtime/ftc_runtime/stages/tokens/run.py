"""Stage `tokens`: conversations rendered to token ids, with labels on what is trained."""

from __future__ import annotations

from ftc_runtime.contract import StageSpec
from ftc_runtime.data.rows import conversation_of
from ftc_runtime.stages.tokens.making import TokensMade, tokenizer_of
from ftc_runtime.stages.tokens.rows import RowMaker
from ftc_runtime.stages.tokens.spec import Params
from ftc_runtime.templates.chat import chat_template, read_chat
from ftc_runtime.templates.encoding import Encoder


def run(params: Params, stage: StageSpec) -> None:
    """Write `train` and `eval` as token rows, and what was found in `report`."""
    tokenizer = tokenizer_of(stage, params.data)
    chat = read_chat(stage.inputs["chat"])
    maker = RowMaker(chat_template(chat, tokenizer), Encoder(tokenizer), params.data)
    TokensMade(stage, params, params.data, tokenizer).write(maker, conversation_of)

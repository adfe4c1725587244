"""Rows that are too long, cut so that what is left is a conversation."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import smollm2
from ftc_runtime.data.conversation import Conversation, Message, text_message
from ftc_runtime.data.tokens import IGNORED
from ftc_runtime.stages.tokens.rows import Made, RowMaker
from ftc_runtime.stages.tokens.spec import Data
from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.cutting import Cutter, Fitted
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import extended
from ftc_runtime.templates.encoding import Encoder
from ftc_runtime.templates.rendered import ChatTemplate

LLAMA3 = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
GEMMA = ("<bos>", "<start_of_turn>", "<end_of_turn>")
GLM = {
    "prefix": "<|im_start|>",
    "user": "<file_sep>\n{{content}}",
    "generation_prompt": "<filename>\n",
    "assistant": "{{content}}",
    "suffix": "<|endoftext|>",
}
"""Its answers end with the next header, and the last one with a suffix."""


class Family(NamedTuple):
    """A template, its tokenizer, and what stands in front of and behind each answer."""

    chat: ChatTemplate
    encoder: Encoder
    tokenizer: Any
    header: str
    end: str


@cache
def family(name: str) -> Family:
    """Return one of the families that are tried."""
    plain = smollm2.tokenizer()
    header, end, tokenizer = "<|im_start|>assistant\n", "<|im_end|>\n", plain
    chat: ChatTemplate
    match name:
        case "auto":
            chat = AutoTemplate(plain)
        case "llama3":
            tokenizer = smollm2.tokenizer_with(*LLAMA3, bos_token=LLAMA3[0])
            header, end = "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"
            chat = DefinedTemplate(extended(name, {}), tokenizer)
        case "gemma":
            tokenizer = smollm2.tokenizer_with(*GEMMA, bos_token=GEMMA[0])
            header, end = "<start_of_turn>model\n", "<end_of_turn>\n"
            chat = DefinedTemplate(extended(name, {}), tokenizer)
        case "glm":
            header, end = "<filename>\n", ""
            chat = DefinedTemplate(extended("empty", GLM), plain)
        case _:
            chat = DefinedTemplate(extended(name, {}), plain)
    return Family(chat, Encoder(tokenizer), tokenizer, header, end)


def cut(name: str, conversation: Conversation, max_length: int, **data: Any) -> Made:
    """Return the row of a conversation with truncation."""
    chosen = Data(max_length=max_length, overlong="truncate", **data)
    return RowMaker(family(name).chat, family(name).encoder, chosen).make([conversation])[0]


def text_of(name: str, made: Made) -> str:
    """Return a row as text."""
    assert made.row is not None, made
    text: str = family(name).tokenizer.decode(made.row.input_ids.tolist())
    return text


def turns(*texts: str) -> Conversation:
    """Return a conversation of user and assistant by turns."""
    return Conversation(
        tuple(
            text_message("assistant" if at % 2 else "user", text) for at, text in enumerate(texts)
        )
    )


WORDS = st.sampled_from(
    ["the", "quick", "brown", "\n\n", "你好", "世界、", "再说一遍。", "👩‍👩‍👧", "👍🏽", "é",
     "e\u0301", "<|im_end|>", "<|eot_id|>", "1,234.5", "x" * 40, " ", "日本語"]
)  # fmt: skip
TEXTS = st.lists(WORDS, min_size=1, max_size=40).map(" ".join).filter(str.strip).map(str.strip)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Draw a conversation of up to four exchanges, with a system message or none."""
    messages = [text_message("system", draw(TEXTS))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 4))):
        messages += [text_message("user", draw(TEXTS)), text_message("assistant", draw(TEXTS))]
    return Conversation(tuple(messages))


@pytest.mark.parametrize("name", ["chatml", "qwen", "llama3", "gemma", "glm", "auto"])
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(conversations(), st.integers(16, 160), st.sampled_from(["assistant", "last", "all"]))
def test_what_is_left_is_a_conversation_that_fits(
    name: str, conversation: Conversation, max_length: int, train_on: Any
) -> None:
    """As many headers and ends as answers, texts that begin as they did, labels that are ids."""
    it = family(name)
    data = Data(max_length=max_length, train_on=train_on, overlong="truncate")
    rendered = it.chat.render(conversation)
    whole = Fitted(conversation, rendered, it.encoder.encode([rendered])[0])

    fitted = whole if whole.length <= max_length else None
    fitted = fitted or Cutter(it.chat, it.encoder, data).fitted(whole)
    row = cut(name, conversation, max_length, train_on=train_on)

    if fitted is None:
        assert (row.row, row.reason) == (None, "overlong")
        return
    assert row.row is not None
    assert fitted.length == len(row.row.input_ids) <= max_length
    assert row.cut == whole.length - fitted.length
    _check_messages(conversation, fitted.conversation, last=train_on == "last")
    answers = [said for said in fitted.conversation.messages if said.role == "assistant"]
    text = fitted.rendered.text
    assert text.count(it.header) == len(answers)
    assert text.count(it.end) >= len(answers)
    assert text.endswith(it.end or "<|endoftext|>")
    assert it.tokenizer.decode(row.row.input_ids.tolist()) == text.replace(
        fitted.rendered.mark or "\0", ""
    )
    pairs = zip(row.row.labels.tolist(), row.row.input_ids.tolist(), strict=True)
    assert all(label in (IGNORED, token) for label, token in pairs)


def _check_messages(whole: Conversation, left: Conversation, *, last: bool) -> None:
    """Whole exchanges are gone, from the end or the beginning; texts are beginnings."""
    system = [said for said in whole.messages if said.role == "system"]
    others = [said for said in whole.messages if said.role != "system"]
    count = len(left.messages) - len(system)
    assert count >= 2 and count % 2 == 0
    kept = system + (others[-count:] if last else others[:count])
    for before, after in zip(kept, left.messages, strict=True):
        assert before.role == after.role
        assert after.text and before.text.startswith(after.text)


def test_whole_exchanges_go_first_from_the_end() -> None:
    """The first answers are trained, so the beginning stays."""
    conversation = turns("one two", "three four", "five six", "seven eight", "nine", "ten")

    row = cut("chatml", conversation, 40)

    assert text_of("chatml", row) == (
        "<|im_start|>user\none two<|im_end|>\n<|im_start|>assistant\nthree four<|im_end|>\n"
        "<|im_start|>user\nfive six<|im_end|>\n<|im_start|>assistant\nseven eight<|im_end|>\n"
    )
    assert row.cut == row.length - len(row.row.input_ids) > 0  # type: ignore[union-attr]


def test_the_first_exchanges_go_where_the_last_is_trained() -> None:
    """With the system message kept."""
    system = text_message("system", "Be brief.")
    conversation = Conversation((system, *turns("one two", "three", "五六", "七八").messages))

    row = cut("chatml", conversation, 30, train_on="last")

    assert text_of("chatml", row) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\n五六<|im_end|>\n<|im_start|>assistant\n七八<|im_end|>\n"
    )


def test_calls_and_their_results_stay_together() -> None:
    """They are one exchange with the question and the answer."""
    first = turns("one two three four five six seven eight nine ten", "eleven")
    more = (
        text_message("user", "sum"),
        text_message("assistant", "let me see"),
        text_message("tool", "2"),
        text_message("assistant", "two"),
    )
    conversation = Conversation((*first.messages, *more))

    by_end = cut("chatml", conversation, 50)
    by_start = cut("chatml", conversation, 45, train_on="last")

    assert "sum" not in text_of("chatml", by_end)
    assert text_of("chatml", by_start) == (
        "<|im_start|>user\nsum<|im_end|>\n<|im_start|>assistant\nlet me see<|im_end|>\n"
        "<|im_start|>tool\n2<|im_end|>\n<|im_start|>assistant\ntwo<|im_end|>\n"
    )


def test_the_longest_text_of_the_prompt_is_cut_at_its_end() -> None:
    """The answer stays as it is while the prompt alone can give enough."""
    system = text_message("system", "Be brief.")
    conversation = Conversation((system, *turns("word " * 50 + "end", "answer").messages))

    row = cut("chatml", conversation, 40)

    assert text_of("chatml", row) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        f"<|im_start|>user\n{'word ' * 19}word<|im_end|>\n<|im_start|>assistant\nanswer<|im_end|>\n"
    )
    assert len(row.row.input_ids) == 40  # type: ignore[union-attr]


def test_an_answer_is_cut_if_the_prompt_cannot_give_enough() -> None:
    """It ends as an answer does, and a short prompt stays as it is."""
    row = cut("chatml", turns("甲乙丙丁", "戊己庚辛" * 20), 40)

    text = text_of("chatml", row)
    assert text.startswith("<|im_start|>user\n甲乙丙丁<|im_end|>\n<|im_start|>assistant\n戊己庚辛")
    assert text.endswith("<|im_end|>\n")
    assert "\ufffd" not in text


def test_a_long_thought_is_cut_like_any_text() -> None:
    """Its marks stay."""
    chat = DefinedTemplate(extended("qwen3", {"enable_thinking": True}), smollm2.tokenizer())
    answer = text_message("assistant", "Two.", reasoning_content="think " * 60)
    maker = RowMaker(chat, family("chatml").encoder, Data(max_length=40, overlong="truncate"))

    made = maker.make([Conversation((text_message("user", "Sum?"), answer))])[0]

    text = text_of("chatml", made)
    assert text.endswith("think\n</think>\n\nTwo.<|im_end|>\n")
    assert text.count("<think>") == 1


def test_a_row_whose_frames_alone_are_too_long_is_left_out() -> None:
    """And counted as overlong."""
    row = cut("chatml", turns("one", "two"), 8)

    assert (row.row, row.reason) == (None, "overlong")


def test_a_row_that_loses_all_that_is_trained_is_left_out() -> None:
    """There is nothing to learn from it."""
    messages = turns("one", "two", "three", "four").messages
    silent = Message("assistant", messages[1].content, loss=False)
    conversation = Conversation((messages[0], silent, messages[2], messages[3]))

    row = cut("chatml", conversation, 16)

    assert row.reason is None
    assert "four" in text_of("chatml", row)

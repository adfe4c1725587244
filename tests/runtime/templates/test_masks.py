"""What is trained: LLaMA-Factory's rule written out, and what one may choose instead."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any, Literal

import pytest

import smollm2
from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message, ToolCall, text_message
from ftc_runtime.data.tokens import IGNORED
from ftc_runtime.stages.tokens.rows import Made, RowMaker, Thoughts
from ftc_runtime.stages.tokens.spec import Data
from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import built_in, extended
from ftc_runtime.templates.encoding import Encoder
from ftc_runtime.templates.rendered import ChatTemplate

LLAMA3 = smollm2.tokenizer_with(
    "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
    bos_token="<|begin_of_text|>",
)  # fmt: skip
GEMMA = smollm2.tokenizer_with("<bos>", "<start_of_turn>", "<end_of_turn>", bos_token="<bos>")
TOKENIZERS = {"llama3": LLAMA3, "gemma": GEMMA}

U1, A1 = text_message("user", "What is 1+1?"), text_message("assistant", "It is 2.")
U2, A2 = text_message("user", "再说一遍。"), text_message("assistant", "是二。")
SYSTEM = text_message("system", "Be brief.")
TWO_TURNS = Conversation((U1, A1, U2, A2))


def template(name: str, **changes: Any) -> ChatTemplate:
    """Return a built-in template for its family's tokens."""
    return DefinedTemplate(extended(name, changes), TOKENIZERS.get(name, smollm2.tokenizer()))


@cache
def encoder(name: str) -> Encoder:
    """Return the encoder for a family's tokens."""
    return Encoder(TOKENIZERS.get(name, smollm2.tokenizer()))


def made(conversation: Conversation, name: str = "chatml", **data: Any) -> Made:
    """Return what becomes of a conversation with a built-in template."""
    return made_by(template(name), conversation, name, **data)


def made_by(
    chat: ChatTemplate, conversation: Conversation, name: str = "chatml", **data: Any
) -> Made:
    """Return what becomes of a conversation with a template."""
    return RowMaker(chat, encoder(name), Data(**data)).make([conversation])[0]


def trained(row: Made, name: str = "chatml") -> list[str]:
    """Return the trained stretches of a row as text."""
    assert row.row is not None, row
    tokenizer = TOKENIZERS.get(name, smollm2.tokenizer())
    stretches: list[list[int]] = [[]]
    for label in row.row.labels.tolist():
        if label != IGNORED:
            stretches[-1].append(label)
        elif stretches[-1]:
            stretches.append([])
    return [tokenizer.decode(stretch) for stretch in stretches if stretch]


def said(message: Message, loss: bool) -> Message:
    """Return a message with a `loss` of its own."""
    return Message(message.role, message.content, message.reasoning_content, loss=loss)


def thinking(text: str, thought: str | None) -> Message:
    """Return an answer with a thought."""
    return text_message("assistant", text, reasoning_content=thought)


SUM: dict[str, Json] = {"type": "function", "function": {"name": "sum"}}
WITH_TOOLS = Conversation(
    (
        SYSTEM,
        U1,
        Message("assistant", (), tool_calls=(ToolCall("sum", {"a": 1}),)),
        text_message("tool", "2"),
        A1,
    ),
    (SUM,),
)

# The rule of the reference: pairs of a prompt, of which nothing is trained, and an answer with its
# suffix, of which all is.
VECTORS = [
    (
        "qwen",
        TWO_TURNS,
        [
            "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. "
            "You are a helpful assistant.<|im_end|>\n"
            "<|im_start|>user\nWhat is 1+1?<|im_end|>\n<|im_start|>assistant\n",
            "It is 2.<|im_end|>\n",
            "<|im_start|>user\n再说一遍。<|im_end|>\n<|im_start|>assistant\n",
            "是二。<|im_end|>\n",
        ],
    ),
    (
        "llama3",
        Conversation((SYSTEM, *TWO_TURNS.messages)),
        [
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nWhat is 1+1?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            "It is 2.<|eot_id|>",
            "<|start_header_id|>user<|end_header_id|>\n\n再说一遍。<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            "是二。<|eot_id|>",
        ],
    ),
    (
        "gemma",
        Conversation((SYSTEM, *TWO_TURNS.messages)),
        [
            "<bos><start_of_turn>user\nBe brief.\n\nWhat is 1+1?<end_of_turn>\n"
            "<start_of_turn>model\n",
            "It is 2.<end_of_turn>\n",
            "<start_of_turn>user\n再说一遍。<end_of_turn>\n<start_of_turn>model\n",
            "是二。<end_of_turn>\n",
        ],
    ),
    (
        "qwen",
        WITH_TOOLS,
        [
            "<|im_start|>system\nBe brief.\n\n# Tools\n\nYou may call one or more functions to "
            "assist with the user query.\n\nYou are provided with function signatures within "
            '<tools></tools> XML tags:\n<tools>\n{"type": "function", "function": {"name": "sum"}}'
            "\n</tools>\n\nFor each function call, return a json object with function name and "
            "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n"
            '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call><|im_end|>\n'
            "<|im_start|>user\nWhat is 1+1?<|im_end|>\n<|im_start|>assistant\n",
            '<tool_call>\n{"name": "sum", "arguments": {"a": 1}}\n</tool_call><|im_end|>\n',
            "<|im_start|>user\n<tool_response>\n2\n</tool_response><|im_end|>\n"
            "<|im_start|>assistant\n",
            "It is 2.<|im_end|>\n",
        ],
    ),
]


@pytest.mark.parametrize(("name", "conversation", "stretches"), VECTORS)
def test_every_answer_is_trained_with_its_suffix(
    name: str, conversation: Conversation, stretches: list[str]
) -> None:
    """Ids and labels, all of them: the prompt's stretches and the answers' by turns."""
    tokenizer = TOKENIZERS.get(name, smollm2.tokenizer())
    whole = tokenizer("".join(stretches), add_special_tokens=False, return_offsets_mapping=True)
    owner = [number for number, text in enumerate(stretches) for _ in text]

    row = made(conversation, name).row

    assert row is not None
    assert row.input_ids.tolist() == whole.input_ids
    assert row.labels.tolist() == [
        token if owner[start] % 2 else IGNORED
        for token, (start, _) in zip(whole.input_ids, whole.offset_mapping, strict=True)
    ]


FIGURES = [
    (
        "chatml",
        ["Hi", "Hello!"],
        [1, 4093, 198, 26843, 2, 198, 1, 520, 9531, 198, 19556, 17, 2, 198],
        [10, 11, 12, 13],
    ),
    (
        "gemma",
        ["你好", "好", "Hi", "Hello!"],
        [
            49152, 49153, 4093, 198, 18645, 250, 48392, 138, 49154, 198, 49153, 3980, 198,
            48392, 138, 49154, 198, 49153, 4093, 198, 26843, 49154, 198, 49153, 3980, 198,
            19556, 17, 49154, 198,
        ],
        [13, 14, 15, 16, 26, 27, 28, 29],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "texts", "ids", "places"), FIGURES)
def test_the_ids_and_labels_of_a_row_in_figures(
    name: str, texts: list[str], ids: list[int], places: list[int]
) -> None:
    """So that a mistake which moves both sides of the other tests is seen here."""
    roles: list[Literal["user", "assistant"]] = ["user", "assistant"]
    turns = [text_message(roles[at % 2], text) for at, text in enumerate(texts)]

    row = made(Conversation(tuple(turns)), name).row

    assert row is not None
    assert row.input_ids.tolist() == ids
    assert row.labels.tolist() == [
        token if place in places else IGNORED for place, token in enumerate(ids)
    ]


@pytest.mark.parametrize(
    ("train_on", "stretches"),
    [
        ("assistant", ["It is 2.<|im_end|>\n", "是二。<|im_end|>\n"]),
        ("last", ["是二。<|im_end|>\n"]),
        (
            "all",
            [
                "<|im_start|>user\nWhat is 1+1?<|im_end|>\n"
                "<|im_start|>assistant\nIt is 2.<|im_end|>\n"
                "<|im_start|>user\n再说一遍。<|im_end|>\n<|im_start|>assistant\n是二。<|im_end|>\n"
            ],
        ),
    ],
)
def test_what_is_trained_can_be_chosen(
    train_on: Literal["assistant", "last", "all"], stretches: list[str]
) -> None:
    """Every answer, the last one, or all that there is."""
    assert trained(made(TWO_TURNS, train_on=train_on)) == stretches


def test_a_message_says_itself_whether_it_is_trained() -> None:
    """An answer that is not, a user's message that is, with its end and without its header."""
    conversation = Conversation((U1, said(A1, False), said(U2, True), A2))

    assert trained(made(conversation)) == ["再说一遍。<|im_end|>\n", "是二。<|im_end|>\n"]
    assert trained(made(Conversation((U1, said(A1, True), U2, A2)), train_on="last")) == [
        "It is 2.<|im_end|>\n",
        "是二。<|im_end|>\n",
    ]


def test_a_message_of_a_models_own_template_can_be_trained_too() -> None:
    """Its text is found there; what closes a user's turn is not."""
    chat = AutoTemplate(smollm2.tokenizer())

    row = made_by(chat, Conversation((U1, said(A1, False), said(U2, True), A2)))

    assert trained(row) == ["再说一遍。", "是二。<|im_end|>\n"]


def test_a_row_of_which_nothing_is_trained_is_left_out() -> None:
    """It would be a step that learns nothing."""
    row = made(Conversation((U1, said(A1, False))))

    assert (row.row, row.reason) == (None, "untrained")


def test_a_suffix_behind_the_last_answer_is_trained() -> None:
    """Families whose answers end with the next header end the last one with a suffix."""
    slots = {"user": "U:{{content}}", "assistant": "{{content}}", "suffix": "<|endoftext|>"}
    chat = DefinedTemplate(extended("empty", slots), smollm2.tokenizer())

    assert trained(made_by(chat, TWO_TURNS)) == ["It is 2.", "是二。<|endoftext|>"]


THOUGHTFUL = Conversation((U1, thinking("It is 2.", "Two."), U2, thinking("是二。", "再想。")))


def qwen3(**slots: Any) -> ChatTemplate:
    """Return Qwen3's template, which is to think unless told otherwise."""
    return template("qwen3", **{"enable_thinking": True, **slots})


def test_a_thought_is_trained_or_masked() -> None:
    """With the answer in any case."""
    whole = made_by(qwen3(), THOUGHTFUL)
    masked = made_by(qwen3(), THOUGHTFUL, train_thinking=False)

    assert trained(whole) == [
        "<think>\nTwo.\n</think>\n\nIt is 2.<|im_end|>\n",
        "<think>\n再想。\n</think>\n\n是二。<|im_end|>\n",
    ]
    assert trained(masked) == ["It is 2.<|im_end|>\n", "是二。<|im_end|>\n"]
    assert whole.row is not None and masked.row is not None
    assert whole.row.input_ids.tolist() == masked.row.input_ids.tolist()
    assert (whole.thoughts, masked.thoughts) == (Thoughts(trained=2), Thoughts(masked=2))


MISSING = Conversation((U1, thinking("It is 2.", "Two."), U2, A2))


@pytest.mark.parametrize(
    ("choice", "stretches"),
    [
        (
            "train",
            [
                "<think>\nTwo.\n</think>\n\nIt is 2.<|im_end|>\n",
                "<think>\n\n</think>\n\n是二。<|im_end|>\n",
            ],
        ),
        ("mask", ["<think>\nTwo.\n</think>\n\nIt is 2.<|im_end|>\n", "是二。<|im_end|>\n"]),
    ],
)
def test_an_answer_without_a_thought_gets_an_empty_one_where_that_is_chosen(
    choice: Literal["train", "mask"], stretches: list[str]
) -> None:
    """Trained, or there and not trained."""
    row = made_by(qwen3(), MISSING, missing_thinking=choice)

    assert trained(row) == stretches
    assert row.thoughts == Thoughts(trained=1, missing=1)


@pytest.mark.parametrize("choice", ["error", "drop"])
def test_an_answer_without_a_thought_is_told_otherwise(choice: Literal["error", "drop"]) -> None:
    """The stage refuses the data, or goes on without the row."""
    row = made_by(qwen3(), MISSING, missing_thinking=choice)

    assert (row.row, row.reason) == (None, "no thought")


def test_an_answer_without_a_thought_that_is_not_trained_is_no_fault() -> None:
    """The model does not learn from it."""
    conversation = Conversation((U1, A1, U2, thinking("是二。", "再想。")))

    row = made_by(qwen3(), conversation, train_on="last")

    assert trained(row) == ["<think>\n再想。\n</think>\n\n是二。<|im_end|>\n"]


def test_thoughts_are_left_out_where_the_model_is_not_to_think() -> None:
    """The empty thought belongs to the prompt, and the thoughts are counted."""
    row = made_by(qwen3(enable_thinking=False), THOUGHTFUL)

    assert trained(row) == ["It is 2.<|im_end|>\n", "是二。<|im_end|>\n"]
    assert row.thoughts == Thoughts(left_out=2)


def test_an_earlier_answer_that_stands_without_its_thought_is_not_trained() -> None:
    """The model would have thought first; the message's own `loss` overrules it."""
    forgetful = qwen3(preserve_thinking=False)

    row = made_by(forgetful, THOUGHTFUL)
    wished = made_by(forgetful, Conversation((U1, said(A1, True), *THOUGHTFUL.messages[2:])))

    assert trained(row) == ["<think>\n再想。\n</think>\n\n是二。<|im_end|>\n"]
    assert row.thoughts == Thoughts(trained=1, left_out=1)
    assert trained(wished)[0] == "It is 2.<|im_end|>\n"


def test_a_model_that_thinks_or_not_has_to_be_told_which() -> None:
    """Nothing is guessed: without a choice the built-in template does not think."""
    assert built_in("qwen3").enable_thinking is None


QWEN3_JINJA = (
    "{%- set ns = namespace(last=-1) %}"
    "{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}"
    "{%- endfor %}"
    "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\n' }}"
    "{%- if m.role == 'assistant' and loop.index0 > ns.last "
    "and (loop.last or m.reasoning_content) %}"
    "{{- '<think>\n' + (m.reasoning_content or '') + '\n</think>\n\n' }}{% endif %}"
    "{{- m.content + '<|im_end|>\n' }}{% endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}"
)
"""Keeps the thought of the last answer alone, and an empty one if it has none; as Qwen3's own."""


def own_template(*, enable_thinking: bool) -> AutoTemplate:
    """Return a model's own template that can think."""
    tokenizer = deepcopy(smollm2.tokenizer())
    tokenizer.chat_template = QWEN3_JINJA
    return AutoTemplate(tokenizer, enable_thinking=enable_thinking)


def test_a_models_own_template_that_is_to_think_has_the_same_rules() -> None:
    """The last answer with its thought; the earlier one stands without, and is not trained."""
    chat = own_template(enable_thinking=True)

    row = made_by(chat, THOUGHTFUL)
    missing = made_by(chat, TWO_TURNS)
    masked = made_by(chat, TWO_TURNS, missing_thinking="mask")

    assert trained(row) == ["<think>\n再想。\n</think>\n\n是二。<|im_end|>\n"]
    assert row.thoughts == Thoughts(trained=1, left_out=1)
    assert (missing.reason, missing.thoughts) == ("no thought", Thoughts(missing=1))
    assert trained(masked) == ["是二。<|im_end|>\n"]


def test_a_models_own_template_that_is_not_to_think_is_given_no_thought() -> None:
    """The prompt says that there is none, so the answer must not have one."""
    row = made_by(own_template(enable_thinking=False), THOUGHTFUL)

    assert trained(row) == ["It is 2.<|im_end|>\n", "是二。<|im_end|>\n"]
    assert row.thoughts == Thoughts(left_out=2)

"""The model's own chat template, read backwards: what of a conversation is prompt, what is answer.

The template is a program that turns messages into text. It is run on the conversation up to each
assistant turn, once asking for an answer and once with the answer; what the second adds to the
first is what the model must learn to say, its end mark included. That holds only if the first is
the beginning of the second, which is checked for every row and never assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import jinja2

from ftc_runtime.data.conversation import Message, text_message
from ftc_runtime.errors import StageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

FIRST_PRIVATE_USE, LAST_PRIVATE_USE = 0xE000, 0xF8FF


class TemplateFault(Exception):
    """The template cannot render a conversation, or the mask cannot be found in the result."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as the model sees it.

    Where a message spells a special token, *mark* stands behind the spelling's first character,
    so that it is not taken for the token: `<` mark `|im_end|>`. *trained* are spans of *text*.
    """

    text: str
    trained: tuple[tuple[int, int], ...] = ()
    mark: str = ""


class AutoTemplate:
    """A tokenizer's chat template and the mask that follows from it."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Try the template on a short conversation.

        Raises:
            StageError: if there is no template, or the answer cannot be told from the prompt.
        """
        if not tokenizer.chat_template:
            raise StageError(
                "the model has no chat template, so `template: auto` has nothing to read",
                "Use an instruction-tuned model, such as the -Instruct version of this one",
            )
        self._template = _compiled(tokenizer)
        self._tokens = {name: str(text) for name, text in tokenizer.special_tokens_map.items()}
        self.specials = special_texts(tokenizer)
        self.turn_end = self._turn_end()

    def render(self, messages: Sequence[Message]) -> Rendered:
        """Return a whole conversation and the spans of it that the assistant says.

        Raises:
            TemplateFault: if the template refuses it, or a prompt does not begin the whole.
        """
        mark = free_mark(messages) if self._spells_special(messages) else ""
        chat = [self._chat_message(message, mark) for message in messages]
        whole = self._run(chat, ask=False)
        trained = tuple(
            _answer_span(chat, turn, whole=whole, run=self._run)
            for turn, message in enumerate(messages)
            if message.role == "assistant"
        )
        return Rendered(whole, trained, mark)

    def prompt(self, messages: Sequence[Message]) -> Rendered:
        """Return the text after which the assistant is to answer.

        Raises:
            TemplateFault: if the template refuses the conversation.
        """
        mark = free_mark(messages) if self._spells_special(messages) else ""
        chat = [self._chat_message(message, mark) for message in messages]
        return Rendered(self._run(chat, ask=True), mark=mark)

    def _run(self, chat: list[dict[str, str]], ask: bool) -> str:
        try:
            text: str = self._template.render(
                messages=chat,
                tools=None,
                documents=None,
                add_generation_prompt=ask,
                **self._tokens,
            )
        except (jinja2.TemplateError, ValueError, TypeError, KeyError, IndexError) as error:
            raise TemplateFault(f"the template refuses it: {error}") from error
        return text

    def _chat_message(self, message: Message, mark: str) -> dict[str, str]:
        text = message.text
        if mark:
            for special in self.specials:
                text = text.replace(special, special[0] + mark + special[1:])
        return {"role": message.role, "content": text}

    def _spells_special(self, messages: Sequence[Message]) -> bool:
        return any(special in message.text for message in messages for special in self.specials)

    def _turn_end(self) -> str:
        """Return what the template writes behind an answer, found on a probe."""
        probe = [text_message("user", "Question"), text_message("assistant", "Answer")]
        try:
            rendered = self.render(probe)
        except TemplateFault as fault:
            raise StageError(
                f"the assistant's turns cannot be found in the model's chat template: {fault}",
                "Check the template with `ftc doctor MODEL`",
            ) from fault
        return rendered.text.rpartition("Answer")[2]


def _answer_span(
    chat: list[dict[str, str]],
    turn: int,
    *,
    whole: str,
    run: Callable[[list[dict[str, str]], bool], str],
) -> tuple[int, int]:
    """Return where the answer of a turn, with its end mark, lies in the whole conversation."""
    prompt, answered = run(chat[:turn], True), run(chat[: turn + 1], False)
    if not answered.startswith(prompt):
        raise TemplateFault(_difference(f"the prompt of turn {turn}", prompt, answered))
    answer = answered[len(prompt) :]
    if whole.startswith(prompt + answer):
        return len(prompt), len(prompt) + len(answer)
    # Reasoning templates write an empty thought into the last answer only: earlier answers are
    # then found by their own text and what follows it.
    content = chat[turn]["content"].strip()
    plain = answer[answer.rfind(content) :] if content in answer else answer
    if whole.startswith(prompt + plain):
        return len(prompt), len(prompt) + len(plain)
    raise TemplateFault(_difference(f"turn {turn}", prompt + answer, whole))


def _difference(what: str, part: str, whole: str) -> str:
    at = next(
        (index for index, pair in enumerate(zip(part, whole, strict=False)) if pair[0] != pair[1]),
        min(len(part), len(whole)),
    )
    return (
        f"{what} is not the beginning of what follows: "
        f"{part[at : at + 40]!r} became {whole[at : at + 40]!r} at character {at}"
    )


def special_texts(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Return the spellings of the special tokens, the longest first."""
    added: dict[int, Any] = tokenizer.added_tokens_decoder
    texts = {token.content for token in added.values() if token.special and len(token.content) > 1}
    return sorted(texts, key=lambda text: (-len(text), text))


def free_mark(messages: Sequence[Message]) -> str:
    """Return a private-use character that no message has."""
    used = {character for message in messages for character in message.text}
    for code in range(FIRST_PRIVATE_USE, LAST_PRIVATE_USE + 1):
        if chr(code) not in used:
            return chr(code)
    raise TemplateFault("it uses every private-use character of Unicode")


def _compiled(tokenizer: PreTrainedTokenizerFast) -> jinja2.Template:
    """Return the tokenizer's template in transformers' own environment, but for its clock."""
    from transformers.utils.chat_template_utils import _compile_jinja_template

    try:
        template: jinja2.Template = _compile_jinja_template(tokenizer.get_chat_template())
    except jinja2.TemplateError as error:
        raise StageError(f"the model's chat template is not Jinja: {error}") from error
    template.environment.globals["strftime_now"] = _fixed_date
    return template


def _fixed_date(form: str) -> str:
    # Some templates write today's date into the prompt. Training on it would make every day's
    # tokens differ; this is the date that those templates name themselves where there is no clock.
    return datetime(2024, 7, 26).strftime(form)

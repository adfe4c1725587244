"""The model's own chat template, read backwards: what of a conversation is prompt, what is answer.

The template is a program that turns messages into text. It is run on the conversation up to each
assistant turn, once asking for an answer and once with the answer; what the second adds to the
first is what the model must learn to say, its end mark included. That holds only if the first is
the beginning of the second, which is checked for every row and never assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import jinja2

from ftc_runtime.data.conversation import Conversation, Message, text_message
from ftc_runtime.errors import StageError
from ftc_runtime.templates.rendered import Piece, Rendered, Specials, TemplateFault

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


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
        self.specials = Specials(tokenizer)
        self.turn_end = self._turn_end()
        self.ends = self.specials.first_in(self.turn_end)

    def render(self, conversation: Conversation) -> Rendered:
        """Return a whole conversation, its answers found in the text.

        Raises:
            TemplateFault: if the template refuses it, or a prompt does not begin the whole.
        """
        chat = self._chat(conversation)
        whole = chat.run(chat.messages, False)
        pieces: list[Piece] = []
        for turn, message in enumerate(conversation.messages):
            if message.role == "assistant":
                first, last = _answer_span(chat, turn, whole=whole)
                frame_from = pieces[-1].stop if pieces else 0
                pieces.append(Piece(frame_from, first, "frame"))
                pieces += _answer_pieces(whole, first, last, content=chat.text(turn), turn=turn)
        pieces.append(Piece(pieces[-1].stop if pieces else 0, len(whole), "frame"))
        answers = frozenset(piece.message for piece in pieces if piece.message is not None)
        return Rendered(whole, tuple(p for p in pieces if p.start < p.stop), chat.mark, answers)

    def prompt(self, conversation: Conversation) -> Rendered:
        """Return the text after which the assistant is to answer.

        Raises:
            TemplateFault: if the template refuses the conversation.
        """
        chat = self._chat(conversation)
        text = chat.run(chat.messages, True)
        return Rendered(text, (Piece(0, len(text), "frame"),), chat.mark)

    def _chat(self, conversation: Conversation) -> _Chat:
        mark = self.specials.mark(conversation)
        return _Chat(
            [self._chat_message(message, mark) for message in conversation.messages],
            mark,
            self._run,
        )

    def _run(self, chat: Chat, ask: bool) -> str:
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
        return {"role": message.role, "content": self.specials.escaped(message.text, mark)}

    def _turn_end(self) -> str:
        """Return what the template writes behind an answer, found on a probe."""
        probe = [text_message("user", "Question"), text_message("assistant", "Answer")]
        try:
            rendered = self.render(Conversation(tuple(probe)))
        except TemplateFault as fault:
            raise StageError(
                f"the assistant's turns cannot be found in the model's chat template: {fault}",
                "Check the template with `ftc doctor MODEL`",
            ) from fault
        return rendered.text.rpartition("Answer")[2]


Chat = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Chat:
    """A conversation as the template gets it, and what runs the template on some of it."""

    messages: Chat
    mark: str
    run: Callable[[Chat, bool], str]

    def text(self, turn: int) -> str:
        """What was said, as most templates write it."""
        return self.messages[turn]["content"].strip()


def _answer_span(chat: _Chat, turn: int, *, whole: str) -> tuple[int, int]:
    """Return where the answer of a turn, with its end mark, lies in the whole conversation."""
    prompt, answered = (
        chat.run(chat.messages[:turn], True),
        chat.run(chat.messages[: turn + 1], False),
    )
    if not answered.startswith(prompt):
        raise TemplateFault(_difference(f"the prompt of turn {turn}", prompt, answered))
    answer = answered[len(prompt) :]
    if whole.startswith(prompt + answer):
        return len(prompt), len(prompt) + len(answer)
    # Reasoning templates write an empty thought into the last answer only: earlier answers are
    # then found by their own text and what follows it.
    content = chat.text(turn)
    plain = answer[answer.rfind(content) :] if content in answer else answer
    if whole.startswith(prompt + plain):
        return len(prompt), len(prompt) + len(plain)
    raise TemplateFault(_difference(f"turn {turn}", prompt + answer, whole))


def _answer_pieces(
    whole: str, first: int, last: int, *, content: str, turn: int
) -> Iterator[Piece]:
    """Tell what of an answer was said from what the template puts around it."""
    at = whole.rfind(content, first, last)
    if not content or at < 0:
        yield Piece(first, last, "content", turn)
        return
    yield Piece(first, at, "thinking", turn)
    yield Piece(at, at + len(content), "content", turn)
    yield Piece(at + len(content), last, "end", turn)


def _difference(what: str, part: str, whole: str) -> str:
    at = next(
        (index for index, pair in enumerate(zip(part, whole, strict=False)) if pair[0] != pair[1]),
        min(len(part), len(whole)),
    )
    return (
        f"{what} is not the beginning of what follows: "
        f"{part[at : at + 40]!r} became {whole[at : at + 40]!r} at character {at}"
    )


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

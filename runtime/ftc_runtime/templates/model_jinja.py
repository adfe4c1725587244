"""A model's own Jinja template, run as transformers runs it, but for its clock."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import jinja2

from ftc_runtime.data.conversation import Conversation, Message
from ftc_runtime.errors import StageError
from ftc_runtime.templates.rendered import TemplateFault

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


class ModelJinja:
    """The template of a tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, *, enable_thinking: bool | None) -> None:
        """Compile it. *enable_thinking* is given to it unless it is None.

        Raises:
            StageError: if it is not Jinja.
        """
        self._template = _compiled(tokenizer)
        self._tokens = {name: str(text) for name, text in tokenizer.special_tokens_map.items()}
        self._thinking = {} if enable_thinking is None else {"enable_thinking": enable_thinking}

    def run(self, conversation: Conversation, *, ask: bool) -> str:
        """Return the text of a conversation; with *ask*, up to where the assistant answers.

        Raises:
            TemplateFault: if the template refuses it.
        """
        return self._run(conversation, ask=ask, thinking=self._thinking)

    def thinking_prompt(self, conversation: Conversation) -> str:
        """Return the prompt that would have the model think.

        Raises:
            TemplateFault: if the template refuses it.
        """
        return self._run(conversation, ask=True, thinking={"enable_thinking": True})

    def depends_on_thinking(self, conversation: Conversation) -> bool:
        """Say whether a prompt or its answer is another with `enable_thinking` than without."""
        texts = {
            (ask, self._run(asked, ask=ask, thinking={"enable_thinking": enabled}))
            for enabled in (True, False)
            for ask, asked in ((True, conversation.upto(1)), (False, conversation))
        }
        return len(texts) > 2

    def _run(self, conversation: Conversation, *, ask: bool, thinking: dict[str, bool]) -> str:
        try:
            text: str = self._template.render(
                messages=[chat_message(said, at) for at, said in enumerate(conversation.messages)],
                tools=[dict(tool) for tool in conversation.tools] or None,
                documents=None,
                add_generation_prompt=ask,
                **self._tokens,
                **thinking,
            )
        except (jinja2.TemplateError, ValueError, TypeError, KeyError, IndexError) as error:
            raise TemplateFault(f"the template refuses it: {error}") from error
        return text


def chat_message(message: Message, at: int) -> dict[str, Any]:
    """Return a message as chat templates take it."""
    said: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.reasoning_content is not None:
        said["reasoning_content"] = message.reasoning_content
    if message.tool_calls:
        said["tool_calls"] = [
            {
                # Some templates want an id, and one of nine characters.
                "id": f"{at:05}{number:04}",
                "type": "function",
                "function": {"name": call.name, "arguments": dict(call.arguments)},
            }
            for number, call in enumerate(message.tool_calls)
        ]
    return said


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

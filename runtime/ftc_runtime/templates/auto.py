"""The model's own chat template, read backwards: what of a conversation is prompt, what is answer.

The template is a program that turns messages into text. It is run on the conversation up to each
assistant turn, once asking for an answer and once with the answer; what the second adds to the
first is what the model must learn to say, its end mark included. That holds only if the first is
the beginning of the second, which is checked and never assumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, Message, ToolCall, text_message
from ftc_runtime.errors import StageError
from ftc_runtime.templates.model_jinja import ModelJinja
from ftc_runtime.templates.rendered import Piece, Rendered, Specials, TemplateFault
from ftc_runtime.templates.skeleton import Bone, pieces, skeleton, with_stand_ins
from ftc_runtime.templates.thoughts import thoughts_in

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

ANSWER = "Answer"
PROBE = Conversation((text_message("user", "Question"), text_message("assistant", ANSWER)))
THOUGHT = "Thought-7f3a"
TOOL = "tool_7f3a"


class AutoTemplate:
    """A tokenizer's chat template and the mask that follows from it."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerFast, *, enable_thinking: bool | None = None
    ) -> None:
        """Try the template on a short conversation.

        Raises:
            StageError: if there is no template, or the answer cannot be told from the prompt.
        """
        if not tokenizer.chat_template:
            raise StageError(
                "the model has no chat template, so `template: auto` has nothing to read",
                "Use an instruction-tuned model, or choose a template: `template: chatml`",
            )
        self._thinks = enable_thinking
        self._jinja = ModelJinja(tokenizer, enable_thinking=enable_thinking)
        self.specials = Specials(tokenizer)
        self._skeleton = lru_cache(maxsize=256)(self._bones)
        self.turn_end = self._turn_end()
        self.ends = self.specials.first_in(self.turn_end)

    def render(self, conversation: Conversation) -> Rendered:
        """Return a whole conversation, its answers and contents found in the text.

        Raises:
            TemplateFault: if the template refuses it or leaves something out of it, or a prompt
                does not begin the whole.
        """
        spoken = self._spoken(conversation)
        mark = self.specials.mark(spoken)
        escaped = self._escaped(spoken, mark)
        whole = self._jinja.run(escaped, ask=False)
        answers = frozenset(
            turn for turn, said in enumerate(escaped.messages) if said.role == "assistant"
        )
        found = self._by_skeleton(escaped, whole) or self._by_prompts(escaped, whole)
        thoughts = thoughts_in(
            whole, found, self._escaped(conversation, mark).messages, thinks=self._thinks is True
        )
        return Rendered(whole, found, mark, answers, thoughts)

    def prompt(self, conversation: Conversation) -> Rendered:
        """Return the text after which the assistant is to answer.

        Raises:
            TemplateFault: if the template refuses the conversation, or leaves something out of it.
        """
        conversation = self._spoken(conversation)
        mark = self.specials.mark(conversation)
        text = self._jinja.run(self._escaped(conversation, mark), ask=True)
        return Rendered(text, (Piece(0, len(text), "frame"),), mark)

    @cached_property
    def writes_thoughts(self) -> bool:
        """Does it write what the assistant thinks?"""
        answer = text_message("assistant", ANSWER, reasoning_content=THOUGHT)
        return self._writes(Conversation((PROBE.messages[0], answer)), THOUGHT)

    @cached_property
    def writes_tools(self) -> bool:
        """Does it write which tools there are, and the calls of them?"""
        parameters: dict[str, Json] = {"type": "object", "properties": {}}
        function: Json = {"name": TOOL, "description": "Probe", "parameters": parameters}
        tools: tuple[dict[str, Json], ...] = ({"type": "function", "function": function},)
        call = Message("assistant", (), tool_calls=(ToolCall(TOOL, {}),))
        asked = Conversation((PROBE.messages[0],), tools)
        called = Conversation((PROBE.messages[0], call))
        return self._writes(asked, TOOL) and self._writes(called, TOOL)

    @cached_property
    def asks_for_thinking(self) -> bool:
        """Does the text depend on `enable_thinking`?"""
        return self._jinja.depends_on_thinking(PROBE)

    def _writes(self, conversation: Conversation, words: str) -> bool:
        try:
            return words in self._jinja.run(conversation, ask=False)
        except TemplateFault:
            return False

    def _spoken(self, conversation: Conversation) -> Conversation:
        """Leave out thoughts where the model is not to think, as the prompt there says it did not.

        Raises:
            TemplateFault: for what the template would leave out without a word.
        """
        said = conversation.messages
        if self._thinks is False and any(message.reasoning_content for message in said):
            said = tuple(replace(message, reasoning_content=None) for message in said)
        if any(message.reasoning_content is not None for message in said):
            if not self.writes_thoughts:
                raise TemplateFault("it has a thought, which the model's own template leaves out")
        if conversation.tools or any(message.tool_calls for message in said):
            if not self.writes_tools:
                raise TemplateFault("it has tools, which the model's own template leaves out")
        return Conversation(said, conversation.tools)

    def _escaped(self, conversation: Conversation, mark: str) -> Conversation:
        return self.specials.escaped_conversation(conversation, mark) if mark else conversation

    def _by_skeleton(self, conversation: Conversation, whole: str) -> tuple[Piece, ...] | None:
        """Find the contents by what the template writes around any contents."""
        stood_in = with_stand_ins(conversation)
        if stood_in is None:
            return None
        plain = not conversation.tools and not any(
            message.tool_calls or message.reasoning_content is not None
            for message in conversation.messages
        )
        try:
            bones = self._skeleton(stood_in) if plain else self._bones(stood_in)
        except TemplateFault:  # told of the real contents, if they have it too
            return None
        return pieces(bones, [said.text for said in conversation.messages], whole)

    def _bones(self, conversation: Conversation) -> list[Bone]:
        whole = self._jinja.run(conversation, ask=False)
        return skeleton(Rendered(whole, self._by_prompts(conversation, whole)))

    def _by_prompts(self, conversation: Conversation, whole: str) -> tuple[Piece, ...]:
        """Find the answers by what each adds to the prompt before it."""
        found: list[Piece] = []
        for turn, message in enumerate(conversation.messages):
            if message.role == "assistant":
                first, last = self._answer_span(conversation, turn, whole)
                found.append(Piece(found[-1].stop if found else 0, first, "frame"))
                found += _answer_pieces(whole, first, last, content=message.text, turn=turn)
        found.append(Piece(found[-1].stop if found else 0, len(whole), "frame"))
        return tuple(piece for piece in found if piece.start < piece.stop)

    def _answer_span(self, conversation: Conversation, turn: int, whole: str) -> tuple[int, int]:
        """Return where the answer of a turn, with its end mark, lies in the whole conversation."""
        prompt = self._jinja.run(conversation.upto(turn), ask=True)
        answered = self._jinja.run(conversation.upto(turn + 1), ask=False)
        if not answered.startswith(prompt):
            raise TemplateFault(_difference(f"the prompt of turn {turn}", prompt, answered))
        answer = answered[len(prompt) :]
        if whole.startswith(prompt + answer):
            return len(prompt), len(prompt) + len(answer)
        # Reasoning templates write an empty thought into the last answer only: earlier answers are
        # then found by their own text and what follows it.
        content = conversation.messages[turn].text.strip()
        plain = answer[answer.rfind(content) :] if content in answer else answer
        starts = [prompt]
        if self._thinks is False:  # the empty thought of the prompt stands in the last one only
            starts.append(self._jinja.thinking_prompt(conversation.upto(turn)))
        for start in starts:
            if prompt.startswith(start) and whole.startswith(start + plain):
                return len(start), len(start) + len(plain)
        raise TemplateFault(_difference(f"turn {turn}", prompt + answer, whole))

    def _turn_end(self) -> str:
        """Return what the template writes behind an answer, found on a probe."""
        try:
            rendered = self.render(PROBE)
        except TemplateFault as fault:
            raise StageError(
                f"the assistant's turns cannot be found in the model's chat template: {fault}",
                "Check the template with `ftc doctor MODEL`, or choose one: `template: chatml`",
            ) from fault
        return rendered.text.rpartition(ANSWER)[2]


def _answer_pieces(
    whole: str, first: int, last: int, *, content: str, turn: int
) -> Iterator[Piece]:
    """Tell what of an answer was said from what the template puts around it."""
    said = content.strip()
    at = whole.rfind(said, first, last)
    if not said or at < 0:
        yield Piece(first, last, "content", turn)
        return
    yield Piece(first, at, "thinking" if whole[first:at].strip() else "content", turn)
    yield Piece(at, at + len(said), "content", turn)
    yield Piece(at + len(said), last, "end", turn)


def _difference(what: str, part: str, whole: str) -> str:
    at = next(
        (index for index, pair in enumerate(zip(part, whole, strict=False)) if pair[0] != pair[1]),
        min(len(part), len(whole)),
    )
    return (
        f"{what} is not the beginning of what follows: "
        f"{part[at : at + 40]!r} became {whole[at : at + 40]!r} at character {at}"
    )

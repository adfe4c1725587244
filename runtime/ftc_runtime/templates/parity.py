"""The proof that a template says the same to the model in training and when it is served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ftc_runtime.data.conversation import Conversation
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import Definition
from ftc_runtime.templates.encoding import Encoder
from ftc_runtime.templates.jinja import to_jinja
from ftc_runtime.templates.model_jinja import chat_message
from ftc_runtime.templates.probes import PROBES, spelling
from ftc_runtime.templates.rendered import Rendered, TemplateFault
from ftc_runtime.templates.slots import tokens_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPELLED = "spelled special tokens"


@dataclass(frozen=True, slots=True)
class Difference:
    """A conversation that training and serving render differently: its text, or else its ids."""

    probe: str
    training: str
    serving: str


def prove(definition: Definition, tokenizer: PreTrainedTokenizerFast) -> list[Difference]:
    """Return where transformers renders the compiled Jinja otherwise than training does."""
    return Parity(tokenizer).differences(definition)


class Parity:
    """Compares renderings with one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Prepare the tokenizer, which takes longer than a template."""
        self._tokenizer = tokenizer
        self._encoder = Encoder(tokenizer)

    def differences(self, definition: Definition) -> list[Difference]:
        """Return where a template's renderings differ: none if it is proven."""
        jinja = to_jinja(definition, tokens_of(definition, self._tokenizer))
        found: list[Difference] = []
        for chosen, said in _choices(definition):
            template = DefinedTemplate(chosen, self._tokenizer)
            for name, probe in {**PROBES, SPELLED: spelling(template.ends)}.items():
                for asked, ask in _stretches(probe):
                    try:
                        ours = template.prompt(asked) if ask else template.render(asked)
                    except TemplateFault:
                        continue  # the model never sees in training what it has no place for
                    theirs = _Served(self._tokenizer, jinja, asked, ask, said)
                    found += self._difference(name, ours, theirs)
        return found

    def _difference(self, name: str, ours: Rendered, theirs: _Served) -> Iterator[Difference]:
        ids, served_ids = self._encoder.encode([ours])[0].ids, theirs.ids(spelled=bool(ours.mark))
        text = ours.text.replace(ours.mark, "") if ours.mark else ours.text
        same = ids == served_ids
        if ours.mark:
            # Where a special token is spelled, transformers cuts the text, and so the words around
            # it, elsewhere than we do. What counts is that the real tokens are the same.
            same = self._special(ids) == self._special(served_ids) and text == theirs.text()
        if not same:
            served = theirs.text()
            if text == served:
                text, served = str(ids), str(served_ids)
            yield Difference(name, text, served)

    def _special(self, ids: list[int]) -> list[int]:
        return [token for token in ids if token in self._encoder.special_ids]


@dataclass(frozen=True, slots=True)
class _Served:
    """A conversation as transformers renders it."""

    tokenizer: PreTrainedTokenizerFast
    jinja: str
    conversation: Conversation
    ask: bool
    variables: dict[str, bool]

    def text(self) -> str:
        text: str = self._applied(tokenize=False)
        return text

    def ids(self, *, spelled: bool) -> list[int]:
        """Return the ids. Where a special token is *spelled*, transformers is told to mind it."""
        ids: list[int] = self._applied(
            tokenize=True, return_dict=False, sanitize_control_tokens=spelled
        )
        return ids

    def _applied(self, **options: Any) -> Any:
        said = enumerate(self.conversation.messages)
        return self.tokenizer.apply_chat_template(
            [chat_message(message, at) for at, message in said],
            tools=[dict(tool) for tool in self.conversation.tools] or None,
            chat_template=self.jinja,
            add_generation_prompt=self.ask,
            **options,
            **self.variables,
        )


def _choices(definition: Definition) -> Iterator[tuple[Definition, dict[str, bool]]]:
    """Tell what a caller may choose, and the definition that it amounts to."""
    yield definition, {}
    if definition.thinking and definition.enable_thinking is not False:
        choice = not definition.enable_thinking
        chosen = definition.model_copy(update={"enable_thinking": choice})
        yield chosen, {"enable_thinking": choice}


def _stretches(probe: Conversation) -> Iterator[tuple[Conversation, bool]]:
    """Tell the whole conversation, and what is asked before each answer."""
    yield probe, False
    for at, message in enumerate(probe.messages):
        if message.role == "assistant":
            yield probe.upto(at), True

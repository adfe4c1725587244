"""What there is to say about a template and a tokenizer before anything is trained with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.errors import StageError
from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import Definition
from ftc_runtime.templates.parity import prove
from ftc_runtime.templates.rendered import ChatTemplate, TemplateFault

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

QUESTION, ANSWER = text_message("user", "Question"), text_message("assistant", "Answer")
COMPARED = {
    "one turn": Conversation((QUESTION, ANSWER)),
    "a system message": Conversation((text_message("system", "System"), QUESTION, ANSWER)),
    "two turns": Conversation((QUESTION, ANSWER, text_message("user", "More"), ANSWER)),
}
SHOWN = 60
"""Characters of a difference."""


@dataclass(slots=True)
class Finding:
    """What was found. *differences*: where the chosen template differs from the model's own."""

    ends: tuple[str, ...] = ()
    mask: str = "yes"
    thinks: bool = False
    tools: bool = False
    differences: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def json(self) -> Json:
        """Return it as JSON."""
        return {
            "ends": list(self.ends),
            "mask": self.mask,
            "thinks": self.thinks,
            "tools": self.tools,
            "differences": dict(self.differences),
            "warnings": list(self.warnings),
        }


def own_finding(tokenizer: PreTrainedTokenizerFast, *, enable_thinking: bool | None) -> Finding:
    """Return what `template: auto` finds in the model's own template, or why it finds nothing.

    Raises:
        StageError: if the template thinks or not as it is told, and nobody tells it.
    """
    try:
        own = AutoTemplate(tokenizer, enable_thinking=enable_thinking)
    except StageError as fault:
        return Finding(mask=f"no: {fault.message}", warnings=[fault.message])
    if own.asks_for_thinking and enable_thinking is None:
        raise StageError(
            "the model's own template thinks or not, as it is told, and nothing tells it",
            "Write enable_thinking: true or false under the model",
        )
    return Finding(own.ends, thinks=own.writes_thoughts, tools=own.writes_tools)


def finding(definition: Definition, tokenizer: PreTrainedTokenizerFast) -> Finding:
    """Return how a template of the library or the project does with a tokenizer.

    Raises:
        StageError: if no token of the tokenizer could end an answer, or the Jinja that would be
            served says something else than what would be trained.
    """
    chosen = DefinedTemplate(definition, tokenizer)
    known = tokenizer.get_vocab()
    ends = tuple(end for end in chosen.ends if end in known)
    if not ends:
        raise StageError(
            f"the tokenizer has no token that ends an answer: {', '.join(chosen.ends) or 'none'}",
            "Choose the template of the model's family, or `template: auto`",
        )
    found = Finding(
        ends, thinks=definition.thinking is not None, tools=definition.tool_format is not None
    )
    unknown = [stop for stop in definition.stop if stop not in known]
    if unknown:
        found.warnings.append(
            f"{', '.join(unknown)} is no token of the model's: the template is of another family"
        )
    _hold_proof(definition, tokenizer)
    if tokenizer.chat_template:
        found.differences = _differences(chosen, tokenizer, definition.enable_thinking)
    if found.differences:
        where = ", ".join(found.differences)
        found.warnings.append(f"it differs from the model's own template: {where}")
    return found


def _hold_proof(definition: Definition, tokenizer: PreTrainedTokenizerFast) -> None:
    unlike = prove(definition, tokenizer)
    if unlike:
        first = unlike[0]
        raise StageError(
            f"the template cannot be served as it is trained with: {len(unlike)} of the probes "
            f"differ, {first.probe!r} first\n  trained: {first.training!r}\n"
            f"  served:  {first.serving!r}",
            "Change its slots under `templates:`",
        )


def _differences(
    chosen: ChatTemplate, tokenizer: PreTrainedTokenizerFast, enable_thinking: bool | None
) -> dict[str, str]:
    try:
        own = AutoTemplate(tokenizer, enable_thinking=enable_thinking)
    except StageError as fault:
        return {"the whole": fault.message}
    found = {name: _difference(chosen, own, probe) for name, probe in COMPARED.items()}
    return {name: difference for name, difference in found.items() if difference}


def _difference(chosen: ChatTemplate, own: ChatTemplate, probe: Conversation) -> str:
    try:
        ours, theirs = chosen.render(probe).text, own.render(probe).text
    except TemplateFault as fault:
        return str(fault)
    if ours == theirs:
        return ""
    pairs = enumerate(zip(ours, theirs, strict=False))
    at = next((at for at, (one, other) in pairs if one != other), min(len(ours), len(theirs)))
    return f"{ours[at : at + SHOWN]!r} is {theirs[at : at + SHOWN]!r} in the model's own"

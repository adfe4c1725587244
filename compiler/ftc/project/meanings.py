"""What a reference means: `NAME`, `NAME.OUTPUT`, or either behind `dataset:` and its like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ftc.diagnostics import close_words, did_you_mean, listed, suggestion
from ftc.project.schema import Item
from ftc.project.sections import SECTIONS
from ftc.project.written import bare
from ftc_runtime.contract import Artifact

FORM = re.compile(r"(?:(?P<noun>[a-z]+):)?(?P<name>[^.:]+)(?:\.(?P<output>[^:]+))?")
"""A reference to an item, or to an output of one. The name of a variant has dots of its own."""
MOST_LISTED = 6
NOUNS = {section.noun: section.name for section in SECTIONS.values()}
IN_WORDS = {
    Artifact.MODEL: "a model",
    Artifact.TOKENIZER: "a model with a tokenizer",
    Artifact.ROWS: "a dataset",
    Artifact.ADAPTER: "a finetune",
    Artifact.GGUF: "a GGUF export",
    Artifact.SCORES: "an eval",
}
OF_TYPE = {
    Artifact.ROWS: "type sft",
    Artifact.PREFERENCES: "type preference",
    Artifact.JUDGED: "type kto",
    Artifact.TEXTS: "type text",
}
Items = Mapping[str, Mapping[str, Item]]


@dataclass(frozen=True, slots=True)
class Meaning:
    """One output of one item."""

    section: str
    name: str
    output: str


@dataclass(frozen=True, slots=True)
class Parts:
    """A reference taken apart."""

    sections: list[str]
    """Where its item can be."""
    name: str
    output: str | None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Why a reference means nothing, or not one thing."""

    code: str
    message: str
    help: str | None = None


def meaning_of(
    items: Items,
    reference: str,
    wants: tuple[Artifact, ...],
    *,
    asked_by: str = "this",
    others: Iterable[str] = (),
) -> Meaning | Unclear:
    """Return what *reference* means to a consumer of *wants*, the best of them first.

    A bare name means the item's first output that will do. *asked_by* is the field, and *others*
    are names that would do as well, both for messages.
    """
    parts = parts_of(items, reference)
    named = {
        section: item
        for section in (parts.sections if parts else ())
        if parts and (item := items.get(section, {}).get(parts.name)) is not None
    }
    if parts is None or not named:
        return _unknown_name(items, reference, wants, others)
    if parts.output:
        named = {key: item for key, item in named.items() if parts.output in item.outputs()}
        if not named:
            return _unknown_output(items, parts.sections, parts.name, parts.output)
    fitting = {
        section: outputs
        for section, item in named.items()
        if (outputs := _fitting(item, parts.output, wants))
    }
    if not fitting:
        return _wrong_artifact(named, parts, wants, asked_by=asked_by)
    return _only_one(items, fitting, parts.name)


def parts_of(items: Items, reference: str) -> Parts | None:
    """Return the parts of a reference, or None if it has not the form of one."""
    match = FORM.fullmatch(reference)
    if match is None or (match["noun"] and match["noun"] not in NOUNS):
        return None
    sections = [NOUNS[match["noun"]]] if match["noun"] else list(SECTIONS)
    if "@" not in match["name"]:
        return Parts(sections, match["name"], match["output"])
    words = reference[match.start("name") :]
    names = (name for section in sections for name in items.get(section, {}))
    heads = [name for name in names if f"{words}.".startswith(f"{name}.")]
    name = max(heads, key=len, default=words)
    return Parts(sections, name, words[len(name) + 1 :] or None)


def _fitting(item: Item, output: str | None, wants: tuple[Artifact, ...]) -> list[str]:
    """Return the outputs that will do, of the best kind of artifact of which there is one."""
    offered = item.outputs()
    if output:
        return [output] if offered[output] in wants else []
    for artifact in wants:
        names = [name for name, made in offered.items() if made is artifact]
        if names:
            return names
    return []


def _only_one(items: Items, fitting: dict[str, list[str]], name: str) -> Meaning | Unclear:
    if len(fitting) > 1:
        choices = [f"`{SECTIONS[section].noun}:{name}`" for section in fitting]
        message = f"`{name}` is the name of more than one thing"
        return Unclear("ambiguous-name", message, f"write {listed(choices)}")
    [(section, outputs)] = fitting.items()
    # What the class itself declares has an order, and the first is meant: a dataset's `train`.
    # Outputs that the settings name (q4_k_m, q8_0) are equals.
    if len(outputs) > 1 and outputs[0] not in items[section][name].makes:
        choices = [f"`{name}.{output}`" for output in outputs]
        message = f"`{name}` makes {len(outputs)} things that would do here"
        return Unclear("ambiguous-name", message, f"write {listed(choices)}")
    return Meaning(section, name, outputs[0])


def _unknown_name(
    items: Items, reference: str, wants: tuple[Artifact, ...], others: Iterable[str]
) -> Unclear:
    if (unclear := _not_one_variant(items, reference)) is not None:
        return unclear
    names = [*others]
    names += [
        name
        for section in SECTIONS
        for name, item in items.get(section, {}).items()
        if set(item.outputs().values()) & set(wants)
    ]
    way_out = suggestion(reference.split(".")[0].split(":")[-1], dict.fromkeys(names))
    if way_out is None and ("/" in reference or "\\" in reference):
        way_out = (
            "this is a name in the project: give a source a name under `models:` or `datasets:`"
        )
    if way_out is None and 0 < len(names) <= 5:
        way_out = f"what would do here: {', '.join(f'`{name}`' for name in names)}"
    return Unclear("unknown-name", f"nothing in this project is named `{reference}`", way_out)


def _not_one_variant(items: Items, reference: str) -> Unclear | None:
    """Return the fault of a reference to an item with a matrix that names none of its variants."""
    match = FORM.fullmatch(reference)
    name = bare(match["name"]) if match else ""
    names = (known for named in items.values() for known in named)
    variants = [known for known in names if known.startswith(f"{name}@")]
    if match is None or not variants:
        return None
    output = f".{match['output']}" if match["output"] and "@" not in reference else ""
    close = close_words(reference[match.start("name") :], variants) if "@" in reference else []
    shown = [f"`{variant}{output}`" for variant in close or variants[:MOST_LISTED]]
    if "@" in reference:
        return Unclear(
            "unknown-name",
            f"`{name}` has no variant `{reference.partition('@')[2]}`",
            f"did you mean {listed(shown)}?" if close else f"write {listed(shown)}",
        )
    more = f"; it has {len(variants)} variants" if len(variants) > len(shown) else ""
    message = f"`{reference}` stands for each variant of its matrix, and one is needed here"
    return Unclear("ambiguous-name", message, f"write {listed(shown)}{more}")


def _unknown_output(items: Items, sections: list[str], name: str, output: str) -> Unclear:
    named = {key: items[key][name] for key in sections if name in items.get(key, {})}
    message = f"`{name}` has no output `{output}`"
    for section, item in named.items():
        meant = did_you_mean(output, item.makes)
        if meant is not None and meant not in item.outputs() and section == "datasets":
            return Unclear(
                "unknown-output", message, f"add `{meant}: {{fraction: 0.1}}` to {section}.{name}"
            )
    outputs = [word for item in named.values() for word in item.outputs()]
    return Unclear("unknown-output", message, f"it makes {listed(outputs, last='and')}")


def _wrong_artifact(
    named: dict[str, Item], parts: Parts, wants: tuple[Artifact, ...], *, asked_by: str
) -> Unclear:
    section, item = next(iter(named.items()))
    output = parts.output
    needed = listed(IN_WORDS.get(want, f"{want}") for want in wants)
    noun = SECTIONS[section].noun
    what = f"the {item.outputs()[output]} of a {noun}" if output else f"a {noun}"
    if not output and section in ("evals", "exports"):
        what = f"an {noun}"
    made = item.outputs()[output or next(iter(item.outputs()))]
    if section == "datasets" and made in OF_TYPE and set(wants) & OF_TYPE.keys():
        needed = f"a dataset of {listed(OF_TYPE[want] for want in wants if want in OF_TYPE)}"
        what = f"one of {OF_TYPE[made]}"
    reference = parts.name + (f".{output}" if output else "")
    return Unclear("wrong-artifact", f"`{asked_by}` needs {needed}, but `{reference}` is {what}")

"""One item: which class it is of, its values checked by that class, and its faults in our words."""

from __future__ import annotations

import json
from dataclasses import replace

from pydantic import ValidationError

from ftc.diagnostics import Diagnostic, suggestion
from ftc.project.faults import item_faults
from ftc.project.later import later_value
from ftc.project.wanted import found, shown
from ftc.project.written import Written


def checked(written: Written) -> tuple[Written, list[Diagnostic]]:
    """Return the item with its class and values, as far as it has them, and all its faults."""
    if not isinstance(written.node.value, dict):
        return written, []
    section = written.section
    if section.discriminator is not None:
        faults = _form_faults(written)
        if faults:
            return written, faults
    item_class = section.item_class(written.form)
    written = replace(written, item_class=item_class)
    try:
        # By way of JSON, since in strict mode only that takes a list for a tuple, and the like.
        text = json.dumps(written.node.value)
        item = item_class.model_validate_json(text, strict=True)
    except ValidationError as error:
        return written, item_faults(written, item_class, error)
    return replace(written, item=item), []


def _form_faults(written: Written) -> list[Diagnostic]:
    """Return what is wrong with the key that says which form an item has."""
    section = written.section
    key = section.discriminator or ""
    forms = section.forms()
    known = ", ".join(forms)
    node = written.node.children.get(key)
    if node is None:
        if section.default is not None:
            return []
        message = f"`{written.said}` needs `{key}`"
        return [Diagnostic("missing-key", message, written.key, f"one of {known}")]
    if not isinstance(node.value, str):
        message = f"`{key}` needs one word of {known}, but {found(node.value)}"
        return [Diagnostic("wrong-type", message, node.place)]
    if node.value in forms:
        return []
    later = later_value(section.name, (key,), node.value)
    if later:
        return [Diagnostic("not-yet", later, node.place)]
    message = f"there is no {section.noun} of {key} {shown(node.value)}"
    help = suggestion(node.value, forms) or f"one of {known}"
    return [Diagnostic("not-one-of", message, node.place, help)]

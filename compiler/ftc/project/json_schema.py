"""The JSON Schema of project.yaml, for editors that complete and check as one types."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from ftc.project.matrix import MATRIX
from ftc.project.outline import NAME, VERSION
from ftc.project.schema import Item
from ftc.project.sections import GC, INGREDIENTS, OPERATIONAL, SECTIONS
from ftc.project.wanted import leaves
from ftc.project.written import dotted

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema of the whole file, made from the classes that check it.

    No key of an item is required in it, since `defaults` may give any of them.
    """
    sections = SECTIONS | INGREDIENTS | OPERATIONAL
    forms = {name: section.item_classes() for name, section in sections.items()}
    classes = [item_class for section in forms.values() for item_class in section]
    classes.append(GC.item_class())
    references, shared = models_json_schema([(item_class, "validation") for item_class in classes])
    definitions: dict[str, Any] = shared["$defs"]
    for item_class in classes:
        name = _reference(references, item_class).removeprefix("#/$defs/")
        definitions[name].pop("required", None)
        definitions[name]["properties"][MATRIX] = _matrix(item_class)
    items = {
        name: {"anyOf": [{"$ref": _reference(references, item_class)} for item_class in section]}
        for name, section in forms.items()
    }
    name_rule = {"type": "string", "pattern": f"^{NAME.pattern}$"}
    return {
        "$schema": DIALECT,
        "title": "project.yaml of ftc",
        "type": "object",
        "properties": {
            "version": {"const": VERSION},
            "name": name_rule,
            **{
                name: {
                    "type": ["object", "null"],
                    "propertyNames": name_rule,
                    "additionalProperties": item,
                }
                for name, item in items.items()
            },
            GC.name: {"$ref": _reference(references, GC.item_class())},
            "defaults": _defaults(items),
        },
        "required": ["version", "name"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _defaults(items: dict[str, Any]) -> dict[str, Any]:
    """What every item has, and so no matrix."""
    plain = {name: {**items[name], "not": {"required": [MATRIX]}} for name in SECTIONS}
    return {"type": "object", "properties": plain, "additionalProperties": False}


def _matrix(item_class: type[Item]) -> dict[str, Any]:
    """The axes that an item can have: any of its settings, by their whole paths."""
    values = {"type": "array", "minItems": 1, "uniqueItems": True}
    return {
        "type": "object",
        "description": "Makes one item of each combination: {lora.r: [8, 16]}",
        "properties": {dotted(path): values for path in leaves(item_class)},
        "additionalProperties": values,
        "minProperties": 1,
    }


def _reference(references: dict[Any, Any], item_class: type[Item]) -> str:
    return str(references[(item_class, "validation")]["$ref"])

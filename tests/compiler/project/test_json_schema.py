"""The JSON Schema for editors."""

from __future__ import annotations

import json

from ftc.project.json_schema import json_schema
from ftc.project.sections import INGREDIENTS, OPERATIONAL, SECTIONS


def test_every_section_and_form_is_in_the_schema() -> None:
    """Each reference leads to a definition that forbids keys of its own making."""
    schema = json_schema()

    assert list(schema["properties"]) == [
        "version",
        "name",
        *SECTIONS,
        *INGREDIENTS,
        *OPERATIONAL,
        "gc",
        "defaults",
    ]
    for name, section in (SECTIONS | INGREDIENTS | OPERATIONAL).items():
        choices = schema["properties"][name]["additionalProperties"]["anyOf"]
        assert len(choices) == len(section.item_classes())
        for choice, item_class in zip(choices, section.item_classes(), strict=True):
            definition = schema["$defs"][choice["$ref"].removeprefix("#/$defs/")]
            assert list(definition["properties"]) == [*item_class.model_fields, "matrix"]
            assert definition["additionalProperties"] is False
            assert "required" not in definition


def test_the_schema_is_json_and_the_same_each_time() -> None:
    """It is written to a file that editors read."""
    assert json.dumps(json_schema()) == json.dumps(json_schema())


def test_an_editor_completes_the_axes_of_a_matrix() -> None:
    """Any setting by its whole path, with a list of values; defaults have none."""
    schema = json_schema()

    _pretrain, form = schema["properties"]["finetunes"]["additionalProperties"]["anyOf"]
    matrix = schema["$defs"][form["$ref"].removeprefix("#/$defs/")]["properties"]["matrix"]
    assert {"model", "lora", "lora.r", "training.learning_rate"} <= matrix["properties"].keys()
    assert matrix["properties"]["lora.r"] == {"type": "array", "minItems": 1, "uniqueItems": True}
    assert schema["properties"]["defaults"]["properties"]["finetunes"]["not"] == {
        "required": ["matrix"]
    }

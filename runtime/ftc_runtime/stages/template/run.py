"""Settle how a model is spoken to, and say how that compares with its own template."""

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.models.configs import write_json
from ftc_runtime.models.tokenizer import load_tokenizer
from ftc_runtime.stages.template.spec import Params
from ftc_runtime.templates.chat import write_chat
from ftc_runtime.templates.definition import Definition
from ftc_runtime.templates.finding import finding, own_finding


def run(params: Params, stage: StageSpec) -> None:
    """Write `chat`, the template for inputs["tokenizer"], and a `report` of what was found."""
    events.phase("loading the tokenizer")
    tokenizer = load_tokenizer(stage.inputs["tokenizer"])
    events.phase("trying the template")
    if isinstance(params.template, Definition):
        found = finding(params.template, tokenizer)
    else:
        found = own_finding(tokenizer, enable_thinking=params.enable_thinking)
    write_chat(stage.outputs["chat"], params)
    write_json(stage.outputs["report"], found.json())
    for warning in found.warnings:
        events.warning(warning)
    # Kept with the record, which every look at the project reads.
    events.done(**({"findings": "; ".join(found.warnings)} if found.warnings else {}))

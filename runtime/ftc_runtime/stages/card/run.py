"""Model card: what is known of an export in, README.md out. The export itself is not touched."""

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.stages.card.facts import read_facts
from ftc_runtime.stages.card.header import header
from ftc_runtime.stages.card.sections import sections
from ftc_runtime.stages.card.spec import Params


def run(params: Params, stage: StageSpec) -> None:
    """Write the card of inputs["model"], or of the files of inputs["gguf.0"], ..."""
    facts = read_facts(params, stage)
    body = "\n\n".join(sections(facts))
    text = f"---\n{header(facts).to_yaml()}\n---\n\n{body}\n"
    stage.outputs["card"].write_text(text, encoding="utf-8")
    events.done(scores=len(facts.scores))

"""What `ftc preview TARGET` means: which rows, and what makes them tokens."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ftc.cli.workspace import Workspace
from ftc.diagnostics import Diagnostic, ProjectError
from ftc.plan.freshness import State
from ftc.plan.stages import Edge, Plan, Stage, Target
from ftc_runtime.contract import SUFFIXES, Artifact
from ftc_runtime.preview.question import Preview, PreviewChoice, PreviewPart

WHOLE_ROW = 1 << 31
"""A dataset has no `max_length`."""
OF_DATASETS = {"data": {"max_length": WHOLE_ROW, "missing_thinking": "mask"}}


TOKENS = ("tokens", "text_tokens")


class RowFiles(NamedTuple):
    """A part: its rows, and the dataset of each file."""

    name: str
    edges: tuple[Edge, ...]
    mixed: bool


class Subject(NamedTuple):
    """The rows to be shown, and the outputs of stages that it takes to show them."""

    parts: tuple[RowFiles, ...]
    tokenizer: Edge | None = None
    chat: Edge | None = None
    tokens: Stage | None = None
    report: Edge | None = None

    def cheap(self) -> list[str]:
        """Return the stages that a preview runs itself where they are stale."""
        edges = [edge for part in self.parts for edge in part.edges]
        return list(
            dict.fromkeys(edge.stage for edge in [*edges, *([self.chat] if self.chat else [])])
        )

    def question(
        self, workspace: Workspace, states: dict[str, State], choice: PreviewChoice
    ) -> Preview:
        """Return what to ask the runtime, when all that it takes is here."""

        def path(edge: Edge | None) -> Path | None:
            return _path(edge, workspace, states) if edge is not None else None

        tokens = self.tokens.params if self.tokens else OF_DATASETS if self.tokenizer else {}
        return Preview(
            parts=tuple(
                PreviewPart(
                    name=part.name,
                    files=tuple(_path(edge, workspace, states) for edge in part.edges),
                    names=tuple(_dataset(edge) for edge in part.edges),
                    mixed=part.mixed,
                )
                for part in self.parts
            ),
            choice=choice,
            tokenizer=path(self.tokenizer),
            chat=path(self.chat),
            kind="text_tokens" if self.tokens and self.tokens.kind == "text_tokens" else "tokens",
            tokens=tokens,
            report=path(self.report),
        )


def subject_of(word: str, workspace: Workspace, *, model: str | None) -> Subject:
    """Return what a dataset, a part of one or a finetune means. *model* renders a dataset.

    Raises:
        ProjectError: if the word means something else, or several things.
    """
    target = _one(workspace.targets([word]), word)
    stage = _stage(target, workspace.plan)
    if stage.kind in TOKENS:
        if model is not None:
            fault = f"{word} is trained with a model of its own, so it takes no --model"
            raise _fault("usage", fault, "try another template of it with --template")
        return _finetune(stage)
    shown = _dataset_parts(stage.name, target)
    report = Edge(stage.name, "report")
    if model is None:
        return Subject(shown, report=report)
    chat, tokenizer = _spoken_to(model, workspace)
    return Subject(shown, tokenizer, chat, report=report)


def model_of(subject: Subject, plan: Plan) -> str | None:
    """Return the name of the project's model whose template a finetune uses."""
    for target in plan.targets.values():
        report = target.links.get("template.json") if target.output is None else None
        if report is not None and subject.chat is not None and report.stage == subject.chat.stage:
            return target.name
    return None


def models(plan: Plan) -> list[str]:
    """Return the names of the project's models that have a template to speak to them with."""
    whole = [t for t in plan.targets.values() if t.section == "models" and t.output is None]
    return [target.name for target in whole if "template.json" in target.links]


def _one(targets: list[Target], word: str) -> Target:
    if len(targets) == 1:
        return targets[0]
    names = ", ".join(target.name for target in targets)
    raise _fault("usage", f"{word} is {len(targets)} targets: {names}", "name one of them")


def _stage(target: Target, plan: Plan) -> Stage:
    """Return the stage that makes its rows, or their tokens."""
    named = [plan.stages[name] for name in target.stages()]
    for stage in named:
        if stage.kind in ("dataset", *TOKENS):
            return stage
    # One output of a finetune leads to its tokens too.
    edges = [edge for stage in named for edge in stage.inputs.values()]
    if target.section == "finetunes":
        for edge in edges:
            if plan.stages[edge.stage].kind in TOKENS:
                return plan.stages[edge.stage]
    known = [t.name for t in plan.targets.values() if t.section in ("datasets", "finetunes")]
    names = ", ".join(name for name in known if plan.targets[name].output in (None, "holdout"))
    raise _fault("usage", f"{target.name} has no rows to show", f"there are {names}")


def _finetune(stage: Stage) -> Subject:
    def edges(role: str) -> tuple[Edge, ...]:
        numbered = [name for name in stage.inputs if name.partition(".")[0] == role]
        return tuple(stage.inputs[name] for name in numbered)

    parts = [RowFiles("train", edges("train"), mixed=True)]
    if evaluated := edges("eval"):
        parts.append(RowFiles("eval", evaluated, mixed=False))
    return Subject(tuple(parts), stage.inputs["tokenizer"], stage.inputs.get("chat"), stage)


def _dataset_parts(stage: str, target: Target) -> tuple[RowFiles, ...]:
    """A dataset's bare name means the part for training, as it does in a finetune."""
    output = target.output if target.output in ("train", "holdout") else "train"
    return (RowFiles(output, (Edge(stage, output),), mixed=False),)


def _spoken_to(model: str, workspace: Workspace) -> tuple[Edge, Edge]:
    """Return the chat template and the tokenizer of a model of the project."""
    target = _one(workspace.targets([model]), model)
    report = target.links.get("template.json")
    if report is None:
        only_lends = target.section == "models" and target.output is None
        fault = "only lends its tokenizer" if only_lends else "is no model of `models:`"
        names = ", ".join(models(workspace.plan))
        raise _fault("usage", f"{model} {fault}", f"there are {names}")
    tokenizer = workspace.plan.stages[report.stage].inputs["tokenizer"]
    return Edge(report.stage, "chat"), tokenizer


def _path(edge: Edge, workspace: Workspace, states: dict[str, State]) -> Path:
    record = states[edge.stage].known
    assert record is not None, f"{edge.stage} was built"
    artifact = workspace.plan.stages[edge.stage].outputs[edge.output]
    return workspace.store.path(record.outputs[edge.output], SUFFIXES.get(Artifact(artifact), ""))


def _dataset(edge: Edge) -> str:
    name = edge.stage.partition(":")[2]
    return f"{name}.{edge.output}" if edge.output == "holdout" else name


def _fault(code: str, message: str, help: str) -> ProjectError:
    return ProjectError([Diagnostic(code, message, help=help)])

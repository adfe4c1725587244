"""Show rows as they are trained: through the template, with what is trained between ⟦ and ⟧.

Of a dataset alone, the conversations themselves. The first rows are shown, unless others are
wanted. What a row needs (its dataset, the model's template) is built first; nothing is trained.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.preview.subject import Subject, model_of, models, subject_of
from ftc.cli.using import use_store
from ftc.cli.workspace import Workspace, open_workspace, project_arguments
from ftc.diagnostics import Diagnostic, ProjectError
from ftc_runtime.preview.question import PreviewChoice
from ftc_runtime.preview.records import Answer

ROWS, ROWS_OF_A_PAGE = 3, 100

EXAMPLES = """\
examples:
  ftc preview assistant                       # as it is trained
  ftc preview assistant --dropped             # what is left out, and why
  ftc preview assistant --html rows.html      # a page that needs nothing else"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("target", metavar="TARGET", help="a dataset, its holdout, or a finetune")
    parser.add_argument(
        "-n",
        "--rows",
        type=_positive,
        metavar="N",
        help=f"rows of each part (default {ROWS}, on a page {ROWS_OF_A_PAGE})",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--row", type=_numbers, metavar="K[,K...]", help="just these, from 1")
    which.add_argument("--longest", action="store_true", help="the longest rows")
    which.add_argument("--shortest", action="store_true", help="the shortest rows")
    which.add_argument("--seed", type=int, metavar="N", help="rows drawn at random")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--cut", action="store_true", help="rows cut to max_length, with what went")
    only.add_argument("--dropped", action="store_true", help="rows left out, with the reasons")
    parser.add_argument("--ids", action="store_true", help="show the token ids")
    parser.add_argument("--model", metavar="NAME", help="render a dataset as for this model")
    parser.add_argument("--template", metavar="NAME", help="render with another template")
    parser.add_argument("--html", metavar="FILE", help="write a page instead; - for stdout")
    parser.add_argument(
        "--build", action="store_true", help="fetch or make the model too, if it is not here"
    )
    parser.add_argument("--offline", action="store_true", help="ask no hub")
    project_arguments(parser)
    parser.set_defaults(jobs=1, keep_going=False, fresh=[], rehearse=False)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Build what the rows need, have them rendered, and print them."""
    from ftc.build.ask import AskError, ask

    arguments.targets = [arguments.target]
    workspace, subject = _opened(arguments)
    with use_store(workspace, console, registers=not arguments.settings):
        if not _is_here(workspace, subject, arguments, console):
            return Exit.FAILED
        states = workspace.freshness().look()
        question = subject.question(workspace, states, _choice(arguments))
        try:
            answer = Answer.model_validate_json(ask(question))
        except AskError as error:
            console.error("preview", error.message, error.hint)
            return Exit.FAILED
    _show(answer, arguments, console)
    return Exit.DONE


def _opened(arguments: argparse.Namespace) -> tuple[Workspace, Subject]:
    """Return the project and what is to be shown of it, with the template that is wanted."""
    workspace = open_workspace(arguments.settings)
    model = arguments.model
    if arguments.template is None:
        return workspace, subject_of(arguments.target, workspace, model=model)
    known = models(workspace.plan)
    subject = subject_of(arguments.target, workspace, model=model)
    named = model_of(subject, workspace.plan) or (known[0] if len(known) == 1 else None)
    if named is None:
        message = f"--template {arguments.template} needs a model, for its tokenizer"
        names = ", ".join(known) or "none in this project"
        raise ProjectError([Diagnostic("usage", message, help=f"name one with --model: {names}")])
    arguments.settings = [*arguments.settings, f"{named}.template={arguments.template}"]
    workspace = open_workspace(arguments.settings)
    model = None if subject.tokens else named
    return workspace, subject_of(arguments.target, workspace, model=model)


def _is_here(
    workspace: Workspace, subject: Subject, arguments: argparse.Namespace, console: Console
) -> bool:
    """See that all that is read is here and fresh; build what is not, a model only if asked to."""
    from ftc.cli.building import build_stages
    from ftc.plan.needed import proven, unsettled

    freshness = workspace.freshness()
    names = subject.cheap()
    proven(freshness, names)
    model = subject.tokenizer
    if model is not None:
        known = freshness.states[model.stage].known
        if known is None or not workspace.store.holds(known.outputs[model.output]):
            names.append(model.stage)
            if not arguments.build:
                name = model.stage.partition(":")[2]
                console.error(
                    "not-built",
                    f"{model.stage} is not here, and its tokenizer makes the tokens",
                    f"`ftc build {name}` makes it, or add --build",
                )
                return False
    if not unsettled(freshness, names):
        return True
    code = build_stages(names, workspace, freshness, arguments=arguments, console=console)
    return code == Exit.DONE


def _choice(arguments: argparse.Namespace) -> PreviewChoice:
    order = "random" if arguments.seed is not None else "first"
    order = "longest" if arguments.longest else "shortest" if arguments.shortest else order
    everything = "all" if arguments.html else "kept"
    only = "cut" if arguments.cut else "dropped" if arguments.dropped else everything
    return PreviewChoice.model_validate(
        {
            "rows": arguments.rows or (ROWS_OF_A_PAGE if arguments.html else ROWS),
            "numbers": tuple(arguments.row or ()),
            "order": order,
            "seed": arguments.seed or 0,
            "only": only,
            "measured": bool(arguments.html or arguments.cut or arguments.dropped),
        }
    )


def _show(answer: Answer, arguments: argparse.Namespace, console: Console) -> None:
    if arguments.html:
        from ftc.cli.preview.page import page

        text = page(answer, title=arguments.target, ids=arguments.ids)
        if arguments.html == "-":
            console.data(text)
            return
        path = Path(arguments.html)
        path.write_text(text + "\n", encoding="utf-8")
        if console.json:
            console.records([{"type": "page", "path": str(path)}])
        else:
            console.data(str(path))
        return
    if console.json:
        console.records(_records(answer))
        return
    from ftc.cli.preview.text import Text

    console.data(Text(console, ids=arguments.ids, with_unread=arguments.dropped).of(answer))


def _records(answer: Answer) -> list[dict[str, object]]:
    """Return a record for each row, then one for each part, and one for each reason of a drop."""
    records: list[dict[str, object]] = []
    for part in answer.parts:
        rows = part.shown
        records += [{"type": "row", **row.model_dump(mode="json")} for row in rows]
        records.append(
            {"type": "part", "unit": answer.unit, **part.model_dump(mode="json", exclude={"shown"})}
        )
    records += [{"type": "unread", **one.model_dump(mode="json")} for one in answer.unread]
    return records


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _numbers(text: str) -> list[int]:
    return [_positive(word) for word in text.split(",")]

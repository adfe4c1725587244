"""The card's text, a function for each section. What is not known is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ftc_runtime.stages.card.facts import Facts, Scores, Told
from ftc_runtime.stages.card.header import metrics_of
from ftc_runtime.stages.card.usage import usage


def sections(facts: Facts) -> Iterator[str]:
    """Yield the sections, each Markdown without a blank line around it."""
    yield f"# {facts.name}"
    if facts.card.description:
        yield facts.card.description.strip()
    yield _what_it_is(facts)
    yield from _files(facts)
    yield from _base(facts)
    yield from _data(facts)
    yield from _training(facts)
    yield from _scores(facts)
    yield from usage(facts)
    yield from _making(facts)


def _what_it_is(facts: Facts) -> str:
    base = facts.base_model or facts.base_source or "a model"
    form = "GGUF, for llama.cpp and Ollama" if facts.is_gguf else "safetensors, for transformers"
    if facts.training is None:
        return f"{base} as {form}. Made by ftc."
    rows = sum(told.report.get("train", 0) for told in facts.of_kind("dataset"))
    return f"{base}, fine-tuned on {rows:,} conversations, as {form}. Made by ftc."


def _files(facts: Facts) -> Iterator[str]:
    yield "## Files"
    digest = "digest" if facts.is_gguf else "digest of the folder"
    yield _table(
        ["name", "bytes", digest],
        [[f"`{file.name}`", f"{file.size:,}", f"`{file.digest}`"] for file in facts.files],
    )


def _base(facts: Facts) -> Iterator[str]:
    bases = [told for told in facts.of_kind("model") if told.report]
    if not bases:
        return
    report = bases[-1].report
    rows = [
        ["source", f"`{facts.base_source}`"],
        ["architecture", str(report["architecture"])],
        ["parameters", f"{report['parameters']:,}"],
        ["types", ", ".join(report["dtypes"])],
        ["context", f"{report['context_length'] or 'not said'}"],
    ]
    yield "## Base model"
    yield _table(["", ""], rows)


def _data(facts: Facts) -> Iterator[str]:
    datasets = facts.of_kind("dataset")
    if not datasets:
        return
    yield "## Data"
    yield _table(
        ["source", "rows read", "kept", "to train on", "held out"],
        [
            [
                f"`{told.step.source}`",
                *(f"{told.report[name]:,}" for name in ("rows", "kept", "train", "holdout")),
            ]
            for told in datasets
        ],
    )
    for told in facts.of_kind("tokens"):
        train = told.report["train"]
        dropped = train["dropped"]["overlong"]["rows"]
        yield (
            f"{train['rows']:,} rows of {train['tokens']:,} tokens were trained on, "
            f"{train['trained_tokens']:,} of them as answers; the longest row has "
            f"{train['longest']:,}, and {dropped:,} were left out as too long. "
            f"Chat template: {_template(facts)}."
        )
    for told in facts.of_kind("text_tokens"):
        train = told.report["train"]
        yield (
            f"{train['rows']:,} texts of {train['tokens']:,} tokens were trained on as a whole; "
            f"{train['dropped']['overlong']['rows']:,} were left out as too long."
        )


def _template(facts: Facts) -> str:
    own = all(told.step.settings.get("template") == "auto" for told in facts.of_kind("template"))
    return "the base model's own" if own else "the project's choice, in place of the base model's"


def _training(facts: Facts) -> Iterator[str]:
    told = facts.training
    if told is None:
        return
    yield "## Training"
    yield _table(
        ["setting", "value"],
        [[f"`{name}`", f"`{_shown(value)}`"] for name, value in sorted(told.step.settings.items())],
    )
    yield _curves(told)


def _curves(told: Told) -> str:
    first, last = told.curves[0], told.curves[-1]
    text = (
        f"{last['step']:,} steps, {last['epoch']:g} epochs: "
        f"the loss was {first['loss']:g} at first and {last['loss']:g} at last"
    )
    measured = [point for point in told.curves if "eval_loss" in point]
    if not measured:
        return f"{text}."
    text += f"; on held-out rows {measured[-1]['eval_loss']:g} at last."
    if told.step.settings.get("training.load_best_model_at_end"):
        best = min(measured, key=lambda point: float(point["eval_loss"]))
        text += f" The adapter is that of step {best['step']:,}, the best: {best['eval_loss']:g}."
    return text


def _scores(facts: Facts) -> Iterator[str]:
    evals = dict.fromkeys(scores.measured.eval for scores in facts.scores)
    if evals:
        yield "## Scores"
    for name in evals:
        rows = [scores for scores in facts.scores if scores.measured.eval == name]
        metrics = list(dict.fromkeys(m for row in rows for m in metrics_of(row.means)))
        yield f"`{name}`, on `{rows[0].measured.dataset}`:"
        yield _table(
            ["model", *metrics, "rows"],
            [
                [_model(row), *(_number(row.means.get(m)) for m in [*metrics, "rows"])]
                for row in rows
            ],
        )


def _model(scores: Scores) -> str:
    words = {"baseline": ", the baseline", "finetune": ", before the export", "export": ""}
    return f"`{scores.measured.model}`{words[scores.measured.role]}"


def _making(facts: Facts) -> Iterator[str]:
    yield "## How it was made"
    yield _table(
        ["stage", "from", "with"],
        [
            [
                told.step.kind,
                f"`{told.step.source}`" if told.step.source else "",
                ", ".join(
                    f"{name} {version[:19]}"
                    for name, version in sorted(told.step.libraries.items())
                ),
            ]
            for told in facts.steps
        ],
    )
    yield (
        "With the project.yaml and ftc.lock that it was made from, this gives the same bytes or "
        "says why not; `ftc show` tells the whole way back to the data, by digests:"
    )
    shown = facts.files[0].name if facts.is_gguf else "."
    yield f"```sh\nftc build --locked {facts.name}\nftc show {shown}\n```"


def _libraries(told: Told) -> str:
    # A version may be a digest: its beginning will do.
    versions = sorted(told.step.libraries.items())
    return ", ".join(f"{name} {version[:19]}" for name, version in versions)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"

"""The card's YAML header, by huggingface_hub's own classes."""

from __future__ import annotations

from huggingface_hub import EvalResult, ModelCardData

from ftc_runtime.stages.card.facts import Facts, Scores

HUB_METRICS = {"exact-match": "exact_match"}
"""Ours -> the hub's id, where it is not the word before the dash: rouge-l is rouge."""

NOT_A_METRIC = "rows"


def header(facts: Facts) -> ModelCardData:
    """Return what the hub reads: licence, base, tags, and the export's scores as a model-index."""
    card = facts.card
    results = _results(facts)
    return ModelCardData(
        license=card.license,
        license_name=card.license_name,
        license_link=card.license_link,
        language=card.language or None,
        base_model=facts.base_model,
        base_model_relation=_relation(facts),
        library_name="gguf" if facts.is_gguf else "transformers",
        pipeline_tag="text-generation",
        tags=_tags(facts),
        datasets=_datasets(facts) or None,
        metrics=sorted({result.metric_type for result in results}) or None,
        model_name=facts.name if results else None,
        eval_results=results or None,
    )


def metrics_of(means: dict[str, float]) -> dict[str, float]:
    """Return the means without the number of rows."""
    return {name: value for name, value in means.items() if name != NOT_A_METRIC}


def _relation(facts: Facts) -> str | None:
    if facts.base_model is None:
        return None
    if facts.training is not None:
        return "finetune"
    return "quantized" if facts.is_gguf else None


def _tags(facts: Facts) -> list[str]:
    own = ["ftc"]
    if facts.training is not None:
        own += [facts.training.step.kind, "lora"] if _is_lora(facts) else [facts.training.step.kind]
    if facts.is_gguf:
        own += ["gguf", "llama.cpp"]
    return list(dict.fromkeys([*own, *facts.card.tags]))


def _is_lora(facts: Facts) -> bool:
    training = facts.training
    return training is not None and any(name.startswith("lora.") for name in training.step.settings)


def _datasets(facts: Facts) -> list[str]:
    prefix = "hf://datasets/"
    sources = [told.step.source or "" for told in facts.of_kind("dataset")]
    named = [source.removeprefix(prefix) for source in sources if source.startswith(prefix)]
    return list(dict.fromkeys([*facts.card.datasets, *named]))


def _results(facts: Facts) -> list[EvalResult]:
    """The scores of the export itself; those of its finetune where nobody measured it."""
    for role in ("export", "finetune"):
        own = [scores for scores in facts.scores if scores.measured.role == role]
        if own:
            return [result for scores in own for result in _of_model(scores)]
    return []


def _of_model(scores: Scores) -> list[EvalResult]:
    measured = scores.measured
    return [
        EvalResult(
            task_type="text-generation",
            dataset_type=measured.dataset,
            dataset_name=f"{measured.dataset} ({measured.eval})",
            metric_type=HUB_METRICS.get(name, name.partition("-")[0]),
            metric_name=f"{name} of {measured.model}",
            metric_value=value,
        )
        for name, value in metrics_of(scores.means).items()
    ]

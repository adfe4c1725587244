"""Score predictions: every row by every metric, then the means."""

import json

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.errors import StageError
from ftc_runtime.evals.predictions import read_predictions
from ftc_runtime.evals.similarity import Similarity, mean
from ftc_runtime.stages.score.spec import Params


def run(params: Params, stage: StageSpec) -> None:
    """Score the answers in inputs["predictions"]."""
    predictions = read_predictions(stage.inputs["predictions"])
    if not predictions:
        raise StageError(
            "there are no predictions to score",
            "the eval's dataset has no rows: check its file and its holdout",
        )

    events.phase("scoring the answers")
    similarity = Similarity(cache=stage.work)
    rows = []
    for done, prediction in enumerate(predictions, start=1):
        scores = similarity.scores(prediction.predict, prediction.label, metrics=params.metrics)
        rows.append(prediction.model_dump() | scores)
        events.progress(done, len(predictions), "row")

    means = {name: mean([row[name] for row in rows]) for name in params.metrics}
    with stage.outputs["rows"].open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    stage.outputs["scores"].write_text(
        json.dumps({**means, "rows": len(rows)}, sort_keys=True, indent=2) + "\n"
    )
    events.done(rows=len(rows), **means)

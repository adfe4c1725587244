"""From files of rows to files of token rows and a report, whatever type the rows have."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.data.leakage import Leakage, Leaks
from ftc_runtime.data.tokens import TokenWriter
from ftc_runtime.models.configs import write_json
from ftc_runtime.models.tokenizer import load_tokenizer
from ftc_runtime.stages.text_tokens.spec import Data as TextData
from ftc_runtime.stages.tokens.checks import check
from ftc_runtime.stages.tokens.part import Maker, RowT, written_part
from ftc_runtime.stages.tokens.reading import Mixture
from ftc_runtime.stages.tokens.report import report
from ftc_runtime.stages.tokens.spec import Data, Limits, Mixed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def tokenizer_of(stage: StageSpec, data: Limits) -> PreTrainedTokenizerFast:
    """Load inputs["tokenizer"], which then runs in as many threads as *data* says."""
    from transformers.utils.logging import disable_progress_bar

    workers = data.preprocessing_num_workers or os.cpu_count() or 1
    os.environ["RAYON_NUM_THREADS"] = str(workers)
    disable_progress_bar()
    events.phase("loading the tokenizer")
    return load_tokenizer(stage.inputs["tokenizer"])


@dataclass(frozen=True, slots=True)
class TokensMade:
    """The outputs `train`, `eval` and `report` of a stage."""

    stage: StageSpec
    mixing: Mixed
    data: Data | TextData
    tokenizer: PreTrainedTokenizerFast

    def write(self, maker: Maker[RowT], row_of: Callable[[str, Path], RowT]) -> None:
        """Write them out of inputs["train.0"], ... and inputs["eval.0"], ..."""
        stage = self.stage
        trained = Mixture(stage.many("train"), row_of, self.mixing, self.mixing.shares)
        evaluated = Mixture(stage.many("eval"), row_of)
        leakage = Leakage() if len(evaluated) else None
        events.phase("making token rows")
        writers = {name: TokenWriter(stage.outputs[name]) for name in ("train", "eval")}
        train = written_part("train", trained, maker, writers["train"], leakage=leakage)
        evaluation = written_part("eval", evaluated, maker, writers["eval"], leakage=leakage)
        leaks = leakage.found() if leakage else Leaks()
        check(self.data, train, evaluation, leaks)
        for writer in writers.values():
            writer.close()
        limit = self.data.max_length
        found = report(self.tokenizer, train, evaluation, leaks, max_length=limit)
        write_json(stage.outputs["report"], found)
        events.done(rows=train.kept, tokens=train.tokens, trained=train.trained)

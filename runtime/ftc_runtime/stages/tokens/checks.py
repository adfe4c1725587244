"""What of the rows' faults ends the `tokens` stage, and what is only warned of."""

from __future__ import annotations

from ftc_runtime import events
from ftc_runtime.bars import breach
from ftc_runtime.data.leakage import Leaks
from ftc_runtime.errors import StageError
from ftc_runtime.stages.text_tokens.spec import Data as TextData
from ftc_runtime.stages.tokens.report import Part
from ftc_runtime.stages.tokens.spec import Data, Masking

SHOWN = 10


def check(data: Data | TextData, train: Part, evaluation: Part, leaks: Leaks) -> None:
    """Warn of what was left out or cut.

    Raises:
        StageError: if a fault is not allowed, or no row is left to train on.
    """
    for part in (train, evaluation):
        if isinstance(data, Masking):
            _check_thoughts(data, part)
        _check_overlong(data, part)
    _check_bars(data, train, evaluation, leaks)
    if not train.kept:
        raise _nothing_left(data, train)
    for part in (train, evaluation):
        _warn(data, part)
    if leaks.count:
        events.warning(
            f"{leaks.count} of {evaluation.read} eval rows are trained: {leaks.named(SHOWN)}"
        )


def _check_thoughts(data: Masking, part: Part) -> None:
    """Refuse what would silently teach the model to think nothing."""
    if data.missing_thinking == "error" and part.missing.rows:
        raise StageError(
            f"{part.missing.rows} of {part.read} {part.name} rows have an answer without a "
            f"thought, where the model is to think: {part.missing.named(SHOWN)}; "
            f"{part.thinking} have one",
            "Set enable_thinking: false, or choose data.missing_thinking: mask (an empty "
            "thought, not trained), train (the model learns to think nothing) or drop",
        )


def _check_overlong(data: Data | TextData, part: Part) -> None:
    overlong = part.dropped["overlong"]
    if data.overlong == "error" and overlong.rows:
        named = ", ".join(f"row {row} ({tokens})" for row, tokens in overlong.first.items())
        raise StageError(
            f"{overlong.rows} of {part.read} {part.name} rows exceed {data.max_length} tokens: "
            + named,
            f"Raise data.max_length to {part.longest_read}, or set data.overlong: drop",
        )


def _check_bars(data: Data | TextData, train: Part, evaluation: Part, leaks: Leaks) -> None:
    bars = data.fail_if
    found = [
        breach(f"{part.name} {name}", places.rows, bar, of=part.read, where=places.named(SHOWN))
        for part in (train, evaluation)
        for name, places, bar in (
            ("overlong", part.dropped["overlong"], bars.overlong),
            ("truncated", part.truncated, bars.truncated),
            ("untrained", part.dropped["untrained"], bars.untrained),
            ("refused", part.dropped["refused"], bars.refused),
        )
    ]
    where = leaks.named(SHOWN)
    found.append(breach("leakage", leaks.count, bars.leakage, of=evaluation.read, where=where))
    breaches = [words for words in found if words]
    if breaches:
        raise StageError(
            "data.fail_if does not allow this:" + "".join(f"\n  {words}" for words in breaches),
            "Mend these rows, or allow more in data.fail_if",
        )


def _nothing_left(data: Data | TextData, train: Part) -> StageError:
    overlong, refused = train.dropped["overlong"], train.dropped["refused"]
    if overlong.rows and overlong.rows == train.read:
        return StageError(
            f"no row is left to train on: each has more than {data.max_length} tokens",
            f"Raise data.max_length to {train.longest_read}",
        )
    counts = [f"{places.rows} {name}" for name, places in train.dropped.items() if places.rows]
    words = "".join(f"\n  row {row}: {fault}" for row, fault in refused.first.items())
    return StageError(
        f"no row of {train.read} is left to train on: {', '.join(counts) or 'there is none'}"
        + "\n".join(words.split("\n")[: SHOWN + 1]),
        "Change these rows, or use a model whose chat template takes them"
        if refused.rows
        else None,
    )


def _warn(data: Data | TextData, part: Part) -> None:
    words = {
        "overlong": f"have more than {data.max_length} tokens and are left out",
        "untrained": "have nothing that is trained and are left out",
        "no thought": "have an answer without a thought and are left out",
        "refused": "cannot be rendered and are left out",
    }
    for reason, places in part.dropped.items():
        if places.rows:
            events.warning(
                f"{places.rows} of {part.read} {part.name} rows {words[reason]}; "
                f"the report names them"
            )
    if part.truncated.rows:
        events.warning(
            f"{part.truncated.rows} of {part.read} {part.name} rows are cut to "
            f"{data.max_length} tokens: {part.tokens_cut} tokens went; the report names them"
        )

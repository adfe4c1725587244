"""Answers of the runtime, made by hand."""

from __future__ import annotations

from ftc_runtime.preview.records import (
    Answer,
    Bin,
    Kind,
    Measured,
    Part,
    Row,
    Stretch,
    Turn,
    Unread,
    Version,
    Who,
)

HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)>\x1b[2J\u202e⟦"


def turn(who: Who, message: int | None, *said: Stretch) -> Turn:
    """Return a turn."""
    return Turn(who=who, message=message, stretches=said)


def special(text: str, id: int, *, trained: bool = False, kind: Kind = "frame") -> Stretch:
    """Return a special token."""
    return Stretch(text=text, kind=kind, special=True, trained=trained, ids=(id,))


def header(who: str) -> tuple[Stretch, Stretch]:
    """Return what opens a turn."""
    return special("<|im_start|>", 1), Stretch(text=f"{who}\n", kind="frame", ids=(2, 3))


END = (special("<|im_end|>", 4), Stretch(text="\n", kind="frame", ids=(3,)))
TRAINED_END = (
    special("<|im_end|>", 4, trained=True, kind="end"),
    Stretch(text="\n", kind="end", trained=True, ids=(3,)),
)


def trained(text: str, kind: Kind = "content", *ids: int) -> Stretch:
    """Return a stretch that is trained."""
    return Stretch(text=text, kind=kind, trained=True, ids=ids)


CHINESE = Row(
    part="train",
    number=1,
    place="identity:1",
    size=20,
    versions=(
        Version(
            turns=(
                turn("user", 0, *header("user"), Stretch(text="北京在哪里？", ids=(5,)), *END),
                turn(
                    "assistant",
                    1,
                    *header("assistant"),
                    trained("<think>\n想一想。\n</think>\n\n", "thinking", 6),
                    trained("在中国。", "content", 7, 8),
                    *TRAINED_END,
                ),
            ),
            tokens=20,
            trained=9,
        ),
    ),
)
CUT = Row(
    part="train",
    number=2,
    place="identity:2",
    size=1200,
    versions=(
        Version(
            turns=(
                turn("user", 0, *header("user"), Stretch(text=HOSTILE, ids=(5,)), *END),
                turn(
                    "assistant",
                    1,
                    *header("assistant"),
                    trained("Once upon", "content", 9),
                    Stretch(text=" a time " * 20, kind="cut"),
                    *TRAINED_END,
                ),
                turn("user", 2, Stretch(text="And then?", kind="cut")),
            ),
            status="cut",
            tokens=1000,
            trained=4,
            cut=200,
        ),
    ),
)
DROPPED = Row(
    part="eval",
    number=1,
    place="identity.holdout:1",
    size=3000,
    versions=(
        Version(
            turns=(turn("user", 0, Stretch(text="Long. " * 400, ids=(1,))),),
            status="dropped",
            reason="overlong",
            tokens=3000,
        ),
    ),
)
MEASURED = Measured(
    kept=2,
    cut=1,
    dropped={},
    tokens=1020,
    trained=13,
    quantiles={"50%": 20, "100%": 1200},
    bins=(Bin(upto=32, rows=1), Bin(upto=2048, rows=1)),
)
ANSWER = Answer(
    unit="tokens",
    parts=(
        Part(name="train", rows=2, shown=(CHINESE, CUT), measured=MEASURED),
        Part(name="eval", rows=1, shown=(DROPPED,)),
    ),
    unread=(Unread(reason="the answer is empty", rows=3, places=("4", "9")),),
)

"""How the state of stages is told: one record a stage, and the text made from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ftc.cli.console import Console
from ftc.cli.findings import finding
from ftc.cli.workspace import Workspace
from ftc.plan.freshness import Freshness, State, Status
from ftc.plan.needed import unsettled
from ftc.plan.stages import Plan

if TYPE_CHECKING:
    from ftc.plan.explain import Change

SYMBOLS = {
    Status.FRESH: ("=", "green"),
    Status.CACHED: ("=", "blue"),
    Status.REMOTE: ("=", "blue"),
    Status.ABSENT: ("-", "dim"),
    Status.STALE: ("~", "yellow"),
    Status.PENDING: (".", "dim"),
    Status.UNRESOLVED: ("?", "yellow"),
    Status.RUNNING: (">", "blue"),
    Status.RESUMABLE: ("~", "yellow"),
    Status.FAILED: ("!", "red"),
}


class Reason(NamedTuple):
    """One leaf that differs, before and now."""

    leaf: str
    before: Any
    now: Any
    place: str | None
    """`project.yaml:23`."""
    text: str

    def record(self) -> dict[str, Any]:
        """Return what `--json` prints. It has no word for a leaf that is not there but null."""
        from ftc.plan.explain import Absent

        leaves = (self.before, self.now)
        before, now = (None if isinstance(leaf, Absent) else leaf for leaf in leaves)
        return {**self._asdict(), "before": before, "now": now}


class StageLine(NamedTuple):
    """One stage as it stands."""

    stage: str
    kind: str
    status: str
    key: str | None
    reasons: tuple[Reason, ...]
    note: str | None
    to_do: bool = True
    """Would a build do something about it?"""

    def why(self) -> str:
        """Return everything there is to say, on one line."""
        told = [
            f"{reason.text} ({reason.place})" if reason.place else reason.text
            for reason in self.reasons
        ]
        return "; ".join([*told, *([self.note] if self.note else [])])

    def record(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        reasons = [reason.record() for reason in self.reasons]
        return {"type": "stage", **self._asdict(), "reasons": reasons}


def stage_line(plan: Plan, state: State) -> StageLine:
    """Return what is told of one state."""
    return StageLine(
        stage=state.stage,
        kind=plan.stages[state.stage].kind,
        status=state.status.value,
        key=state.key,
        reasons=tuple(reason_of(change, plan) for change in state.changes),
        note=state.note,
    )


def stage_lines(
    workspace: Workspace, words: Sequence[str] | None, freshness: Freshness | None = None
) -> list[StageLine]:
    """Return a line for each stage that the targets need, or for every stage."""
    plan = workspace.plan
    freshness = freshness or workspace.freshness()
    states = freshness.look()
    wanted = workspace.made_by(words or [])
    if words is None:
        # What is known and lies elsewhere is no fault, unless something needs it.
        wanted += [name for name, state in states.items() if state.known is None]
    to_do = set(unsettled(freshness, wanted))
    return [
        _told(stage_line(plan, states[name]), finding(states[name]), name in to_do)
        for name in workspace.stages(words)
    ]


def _told(line: StageLine, found: str | None, to_do: bool) -> StageLine:
    note = "; ".join(part for part in (line.note, found) if part)
    return line._replace(to_do=to_do, note=note or None)


def reason_of(change: Change, plan: Plan) -> Reason:
    """Return what is told of one change."""
    place = f"{plan.file.name}:{change.line}" if isinstance(change.line, int) else change.line
    return Reason(change.leaf, change.before, change.now, place, change.words())


def reason_rows(reasons: Iterable[Reason]) -> list[str]:
    """Return the reasons in full, a row each, and one for the digests of an input."""
    rows = []
    for reason in reasons:
        rows.append(f"  {reason.text}" + (f"  ({reason.place})" if reason.place else ""))
        if reason.leaf.startswith("inputs."):
            rows.append(f"    {short(reason.before)} -> {short(reason.now)}")
    return rows


def short(digest: object) -> str:
    """Return a digest as far as it is shown."""
    return digest[:19] if isinstance(digest, str) else "(unset)"


def print_stage_lines(
    lines: list[StageLine], console: Console, *, below: Mapping[str, str] | None = None
) -> None:
    """Print a table, aligned; the states in words, so that colour only adds.

    *below*: stage -> what is said of it on a line of its own.
    """
    if console.json:
        console.records(line.record() for line in lines)
        return
    width = max((len(line.stage) for line in lines), default=0)
    for line in lines:
        symbol, style = SYMBOLS[Status(line.status)]
        text = f"{symbol} {line.stage:<{width}}  {line.status:<10}"
        console.data((console.styled(text, style) + f"  {line.why()}").rstrip())
        if below and (more := below.get(line.stage)):
            console.data(console.styled(f"  {'':<{width}}  {more}", "dim"))


def counted(lines: list[StageLine]) -> str:
    """Return `9 stages: 3 fresh, 1 stale, 5 pending`."""
    counts = Counter(line.status for line in lines)
    parts = [f"{counts[status.value]} {status.value}" for status in Status if counts[status.value]]
    return f"{stages(len(lines))}: {', '.join(parts) or 'none'}"


def stages(count: int) -> str:
    """Return `1 stage`, `2 stages`."""
    return f"{count} stage{'' if count == 1 else 's'}"

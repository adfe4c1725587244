"""How the cost of a plan is told: one record a stage and one in all, and the text made from it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ftc.cli.units import bytes_text, duration_text
from ftc.plan.costs.capacity import Capacity
from ftc.plan.costs.cost import Cost, PlanCost
from ftc.plan.costs.duration import Duration
from ftc.plan.costs.memory import Memory

ALIKE = 1.25
"""The most by which two times may differ and still be told as one."""


class Counts(NamedTuple):
    """How many stages of a plan there are of each fate."""

    to_run: int
    may_follow: int
    cached: int
    to_fetch: int
    running: int
    fresh: int

    def text(self) -> str:
        """Return `1 to run, 3 that may follow, 2 cached`; none of a fate is not told."""
        named = (
            (self.to_run, "to run"),
            (self.may_follow, "that may follow"),
            (self.cached, "cached"),
            (self.to_fetch, "to fetch"),
            (self.running, "running"),
        )
        told = [f"{count} {name}" for count, name in named if count]
        return ", ".join(told) or f"nothing to run, {self.fresh} fresh"


def cost_record(cost: Cost) -> dict[str, Any]:
    """Return what `--json` tells of one stage. Sizes are bytes; null is what is not known."""
    return {
        "seconds": _seconds_record(cost.seconds),
        "read_bytes": cost.read,
        "fetch_bytes": cost.fetch,
        "write_bytes": cost.write,
        "devices": cost.devices,
        "memory": _memory_record(cost.memory) if cost.memory else None,
        "note": cost.note,
    }


def plan_record(plan: PlanCost, counts: Counts) -> dict[str, Any]:
    """Return what `--json` tells of the whole plan."""
    return {
        "type": "plan",
        **counts._asdict(),
        "seconds": _seconds_record(plan.seconds),
        "stages_without_seconds": plan.unknown("seconds"),
        "read_bytes": plan.sum("read"),
        "fetch_bytes": plan.sum("fetch"),
        "stages_without_fetch_bytes": plan.unknown("fetch"),
        "write_bytes": plan.sum("write"),
        "stages_without_write_bytes": plan.unknown("write"),
        "largest_write_bytes": plan.largest,
        "free_bytes": plan.free,
        "fits": not plan.missing,
        "devices": max((cost.devices for cost in plan.stages.values()), default=0),
        "memory_bytes": max(
            (cost.memory.total for cost in plan.stages.values() if cost.memory), default=None
        ),
        "machine_memory_bytes": plan.capacity.total,
        "machine_device": plan.capacity.device,
    }


def cost_text(cost: Cost, capacity: Capacity) -> str:
    """Return the line under a stage; empty if it costs nothing that is known."""
    parts = []
    if cost.seconds is not None:
        runs = f"{cost.seconds.runs} earlier run{'' if cost.seconds.runs == 1 else 's'}"
        parts.append(f"{_seconds_text(cost.seconds)} ({runs})")
    if cost.note:
        parts.append(cost.note)
    parts += _bytes_parts(cost.read, cost.fetch, cost.write)
    if cost.devices and capacity.device == "gpu":
        parts.append(f"{cost.devices} GPU")
    if cost.memory is not None:
        parts.append(_memory_text(cost.memory, capacity))
    return ", ".join(parts)


def plan_text(plan: PlanCost, counts: Counts) -> str:
    """Return the last line: `Plan: 4 to run. about 1m50s, writes 0.9 GiB, 120 GiB free.`."""
    if not plan.stages:
        return f"Plan: {counts.text()}."
    parts = [_seconds_text(plan.seconds)] if plan.seconds else []
    timed = [cost.note for cost in plan.stages.values() if cost.seconds is None and cost.note]
    if timed and plan.seconds:
        parts.append(f"{len(timed)} without an earlier run")
    elif timed:
        parts.append("no earlier run to tell the time from")
    parts += _bytes_parts(plan.sum("read"), plan.sum("fetch"), plan.sum("write"))
    parts.append(f"{bytes_text(plan.free)} free")
    return f"Plan: {counts.text()}. {', '.join(parts)}."


def room_text(plan: PlanCost) -> str | None:
    """Return what to say if the results do not fit on the disk."""
    if not plan.missing:
        return None
    return (
        f"does not fit: {bytes_text(plan.missing)} more must be free where the store is;"
        " `ftc gc` frees what nothing uses, FTC_STORE=DIR names another place"
    )


def _bytes_parts(read: int | None, fetch: int | None, write: int | None) -> list[str]:
    named = ((read, "reads"), (fetch, "fetches"), (write, "writes"))
    parts = [f"{name} {bytes_text(size)}" for size, name in named if size]
    return parts + (["downloads an unknown size"] if fetch is None else [])


def _seconds_text(seconds: Duration) -> str:
    low, high = max(seconds.low, 1.0), max(seconds.high, 1.0)
    if high <= ALIKE * low or round(high) == round(low):
        return f"about {duration_text((low + high) / 2)}"
    return f"{duration_text(low)} to {duration_text(high)}"


def _seconds_record(seconds: Duration | None) -> dict[str, Any] | None:
    if seconds is None:
        return None
    return {"low": round(seconds.low, 1), "high": round(seconds.high, 1), "runs": seconds.runs}


def _memory_text(memory: Memory, capacity: Capacity) -> str:
    total = capacity.total
    if memory.total > total:
        needs = (
            f"needs about {bytes_text(memory.total)}, there is {bytes_text(total)}:"
            " lower training.per_device_train_batch_size or data.max_length,"
            " or set training.gradient_checkpointing"
        )
    else:
        needs = f"needs about {bytes_text(memory.total)} of {bytes_text(total)}"
    rows = f"{'packs' if memory.packed else 'rows'} of {memory.longest} tokens"
    return f"{needs} ({rows if memory.measured_lengths else f'for {rows}, which is max_length'})"


def _memory_record(memory: Memory) -> dict[str, Any]:
    return {
        "total_bytes": memory.total,
        "process_bytes": memory.process,
        "weights_bytes": memory.weights,
        "adapter_bytes": memory.adapter,
        "activations_bytes": memory.activations,
        "logits_bytes": memory.logits,
        "loading_bytes": memory.loading,
        "longest_row": memory.longest,
        "longest_row_is_measured": memory.measured_lengths,
        "packed": memory.packed,
    }

"""How long it takes to find that nothing is to do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftc.plan.freshness import State, Status
from ftc.store import atomic
from ftc.store.records import Record
from toy_project import ToyProject

CHAINS, LENGTH = 100, 10


def best_of(times: int, work: Callable[[], object]) -> float:
    """Return the shortest time, in seconds: the others were disturbed."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def publish_all(project: ToyProject) -> None:
    """Put results of all stages into the store, without running them."""
    freshness, store = project.freshness(), project.store
    for stage in freshness.plan.stages.values():
        state = freshness.assess(stage)
        assert state.key is not None and state.preimage is not None
        out = store.work(state.key) / "out"
        (out / "adapter").mkdir(parents=True)
        (out / "rows.jsonl").write_text(stage.name)
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            (out / "adapter" / name).write_text(stage.name + name)
        outputs = {"rows": store.put(out / "rows.jsonl"), "adapter": store.put(out / "adapter")}
        record = store.publish(Record(state.key, state.preimage, outputs))
        store.set_ref("toy", stage.name, state.key)
        freshness.states[stage.name] = State(
            stage.name, Status.FRESH, state.key, state.preimage, record
        )


def test_a_thousand_fresh_stages_cost_little_more_than_starting_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar is the start of a program with pydantic and yaml, taken in the same run."""
    # Ten thousand files to the disk, one by one, would take a minute, and prove nothing here.
    monkeypatch.setattr(atomic, "sync", lambda path: None)
    project = ToyProject(tmp_path)
    for chain in range(CHAINS):
        for number in range(LENGTH):
            project.stage(
                f"toy:{chain}-{number}",
                text=f"{chain}-{number}",
                inputs=[f"toy:{chain}-{number - 1}"] if number else [],
                outputs={"rows": "rows", "adapter": "adapter"},
            )
    publish_all(project)

    bar = best_of(5, lambda: subprocess.run([sys.executable, "-c", "import pydantic, yaml"]))
    look = best_of(5, lambda: project.freshness().look())
    outcomes = []
    build = best_of(5, lambda: outcomes.append(project.build()))

    sys.stdout.write(
        f"look {look:.3f} s ({look / bar:.2f}x), build {build:.3f} s ({build / bar:.2f}x)\n"
    )
    assert all(len(outcome.fresh) == CHAINS * LENGTH for outcome in outcomes)
    # Measured: 1x and 2x. The limits leave room for a disturbed machine.
    assert look < 3 * bar
    assert build < 6 * bar

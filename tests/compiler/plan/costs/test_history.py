"""Earlier runs, read from a store's records."""

from __future__ import annotations

import time
from pathlib import Path

from ftc.plan.costs.history import read_history
from ftc.store.objects import Stored
from ftc.store.records import Record, encode_record
from ftc.store.store import Store


def write(store: Store, number: int, *, rehearsal: bool = False, resumed: bool = False) -> None:
    """Write a record whose output is of as many bytes as its number."""
    key = f"{number:064x}"
    spec = {"rehearsal": True} if rehearsal else {}
    preimage = {"kind": "merge", "spec": spec, "inputs": {"model": f"sha256:{number}"}}
    outputs = {"model": Stored(f"sha256:out{number}", number, "tree")}
    facts = {"seconds": float(number), "resumed": resumed, "stage": {"tensors": 1}}
    place = store.root / "ac" / f"{number % 256:02x}" / f"{key}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(encode_record(Record(key, preimage, outputs, facts)))


def test_a_run_is_told_with_what_went_in_and_came_out(tmp_path: Path) -> None:
    """And an output leads back to it by its digest."""
    store = Store(tmp_path)
    write(store, 7)

    history = read_history(store)

    (run,) = history.runs
    assert (run.kind, run.seconds, run.sizes, run.inputs) == (
        "merge",
        7.0,
        {"model": 7},
        {"model": "sha256:7"},
    )
    assert history.made["sha256:out7"] == (run, "model")
    assert history.size("sha256:out7") == 7
    assert history.size("sha256:unknown") is None


def test_rehearsals_and_torn_records_are_no_runs(tmp_path: Path) -> None:
    """The first do little in little time, the second say nothing."""
    store = Store(tmp_path)
    write(store, 1)
    write(store, 2, rehearsal=True)
    write(store, 3)
    torn = next((tmp_path / "ac" / "03").iterdir())
    torn.write_bytes(torn.read_bytes()[:40])

    assert [run.seconds for run in read_history(store).runs] == [1.0]


def test_a_resumed_run_has_no_time_of_its_own(tmp_path: Path) -> None:
    """It did a part of the work; what came out is whole."""
    store = Store(tmp_path)
    write(store, 5, resumed=True)

    (run,) = read_history(store).runs
    assert (run.seconds, run.sizes) == (None, {"model": 5})


def test_an_empty_store_has_no_history(tmp_path: Path) -> None:
    """Nor has one that is not there."""
    assert read_history(Store(tmp_path / "nowhere")).runs == []


def test_two_thousand_records_are_read_in_a_moment(tmp_path: Path) -> None:
    """0.15 s on an idle machine."""
    store = Store(tmp_path)
    for number in range(2000):
        write(store, number)

    began = time.process_time()
    history = read_history(store)

    assert len(history.runs) == 2000
    assert time.process_time() - began < 1.0

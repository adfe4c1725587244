"""What a plan costs in all: times added up, bytes to fetch, room on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ftc.plan.costs.capacity import Capacity
from ftc.plan.costs.cost import Cost, PlanCost, plan_cost
from ftc.plan.costs.duration import Duration
from ftc.plan.costs.expected import Expectation
from ftc.plan.costs.history import read_history
from ftc.plan.freshness import Freshness
from ftc.plan.stages import Edge
from ftc.store.objects import Stored
from ftc.store.records import Record
from ftc.store.store import Store
from toy_project import ToyProject

HERE = Capacity("cpu", 1 << 30)


class Remote:
    """Another store, of which nothing is fetched here."""

    def __init__(self, store: Store) -> None:
        """*store* has what there is."""
        self.record, self.holds = store.record, store.holds

    def fetch(self, stored: Stored, told: object) -> str:
        """Fail: a plan fetches nothing."""
        raise AssertionError(stored.digest)

    def forget(self, key: str) -> None:
        """Fail: a plan knows no broken promise."""
        raise AssertionError(key)


@pytest.fixture
def project(tmp_path: Path) -> ToyProject:
    """Two stages, one after the other, which both have run."""
    project = ToyProject(tmp_path)
    project.stage("toy:a", text="rows")
    project.stage("toy:b", text="more", inputs=["toy:a"])
    assert project.build().code == 0
    return project


def record_of(project: ToyProject, stage: str) -> Record:
    """Return the record of a stage that is built."""
    record = project.freshness().look()[stage].record
    assert record is not None
    return record


def test_what_would_run_is_told_from_what_has_run(project: ToyProject) -> None:
    """By runs of its kind on inputs like its own, and by the bytes of its last run."""
    seconds = record_of(project, "toy:b").facts["seconds"]
    size = record_of(project, "toy:a").outputs["rows"].size
    before = record_of(project, "toy:b").outputs["rows"].size
    project.stage("toy:b", text="other", inputs=["toy:a"])
    freshness = project.freshness()
    freshness.look()

    cost = plan_cost(freshness, ["toy:b"], capacity=HERE)

    time = Duration(seconds, seconds, 1)
    told = Cost("toy:b", time, read=size, fetch=0, write=before, devices=0)
    assert cost.stages == {"toy:b": told}
    assert (cost.seconds, cost.sum("read"), cost.largest, cost.missing) == (time, size, before, 0)


def test_what_is_elsewhere_is_fetched_as_large_as_it_is(project: ToyProject) -> None:
    """Only the files that are not here; no time is told for that."""
    record = record_of(project, "toy:b")
    here = ToyProject(project.root / "here", dict(project.stages))
    plan = project.freshness().plan
    freshness = Freshness(
        plan, here.store, here.freshness().sources, "toy", supply=Remote(project.store)
    )
    freshness.look()

    cost = plan_cost(freshness, ["toy:b"], capacity=HERE)

    size = record.outputs["rows"].size
    assert cost.stages == {"toy:b": Cost("toy:b", None, read=0, fetch=size, write=0, devices=0)}


def test_as_many_rows_are_answered_as_are_asked(project: ToyProject) -> None:
    """What a stage tells of its rows is not what it told of others before."""
    asks = project.stage("toy:b", text="other", inputs=["toy:a"])
    project.stages["toy:b"] = asks._replace(inputs={"rows": Edge("toy:a", "rows")})
    freshness = project.freshness()
    freshness.look()
    told = record_of(project, "toy:a")._replace(facts={"stage": {"rows": 7}})
    freshness.states["toy:a"] = freshness.states["toy:a"]._replace(record=told)

    expectation = Expectation(freshness, read_history(project.store))

    assert expectation.of(project.stages["toy:b"]).told == {"outputs": 1, "rows": 7}


def test_what_does_not_fit_is_told_by_its_bytes() -> None:
    """What is written and what is fetched, together."""
    costs = {
        name: Cost(name, None, read=9, fetch=fetch, write=write, devices=0)
        for name, fetch, write in (("a", 0, 700), ("b", 400, 0), ("c", None, None))
    }

    assert PlanCost(costs, free=1000, capacity=HERE).missing == 100
    assert PlanCost(costs, free=1100, capacity=HERE).missing == 0
    assert PlanCost(costs, free=0, capacity=HERE).unknown("fetch") == 1


def test_room_is_that_of_the_place_where_the_store_will_be(project: ToyProject) -> None:
    """Even before there is one."""
    new = ToyProject(project.root / "not" / "there", dict(project.stages))
    freshness = new.freshness()
    freshness.look()

    cost = plan_cost(freshness, ["toy:a"], capacity=HERE)

    filesystem = os.statvfs(project.root)
    assert cost.free == pytest.approx(filesystem.f_bavail * filesystem.f_frsize, rel=0.2)
    assert cost.stages["toy:a"].note == "no earlier run"

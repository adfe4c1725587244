"""How long a run takes, from what earlier ones took."""

from __future__ import annotations

import pytest

from ftc.plan.costs.duration import Duration, Timed, duration, total


def test_without_an_earlier_run_there_is_no_number() -> None:
    """Nor from runs of which nobody knows how much they did."""
    assert duration([], 5.0) is None
    assert duration([Timed(9.0, None)], 5.0) is None


def test_equal_work_takes_what_it_took() -> None:
    """The range of those runs, whatever the others took."""
    runs = [Timed(10.0, 100.0), Timed(14.0, 105.0), Timed(90.0, 900.0)]

    assert duration(runs, 100.0) == Duration(10.0, 14.0, 2)


def test_a_kind_without_a_measure_takes_what_it_took() -> None:
    """The range of all its runs."""
    assert duration([Timed(3.0, None), Timed(5.0, None)], None) == Duration(3.0, 5.0, 2)


@pytest.mark.parametrize(("work", "expected"), [(300.0, (10.0, 30.0)), (50.0, (5.0, 10.0))])
def test_one_run_of_other_work_gives_bounds(work: float, expected: tuple[float, float]) -> None:
    """Between a run that is all start-up and one that has none."""
    assert duration([Timed(10.0, 100.0)], work) == Duration(*expected, 1)


def test_two_amounts_of_work_tell_the_start_up() -> None:
    """4 s and 0.1 s for each unit of work."""
    expected = duration([Timed(14.0, 100.0), Timed(24.0, 200.0)], 1000.0)

    assert expected == pytest.approx(Duration(104.0, 104.0, 2))


def test_more_work_in_less_time_is_no_negative_rate() -> None:
    """A machine that was busy says nothing of the work: the mean, and how far it was off."""
    expected = duration([Timed(30.0, 100.0), Timed(10.0, 200.0)], 1000.0)

    assert expected == pytest.approx(Duration(10.0, 30.0, 2))


def test_durations_add_up() -> None:
    """Stages run one after the other."""
    assert total([]) is None
    assert total([Duration(1.0, 2.0, 3), Duration(4.0, 4.0, 1)]) == Duration(5.0, 6.0, 4)

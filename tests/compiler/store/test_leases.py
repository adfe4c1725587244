"""Cards lent to one at a time, in turn, by locks that go with their holders."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ftc.store.leases import Card, Leases
from ftc.store.locks import Holder
from toy_project import is_alive, wait_until

CARDS = [Card(f"GPU-{number}", f"GPU {number}, Toy") for number in range(8)]

HOLD = """
import subprocess, sys, time
from pathlib import Path
from ftc.store.leases import Card, Leases
cards = [Card(f"GPU-{number}", f"GPU {number}, Toy") for number in range(8)]
with Leases(Path(sys.argv[1])).lend(cards[:2], 1, command="ftc build: sft:a") as lease:
    child = subprocess.Popen(["sleep", sys.argv[2]], pass_fds=lease.descriptors, stdout=2)
    print(child.pid, flush=True)
    time.sleep(60)
"""


def hold_elsewhere(folder: Path, child_seconds: float = 0) -> tuple[subprocess.Popen[str], int]:
    """Start a process that holds the first card, with a child that was handed it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(child_seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the leases are."""
    return tmp_path / "leases"


class Asker:
    """A thread that asks for cards, keeps them until it is told, and says when it got them."""

    def __init__(self, folder: Path, cards: list[Card], count: int, order: list[str], name: str):
        """Start to ask."""
        self.enough = threading.Event()
        self.got = threading.Event()
        self.told: list[Holder] = []
        self._thread = threading.Thread(target=self._ask, args=(folder, cards, count, order, name))
        self._thread.start()

    def _ask(
        self, folder: Path, cards: list[Card], count: int, order: list[str], name: str
    ) -> None:
        with Leases(folder).lend(cards, count, command=name, waiting=self.told.append) as lease:
            assert lease is not None
            order.append(f"{name} {' '.join(card.uuid for card in lease.cards)}")
            self.got.set()
            self.enough.wait(20)

    def end(self) -> None:
        """Give the cards back."""
        self.enough.set()
        self._thread.join(20)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask more often."""
    monkeypatch.setattr("ftc.store.leases.POLL_SECONDS", 0.02)


def in_line(folder: Path, count: int) -> bool:
    """Say whether so many wait."""
    return len(list(folder.glob("ticket-*"))) == count


def test_the_first_free_cards_are_lent_and_given_back(folder: Path) -> None:
    """In the order in which they were named; nobody waits in the end."""
    leases = Leases(folder)
    with (
        leases.lend(CARDS, 2, command="one") as one,
        leases.lend(CARDS, 1, command="two") as two,
    ):
        assert one is not None and two is not None
        names = [[card.uuid for card in lease.cards] for lease in (one, two)]
    with leases.lend(CARDS, 8, command="all") as all_of_them:
        assert all_of_them is not None
        again = [card.uuid for card in all_of_them.cards]

    assert names == [["GPU-0", "GPU-1"], ["GPU-2"]]
    assert again == [card.uuid for card in CARDS]
    assert sorted(path.name for path in folder.iterdir()) == [*again, "turn"]


def test_who_waits_is_told_of_each_holder(folder: Path, quick: None) -> None:
    """Which card, which process, on which machine, since when, with which command."""
    process, _ = hold_elsewhere(folder)
    told: list[Holder] = []

    with Leases(folder).lend(
        CARDS[:1], 1, command="", waiting=told.append, give_up=lambda: bool(told)
    ) as lease:
        assert lease is None
    process.kill()
    process.wait()

    (holder,) = told
    assert abs(holder.since - time.time()) < 20
    assert holder._replace(since=0) == Holder(
        process.pid, os.uname().nodename, "ftc build: sft:a", 0, "GPU 0, Toy"
    )


def test_a_killed_holder_leaves_no_lease(folder: Path) -> None:
    """Nor does the next one wait."""
    process, child = hold_elsewhere(folder)
    os.kill(child, signal.SIGKILL)
    process.kill()
    process.wait()
    wait_until(lambda: not is_alive(child))

    with Leases(folder).lend(CARDS[:1], 1, command="", give_up=lambda: True) as lease:
        assert lease is not None


def test_a_child_that_was_handed_a_card_keeps_it(folder: Path, quick: None) -> None:
    """It is not free before the last process that may use it is gone."""
    process, child = hold_elsewhere(folder, child_seconds=60)
    process.kill()
    process.wait()

    with Leases(folder).lend(CARDS[:1], 1, command="", give_up=lambda: True) as held:
        assert held is None
    os.kill(child, signal.SIGKILL)
    with Leases(folder).lend(CARDS[:1], 1, command="") as lease:
        assert lease is not None


def test_who_came_first_gets_all_before_later_ones_get_one(folder: Path, quick: None) -> None:
    """Small wishes that come in time after time do not starve a large one."""
    order: list[str] = []
    small = Asker(folder, CARDS, 1, order, "small")
    small.got.wait(5)
    large = Asker(folder, CARDS, 8, order, "large")
    wait_until(lambda: in_line(folder, 1))
    late = [Asker(folder, CARDS, 1, order, "late")]
    wait_until(lambda: in_line(folder, 2))
    late.append(Asker(folder, CARDS, 1, order, "later"))
    wait_until(lambda: late[0].told and late[1].told and large.told)

    small.end()
    large.got.wait(5)
    time.sleep(0.2)
    at_large = list(order)
    large.end()
    for asker in late:
        asker.got.wait(5)
    for asker in late:
        asker.end()

    everything = " ".join(card.uuid for card in CARDS)
    assert at_large == ["small GPU-0", f"large {everything}"]
    assert order[2:] == ["late GPU-0", "later GPU-1"]
    assert [holder.holds for holder in large.told] == ["GPU 0, Toy"]
    assert [(holder.command, holder.holds) for holder in late[1].told] == [
        ("large", "an earlier place in the queue for GPUs"),
        ("late", "an earlier place in the queue for GPUs"),
    ]


def test_one_who_wants_other_cards_does_not_wait(folder: Path, quick: None) -> None:
    """A user who may see one card is not held up by those who queue for another."""
    order: list[str] = []
    first = Asker(folder, CARDS[:1], 1, order, "first")
    first.got.wait(5)
    second = Asker(folder, CARDS[:1], 1, order, "second")
    wait_until(lambda: in_line(folder, 1))
    other = Asker(folder, CARDS[1:2], 1, order, "other")

    assert other.got.wait(5)
    for asker in (first, second, other):
        asker.end()
    assert order == ["first GPU-0", "other GPU-1", "second GPU-0"]


def test_one_who_was_killed_in_line_holds_up_nobody(folder: Path, quick: None) -> None:
    """Their ticket is only a file then, and is taken away."""
    order: list[str] = []
    first = Asker(folder, CARDS[:1], 1, order, "first")
    first.got.wait(5)
    waiter = subprocess.Popen([sys.executable, "-c", HOLD.replace("[:2]", "[:1]"), folder, "0"])
    wait_until(lambda: in_line(folder, 1))
    waiter.kill()
    waiter.wait()
    last = Asker(folder, CARDS[:1], 1, order, "last")
    wait_until(lambda: last.told)

    first.end()

    assert last.got.wait(5)
    last.end()
    assert [holder.holds for holder in last.told] == ["GPU 0, Toy"]
    assert in_line(folder, 0)


def test_every_user_may_lock_what_any_user_has_made(folder: Path) -> None:
    """The folder is open to all, and its files are, whatever the umask."""
    before = os.umask(0o077)
    with Leases(folder).lend(CARDS, 1, command=""):
        modes = {path.name: oct(path.stat().st_mode & 0o7777) for path in folder.iterdir()}
    os.umask(before)

    assert oct(stat.S_IMODE(folder.stat().st_mode)) == "0o1777"
    assert modes == {"GPU-0": "0o666", "turn": "0o666"}

"""GPUs: which there are, who may use them, and that no two stages ever share one."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import defaultdict
from pathlib import Path

import pytest

from ftc.build.devices import Gpu, NoAnswer, installed_gpus, visible_gpus
from ftc.diagnostics import ProjectError
from toy_project import ToyProject, is_alive, wait_until

NAME, DRIVER = "NVIDIA Toy 80GB", "580.1"
NVIDIA_SMI = """\
#!/bin/sh
echo "$@" >> {calls}
cat <<'END'
{rows}
END
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give this machine an nvidia-smi that lists two cards; return the file of its calls."""
    return make_machine(tmp_path, monkeypatch, cards=2)


def make_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, cards: int) -> Path:
    """Put an nvidia-smi on the PATH, and the leases into a folder of the test's own."""
    program, calls = tmp_path / "bin" / "nvidia-smi", tmp_path / "calls"
    rows = "\n".join(f"{n}, GPU-{n}abc, 81559, 80000, {DRIVER}, {NAME}" for n in range(cards))
    program.parent.mkdir()
    program.write_text(NVIDIA_SMI.format(calls=calls, rows=rows))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("FTC_LEASES", str(tmp_path / "leases"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return calls


def a_project(folder: Path, *, trainings: int, seconds: float, text: str = "") -> ToyProject:
    """Return trainings that do not need each other, and note their cards."""
    folder.mkdir(exist_ok=True)
    project = ToyProject(folder)
    for number in range(trainings):
        project.stage(
            f"sft:{number}",
            text=f"{text}{number}",
            devices=1,
            seconds=seconds,
            cards=str(folder.parent / "cards"),
        )
    return project


def wait_for_a_queue(folder: Path) -> None:
    """Wait until somebody waits for a card, and has had the time to say so."""
    wait_until(lambda: list((folder / "leases").glob("ticket-*")))
    time.sleep(1)


def most_at_once(notes: Path) -> dict[str, int]:
    """Return how many stages used each card at the same time, at most."""
    now: dict[str, int] = defaultdict(int)
    most: dict[str, int] = defaultdict(int)
    for line in notes.read_text().splitlines():
        card, word, _ = line.split()
        now[card] += 1 if word == "begins" else -1
        most[card] = max(most[card], now[card])
    return dict(most)


def test_the_gpus_are_those_that_nvidia_smi_lists(machine: Path) -> None:
    """With what a record and `ftc doctor` say of them."""
    assert installed_gpus() == [
        Gpu(str(number), f"GPU-{number}abc", NAME, DRIVER, 81559, 80000) for number in (0, 1)
    ]
    assert machine.read_text() == (
        "--query-gpu=index,uuid,memory.total,memory.free,driver_version,name"
        " --format=csv,noheader,nounits\n"
    )


def test_a_machine_without_nvidia_smi_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one whose driver does not answer says so."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert installed_gpus() == []


def test_a_driver_that_fails_is_told_apart(machine: Path, tmp_path: Path) -> None:
    """`ftc doctor` shows it."""
    (tmp_path / "bin" / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")

    with pytest.raises(NoAnswer, match="returned non-zero exit status 9"):
        installed_gpus()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["GPU-0a", "GPU-1b", "GPU-1c"]),
        ("", []),
        ("-1", []),
        ("1", ["GPU-1b"]),
        ("2, 0", ["GPU-1c", "GPU-0a"]),
        ("GPU-1b", ["GPU-1b"]),
        ("GPU-0,GPU-1c", ["GPU-0a", "GPU-1c"]),
        ("GPU-1", []),
        ("0,9,1", ["GPU-0a"]),
        ("0,0", ["GPU-0a"]),
        ("MIG-41b36014", ["MIG-41b36014"]),
    ],
)
def test_the_users_own_choice_is_kept(visible: str | None, expected: list[str]) -> None:
    """As CUDA reads it: numbers, beginnings of UUIDs, slices; the first unknown word ends it."""
    gpus = [Gpu(str(n), uuid, NAME) for n, uuid in enumerate(["GPU-0a", "GPU-1b", "GPU-1c"])]

    assert [gpu.uuid for gpu in visible_gpus(gpus, visible)] == expected


def test_a_stage_sees_the_card_that_it_was_lent_and_others_none(
    machine: Path, tmp_path: Path
) -> None:
    """By UUID; the record says which card it was, and nvidia-smi is asked once a build."""
    project = ToyProject(tmp_path)
    for name, devices in (("dataset:d", 0), ("sft:a", 1), ("sft:b", 2)):
        project.stage(name, text=name, devices=devices, environment=str(tmp_path / f"{name}.env"))

    outcome = project.build()

    seen = {
        name: json.loads((tmp_path / f"{name}.env").read_text())["CUDA_VISIBLE_DEVICES"]
        for name in project.stages
    }
    assert seen == {"dataset:d": "", "sft:a": "GPU-0abc", "sft:b": "GPU-0abc,GPU-1abc"}
    facts = [outcome.records[name].facts for name in project.stages]
    assert [fact.get("gpus") for fact in facts] == [None, [NAME], [NAME, NAME]]
    assert [fact.get("driver") for fact in facts] == [None, DRIVER, DRIVER]
    assert len(machine.read_text().splitlines()) == 1


def test_only_the_cards_that_the_user_shows_are_lent(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four trainings in turn on the one card."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")

    outcome = a_project(tmp_path / "one", trainings=4, seconds=0.1).build(jobs=4)

    assert outcome.code == 0
    assert most_at_once(tmp_path / "cards") == {"GPU-1abc": 1}


def test_without_a_gpu_a_training_runs_as_it_always_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the CPU, whatever it could use, and nothing is leased."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("FTC_LEASES", str(tmp_path / "leases"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    project = ToyProject(tmp_path)
    project.stage("sft:a", devices=8, environment=str(tmp_path / "environment"))

    outcome = project.build()

    assert outcome.code == 0
    assert "CUDA_VISIBLE_DEVICES" not in json.loads((tmp_path / "environment").read_text())
    assert not (tmp_path / "leases").exists()


def test_more_cards_than_there_are_is_told_before_anything_runs(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them at once; a stage whose result is there needs no card."""
    project = ToyProject(tmp_path)
    project.stage("dataset:d")
    project.stage("sft:a", inputs=["dataset:d"], devices=4)
    project.stage("sft:b", inputs=["dataset:d"], text="b", devices=8)

    with pytest.raises(ProjectError) as refused:
        project.build()
    ran = project.ran()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(ProjectError) as restricted:
        project.build("sft:a")
    make_larger = (tmp_path / "bin" / "nvidia-smi").write_text("#!/bin/sh\n")
    project.build("sft:a")
    monkeypatch.undo()

    assert make_larger and ran == []
    assert [fault.message for fault in refused.value.diagnostics] == [
        "sft:a needs 4 GPUs, and this build may use 2",
        "sft:b needs 8 GPUs, and this build may use 2",
    ]
    (fault,) = restricted.value.diagnostics
    assert fault.help == "CUDA_VISIBLE_DEVICES is '0': allow more"
    assert project.build("sft:a").fresh == ["sft:a"]


def test_two_builds_never_put_two_stages_on_one_card(machine: Path, tmp_path: Path) -> None:
    """Two projects with a store each, eight jobs each, two cards: both used, one stage each."""
    projects = [
        a_project(tmp_path / name, trainings=6, seconds=0.2, text=name) for name in ("a", "b")
    ]
    builders = [project.build_elsewhere(jobs=8) for project in projects]

    codes = [builder.wait(timeout=60) for builder in builders]

    assert codes == [0, 0]
    assert most_at_once(tmp_path / "cards") == {"GPU-0abc": 1, "GPU-1abc": 1}
    assert [len(project.ran()) for project in projects] == [6, 6]


def test_trainings_that_wait_for_a_card_hold_up_no_other_stage(
    machine: Path, tmp_path: Path
) -> None:
    """Three jobs, two cards: the third training in line leaves its job to the data."""
    project = a_project(tmp_path / "one", trainings=3, seconds=2.0)
    project.stage("dataset:d", text="d", cards=str(tmp_path / "cards"))

    outcome = project.build(jobs=3)

    notes = (tmp_path / "cards").read_text().splitlines()
    lines = [line.split(maxsplit=1)[1].lstrip() for line in notes]
    first_end = next(n for n, line in enumerate(lines) if line.startswith("ends sft"))
    assert outcome.code == 0
    assert " ends dataset:d" in notes[:first_end]


def test_no_more_run_at_once_than_there_are_jobs(machine: Path, tmp_path: Path) -> None:
    """A card in hand is no right to a place."""
    project = a_project(tmp_path / "one", trainings=2, seconds=0.2)
    for number in range(4):
        project.stage(f"toy:{number}", text=f"toy {number}", seconds=0.2, cards=str(tmp_path / "x"))
    (tmp_path / "x").symlink_to(tmp_path / "cards")

    outcome = project.build(jobs=2)

    now = most = 0
    for line in (tmp_path / "cards").read_text().splitlines():
        now += 1 if " begins " in line else -1
        most = max(most, now)
    assert (outcome.code, most) == (0, 2)


def test_a_failure_lets_nobody_in_the_queue_begin(machine: Path, tmp_path: Path) -> None:
    """Without --keep-going; with it they all run."""
    project = a_project(tmp_path / "one", trainings=0, seconds=0)
    for number in range(8):  # whichever comes first fails
        project.stage(f"sft:{number}", text=str(number), devices=1, complaint="no room")

    stopped = project.build(jobs=8)
    ran = project.ran()
    kept = project.build(jobs=8, keep_going=True)

    assert (stopped.code, kept.code) == (1, 1)
    assert len(ran) < 8 and len(stopped.left_out) == 8 - len(ran)
    assert kept.left_out == []


def test_who_waits_is_told_which_card_who_has(machine: Path, tmp_path: Path) -> None:
    """And Ctrl-C ends the waiting, but not the other build."""
    first = a_project(tmp_path / "a", trainings=2, seconds=60, text="a").build_elsewhere(jobs=2)
    notes = tmp_path / "cards"
    wait_until(lambda: notes.exists() and len(notes.read_text().splitlines()) == 2)
    second = a_project(tmp_path / "b", trainings=1, seconds=0, text="b").build_elsewhere()
    wait_for_a_queue(tmp_path)

    second.send_signal(signal.SIGINT)
    printed, _ = second.communicate(timeout=10)
    alive = first.poll() is None
    first.send_signal(signal.SIGINT)

    assert second.returncode == 130
    assert printed.splitlines() == [
        f"waiting sft:0 for GPU {number}, {NAME} of {first.pid}" for number in (0, 1)
    ]
    assert alive and first.wait(timeout=10) == 130


def test_a_card_stays_leased_until_the_orphan_of_a_killed_build_is_gone(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kill -9` of ftc, and a stage that is deaf to SIGTERM for the ten seconds that it has."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    deaf = ToyProject(tmp_path)
    deaf.stage("sft:deaf", devices=1, running=str(tmp_path / "pid"), deaf=True, seconds=60)
    killed = deaf.build_elsewhere()
    wait_until((tmp_path / "pid").exists)
    orphan = int((tmp_path / "pid").read_text())
    killed.kill()
    killed.wait()
    project = a_project(tmp_path / "next", trainings=1, seconds=0)

    builder = project.build_elsewhere()
    wait_for_a_queue(tmp_path)
    ran, alive = project.ran(), is_alive(orphan)
    os.kill(orphan, signal.SIGKILL)
    printed, _ = builder.communicate(timeout=10)

    assert (ran, alive) == ([], True)
    assert printed.splitlines() == [
        f"waiting sft:0 for GPU 0, {NAME} of {killed.pid}",
        "started sft:0",
        "finished sft:0",
    ]

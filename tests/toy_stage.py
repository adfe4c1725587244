"""A stage for tests of the engine: its outputs are its settings and what its inputs hold.

Run as a file of its own, `python toy_stage.py spec.json`. What else it does stands in its params.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ftc_runtime import manifest

ETERNITY = [sys.executable, "-c", "import time; time.sleep(600)"]


def main(spec: dict[str, Any]) -> None:
    """Do what the spec's params say."""
    params = spec["params"]
    with Path(params["journal"]).open("a") as journal:
        journal.write(f"{spec['stage']}\n")
    say(event="progress", done=1, total=1, unit="step", values={})
    if "environment" in params:
        Path(params["environment"]).write_text(json.dumps(dict(os.environ)))
    if "children" in params:
        leave_children(Path(params["children"]), wait=params.get("wait_for_children", True))
    if params.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "running" in params:
        Path(params["running"]).write_text(str(os.getpid()))
    if "steps" in params:
        make_steps(params)
    with using_cards(spec["stage"], params.get("cards")):
        time.sleep(params.get("seconds", 0))
    if "signal" in params:
        os.kill(os.getpid(), params["signal"])
    if "complaint" in params:
        say(event="failed", message=params["complaint"], hint=params.get("hint"))
        sys.exit(1)
    if "code" in params:
        sys.exit(params["code"])
    if "edit" in params:
        Path(params["edit"]).write_text("edited while the stage ran")
    write_outputs(spec)
    say(event="done", facts={"outputs": len(spec["outputs"])})


@contextmanager
def using_cards(stage: str, file: str | None) -> Iterator[None]:
    """Note in a file when the stage has begun and ended to use each card that it sees."""
    if file is None:
        yield
        return
    cards = os.environ.get("CUDA_VISIBLE_DEVICES", "none").split(",")
    for word in ("begins", "ends"):
        with Path(file).open("a") as notes:
            notes.write("".join(f"{card} {word} {stage}\n" for card in cards))
        if word == "begins":
            yield


def make_steps(params: dict[str, Any]) -> None:
    """Note each step in the file `steps` and save it; go on from what an earlier try saved.

    At the step `waits_at` it stands still, until there is a file `go` beside.
    """
    made, total = Path(params["steps"]), 6
    saved = manifest.newest_whole(Path())
    first = 1
    if saved is not None:
        say(event="resumed", done=saved.done, total=saved.total, unit="step")
        first = saved.done + 1
    for step in range(first, total + 1):
        while step == params.get("waits_at") and not made.with_name("go").exists():
            time.sleep(0.02)
        with made.open("a") as file:
            file.write(f"{params['text']} {step}\n")
        folder = Path(manifest.FOLDER, f"checkpoint-{step}")
        folder.mkdir(parents=True)
        (folder / "step.txt").write_text(str(step))
        manifest.seal(folder, done=step, total=total)


def leave_children(pids: Path, *, wait: bool) -> None:
    """Start one child in our session and a grandchild in one of its own, as torchrun does."""
    nested = (
        "import subprocess, sys, time;"
        f"print(subprocess.Popen({ETERNITY!r}, start_new_session=True).pid, flush=True);"
        "time.sleep(600)"
    )
    child = subprocess.Popen(ETERNITY)
    middle = subprocess.Popen(
        [sys.executable, "-c", nested], stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    assert middle.stdout is not None
    grandchild = middle.stdout.readline().strip()
    pids.write_text(f"{os.getpid()} {child.pid} {middle.pid} {grandchild}")
    if wait:
        child.wait()


def write_outputs(spec: dict[str, Any]) -> None:
    """Write every output, and what the params add or leave out."""
    params = spec["params"]
    inputs = {role: read(Path(path)) for role, path in spec["inputs"].items()}
    source = read(Path(spec["source"]["path"])) if spec["source"] else None
    for name, path in spec["outputs"].items():
        if name in params.get("leaves_out", ()):
            continue
        # `aside` is what an output does not depend on: changing it changes the key alone.
        text = json.dumps([name, params["text"], inputs, source], sort_keys=True)
        write(Path(path), text)
    for name in params.get("adds", ()):
        (Path(next(iter(spec["outputs"].values()))).parent / name).write_text("more")


def write(path: Path, text: str) -> None:
    """Write a file, or a folder of two."""
    if path.suffix:
        path.write_text(text)
    else:
        (path / "below").mkdir(parents=True)
        (path / "one.txt").write_text(text)
        (path / "below" / "two.txt").write_text(text[::-1])


def read(path: Path) -> Any:
    """Return the text of a file, or those of a folder."""
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_text() for file in sorted(path.rglob("*.*"))}
    return path.read_text()


def say(**event: Any) -> None:
    """Emit an event."""
    os.write(int(os.environ["FTC_EVENTS_FD"]), (json.dumps(event) + "\n").encode())


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))

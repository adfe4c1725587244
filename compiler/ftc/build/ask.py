"""Ask the runtime a question that needs a library of its own: one typed question, one JSON line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ftc.build.environment import stage_environment
from ftc.build.provenance import usable_processors
from ftc_runtime.contract import Examine, Preview, Resolve


class AskError(Exception):
    """The runtime could not answer; *message* and *hint* are its own."""

    def __init__(self, message: str, hint: str | None) -> None:
        """Keep both."""
        super().__init__(message)
        self.message = message
        self.hint = hint


def ask(question: Examine | Resolve | Preview) -> str:
    """Return the one line that answers *question*.

    Raises:
        AskError: if the runtime says why it cannot.
    """
    with tempfile.TemporaryDirectory(prefix="ftc-") as folder:
        spec = Path(folder) / "question.json"
        spec.write_text(question.model_dump_json(), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ftc_runtime", str(spec)],
            env=stage_environment(
                os.environ,
                threads=usable_processors(),
                source=question.uri if isinstance(question, Resolve) else None,
            ),
            capture_output=True,
            text=True,
            check=False,
        )
    answer = done.stdout.strip().splitlines()
    if done.returncode == 0 and answer:
        return answer[-1]
    raise _refusal(done.stderr)


def _refusal(stderr: str) -> AskError:
    """The runtime's events go to stderr here: the last `failed` one says why."""
    for line in reversed(stderr.splitlines()):
        if line.startswith("{"):
            event = json.loads(line)
            if event.get("event") == "failed":
                return AskError(event["message"], event.get("hint"))
    return AskError("the runtime did not answer:\n" + stderr[-2000:], None)

"""The `ftc` command as a subprocess, and edits as a user makes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ftc:
    """Runs `ftc` in a folder, as a user would."""

    folder: Path
    store: Path

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def command(self, *arguments: str) -> list[str]:
        """Return the argv of one command."""
        return [sys.executable, "-P", "-m", "ftc", *arguments]

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment in which it runs."""
        return {**os.environ, "FTC_STORE": str(self.store), "NO_COLOR": "1", **(more or {})}

    def states(self, *arguments: str) -> dict[str, str]:
        """Return stage -> state, from `ftc status --json`."""
        done = self("status", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        records = [json.loads(line) for line in done.stdout.splitlines()]
        return {record["stage"]: record["status"] for record in records}

    def edit(self, before: str, after: str, *, file: str = "project.yaml") -> None:
        """Replace a text that stands in a file exactly once."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {file}"
        path.write_text(text.replace(before, after), encoding="utf-8")


MakeProject = Callable[..., Ftc]

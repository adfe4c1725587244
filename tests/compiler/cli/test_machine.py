"""What `ftc doctor` says of this machine's GPUs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftc.cli.machine import Finding, look

NVIDIA_SMI = """\
#!/bin/sh
echo "0, GPU-a, 81559, 40960, 580.1, NVIDIA H100 80GB HBM3"
echo "1, GPU-b, [N/A], [N/A], 580.1, NVIDIA GB10"
"""


def gpus_of(folder: Path, monkeypatch: pytest.MonkeyPatch, *, script: str | None) -> list[Finding]:
    """Look at a machine whose nvidia-smi is a script, or that has none."""
    if script is not None:
        (folder / "nvidia-smi").write_text(script)
        (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}" + (":/bin" if script else ""))
    return [finding for finding in look(folder) if finding.name.startswith("gpu")]


def test_each_gpu_is_named_with_its_memory_and_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that shares the machine's memory has no number of its own."""
    assert gpus_of(tmp_path, monkeypatch, script=NVIDIA_SMI) == [
        Finding("gpu 0", "ok", "NVIDIA H100 80GB HBM3, 40 of 80 GiB free, driver 580.1"),
        Finding("gpu 1", "ok", "NVIDIA GB10, driver 580.1"),
    ]


def test_a_machine_without_gpus_says_what_that_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that fails is told apart from none."""
    none = gpus_of(tmp_path, monkeypatch, script=None)
    (failing,) = gpus_of(tmp_path, monkeypatch, script="#!/bin/sh\nexit 9\n")

    assert none == [Finding("gpu", "note", "no NVIDIA driver: stages run on the CPU")]
    assert failing.text.startswith("nvidia-smi does not answer: ")

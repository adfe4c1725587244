"""What this machine has, found without importing a heavy library."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ftc.build.devices import Gpu

Level = Literal["ok", "note", "missing"]
MARKS: dict[Level, tuple[str, str]] = {
    "ok": ("ok     ", "green"),
    "note": ("note   ", "yellow"),
    "missing": ("missing", "red"),
}

LIBRARIES = {
    "torch": "ftc[train]",
    "transformers": "ftc[train]",
    "peft": "ftc[train]",
    "accelerate": "ftc[train]",
    "safetensors": "ftc[train]",
    "jieba": "ftc[eval]",
    "nltk": "ftc[eval]",
    "rouge-chinese": "ftc[eval]",
}
"""Library -> the extra that brings it."""

LOW_DISK_GIB = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    name: str
    level: Level
    text: str
    hint: str | None = None

    def record(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {"type": "finding", **asdict(self)}


def look(folder: Path) -> list[Finding]:
    """Return everything that matters to a build in *folder*."""
    return [
        _system(),
        _python(),
        *_gpus(),
        _memory(),
        _disk(folder),
        *(_library(name, extra) for name, extra in LIBRARIES.items()),
        *_toolchain(),
    ]


def _system() -> Finding:
    text = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    if platform.system() != "Linux":
        return Finding("system", "missing", text, "ftc runs on Linux only, for now")
    return Finding("system", "ok", text)


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} ({sys.executable})")


def _gpus() -> list[Finding]:
    from ftc.build.devices import NoAnswer, installed_gpus

    try:
        gpus = installed_gpus()
    except NoAnswer as error:
        return [Finding("gpu", "note", f"nvidia-smi does not answer: {error}")]
    findings = [Finding(f"gpu {gpu.index}", "ok", _gpu_text(gpu)) for gpu in gpus]
    return findings or [Finding("gpu", "note", "no NVIDIA driver: stages run on the CPU")]


def _gpu_text(gpu: Gpu) -> str:
    memory = ""
    if gpu.free_mib is not None and gpu.total_mib is not None:
        memory = f", {gpu.free_mib / 1024:.0f} of {gpu.total_mib / 1024:.0f} GiB free"
    return f"{gpu.name}{memory}, driver {gpu.driver}"


def _memory() -> Finding:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    free, total = kib["MemAvailable"] / 2**20, kib["MemTotal"] / 2**20
    return Finding("memory", "ok", f"{free:.1f} of {total:.1f} GiB available")


def _disk(folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    free = usage.free / 2**30
    text = f"{free:.0f} of {usage.total / 2**30:.0f} GiB free here"
    if free < LOW_DISK_GIB:
        return Finding("disk", "note", text, "models take room: a 7B one about 15 GiB a copy")
    return Finding("disk", "ok", text)


def _library(name: str, extra: str) -> Finding:
    from ftc.plan.libraries import installed, pinned

    version, pin = installed(name), pinned(name)
    if version is None:
        return Finding(name, "missing", "not installed", f"pip install '{extra}'")
    if pin is not None and version.split("+")[0] != pin:
        return Finding(name, "note", f"{version}; ftc is tested with {pin}")
    return Finding(name, "ok", version)


def _toolchain() -> list[Finding]:
    from ftc import toolchain

    missing = {gap.name: gap for gap in toolchain.missing()}
    return [
        Finding(name, "missing", missing[name].message, "ftc doctor --fix")
        if name in missing
        else Finding(name, "ok", toolchain.LLAMA_CPP_VERSION)
        for name in toolchain.PARTS
    ]

"""Looks at what a stage wrote, before it is believed."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ftc_runtime.contract import SUFFIXES, Artifact

GGUF_MAGIC = b"GGUF"
HEADER_LENGTH_BYTES = 8


def output_paths(folder: Path, outputs: Mapping[str, str]) -> dict[str, Path]:
    """Return where each output is written. *outputs*: name -> kind of artifact."""
    return {
        name: folder / f"{name}{SUFFIXES.get(Artifact(artifact), '')}"
        for name, artifact in outputs.items()
    }


def faults_of(folder: Path, outputs: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the outputs in *folder*: missing, undeclared, damaged."""
    paths = output_paths(folder, outputs)
    faults = [
        f"`{path.name}` was written, which is no output of this stage"
        for path in sorted(folder.iterdir())
        if path not in paths.values()
    ]
    for name, path in paths.items():
        is_folder = Artifact(outputs[name]) not in SUFFIXES
        faults.extend(_faults_of_output(path, is_folder=is_folder))
    return faults


def _faults_of_output(path: Path, *, is_folder: bool) -> Iterator[str]:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        yield f"`{path.name}` was not written"
        return
    if is_folder != stat.S_ISDIR(mode):
        yield f"`{path.name}` is not a {'folder' if is_folder else 'file'}"
        return
    files = sorted(path.rglob("*")) if is_folder else [path]
    if is_folder and not files:
        yield f"`{path.name}` is an empty folder"
    for file in files:
        mode = file.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        fault = _fault_of_file(file) if stat.S_ISREG(mode) else "is not a regular file"
        if fault:
            yield f"`{file.relative_to(path.parent)}` {fault}"


def _fault_of_file(file: Path) -> str | None:
    if file.suffix == ".gguf":
        with file.open("rb") as data:
            return None if data.read(4) == GGUF_MAGIC else "is no GGUF file"
    if file.suffix == ".safetensors":
        return _fault_of_safetensors(file)
    return None


def _fault_of_safetensors(file: Path) -> str | None:
    """Compare the header's offsets with the size, which shows a file that was cut off."""
    size = file.stat().st_size
    with file.open("rb") as data:
        length = int.from_bytes(data.read(HEADER_LENGTH_BYTES), "little")
        if size < HEADER_LENGTH_BYTES or length > size - HEADER_LENGTH_BYTES:
            return "is cut off in its header"
        try:
            header = json.loads(data.read(length))
            ends = [
                tensor["data_offsets"][1] for name, tensor in header.items() if name[:2] != "__"
            ]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return "has no header of a safetensors file"
    expected = HEADER_LENGTH_BYTES + length + max(ends, default=0)
    return None if size == expected else f"has {size} bytes where its header says {expected}"

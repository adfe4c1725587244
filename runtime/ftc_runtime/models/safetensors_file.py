"""The safetensors format, written so that equal tensors give equal bytes.

The library's own writer keeps metadata in a hash map, whose order changes between processes. Here
the order of the tensors follows from their types and names alone, the one metadata entry is what
transformers wants to see, and tensors are written one at a time: memory holds the largest of them,
or less where one is given in parts.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TypeAlias

ELEMENT_BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "C64": 8,
    "F32": 4, "I32": 4, "U32": 4,
    "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
"""Size of one element by the format's name of its type."""

LONGEST_HEADER = 100_000_000


Bytes: TypeAlias = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor to be written. *read* gives its bytes, row-major and little-endian, when needed.

    It may give them in parts, so that a tensor need not fit into memory.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    read: Callable[[], Bytes | Iterator[Bytes]]

    @property
    def size(self) -> int:
        """Its bytes in the file."""
        return ELEMENT_BYTES[self.dtype] * prod(self.shape)


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a file. *start* and *stop* are byte offsets from the beginning of the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def write_file(path: Path, entries: Iterable[Entry]) -> None:
    """Write tensors as one safetensors file.

    Raises:
        ValueError: if a tensor's bytes are not as many as its type and shape say.
    """
    # Wide types first, so that every tensor is aligned to its own size; then by name.
    ordered = sorted(entries, key=lambda entry: (-ELEMENT_BYTES[entry.dtype], entry.name))
    with path.open("wb") as file:
        file.write(_header(ordered))
        for entry in ordered:
            written = sum(file.write(part) for part in _parts(entry))
            if written != entry.size:
                raise ValueError(f"{entry.name} has {written} bytes, its shape {entry.size}")


def _parts(entry: Entry) -> Iterator[memoryview]:
    given = entry.read() if entry.size else b""
    parts = [given] if isinstance(given, bytes | memoryview) else given
    return (memoryview(part).cast("B") for part in parts if len(part))


def _header(ordered: list[Entry]) -> bytes:
    fields: dict[str, object] = {"__metadata__": {"format": "pt"}}
    position = 0
    for entry in ordered:
        fields[entry.name] = {
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "data_offsets": [position, position + entry.size],
        }
        position += entry.size
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def read_header(path: Path) -> dict[str, Stored]:
    """Return the tensors of a file by name, in the order of the file.

    Raises:
        ValueError: if the file is no safetensors file, or is cut short.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else LONGEST_HEADER + 1
        if length > min(LONGEST_HEADER, size - 8):
            raise ValueError(f"{path.name} is not a safetensors file")
        try:
            fields = json.loads(file.read(length))
        except ValueError as error:
            raise ValueError(f"{path.name} is not a safetensors file") from error
    fields.pop("__metadata__", None)
    stored = {
        name: Stored(
            name,
            field["dtype"],
            tuple(field["shape"]),
            8 + length + field["data_offsets"][0],
            8 + length + field["data_offsets"][1],
        )
        for name, field in fields.items()
    }
    whole = max((tensor.stop for tensor in stored.values()), default=8 + length)
    if whole > size:
        raise ValueError(f"{path.name} is cut short: it has {size} of {whole} bytes")
    return stored

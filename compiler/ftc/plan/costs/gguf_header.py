"""What a GGUF file says of its model, from the first megabytes and without a library.

Source: docs/gguf.md of ggml, versions 2 and 3: little-endian, strings with 64-bit lengths.
"""

from __future__ import annotations

import mmap
import struct
from math import prod
from pathlib import Path
from typing import NamedTuple

MAGIC = b"GGUF"
STRING, ARRAY = 8, 9
SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q",
    12: "<d",
}  # fmt: skip
"""Number of a type -> how `struct` reads it."""

Scalar = bool | int | float | str


class GgufHeader(NamedTuple):
    """Metadata and the shapes of all tensors."""

    fields: dict[str, Scalar]
    """Of an array only how long it is."""
    tensors: dict[str, tuple[int, ...]]

    @property
    def parameters(self) -> int:
        """Return the number of weights."""
        return sum(map(prod, self.tensors.values()))


def read_gguf_header(path: Path) -> GgufHeader:
    """Return the header of the file.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no GGUF file, or is cut off in its header.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] != MAGIC:
            raise ValueError(f"{path.name} is no GGUF file")
        try:
            return _Reader(data).header()
        except (struct.error, KeyError, UnicodeDecodeError) as error:
            raise ValueError(f"{path.name} is cut off in its header") from error


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = len(MAGIC) + 4

    def header(self) -> GgufHeader:
        tensors, fields = self._number("<Q"), self._number("<Q")
        return GgufHeader(
            {self._text(): self._value(self._number("<I")) for _ in range(fields)},
            dict(self._tensor() for _ in range(tensors)),
        )

    def _tensor(self) -> tuple[str, tuple[int, ...]]:
        name = self._text()
        shape = tuple(self._number("<Q") for _ in range(self._number("<I")))
        self._at += struct.calcsize("<IQ")  # its type, and where its data are
        return name, shape

    def _value(self, kind: int) -> Scalar:
        if kind == STRING:
            return self._text()
        if kind == ARRAY:
            return self._length_of_array()
        return self._scalar(SCALARS[kind])

    def _length_of_array(self) -> int:
        kind, length = self._number("<I"), self._number("<Q")
        if kind in SCALARS:
            self._at += length * struct.calcsize(SCALARS[kind])
        else:
            for _ in range(length):
                self._value(kind)
        return length

    def _text(self) -> str:
        length = self._number("<Q")
        self._at += length
        return self._data[self._at - length : self._at].decode()

    def _number(self, form: str) -> int:
        return int(self._scalar(form))

    def _scalar(self, form: str) -> bool | int | float:
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return value  # type: ignore[no-any-return]

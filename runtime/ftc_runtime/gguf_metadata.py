"""The metadata of a GGUF file: what ftc writes there, and how it is read. Standard library only.

A file tells from which inputs it was made, by their digests, so that it can be traced wherever it
is copied to. Nothing else goes in: a key depends on library versions, and names and times would
make two files of what is the same.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, TypeAlias

Value: TypeAlias = "bool | int | float | str"

FORMAT_FIELD = "ftc.format"
FORMAT = 1
"""Of these fields, should they ever mean something else."""
INPUT_PREFIX = "ftc.inputs."

MAGIC = b"GGUF"
VERSIONS = (2, 3)
NUMBERS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
    10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
"""GGUF's number of a type -> how `struct` unpacks it."""
STRING, ARRAY = 8, 9
LONGEST_TEXT = 1 << 28
"""In bytes. What claims to be longer is damage."""


class NoGguf(ValueError):
    """The file is no GGUF file, or is cut off in its metadata."""


def input_fields(digests: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that name a stage's inputs. *digests*: role -> digest."""
    return {INPUT_PREFIX + role: digest for role, digest in sorted(digests.items())}


def inputs_in(metadata: Mapping[str, Value]) -> dict[str, str]:
    """Return role -> digest of the inputs that a file names."""
    return {
        name.removeprefix(INPUT_PREFIX): str(value)
        for name, value in metadata.items()
        if name.startswith(INPUT_PREFIX)
    }


def read_metadata(path: Path) -> dict[str, Value]:
    """Return every field of a GGUF file that is no list.

    Raises:
        NoGguf: if it is no GGUF file, or is cut off.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != MAGIC or _number(file, "<I") not in VERSIONS:
            raise NoGguf(f"{path.name} is no GGUF file")
        _number(file, "<Q")  # of tensors
        fields: dict[str, Value] = {}
        for _ in range(int(_number(file, "<Q"))):
            name = _text(file)
            value = _value(file, int(_number(file, "<I")))
            if value is not None:
                fields[name] = value
        return fields


def _value(file: BinaryIO, kind: int) -> Value | None:
    """Read a value; a list is passed over and is None."""
    if kind == STRING:
        return _text(file)
    if kind in NUMBERS:
        return _number(file, NUMBERS[kind])
    if kind != ARRAY:
        raise NoGguf(f"there is no GGUF type {kind}")
    members, count = int(_number(file, "<I")), int(_number(file, "<Q"))
    if members in NUMBERS:
        file.seek(count * struct.calcsize(NUMBERS[members]), 1)
        return None
    for _ in range(count):
        _value(file, members)
    return None


def _number(file: BinaryIO, form: str) -> bool | int | float:
    number: bool | int | float = struct.unpack(form, _bytes(file, struct.calcsize(form)))[0]
    return number


def _text(file: BinaryIO) -> str:
    return _bytes(file, int(_number(file, "<Q"))).decode("utf-8", "replace")


def _bytes(file: BinaryIO, count: int) -> bytes:
    data = file.read(count) if count < LONGEST_TEXT else b""
    if len(data) != count:
        raise NoGguf("it is cut off in its metadata")
    return data

"""Token rows in a file: the ids of all rows behind one another, and where each row begins.

A safetensors file with three tensors: `input_ids` int32 and `labels` int32 of all tokens, `offsets`
int64 of rows + 1 positions. Row i is `[offsets[i] : offsets[i + 1]]`. Reading maps the file into
memory, so that data loaders of several processes share its pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray

from ftc_runtime.errors import StageError
from ftc_runtime.models.safetensors_file import Entry, Stored, read_header, write_file

Scalar = TypeVar("Scalar", np.int32, np.int64)

COPIED_AT_ONCE = 1 << 20

IGNORED = -100
"""The label of a token that is not trained, as PyTorch's cross entropy skips it."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """The ids of one row, and for each what is trained: the id itself or `IGNORED`."""

    input_ids: NDArray[np.int32]
    labels: NDArray[np.int32]


class TokenRows:
    """The rows of a file, by number. `rows[i]` is (input_ids, labels), each an int32 array."""

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            ValueError: if it is no file of token rows.
        """
        stored = read_header(path)
        missing = {"input_ids", "labels", "offsets"} - stored.keys()
        if missing:
            raise ValueError(f"{path.name} holds no token rows: {sorted(missing)} is not in it")
        self.offsets: NDArray[np.int64] = np.array(_mapped(path, stored["offsets"], np.int64))
        self._input_ids = _mapped(path, stored["input_ids"], np.int32)
        self._labels = _mapped(path, stored["labels"], np.int32)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the ids and the labels of a row; negative numbers count from the end."""
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        row %= len(self)
        span = slice(int(self.offsets[row]), int(self.offsets[row + 1]))
        return self._input_ids[span], self._labels[span]

    def lengths(self) -> NDArray[np.int64]:
        """Return the number of tokens of each row."""
        return np.diff(self.offsets)


def _mapped(path: Path, tensor: Stored, dtype: type[Scalar]) -> NDArray[Scalar]:
    if tensor.start == tensor.stop:  # nothing cannot be mapped
        return np.zeros(0, dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=tensor.start, shape=tensor.shape)


def read_tokens(path: Path) -> TokenRows:
    """Return the rows of a file.

    Raises:
        StageError: if it is no file of token rows, or is cut short.
    """
    try:
        return TokenRows(path)
    except ValueError as error:
        raise StageError(str(error), "ftc verify --repair") from error


class TokenWriter:
    """Writes rows as `TokenRows` reads them, holding none of them in memory.

    What is written comes to unnamed files beside the result, and from there into it at the end.
    """

    def __init__(self, path: Path) -> None:
        """Begin a file. There is nothing under *path* before `close`."""
        self.path = path
        self.rows = 0
        self.tokens = 0
        self._flat = {name: TemporaryFile(dir=path.parent) for name in ("input_ids", "labels")}
        self._offsets = TemporaryFile(dir=path.parent)
        self._offsets.write(bytes(8))

    def write(self, row: TokenRow) -> None:
        """Write the next row."""
        self._flat["input_ids"].write(row.input_ids.data)
        self._flat["labels"].write(row.labels.data)
        self.rows += 1
        self.tokens += len(row.input_ids)
        self._offsets.write(self.tokens.to_bytes(8, "little"))

    def close(self) -> None:
        """Put the file together."""
        entries = [
            Entry(name, "I32", (self.tokens,), partial(_copied, file))
            for name, file in self._flat.items()
        ]
        offsets = Entry("offsets", "I64", (self.rows + 1,), partial(_copied, self._offsets))
        write_file(self.path, [*entries, offsets])
        for file in (*self._flat.values(), self._offsets):
            file.close()


def _copied(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while part := file.read(COPIED_AT_ONCE):
        yield part


def write_token_rows(path: Path, rows: Iterable[TokenRow]) -> None:
    """Write rows as `TokenRows` reads them."""
    writer = TokenWriter(path)
    for row in rows:
        writer.write(row)
    writer.close()

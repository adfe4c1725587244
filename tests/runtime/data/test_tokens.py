"""Token rows in a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from ftc_runtime.data import tokens
from ftc_runtime.data.tokens import IGNORED, TokenRow, TokenRows, TokenWriter, write_token_rows


def row(*ids: int) -> TokenRow:
    """Return a row of which the last token is trained."""
    labels = [IGNORED] * (len(ids) - 1) + [ids[-1]]
    return TokenRow(np.array(ids, np.int32), np.array(labels, np.int32))


def test_rows_come_back_by_number(tmp_path: Path) -> None:
    """From the end too; lengths need no row to be read."""
    write_token_rows(tmp_path / "rows.safetensors", [row(1, 2, 3), row(4), row(5, 6)])

    rows = TokenRows(tmp_path / "rows.safetensors")

    assert len(rows) == 3
    assert [rows[index][0].tolist() for index in range(3)] == [[1, 2, 3], [4], [5, 6]]
    assert rows[-1][1].tolist() == [IGNORED, 6]
    assert rows.lengths().tolist() == [3, 1, 2]
    with pytest.raises(IndexError, match="row 3 of 3"):
        rows[3]


def test_no_rows_are_a_file_too(tmp_path: Path) -> None:
    """So that an `eval` without rows is an output like any other."""
    write_token_rows(tmp_path / "rows.safetensors", [])

    assert len(TokenRows(tmp_path / "rows.safetensors")) == 0


def test_a_file_written_in_parts_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many parts it is copied in, and with nothing left beside it."""
    written = [row(*range(1, length)) for length in range(2, 60)]
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    for path, at_once in ((whole, 1 << 20), (parts, 100)):
        monkeypatch.setattr(tokens, "COPIED_AT_ONCE", at_once)
        writer = TokenWriter(path)
        for one in written:
            writer.write(one)
        writer.close()

    assert parts.read_bytes() == whole.read_bytes()
    assert load_file(parts)["input_ids"].tolist() == [
        token for one in written for token in one.input_ids.tolist()
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "parts.safetensors",
        "whole.safetensors",
    ]


def test_the_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    """A golden digest: other bytes would be another key for every finetune."""
    write_token_rows(tmp_path / "rows.safetensors", [row(1, 2, 3), row(4), row(5, 6)])

    assert hashlib.sha256((tmp_path / "rows.safetensors").read_bytes()).hexdigest() == (
        "c9e8e6a753c347874fd437bdd7285288b63539c5a28df5b066c41b187e8444cd"
    )


def test_the_file_is_safetensors_of_fixed_types(tmp_path: Path) -> None:
    """Any tool of the field can look into it."""
    write_token_rows(tmp_path / "rows.safetensors", [row(1, 2)])

    loaded = load_file(tmp_path / "rows.safetensors")

    assert {name: (str(array.dtype), array.tolist()) for name, array in loaded.items()} == {
        "input_ids": ("int32", [1, 2]),
        "labels": ("int32", [IGNORED, 2]),
        "offsets": ("int64", [0, 2]),
    }

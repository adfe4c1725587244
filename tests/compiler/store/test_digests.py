"""Digests of files and listings."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ftc.store.digests import (
    Entry,
    decode_listing,
    digest_of_bytes,
    digest_of_file,
    encode_listing,
    in_parallel,
)


def test_a_files_digest_is_the_sha256_that_every_tool_prints(tmp_path: Path) -> None:
    """`sha256sum`, a hub's LFS pointer and an OCI layer say the same."""
    file = tmp_path / "file"
    file.write_bytes(b"abc" * 100_000)

    digest = digest_of_file(file)

    assert digest == "sha256:" + hashlib.sha256(b"abc" * 100_000).hexdigest()
    assert digest == digest_of_bytes(file.read_bytes())


def test_a_listing_has_one_text_whatever_its_order() -> None:
    """Sorted, without spaces, and read back as it was."""
    one, two = Entry("sha256:aa", 1), Entry("sha256:bb", 2, executable=True)

    text = encode_listing({"b/ü": two, "a": one})

    assert text == encode_listing({"a": one, "b/ü": two})
    assert text.decode() == (
        '{"a":{"digest":"sha256:aa","size":1},'
        '"b/ü":{"digest":"sha256:bb","executable":true,"size":2}}'
    )
    assert decode_listing(text) == {"a": one, "b/ü": two}


def test_a_name_that_is_no_text_survives() -> None:
    """A file name is bytes."""
    listing = {b"caf\xe9".decode("utf-8", "surrogateescape"): Entry("sha256:aa", 1)}

    assert decode_listing(encode_listing(listing)) == listing


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"a": 1}', b'{"a": {"size": 1}}'])
def test_what_is_no_listing_is_refused(text: bytes) -> None:
    """A torn or foreign text is a ValueError, nothing else."""
    with pytest.raises(ValueError):
        decode_listing(text)


def test_parallel_work_keeps_its_order_and_raises_its_first_error() -> None:
    """More items than threads."""
    assert in_parallel(lambda number: number * 2, range(100)) == list(range(0, 200, 2))

    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda number: 1 // (number - 50), range(100))

"""What a remote says is believed only if it can do no harm."""

from __future__ import annotations

import pytest

from ftc.store.digests import Entry, digest_of_bytes, encode_listing
from ftc.store.objects import Stored
from ftc.store.records import Record, encode_record
from ftc.store.remotes.layout import believed_listing, believed_record

KEY = "ab" * 32
DIGEST = "sha256:" + "0" * 64
GOOD = Record(KEY, {"kind": "toy"}, {"rows": Stored(DIGEST, 5, "file")})


def test_a_whole_record_is_believed() -> None:
    """As it was pushed."""
    assert believed_record(encode_record(GOOD), KEY) == GOOD


@pytest.mark.parametrize(
    "data",
    [
        encode_record(GOOD)[:-10],
        encode_record(GOOD._replace(key="cd" * 32)),
        encode_record(GOOD._replace(outputs={"rows": Stored("sha256:../../../etc", 5, "file")})),
        encode_record(GOOD._replace(outputs={"rows": Stored(DIGEST, -1, "file")})),
        encode_record(GOOD).replace(b'"file"', b'"link"'),
        b"<html>Not Found</html>",
    ],
    ids=["torn", "another key's", "a path", "no size", "no kind", "a page"],
)
def test_any_other_text_is_no_record(data: bytes) -> None:
    """Whatever a server says with code 200."""
    with pytest.raises(ValueError):
        believed_record(data, KEY)


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", "a/../../b", "", "a//b", "./a", "a\0b"])
def test_a_listing_that_leads_out_of_its_folder_is_refused(path: str) -> None:
    """Though its bytes have the digest that the record names."""
    data = encode_listing({path: Entry(DIGEST, 5)})

    with pytest.raises(ValueError, match="no path within a folder"):
        believed_listing(data, digest_of_bytes(data))


def test_a_listing_with_other_bytes_is_refused() -> None:
    """It is held against its name like any blob."""
    listing = {"config.json": Entry(DIGEST, 5)}
    data = encode_listing(listing)

    assert believed_listing(data, digest_of_bytes(data)) == listing
    with pytest.raises(ValueError, match="its bytes are not those"):
        believed_listing(data + b" ", digest_of_bytes(data))

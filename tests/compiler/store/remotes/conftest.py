"""One S3 server for all tests of remotes: it takes seconds to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from s3_server import S3Server, s3_server


@pytest.fixture(scope="session")
def running_s3() -> Iterator[S3Server]:
    """Run the server until the last test."""
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(running_s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Return the server with an empty bucket, and credentials that it takes."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test")
    running_s3.empty()
    return running_s3

"""What the libraries of remotes raise -> what a user can do about it, without their secrets.

`ftc_runtime.sources.trouble` tells them apart.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from contextlib import contextmanager

from ftc.project.remotes import protocol_of
from ftc.store.remotes.place import Address, RemoteFault
from ftc_runtime.contract import Json
from ftc_runtime.sources.trouble import Trouble, trouble_of

CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket"
    " write `storage_options: {anon: true}`",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run `gcloud auth"
    " application-default login`; for a public bucket write `storage_options: {token: anon}`",
}
HEADERS = "write `storage_options: {headers: {Authorization: ...}}`, with ${NAME} for the secret"
NO_BUCKET = "bucket does not exist"
"""So s3fs says it; a missing file is the same class of error."""
SHORTEST_SECRET = 4


@contextmanager
def faults_of(address: Address) -> Iterator[None]:
    """Let through that a file is there or is not; turn all else into a RemoteFault."""
    try:
        yield
    except (RemoteFault, FileExistsError):
        raise
    except FileNotFoundError as error:
        if NO_BUCKET in str(error):
            raise no_bucket(address) from None
        raise
    except (Exception, concurrent.futures.CancelledError) as error:
        raise fault_of(error, address) from None


def no_bucket(address: Address) -> RemoteFault:
    """Return the fault of a url that leads to no bucket."""
    hint = "make it, or correct the url; ftc makes no buckets"
    return RemoteFault(f"remote {address.name}: there is no bucket {address.url}", hint)


def fault_of(error: BaseException, address: Address) -> RemoteFault:
    """Return what is wrong with the remote, in words."""
    trouble = trouble_of(error)
    head = f"remote {address.name}"
    credentials = CREDENTIALS.get(protocol_of(address.url), HEADERS)
    if trouble is Trouble.NO_CREDENTIALS:
        return RemoteFault(f"{head}: there are no credentials for {address.url}", credentials)
    if trouble is Trouble.DENIED:
        return RemoteFault(f"{head}: {address.url} denies access", credentials)
    if trouble is Trouble.UNREACHABLE:
        hint = "is it up, and the network? `--offline` goes without it"
        return RemoteFault(f"{head}: {address.url} does not answer", hint)
    text = without_secrets(f"{type(error).__name__}: {error}", address.options)
    return RemoteFault(f"{head}: {text}")


def without_secrets(text: str, options: Json) -> str:
    """Return *text* with every value of the options struck out: any of them may be a secret."""
    for value in sorted(_texts(options), key=len, reverse=True):
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, "***")
    return text


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)

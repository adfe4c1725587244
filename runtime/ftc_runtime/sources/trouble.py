"""What the libraries of cloud storage raise, told apart by the names of classes. Light.

No library is imported to ask: which of them are installed differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

UNREACHABLE = {
    "ClientConnectionError",
    "ClientPayloadError",
    "ConnectionError",
    "ConnectTimeoutError",
    "EndpointConnectionError",
    "HTTPClientError",
    "TimeoutError",
    "TransportError",
}
DENIED = {"PermissionError", "RefreshError"}
NO_CREDENTIALS = {
    "CredentialRetrievalError",
    "DefaultCredentialsError",
    "GoogleAuthError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
}


class Trouble(StrEnum):
    """Why a place cannot be used."""

    NO_CREDENTIALS = "no credentials"
    DENIED = "denied"
    UNREACHABLE = "unreachable"


def trouble_of(error: BaseException) -> Trouble | None:
    """Return what is wrong with the place, or None if it is something else."""
    chain = list(_chain(error))
    names = {cls.__name__ for one in chain for cls in type(one).__mro__}
    if names & NO_CREDENTIALS:
        return Trouble.NO_CREDENTIALS
    if names & DENIED or any(map(_is_refusal, chain)):
        return Trouble.DENIED
    return Trouble.UNREACHABLE if names & UNREACHABLE else None


def _is_refusal(error: BaseException) -> bool:
    """Does it say 401 or 403? aiohttp has that as `status`, gcsfs as `code` or in words."""
    codes = {str(getattr(error, "status", "")), str(getattr(error, "code", ""))}
    return bool(codes & {"401", "403"}) or str(error).startswith("Forbidden: ")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was made from."""
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__

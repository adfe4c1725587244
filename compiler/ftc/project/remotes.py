"""What a remote's settings must be together, and the values that wait until it is opened.

A `${NAME}` in `storage_options` stays as it is written in everything that is kept or printed, and
takes its value when the remote is opened: so no secret is in the project's tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from ftc.diagnostics import Diagnostic, listed
from ftc.project.reading.environment import OPENED_LATER, Refusal, expand
from ftc.project.reading.nodes import Node
from ftc.project.wanted import shown
from ftc.project.written import Written
from ftc_runtime.contract import Json

DIRECTORY = "file"
MIRRORS = ("https", "http")
PROTOCOLS = ("s3", "gs", *MIRRORS, DIRECTORY)
FORMS = ("s3://bucket/prefix", "gs://bucket/prefix", "https://host/path", "a folder")
OPTIONS = OPENED_LATER["remotes"]


def protocol_of(url: str) -> str:
    """Return the protocol of a remote's url; a path has that of a folder."""
    protocol, separator, _ = url.partition("://")
    return protocol.lower() if separator else DIRECTORY


def remote_faults(written: Iterable[Written]) -> list[Diagnostic]:
    """Return the faults of remotes whose settings are of the right type."""
    return [
        fault
        for item in written
        if item.section.name == "remotes" and item.item is not None
        for fault in _faults(item)
    ]


def expanded(value: Json, environment: Mapping[str, str]) -> tuple[Json, list[Refusal]]:
    """Return a value of `storage_options` with each `${NAME}` replaced, and what cannot be."""
    if isinstance(value, str):
        return expand(value, environment, secrets=True)
    if isinstance(value, dict):
        pairs = {key: expanded(part, environment) for key, part in value.items()}
        refusals = [refusal for _, found in pairs.values() for refusal in found]
        return {key: part for key, (part, _) in pairs.items()}, refusals
    if isinstance(value, list):
        parts = [expanded(part, environment) for part in value]
        return [part for part, _ in parts], [refusal for _, found in parts for refusal in found]
    return value, []


def _faults(item: Written) -> Iterator[Diagnostic]:
    url = item.text("url") or ""
    protocol = protocol_of(url)
    if protocol not in PROTOCOLS:
        message = f"there is no remote of the protocol {protocol}://"
        yield item.fault("wrong-url", message, "url", help=f"write {listed(FORMS)}")
        return
    yield from _address_faults(item, url, protocol)
    if protocol in MIRRORS and item.text("access") == "read-write":
        message = f"a remote over {protocol}:// is read only"
        help = "delete `access`, and push to the bucket or the folder behind it"
        yield item.fault("contradiction", message, "access", help=help)
    options = item.node.children.get(OPTIONS)
    if options is not None:
        yield from _option_faults(options)


def _address_faults(item: Written, url: str, protocol: str) -> Iterator[Diagnostic]:
    if protocol == DIRECTORY:
        return
    try:
        parts = urlsplit(url)
        named, secret = bool(parts.hostname), parts.username or parts.query
    except ValueError:
        named, secret = False, None
    if not named:
        message = f"{shown(url)} does not say where the remote is"
        yield item.fault("wrong-url", message, "url", help=f"write {listed(FORMS)}")
    elif secret:
        # Without a place, whose line would be shown: most often it holds a password or a token.
        message = f"the url of the remote `{item.name}` holds a user, a password or a query"
        yield Diagnostic("wrong-url", message, help=f"write them under `{OPTIONS}`, as ${{NAME}}")


def _option_faults(node: Node) -> Iterator[Diagnostic]:
    """Find what no environment could give a value; an unset variable is told when it is needed."""
    if isinstance(node.value, str):
        for refusal in expand(node.value, {}, secrets=True)[1]:
            if refusal.code == "syntax":
                yield Diagnostic(refusal.code, refusal.message, node.place, refusal.help)
    for child in node.children.values():
        yield from _option_faults(child)

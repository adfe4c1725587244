"""`${NAME}` in a value -> what the environment says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

FORM = re.compile(
    r"\$\$\{"  # the escape: `$${` stays as `${`
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}"
    r"|\$\{[^}]*\}?"  # neither: a fault
)
OPENED_LATER = {"remotes": "storage_options"}
"""Section -> the key of its items whose `${NAME}`s stay as written until the item is used: they
may name secrets, which are in nothing that is kept or printed."""
SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a `${...}` has no value. *written* is the text in the file that is at fault."""

    code: str
    message: str
    written: str
    help: str


def expand(
    text: str, environment: Mapping[str, str], *, secrets: bool = False
) -> tuple[str, list[Refusal]]:
    """Return *text* with every `${NAME}` and `${NAME:-default}` replaced, and what cannot be.

    With *secrets* it may name some: what comes out is then neither kept nor printed.
    """
    refusals: list[Refusal] = []

    def replaced(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        refusal = _refusal(match, environment, secrets=secrets)
        if refusal is not None:
            refusals.append(refusal)
            return match[0]
        return environment.get(match["name"]) or match["default"] or ""

    return FORM.sub(replaced, text), refusals


def _refusal(
    match: re.Match[str], environment: Mapping[str, str], *, secrets: bool
) -> Refusal | None:
    name, written = match["name"], match[0]
    if name is None:
        message = f"`{written[:40]}` does not name a variable"
        return Refusal("syntax", message, written, "write ${NAME}, or $${ for the characters ${")
    if _is_secret(name) and not secrets:
        message = f"{name} looks like a secret, and secrets never enter project.yaml or a key"
        way_out = "set it in the environment only: the libraries read HF_TOKEN and its like there"
        return Refusal("secret", message, written, way_out)
    value = environment.get(name)
    if value is None and match["default"] is None:
        message = f"the environment has no variable {name}"
        way_out = f"set it, or write a default: ${{{name}:-...}}"
        return Refusal("unset-variable", message, written, way_out)
    if value is not None and not value.isascii() and not _is_text(value):
        return Refusal("not-utf-8", f"the value of {name} is not UTF-8", written, "set it again")
    return None


def _is_secret(name: str) -> bool:
    parts = name.upper().split("_")
    return any(part in ("KEY", "APIKEY") or part.endswith(SECRET_WORDS) for part in parts)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

"""The last plan, kept as JSON, so that `ftc status` needs neither pydantic nor yaml.

A kept plan is used only if everything that it was made from is unchanged: the text of
project.yaml, the environment's values in it, the registries of datasets that it names, ftc.lock's
versions of libraries, ftc's own code, and the installed packages.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftc.lockfile import env_text
from ftc.plan.stages import Edge, OutsideSource, Plan, Stage, Target

FILE_NAME = "plan.json"
BOM = b"\xef\xbb\xbf"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")


def fingerprint(file: Path) -> str:
    """Return the digest of all that the plan of *file* is made from.

    Raises:
        OSError: if *file* cannot be read.
    """
    text = file.read_bytes()
    digest = hashlib.sha256(text)
    for name in sorted(set(_VARIABLE.findall(text.decode("utf-8", "replace")))):
        digest.update(f"\0{name}={os.environ.get(name)!r}".encode())
    digest.update(b"\0" + env_text(file.parent))
    for folder in _code():
        digest.update(f"\0{folder}={os.stat(folder).st_mtime_ns}".encode())  # noqa: PTH116
    digest.update(f"\0{file.resolve()}\0{sys.version}".encode())
    return digest.hexdigest()


def _code() -> Iterator[str]:
    """Folders of installed packages, and every file of ftc's own.

    A folder's mtime moves when a package comes, goes or changes its version.
    """
    for entry in sys.path:
        if entry.endswith(("site-packages", "dist-packages")) and os.path.isdir(entry):  # noqa: PTH112 - in the start-up path
            yield entry
    compiler = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    yield from _files(compiler)
    for entry in sys.path:
        runtime = os.path.join(entry, "ftc_runtime")  # noqa: PTH118
        if os.path.isdir(runtime):  # noqa: PTH112
            yield from _files(runtime)
            return


def _files(folder: str) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                yield from _files(entry.path)
        elif entry.name.endswith((".py", ".txt", ".yaml")):
            yield entry.path


def load(path: Path, expected: str) -> Plan | None:
    """Return the plan kept at *path* if its fingerprint is *expected*; a torn file is none."""
    try:
        document = json.loads(path.read_bytes())
        if document["fingerprint"] != expected or not _unchanged(document["read"]):
            return None
        return _plan(document)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unchanged(read: dict[str, str]) -> bool:
    """Say whether the files that the project's items were taken from are as they were."""
    for path, digest in read.items():
        with open(path, "rb") as file:  # noqa: PTH123 - in the start-up path
            if hashlib.sha256(file.read().removeprefix(BOM)).hexdigest() != digest:
                return False
    return True


def save(path: Path, plan: Plan, expected: str) -> None:
    """Keep *plan* at *path*, whole or not at all. A full disk only costs time later."""
    document = {"fingerprint": expected, **_document(plan)}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(document, default=str), encoding="utf-8")
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)


def _document(plan: Plan) -> dict[str, Any]:
    """Named tuples become arrays, in the order of their fields."""
    return {
        **plan._asdict(),
        "stages": list(plan.stages.values()),
        "targets": list(plan.targets.values()),
    }


def _plan(document: dict[str, Any]) -> Plan:
    stages = [_stage(Stage(*row)) for row in document["stages"]]
    targets = [_target(Target(*row)) for row in document["targets"]]
    return Plan(
        project=document["project"],
        root=Path(document["root"]),
        file=Path(document["file"]),
        stages={stage.name: stage for stage in stages},
        targets={target.name: target for target in targets},
        keep=document["keep"],
        keep_refs=tuple(document["keep_refs"]),
        grace=document["grace"],
        read=document["read"],
        notes=tuple(document["notes"]),
    )


def _stage(row: Stage) -> Stage:
    """Give the arrays inside a row their types back."""
    inputs = {role: Edge(*edge) for role, edge in row.inputs.items()}
    return row._replace(inputs=inputs, source=row.source and _source(*row.source))


def _target(row: Target) -> Target:
    return row._replace(links={path: Edge(*edge) for path, edge in row.links.items()})


def _source(uri: str, revision: str | None, path: str | Path | None) -> OutsideSource:
    return OutsideSource(uri, revision, Path(path) if path else None)

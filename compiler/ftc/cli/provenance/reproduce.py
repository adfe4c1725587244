"""`ftc show WHAT --reproduce`: the command of a stage with its spec, as it can be pasted."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ftc.build.environment import stage_environment
from ftc.build.execute import runtime_command
from ftc.build.outputs import output_paths
from ftc.build.provenance import usable_processors
from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.provenance.story import KEY_DIGITS, shown, story
from ftc.cli.provenance.subject import Subject, Surroundings
from ftc.plan.locate import locate
from ftc.store.lineage import Lineage
from ftc.store.records import Record
from ftc.store.statcache import StatCache
from ftc_runtime.contract import SUFFIXES, Artifact, Source, StageSpec, params_class

CAPABILITY = "ATEN_CPU_CAPABILITY"
"""It limits the instructions that torch uses, which move the last bits."""


class NotHere(Exception):
    """Something that the stage reads is not at hand."""


class Again(NamedTuple):
    """How one stage is run again."""

    stage: str
    key: str
    command: str
    """For a shell."""
    spec: Path
    outputs: dict[str, Path]
    digests: dict[str, str]
    """Output -> the digest that it must have."""

    def json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        outputs = {
            name: {"path": str(path), "digest": self.digests[name]}
            for name, path in self.outputs.items()
        }
        plain = {"type": "command", **self._asdict(), "spec": str(self.spec), "outputs": outputs}
        del plain["digests"]
        return plain

    def text(self) -> str:
        """Return the command, and in comments what it gives."""
        made = [f"#   {name} {digest}" for name, digest in self.digests.items()]
        return "\n".join([f"# {self.stage} {self.key}. It gives", *made, self.command])


def reproduce(subject: Subject, around: Surroundings, lineage: Lineage, *, console: Console) -> int:
    """Write the spec of each stage that made the subject, and print its command."""
    recipe = _recipe(subject, around, lineage)
    for record in subject.roots:
        try:
            again = _again(record, around, lineage)
        except NotHere as fault:
            message = f"{lineage.name(record)}: {fault}"
            console.error("not-here", message, f"`{recipe}` makes it first")
            return Exit.FAILED
        if console.json:
            settings = _settings(record, lineage)
            console.records([{**again.json(), "recipe": recipe, "settings": settings}])
        else:
            console.data(again.text())
    if not console.json:
        console.data("\n".join(_whole(subject, recipe, lineage)))
    return Exit.DONE


def _again(record: Record, around: Surroundings, lineage: Lineage) -> Again:
    folder = Path.cwd() / f"reproduce-{record.key[:KEY_DIGITS]}"
    spec = _spec(record, around, lineage, folder=folder)
    folder.mkdir(exist_ok=True)
    file = folder / "spec.json"
    file.write_text(spec.model_dump_json(indent=1), encoding="utf-8")
    digests = {name: stored.digest for name, stored in record.outputs.items()}
    command = _command(file, spec, record.facts.get("aten_cpu_capability"))
    return Again(spec.stage, record.key, command, file, spec.outputs, digests)


def _whole(subject: Subject, recipe: str, lineage: Lineage) -> list[str]:
    """The recipe for all of it: what a project.yaml has to say, in comments."""
    rows = ["", "# or all of it, from the data on, with a project.yaml that says"]
    settings: dict[str, Any] = {}
    for root in subject.roots:
        settings |= _settings(root, lineage)
    for stage, values in settings.items():
        said = ", ".join(f"{name}: {shown(value)}" for name, value in values.items())
        rows.append(f"#   {stage}  {said or 'nothing but defaults'}")
    return [*rows, f"# {recipe}"]


def _settings(record: Record, lineage: Lineage) -> dict[str, Any]:
    """Stage -> its settings that are not defaults, and its source, first things first."""
    told = reversed(story([record], lineage).values())
    return {
        one.stage: {**{i.role: i.about for i in one.inputs if i.about}, **one.settings}
        for one in told
    }


def _recipe(subject: Subject, around: Surroundings, lineage: Lineage) -> str:
    """`ftc build --locked TARGET`, of the stage if nobody named a target."""
    target = subject.target or " ".join(lineage.name(record) for record in subject.roots)
    root = around.workspace.plan.root if around.workspace else None
    here = f"ftc -C {shlex.quote(str(root))}" if root and root != Path.cwd() else "ftc"
    return f"{here} build --locked {target}"


def _spec(record: Record, around: Surroundings, lineage: Lineage, *, folder: Path) -> StageSpec:
    preimage, facts = record.preimage, record.facts
    digests = {role: given for role, given in preimage["inputs"].items() if role != "source"}
    return StageSpec(
        stage=lineage.name(record),
        kind=preimage["kind"],
        key=record.key,
        params=facts.get("params") or _params(preimage),
        inputs={role: _input(role, digest, lineage) for role, digest in digests.items()},
        digests=digests,
        source=_source(record, around),
        outputs=output_paths(folder / "out", preimage["outputs"]),
        work=folder / "scratch",
        libraries=preimage["libraries"],
        threads=facts.get("threads") or usable_processors(),
    )


def _params(preimage: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting, from those that are not defaults."""
    return params_class(preimage["kind"]).model_validate(preimage["spec"]).model_dump(mode="json")


def _input(role: str, digest: str, lineage: Lineage) -> Path:
    maker = lineage.maker(digest)
    store = lineage.place(maker.stored) if maker else None
    if maker is None or store is None:
        raise NotHere(f"its input {role} {digest} is in no store at hand")
    artifact = maker.record.preimage["outputs"][maker.output]
    return store.path(maker.stored, SUFFIXES.get(Artifact(artifact), ""))


def _source(record: Record, around: Surroundings) -> Source | None:
    """The source, which must still have the bytes that it had."""
    wanted, noted = record.preimage["inputs"].get("source"), record.facts.get("source")
    if wanted is None:
        return None
    if noted is None:
        raise NotHere(f"nobody noted where its source {wanted} came from")
    if noted["path"] is None:
        return Source(uri=noted["uri"], revision=noted["revision"], files=noted["files"])
    root = around.workspace.plan.root if around.workspace else Path.cwd()
    digest_of = StatCache(around.stores[0]).digest
    for path in dict.fromkeys((Path(noted["path"]), locate(noted["uri"], root))):
        if path is not None and path.exists() and digest_of(path) == wanted:
            return Source(uri=noted["uri"], path=path)
    raise NotHere(f"{noted['uri']} is not here as it was: {wanted}")


def _command(file: Path, spec: StageSpec, capability: str | None) -> str:
    """One line: fresh folders, the fixed environment, the command."""
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    kept |= {CAPABILITY: capability} if capability else {}
    environment = stage_environment(
        kept, threads=spec.threads, source=spec.source.uri if spec.source else None
    )
    words = ["env", "-u", CAPABILITY, *(f"{name}={text}" for name, text in environment.items())]
    line = shlex.join([*words, *runtime_command(file)])
    work = shlex.quote(str(spec.work))
    folders = f"{shlex.quote(str(file.parent / 'out'))} {work}"
    return f"(rm -rf {folders} && mkdir -p {folders} && cd {work} && {line})"

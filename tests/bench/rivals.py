"""The same pipeline for DVC, Snakemake and doit, with everything built.

Each output is one file, also where ftc's is a folder: that is the lighter case for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ftc.plan.stages import Plan, Stage
from measure import run
from pipelines import content


@dataclass(frozen=True, slots=True)
class Job:
    """One stage as a command that makes files of files."""

    name: str
    command: str
    needs: tuple[str, ...]
    makes: tuple[str, ...]


def jobs_of(plan: Plan) -> list[Job]:
    """Return the stages of a plan, in its order."""
    return [_job(stage, plan) for stage in plan.stages.values()]


def _job(stage: Stage, plan: Plan) -> Job:
    needs = [_file(edge.stage, edge.output) for edge in stage.inputs.values()]
    if stage.source is not None:
        needs += [file for file in _sources(plan) if file.startswith(stage.source.uri)]
    return Job(
        name=stage.name.replace(":", "-").replace(".", "-").replace("/", "-"),
        command=f"echo {stage.kind} '{json.dumps(stage.semantic, sort_keys=True)}'",
        needs=tuple(dict.fromkeys(needs)),
        makes=tuple(_file(stage.name, name) for name in stage.outputs),
    )


def write_files(folder: Path, plan: Plan) -> None:
    """Write the sources and every output."""
    for file in _sources(plan):
        _write(folder / file, (plan.root / file).read_bytes())
    for stage in plan.stages.values():
        for name in stage.outputs:
            _write(folder / _file(stage.name, name), content(stage, name))


def write_dvc(folder: Path, jobs: list[Job], *, dvc: str, environment: Mapping[str, str]) -> None:
    """Write dvc.yaml, dvc.lock and the cache, which DVC itself would take minutes for."""
    run([dvc, "init", "--no-scm", "--quiet"], folder, environment)
    described, locked = {}, {}
    for job in jobs:
        described[job.name] = {
            "cmd": job.command,
            "deps": list(job.needs),
            "outs": list(job.makes),
        }
        locked[job.name] = {
            "cmd": job.command,
            "deps": [_locked(folder, file) for file in job.needs],
            "outs": [_cached(folder, file) for file in job.makes],
        }
    # JSON is YAML.
    _write(folder / "dvc.yaml", json.dumps({"stages": described}, indent=1).encode())
    _write(folder / "dvc.lock", json.dumps({"schema": "2.0", "stages": locked}, indent=1).encode())


def write_snakemake(folder: Path, jobs: list[Job], *, snakemake: str) -> None:
    """Write a Snakefile, and let Snakemake note how each file was made."""
    every = [file for job in jobs for file in job.makes]
    rules = [f"rule all:\n    input: {_quoted(every)}"]
    for job in jobs:
        command = json.dumps(job.command.replace("{", "{{").replace("}", "}}"))
        rules.append(
            f"rule {job.name.replace('-', '_').replace('@', '_')}:\n    input: {_quoted(job.needs)}"
            f"\n    output: {_quoted(job.makes)}\n    shell: {command}"
        )
    _write(folder / "Snakefile", ("\n\n".join(rules) + "\n").encode())
    run([snakemake, "--touch", "--forceall", "--cores", "1", "--quiet", "all"], folder)


def write_doit(folder: Path, jobs: list[Job], *, doit: str) -> None:
    """Write a dodo.py, and let doit run its commands, which do nothing."""
    tasks = [
        {"name": job.name, "actions": [job.command], "file_dep": job.needs, "targets": job.makes}
        for job in jobs
    ]
    text = f"def task_stage():\n    yield from {json.dumps(tasks, indent=1)}\n"
    _write(folder / "dodo.py", text.encode())
    run([doit, "run"], folder)


def _sources(plan: Plan) -> Iterator[str]:
    yield from ("base/config.json", "base/model.safetensors")
    for stage in plan.stages.values():
        if stage.kind == "dataset" and stage.source is not None:
            yield stage.source.uri


def _file(stage: str, output: str) -> str:
    return f"made/{stage.replace(':', '/').replace('.', '-')}/{output}"


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def _locked(folder: Path, file: str) -> dict[str, str | int]:
    """Return a file as dvc.lock has it."""
    data = (folder / file).read_bytes()
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {"path": file, "hash": "md5", "md5": md5, "size": len(data)}


def _cached(folder: Path, file: str) -> dict[str, str | int]:
    """Put a file into DVC's cache too."""
    locked = _locked(folder, file)
    md5 = str(locked["md5"])
    blob = folder / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    if not blob.exists():
        _write(blob, (folder / file).read_bytes())
        blob.chmod(0o444)
    return locked


def _quoted(files: tuple[str, ...] | list[str]) -> str:
    return ", ".join(json.dumps(file) for file in files)

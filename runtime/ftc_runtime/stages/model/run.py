"""Stage `model`: a base model, brought here and made canonical."""

from __future__ import annotations

from pathlib import Path

from ftc_runtime import events
from ftc_runtime.contract import Source, StageSpec
from ftc_runtime.errors import StageError
from ftc_runtime.models.configs import write_json
from ftc_runtime.models.folder import take_as_it_is, take_converted, write_tokenizer_output
from ftc_runtime.models.report import report
from ftc_runtime.stages.model.spec import Params


def run(params: Params, stage: StageSpec) -> None:
    """Write the model of the source to `model`, its tokenizer apart, and a `report`."""
    source = stage.source
    if source is None:
        raise StageError(f"{stage.stage} has no source", "Write source: hf://org/name")
    model = stage.outputs["model"]
    warnings = _take(params, stage, source, model)

    write_tokenizer_output(model, stage.outputs["tokenizer"])
    findings = report(model, warnings)
    write_json(stage.outputs["report"], findings.json())
    for warning in findings.warnings:
        events.warning(warning)
    events.done(parameters=findings.parameters, bytes=findings.bytes)


def _take(params: Params, stage: StageSpec, source: Source, model: Path) -> list[str]:
    """Write the model's folder by the kind of its source; return warnings."""
    if source.uri.startswith("scratch://"):
        from ftc_runtime.models.scratch import make_scratch

        make_scratch(
            source.uri.removeprefix("scratch://"),
            model,
            config=params.config,
            seed=params.seed,
            dtype="float32" if params.dtype == "auto" else params.dtype,
            tokenizer=stage.inputs.get("tokenizer"),
            work=stage.work,
        )
        return []
    _refuse_scratch_settings(params, source)
    if source.path is None:
        events.phase(f"downloading {source.uri}")
        from ftc_runtime.sources.models import download

        folder = download(source, work=stage.work, code=params.trust_remote_code)
        return _take_path(params, stage, _only_gguf(folder), model)
    return _take_path(params, stage, source.path, model)


def _take_path(params: Params, stage: StageSpec, path: Path, model: Path) -> list[str]:
    if path.is_file():
        from ftc_runtime.models.gguf_source import take_gguf

        dtype = "bfloat16" if params.dtype == "auto" else params.dtype
        return take_gguf(path, model, dtype=dtype, work=stage.work)
    if not path.is_dir():
        raise StageError(f"{path} is not there", "Check the source")
    if not (path / "config.json").is_file():
        raise StageError(f"{path} has no config.json, so it is no model", "Check the source")
    if params.dtype == "auto":
        events.phase("copying the model")
        take_as_it_is(path, model, code=params.trust_remote_code)
    else:
        events.phase(f"converting the model to {params.dtype}")
        model.mkdir(parents=True)
        take_converted(path, model, dtype=params.dtype, code=params.trust_remote_code)
    return []


def _only_gguf(folder: Path) -> Path:
    """Return the GGUF file of a download that is one, else the folder."""
    files = list(folder.rglob("*.gguf"))
    return files[0] if len(files) == 1 and not (folder / "config.json").exists() else folder


def _refuse_scratch_settings(params: Params, source: Source) -> None:
    if params.config or params.seed:
        name = "config" if params.config else "seed"
        raise StageError(
            f"{name} is for scratch:// only, the source is {source.uri}", f"Remove {name}"
        )

"""GGUF: a model folder in, one file out, by llama.cpp's own converter."""

import json

import torch

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.errors import StageError
from ftc_runtime.gguf_metadata import FORMAT, FORMAT_FIELD, input_fields
from ftc_runtime.models.weights import open_model
from ftc_runtime.stages.gguf.converter import convert
from ftc_runtime.stages.gguf.spec import Params

OUTTYPES = {torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16"}


def run(params: Params, stage: StageSpec) -> None:
    """Convert inputs["model"]."""
    model = stage.inputs["model"]
    outtype = _own_type(stage) if params.outtype == "auto" else params.outtype
    config = json.loads((model / "config.json").read_bytes())

    # The converter takes names from the folder's. This one is the same everywhere.
    folder = stage.work / "model"
    folder.unlink(missing_ok=True)
    folder.symlink_to(model.absolute())

    events.phase(f"converting to {outtype}")
    convert(
        folder,
        stage.outputs["gguf"],
        outtype=outtype,
        name=str(config.get("model_type", "model")),
        fields={FORMAT_FIELD: FORMAT, **input_fields(stage.digests)},
        threads=stage.threads,
    )
    events.done(outtype=outtype, bytes=stage.outputs["gguf"].stat().st_size)


def _own_type(stage: StageSpec) -> str:
    """Return the type that most of the model's bytes have."""
    sizes: dict[torch.dtype, int] = {}
    for tensor in open_model(stage.inputs["model"]):
        sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + tensor.size
    dtype = max(sizes, key=lambda dtype: sizes[dtype])
    if dtype not in OUTTYPES:
        raise StageError(
            f"the model's weights are {str(dtype).removeprefix('torch.')}, which GGUF has not",
            f"set outtype to one of {', '.join(OUTTYPES.values())}",
        )
    return OUTTYPES[dtype]

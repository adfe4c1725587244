"""Merge: a base model and its adapter in, one model out, a tensor at a time."""

from collections.abc import Iterable
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath

import torch

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.models.files import PICKLES, copy_file, is_weights
from ftc_runtime.models.folder import relative_files
from ftc_runtime.models.weights import LazyTensor, open_model, parse_size, write_model
from ftc_runtime.models.with_template import write_template
from ftc_runtime.stages.merge.spec import Params
from ftc_runtime.templates.chat import read_chat
from ftc_runtime.templates.definition import Definition
from ftc_runtime.training.merging import merged_tensors, read_products


def run(params: Params, stage: StageSpec) -> None:
    """Add inputs["adapter"] to inputs["model"], in the model's own dtype."""
    torch.set_num_threads(stage.threads)
    base = open_model(stage.inputs["model"])
    products = read_products(stage.inputs["adapter"]) if "adapter" in stage.inputs else {}

    events.phase(f"merging {len(products)} of {len(base.names())} tensors")
    folder = stage.outputs["model"]
    folder.mkdir()
    tensors = list(merged_tensors(base, products))
    files = write_model(folder, _told(tensors), max_shard_size=parse_size(params.max_shard_size))

    events.phase("copying the config and the tokenizer")
    copy_companions(stage.inputs["model"], folder)
    chat = read_chat(stage.inputs.get("chat"))
    if isinstance(chat.template, Definition):
        write_template(folder, chat.template)
    events.done(tensors=len(tensors), merged=len(products), files=len(files))


def _told(tensors: list[LazyTensor]) -> Iterable[LazyTensor]:
    """Give the tensors, each saying how far the work is when it is loaded."""
    numbers = count(1)

    def told(tensor: LazyTensor) -> torch.Tensor:
        events.progress(next(numbers), len(tensors), "tensor")
        return tensor.load()

    return [
        LazyTensor(tensor.name, tensor.dtype, tensor.shape, partial(told, tensor))
        for tensor in tensors
    ]


def copy_companions(source: Path, target: Path) -> None:
    """Copy what belongs to a model beside its weights: config, tokenizer, template, code."""
    for name in relative_files(source):
        if not is_weights(name) and PurePosixPath(name).suffix not in PICKLES:
            copy_file(source / name, target / name)

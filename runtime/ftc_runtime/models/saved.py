"""A model in memory, saved by transformers and then made canonical by us.

transformers knows which weights are tied and what a checkpoint calls them; its files carry
accidents. So it saves to scratch, and each file is written again in its one form.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ftc_runtime import events
from ftc_runtime.models.configs import read_json, without_accidents, write_json
from ftc_runtime.models.files import copy_file, is_tokenizer
from ftc_runtime.models.folder import relative_files, write_config, write_weights
from ftc_runtime.models.weights import open_model


def write_saved(model: Any, tokenizer: Any, target: Path, *, dtype: str, work: Path) -> None:
    """Write a model and its tokenizer as a folder, the weights in *dtype*."""
    scratch = work / "saved"
    shutil.rmtree(scratch, ignore_errors=True)
    model.save_pretrained(scratch)
    tokenizer.save_pretrained(scratch)
    target.mkdir(parents=True, exist_ok=True)
    events.phase("writing the model")
    write_config(target / "config.json", read_json(scratch / "config.json"), dtype=dtype)
    if (scratch / "generation_config.json").is_file():
        generation = read_json(scratch / "generation_config.json")
        write_json(target / "generation_config.json", without_accidents(generation))
    write_tokenizer_files(scratch, target)
    write_weights(target, open_model(scratch), dtype=dtype)
    shutil.rmtree(scratch)


def write_tokenizer_files(source: Path, target: Path) -> None:
    """Copy the files of a saved tokenizer, its config without accidents."""
    for name in relative_files(source):
        if name == "tokenizer_config.json":
            config = without_accidents(read_json(source / name))
            assert isinstance(config, dict)
            if config.get("tokenizer_class") == "TokenizersBackend":
                # transformers 5's name; every version, and every other engine, knows this one.
                config["tokenizer_class"] = "PreTrainedTokenizerFast"
                config.pop("backend", None)
            write_json(target / name, config)
        elif is_tokenizer(name):
            copy_file(source / name, target / name)

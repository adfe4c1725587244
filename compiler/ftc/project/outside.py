"""What lies outside of the project: that a source has a form that is known, and a path is there.

Nothing here touches the network, and whether a package is installed is no fault of the file.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

from ftc.diagnostics import Diagnostic, listed, suggestion
from ftc.project.afar import afar_faults, hub_setting_faults
from ftc.project.foreign import is_word_for
from ftc.project.wanted import shown
from ftc.project.written import Written
from ftc_runtime.stages.dataset.spec import FILE_TYPES, file_type

SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
HUBS = ("hf", "ms")
MODEL_FORMS = {
    "hf": (re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII), "hf://org/name"),
    "ms": (re.compile(r"[\w.-]+/[\w.-]+", re.ASCII), "ms://org/name"),
    "package": (re.compile(r"[\w.-]+/[^/].*", re.ASCII), "package://pypi-name/file.gguf"),
    "scratch": (
        re.compile(r"[\w-]+", re.ASCII),
        "scratch://llama, an architecture of transformers",
    ),
}
LATER_SCHEMES = frozenset(
    ("s3", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "r2", "hdfs", "ftp", "sftp", "ssh")
)
HUB_PAGE = re.compile(r"https?://(www\.)?(?P<host>huggingface\.co|modelscope\.cn)/(?P<rest>.+)")
MOST_SIBLINGS = 2_000
SOURCE = "datasets.NAME.source"


def source_faults(written: Iterable[Written], root: Path) -> list[Diagnostic]:
    """Return the faults of every `source:`; a path in one starts at *root*."""
    faults: list[Diagnostic] = []
    for item in written:
        source = item.text("source")
        if source is None:
            faults += _no_source(item)
            continue
        if item.section.name == "models":
            faults += _model_faults(item, source, root)
        elif item.section.name == "datasets":
            faults += _dataset_faults(item, source, root)
    return faults


def _model_faults(item: Written, source: str, root: Path) -> Iterator[Diagnostic]:
    match = SCHEME.fullmatch(source)
    scheme = match["scheme"] if match else None
    if match is None:
        yield from _model_path_faults(item, source, root)
    elif match["scheme"] not in MODEL_FORMS:
        yield _unknown_scheme(item, match)
    else:
        form, example = MODEL_FORMS[match["scheme"]]
        if not form.fullmatch(match["rest"]) or match["rest"].startswith("datasets/"):
            message = f"{shown(source)} does not say which model is meant"
            yield item.fault("wrong-source", message, "source", help=f"write {example}")
    yield from _scratch_faults(item, scheme)
    if item.text("revision") is not None and scheme not in HUBS:
        message = "`revision` is for a hub's model, and this source is none"
        yield Diagnostic("contradiction", message, item.at_key(("revision",)), "delete it")


def _scratch_faults(item: Written, scheme: str | None) -> Iterator[Diagnostic]:
    if scheme == "scratch":
        if "tokenizer" not in item.node.children:
            help = "tokenizer: the model whose tokenizer to take"
            yield Diagnostic("missing-key", f"`{item.said}` needs `tokenizer`", item.key, help)
        return
    for key in ("config", "seed", "tokenizer"):
        if key in item.node.children:
            message = f"`{key}` is for a model from scratch, and this source is none"
            help = "delete it, or write `source: scratch://ARCHITECTURE`"
            yield Diagnostic("contradiction", message, item.at_key((key,)), help)


def _unknown_scheme(item: Written, match: re.Match[str]) -> Diagnostic:
    scheme = match["scheme"].lower()
    page = HUB_PAGE.fullmatch(match[0])
    if page:
        hub = "hf" if page["host"] == "huggingface.co" else "ms"
        name = "/".join(page["rest"].removeprefix("models/").split("/")[:2])
        message = "a page of a hub is no source of a model"
        return item.fault("wrong-source", message, "source", help=f"write {hub}://{name}")
    if scheme in LATER_SCHEMES or scheme in ("http", "https"):
        message = (
            f"this version of ftc does not read {scheme}:// yet: bring it here and write a path"
        )
        return item.fault("not-yet", message, "source")
    schemes = [f"{known}://" for known in MODEL_FORMS]
    help = "write a path" if scheme == "file" else suggestion(f"{scheme}://", schemes)
    if help is None:
        help = f"write {listed(['a path', *schemes])}"
    return item.fault("wrong-source", f"there is no source {scheme}://", "source", help=help)


def _model_path_faults(item: Written, source: str, root: Path) -> Iterator[Diagnostic]:
    path = root / source
    fault = absent(item, path, source)
    if fault is not None:
        yield fault
    elif _kind(path) == "folder":
        if _kind(path / "config.json") != "file":
            message = f"{source} has no config.json, so it is no model"
            yield item.fault("wrong-source", message, "source")
    elif path.suffix != ".gguf":
        message = f"{source} is a single file, and no .gguf"
        help = "name the folder that holds config.json and the .safetensors files"
        yield item.fault("wrong-source", message, "source", help=help)


def _dataset_faults(item: Written, source: str, root: Path) -> Iterator[Diagnostic]:
    match = SCHEME.fullmatch(source)
    path = root / source
    yield from hub_setting_faults(item, source)
    if match:
        yield from afar_faults(item, source)
    elif fault := absent(item, path, source):
        yield fault
    elif _kind(path) == "file" and file_type(source) is None:
        message = f"{path.suffix or 'such'} files are not read as rows"
        help = f"write one of {', '.join(FILE_TYPES)}, or a folder of them"
        yield item.fault("wrong-source", message, "source", help=help)


def _no_source(item: Written) -> Iterator[Diagnostic]:
    """A dataset may have its source from a registry, so that its class does not ask for one."""
    if item.section.name != "datasets" or item.item_class is None or item.is_torn:
        return
    if item.node.children.keys() & {"source", "dataset_info"}:
        return
    if any(is_word_for(SOURCE, str(key)) for key in item.node.children):
        return  # it is told how that is written here
    help = f"source: {item.item_class.model_fields['source'].description}"
    yield Diagnostic("missing-key", f"`{item.said}` needs `source`", item.key, help)


def absent(item: Written, path: Path, source: str, *, key: str = "source") -> Diagnostic | None:
    """Return the fault of a path, written as the text *source* at *key*, that leads nowhere."""
    if source and _kind(path) is not None:
        return None
    try:
        parent = path.parent
        while not parent.is_dir():
            path, parent = parent, parent.parent
        siblings = [entry.name for entry in islice(parent.iterdir(), MOST_SIBLINGS)]
    except (OSError, ValueError):
        siblings = []
    if not source:
        return item.fault("wrong-source", f"`{key}` is empty", key)
    message = f"there is no file or folder {shown(source)} beside the project file"
    if Path(source).is_absolute():
        message = f"there is no file or folder {shown(source)}"
    help = suggestion(path.name, sorted(siblings))
    if help is None and item.section.name == "models" and source.count("/") == 1:
        help = f"if it is on a hub, write hf://{source} or ms://{source}"
    if source.startswith("~"):
        help = f"~ is no folder here: write ${{HOME}}{source[1:]}"
    return item.fault("missing-file", message, key, help=help)


def _kind(path: Path) -> Literal["file", "folder"] | None:
    """Return what a path leads to, or None if it leads nowhere that can be looked at."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # absent, too long, no permission, a NUL
        return None
    return "folder" if stat.S_ISDIR(mode) else "file"

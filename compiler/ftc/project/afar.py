"""Datasets of a hub and of cloud storage: that their address has a form that is known."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ftc.diagnostics import Diagnostic, suggestion
from ftc.project.wanted import shown
from ftc.project.written import Written

HUB = re.compile(r"(?P<hub>hf|ms)://(?P<rest>.*)", re.DOTALL)
DATASET = re.compile(r"datasets/[\w.-]+(/[\w.-]+)?/?", re.ASCII)
PAGE = re.compile(r"https?://(www\.)?(?P<host>huggingface\.co|modelscope\.cn)/(?P<rest>.+)")
FILE_ON_A_PAGE = re.compile(r"datasets/.+/resolve/.+")
CLOUDS = (
    "s3", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "hdfs", "ftp", "sftp", "ssh", "webdav",
    "http", "https",
)  # fmt: skip
"""What fsspec has file systems for; which are installed is found when a source is pinned."""
OF_A_HUB = ("subset", "split", "folder", "revision")
SPLIT = re.compile(r"[\w.-]+")


def afar_faults(item: Written, source: str) -> Iterator[Diagnostic]:
    """Give the faults of a dataset's `source` that is a URL."""
    if hub := HUB.fullmatch(source):
        if not DATASET.fullmatch(hub["rest"]):
            message = f"{shown(source)} does not say which dataset is meant"
            name = hub["rest"].removeprefix("datasets/")
            help = f"write {hub['hub']}://datasets/{name}" if name.count("/") == 1 else None
            help = help or f"write {hub['hub']}://datasets/org/name; `folder` names one in it"
            yield item.fault("wrong-source", message, "source", help=help)
        split = item.text("split")
        if split is not None and not SPLIT.fullmatch(split):
            message = f"`split` is the name of one split, and {shown(split)} is none"
            help = "`num_samples` takes a part of one"
            yield item.fault("wrong-value", message, "split", help=help)
        return
    page = PAGE.fullmatch(source)
    if page and not FILE_ON_A_PAGE.fullmatch(page["rest"]):
        hub_name = "hf" if page["host"] == "huggingface.co" else "ms"
        name = "/".join(page["rest"].removeprefix("datasets/").split("/")[:2])
        message = "a page of a hub is no source of a dataset"
        help = f"write {hub_name}://datasets/{name}"
        yield item.fault("wrong-source", message, "source", help=help)
        return
    scheme = source.partition("://")[0].lower()
    if scheme not in CLOUDS:
        help = "write a path" if scheme == "file" else None
        help = help or suggestion(f"{scheme}://", [f"{one}://" for one in ("hf", "ms", *CLOUDS)])
        help = help or "write a path, hf://datasets/org/name, or a URL such as s3://bucket/rows"
        yield item.fault("wrong-source", f"there is no source {scheme}://", "source", help=help)


def hub_setting_faults(item: Written, source: str) -> Iterator[Diagnostic]:
    """Give a fault for each setting that says something of a hub's dataset where there is none."""
    if HUB.match(source):
        return
    for key in OF_A_HUB:
        if key in item.node.children:
            message = f"`{key}` is for a hub's dataset, and this source is none"
            yield Diagnostic("contradiction", message, item.at_key((key,)), "delete it")

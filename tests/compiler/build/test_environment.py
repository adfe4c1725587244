"""The environment that a stage gets."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ftc.build.environment import stage_environment
from toy_project import ToyProject

OURS = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "USER": "me",
    "HOSTNAME": "box",
    "LC_ALL": "C.UTF-8",
    "CUDA_VISIBLE_DEVICES": "1",
    "NCCL_DEBUG": "INFO",
    "OMP_NUM_THREADS": "64",
    "ATEN_CPU_CAPABILITY": "avx2",
    "HF_HOME": "/cache",
    "HF_TOKEN": "secret",
    "https_proxy": "http://proxy",
    "MODELSCOPE_CACHE": "/ms",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "WANDB_API_KEY": "secret",
    "PYTHONSTARTUP": "evil.py",
    "PYTHONHASHSEED": "random",
    "HF_HUB_OFFLINE": "0",
}

ANY_STAGE = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "LC_ALL": "C.UTF-8",
    "CUDA_VISIBLE_DEVICES": "1",
    "NCCL_DEBUG": "INFO",
    "ATEN_CPU_CAPABILITY": "avx2",
    "HF_HOME": "/cache",
    "OMP_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
    "NUMEXPR_NUM_THREADS": "2",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONFAULTHANDLER": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def test_a_stage_gets_what_it_may_know_and_no_network() -> None:
    """Unknown names, secrets, user and host are not passed on."""
    assert stage_environment(OURS, threads=2, source=None) == {
        **ANY_STAGE,
        "HF_HUB_OFFLINE": "1",
    }


def test_only_a_stage_with_a_source_gets_tokens_and_proxies() -> None:
    """The others have no use for them, nor has a hub for a cloud's keys."""
    online = {
        **ANY_STAGE,
        "HF_TOKEN": "secret",
        "HF_HUB_OFFLINE": "0",
        "https_proxy": "http://proxy",
        "MODELSCOPE_CACHE": "/ms",
    }

    assert stage_environment(OURS, threads=2, source="hf://acme/base") == online
    assert stage_environment(OURS, threads=2, source="s3://bucket/rows") == {
        **online,
        "AWS_SECRET_ACCESS_KEY": "secret",
    }


def test_the_gpus_that_a_stage_may_see_are_not_the_users_choice() -> None:
    """Those that it was lent; an empty word hides all."""
    environments = [
        stage_environment(OURS, threads=2, source=None, visible=visible)
        for visible in ("GPU-a,GPU-b", "")
    ]

    assert environments == [
        {**ANY_STAGE, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": visible}
        for visible in ("GPU-a,GPU-b", "")
    ]


def test_the_paths_of_modules_hold_in_another_folder() -> None:
    """An empty entry means the working folder, where nothing of ours lies."""
    environment = stage_environment({"PYTHONPATH": "lib::/opt/lib"}, threads=1, source=None)

    assert environment["PYTHONPATH"] == f"{Path.cwd()}/lib:/opt/lib"


def test_the_process_really_has_that_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the stage itself sees it."""
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    monkeypatch.delenv("LC_CTYPE", raising=False)
    project = ToyProject(tmp_path)
    project.stage("sft:a", environment=str(tmp_path / "environment"))

    project.build(threads=2)

    seen = json.loads((tmp_path / "environment").read_text())
    assert seen.pop("FTC_EVENTS_FD").isdecimal()
    seen.pop("LC_CTYPE", None)  # Python sets it for itself where the locale is C.
    assert seen == stage_environment(os.environ, threads=2, source=None, visible="")

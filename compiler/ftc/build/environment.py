"""The environment of a stage's process: an allow-list, so that nothing unknown changes a result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ftc.plan.locate import is_cloud

ALLOWED = frozenset(
    """
    PATH HOME TMPDIR LANG LANGUAGE LD_LIBRARY_PATH XDG_CACHE_HOME
    HF_HOME HF_HUB_CACHE HF_XET_CACHE HF_MODULES_CACHE HUGGINGFACE_HUB_CACHE
    TORCH_HOME TRITON_CACHE_DIR TORCHINDUCTOR_CACHE_DIR
    ATEN_CPU_CAPABILITY OPENBLAS_CORETYPE MKL_ENABLE_INSTRUCTIONS MKL_CBWR
    PYTHONPATH
    """.split()
)
"""PYTHONPATH is here because the key's library versions were read with it: a stage without it
would run other ones."""

ALLOWED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "NCCL_", "HIP_", "ROCR_", "HSA_", "PYTORCH_")

NETWORK = frozenset(
    """
    HF_TOKEN HF_TOKEN_PATH HUGGING_FACE_HUB_TOKEN HF_ENDPOINT HF_HUB_OFFLINE
    HF_HUB_DOWNLOAD_TIMEOUT
    HF_HUB_ETAG_TIMEOUT HF_HUB_DISABLE_XET HF_HUB_ENABLE_HF_TRANSFER
    http_proxy https_proxy ftp_proxy all_proxy no_proxy
    HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY
    SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
    """.split()
)
"""For stages that take a source. The others have no use for a token, and so do not get it."""

NETWORK_PREFIXES = ("MODELSCOPE_",)

CLOUD_PREFIXES = ("AWS_", "FSSPEC_", "GOOGLE_", "CLOUDSDK_", "STORAGE_EMULATOR_", "AZURE_", "OSS_")
"""For stages that read cloud storage."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")

VISIBLE = "CUDA_VISIBLE_DEVICES"

FIXED = {
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONFAULTHANDLER": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def stage_environment(
    ours: Mapping[str, str],
    *,
    threads: int,
    source: str | None,
    visible: str | None = None,
) -> dict[str, str]:
    """Return the environment of a stage, made of *ours*. No user's or host's name is in it.

    *source* is the URI that it reads from outside, if it does. *visible* names the GPUs that the
    stage may see; None leaves what the user said.
    """
    kept = {name: value for name, value in ours.items() if _is_allowed(name, source)}
    if "PYTHONPATH" in kept:
        kept["PYTHONPATH"] = _from_anywhere(kept["PYTHONPATH"])
    kept.update(FIXED)
    kept.update(dict.fromkeys(THREADS, str(threads)))
    if source is None:
        kept["HF_HUB_OFFLINE"] = "1"
    if visible is not None:
        kept[VISIBLE] = visible
    return kept


def _from_anywhere(paths: str) -> str:
    """Make paths absolute: a stage runs in a folder of its own."""
    return os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep) if path)


def _is_allowed(name: str, source: str | None) -> bool:
    if name in ALLOWED or name.startswith(ALLOWED_PREFIXES):
        return True
    if source is None:
        return False
    if is_cloud(source) and name.startswith(CLOUD_PREFIXES):
        return True
    return name in NETWORK or name.startswith(NETWORK_PREFIXES)

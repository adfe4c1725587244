"""Switches that make a training give the same bits again on like hardware."""

from __future__ import annotations

import os

import torch
from transformers import set_seed


def pin(*, seed: int, threads: int) -> None:
    """Seed every generator, fix the number of threads, and refuse kernels that vary between runs.

    transformers' `enable_full_determinism` also serialises every CUDA launch, which costs speed
    and adds nothing to this.
    """
    # Read when CUDA starts, so it must be set before the first tensor moves there.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Filling every fresh tensor with NaN only serves to find bugs in kernels.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    set_seed(seed)

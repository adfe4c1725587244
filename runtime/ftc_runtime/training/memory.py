"""How much memory a training has taken at most."""

from __future__ import annotations

import resource

import torch


def peak_bytes(device: torch.device) -> int:
    """Return the most that PyTorch held on a GPU, or that this process had resident."""
    if device.type == "cuda":
        peak: int = torch.cuda.max_memory_allocated(device)
        return peak
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # KiB

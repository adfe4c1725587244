"""Quantise: a GGUF file in, one of a smaller type out, by llama.cpp itself."""

import ctypes
import re
import sys
from collections.abc import Mapping
from typing import Any

import llama_cpp

from ftc_runtime import events
from ftc_runtime.contract import StageSpec
from ftc_runtime.errors import StageError
from ftc_runtime.gguf_metadata import input_fields
from ftc_runtime.stages.quantize.spec import Params

FILE_TYPES: dict[str, int] = {
    "f32": llama_cpp.LLAMA_FTYPE_ALL_F32,
    "f16": llama_cpp.LLAMA_FTYPE_MOSTLY_F16,
    "bf16": llama_cpp.LLAMA_FTYPE_MOSTLY_BF16,
    "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "q6_k": llama_cpp.LLAMA_FTYPE_MOSTLY_Q6_K,
    "q5_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_M,
    "q5_k_s": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_K_S,
    "q5_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_0,
    "q5_1": llama_cpp.LLAMA_FTYPE_MOSTLY_Q5_1,
    "q4_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M,
    "q4_k_s": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_S,
    "q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
    "q4_1": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_1,
    "q3_k_l": llama_cpp.LLAMA_FTYPE_MOSTLY_Q3_K_L,
    "q3_k_m": llama_cpp.LLAMA_FTYPE_MOSTLY_Q3_K_M,
    "q3_k_s": llama_cpp.LLAMA_FTYPE_MOSTLY_Q3_K_S,
    "q2_k": llama_cpp.LLAMA_FTYPE_MOSTLY_Q2_K,
}

STRING_FIELD = 3
"""llama.cpp's LLAMA_KV_OVERRIDE_TYPE_STR."""
ERROR_LEVEL = 4
TENSOR = re.compile(r"\[\s*(\d+)/\s*(\d+)\]")
NOT_DIVISIBLE = re.compile(r"not divisible by\s+(\d+)")


class Log:
    """What llama.cpp says: passed on to the log, with its progress and its fall-backs taken out."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.fallbacks = 0
        self.block_size = 0
        self.errors: list[str] = []
        self._callback = llama_cpp.llama_log_callback(self._hear)

    def __enter__(self) -> "Log":
        """Listen."""
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more: llama.cpp would go on calling what Python has freed."""
        llama_cpp.llama_log_set(llama_cpp.llama_log_callback(), ctypes.c_void_p(0))

    def _hear(self, level: int, text: bytes, _: ctypes.c_void_p) -> None:
        line = text.decode(errors="replace")
        sys.stderr.write(line)
        if (tensor := TENSOR.match(line)) is not None:
            events.progress(int(tensor[1]), int(tensor[2]), "tensor")
        if (fallback := NOT_DIVISIBLE.search(line)) is not None:
            self.fallbacks += 1
            self.block_size = int(fallback[1])
        if level == ERROR_LEVEL:
            self.errors.append(line.strip())


def run(params: Params, stage: StageSpec) -> None:
    """Quantise inputs["gguf"]. The result does not depend on the number of threads."""
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = FILE_TYPES[params.quantization]
    settings.nthread = stage.threads
    # llama.cpp copies the fields of its input; these are added.
    fields = _fields(input_fields(stage.digests))
    settings.kv_overrides = fields

    events.phase(f"quantising to {params.quantization}")
    source, target = stage.inputs["gguf"], stage.outputs["gguf"]
    with Log() as log:
        code = llama_cpp.llama_model_quantize(
            str(source).encode(), str(target).encode(), ctypes.byref(settings)
        )
    if code:
        target.unlink(missing_ok=True)
        raise StageError(
            f"llama.cpp cannot quantise to {params.quantization}: "
            f"{log.errors[-1] if log.errors else f'code {code}'}"
        )
    if log.fallbacks:
        events.warning(
            f"{log.fallbacks} tensors have rows not divisible by {log.block_size} "
            f"and got a larger type than {params.quantization}"
        )
    events.done(
        bytes=target.stat().st_size, bytes_before=source.stat().st_size, fallbacks=log.fallbacks
    )


def _fields(
    texts: Mapping[str, str],
) -> "ctypes.Array[Any]":
    """Return fields as llama.cpp takes them: a list that ends with an empty name."""
    array: type[ctypes.Array[Any]] = llama_cpp.llama_model_kv_override * (len(texts) + 1)
    fields = array()
    for field, (name, text) in zip(fields, texts.items(), strict=False):
        field.tag = STRING_FIELD
        field.key = name.encode()
        field.value.val_str = text.encode()
    return fields

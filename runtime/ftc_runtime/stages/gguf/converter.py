"""llama.cpp's converter as a process of its own: it configures logging and paths on import."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from ftc_runtime import events
from ftc_runtime.errors import StageError
from ftc_runtime.toolchain import check_converter

SCRIPT = "convert_hf_to_gguf.py"
WITH_FIELDS = Path(__file__).with_name("with_fields.py")
WRITING = re.compile(r"Writing:\s+(\d+)%")
UNKNOWN_ARCHITECTURE = re.compile(r"ERROR:[^:]+:Model (\S+) is not supported")
LAST_LINES = 40


def convert(
    folder: Path,
    outfile: Path,
    *,
    outtype: str,
    name: str,
    fields: Mapping[str, str | int],
    threads: int,
) -> None:
    """Write the model of *folder* as a GGUF file that calls itself *name*, with more *fields*.

    Raises:
        StageError: if the converter is not here, or cannot convert the model.
    """
    script = check_converter() / SCRIPT
    command = [
        # -B: the converter's folder is part of the key and must stay as it was unpacked.
        *(sys.executable, "-B", str(WITH_FIELDS), json.dumps(fields), str(script), str(folder)),
        *("--outfile", str(outfile), "--outtype", outtype, "--model-name", name),
    ]
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(threads),
        "PYTHONHASHSEED": "0",
    }
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
        env=environment, cwd=folder.parent,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        lines = _follow(process.stderr)
    if process.returncode or not outfile.is_file():
        outfile.unlink(missing_ok=True)
        raise _fault(lines, returncode=process.returncode)


def _follow(stream: IO[str]) -> list[str]:
    """Pass the log on, turn the bar into progress, and return the last lines."""
    last: list[str] = []
    percent = -1
    for line, ends in _lines(stream):
        if (bar := WRITING.search(line)) is not None:
            if int(bar[1]) > percent:
                percent = int(bar[1])
                events.progress(percent, 100, "percent")
        elif ends:
            sys.stderr.write(line + "\n")
            last = [*last[-LAST_LINES:], line]
    return last


def _lines(stream: IO[str]) -> Iterator[tuple[str, bool]]:
    r"""Give each line and whether `\n` ended it; a bar's states end with `\r`."""
    text = ""
    while letter := stream.read(1):
        if letter in "\r\n":
            yield text, letter == "\n"
            text = ""
        else:
            text += letter
    if text:
        yield text, True


def _fault(lines: list[str], *, returncode: int) -> StageError:
    for line in lines:
        if (match := UNKNOWN_ARCHITECTURE.match(line)) is not None:
            return StageError(
                f"llama.cpp's converter does not know the architecture {match[1]}",
                "export this model with format: safetensors",
            )
    last = next((line for line in reversed(lines) if line.strip()), f"exit code {returncode}")
    return StageError(f"llama.cpp's converter failed: {last}", "the log has all that it said")

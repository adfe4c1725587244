"""llama-cpp-python, built from its source with what ftc uses and no more.

The wheel stays in the user's cache, so that a second environment has it in seconds. pip's own cache
would not do: it does not ask with which options a wheel was built.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from ftc.toolchain import source
from ftc.toolchain.errors import ToolchainError
from ftc.toolchain.pip import run_pip
from ftc_runtime.toolchain import LLAMA_CPP_VERSION, SDIST_SHA256, cache_folder

HERE = Path(__file__).parent
LEAN = HERE / "llama_cpp.cmake"
CONSTRAINTS = HERE.parent / "constraints.txt"
OPTIONS = ("LLAVA_BUILD=OFF", "LLAMA_ALL_WARNINGS=OFF", "GGML_CCACHE=OFF")
NOT_SHIPPED = ("bin/**", "include/**", "lib/**", "llama_cpp/lib/*.so.*.*")
"""Upstream installs all of it a second time outside of the package, and each library thrice."""
STEP = re.compile(r"\s*\[(\d+)/(\d+)\] ")
NEEDED_BYTES = 10**9
USERS_OWN = ("CMAKE_ARGS", "CC", "CXX", "CFLAGS", "CXXFLAGS")
"""Variables that change what is built."""


def fault() -> str | None:
    """Return what is wrong with the installed library, or None. However it was built will do."""
    try:
        found = metadata.version("llama-cpp-python")
    except metadata.PackageNotFoundError:
        return "not installed"
    return None if found == LLAMA_CPP_VERSION else f"{found} is installed, not {LLAMA_CPP_VERSION}"


def install(report: Callable[[str], None]) -> str:
    """Install the library, from the cache or built first; return what was done.

    Raises:
        ToolchainError: without a compiler, or if the build fails.
    """
    cached = _cached()
    if cached is not None:
        _pip_install(cached)
        if _load_fault() is None:
            return f"installed llama-cpp-python {LLAMA_CPP_VERSION}, built here before"
        cached.unlink()
    check_machine()
    _pip_install(_build(report))
    reason = _load_fault()
    if reason is not None:
        raise ToolchainError(f"llama-cpp-python was built and does not load: {reason}", _log_hint())
    return f"built and installed llama-cpp-python {LLAMA_CPP_VERSION}"


def check_machine() -> None:
    """Look for what a build needs, before anything long begins.

    Raises:
        ToolchainError: without compilers, or with too little room.
    """
    if _cached() is not None:
        return
    wanted = {"C": os.environ.get("CC", "cc"), "C++": os.environ.get("CXX", "c++")}
    absent = [f"{word} compiler ({name})" for word, name in wanted.items() if not _found(name)]
    if absent:
        message = f"llama.cpp has to be compiled, and there is no {' and no '.join(absent)}"
        raise ToolchainError(message, "install gcc and g++ (Debian, Ubuntu: apt install g++)")
    scratch = tempfile.gettempdir()
    free = shutil.disk_usage(scratch).free
    if free < NEEDED_BYTES:
        message = f"llama.cpp takes 1 GB to compile, and {scratch} has {free / 1e9:.1f} GB free"
        raise ToolchainError(message, "TMPDIR names another folder")


def _found(command: str) -> bool:
    return shutil.which(command.split()[0]) is not None


def _build(report: Callable[[str], None]) -> Path:
    """Compile the wheel and put it into the cache."""
    sdist = source.fetch(report)
    report("llama.cpp: compiling the library for this machine, once; it takes some minutes")
    folder = _wheel_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        run_pip(
            [*("wheel", "-v", "--no-deps", "--no-cache-dir"), "--wheel-dir", scratch, str(sdist)],
            what="llama.cpp was not compiled",
            log=_log(),
            environment=_environment(),
            on_line=_Progress(report),
        )
        built = next(Path(scratch).glob("*.whl"))
        return built.replace(folder / built.name)


class _Progress:
    """Turns ninja's lines into one report for each tenth of the way."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.report = report
        self.tenth = 0

    def __call__(self, line: str) -> None:
        match = STEP.match(line)
        if match is None:
            return
        done, total = int(match[1]), int(match[2])
        if done * 10 // total > self.tenth:
            self.tenth = done * 10 // total
            self.report(f"llama.cpp: compiled {done}/{total}")


def _environment() -> dict[str, str]:
    """Return what the build is told. The user's own CMAKE_ARGS come later, so they win."""
    return {
        "SKBUILD_CMAKE_ARGS": ";".join(
            [f"-D{option}" for option in (*OPTIONS, *_instruction_set())]
            + [f"-DCMAKE_PROJECT_INCLUDE={LEAN}"]
        ),
        "SKBUILD_CMAKE_BUILD_TYPE": "Release",
        "SKBUILD_WHEEL_EXCLUDE": ";".join(NOT_SHIPPED),
        "SKBUILD_NINJA_MAKE_FALLBACK": "false",  # pip gets ninja: make would show no steps
        "CMAKE_BUILD_PARALLEL_LEVEL": str(len(os.sched_getaffinity(0))),
    }


def _instruction_set() -> list[str]:
    """Return the options for the processor.

    On x86-64 one fixed level, AVX2, so that the same model gives the same answer on every machine
    of the last ten years, and a cache shared by several never holds what one cannot run. Where
    AVX2 is missing, and on other processors, whatever this one has.
    """
    if {"avx2", "fma", "f16c", "bmi2"} <= set(_processor_features()):
        level = ("SSE42", "AVX", "AVX2", "BMI2", "FMA", "F16C")
        return ["GGML_NATIVE=OFF", *(f"GGML_{name}=ON" for name in level)]
    return ["GGML_NATIVE=ON"]


def _processor_features() -> list[str]:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    match = re.search(r"^(?:flags|Features)\s*: *(.*)$", text, re.MULTILINE)
    return sorted(match[1].split()) if match else []


def _wheel_folder() -> Path:
    """Return the cache's folder for a wheel of this source, these options and this machine."""
    options = _instruction_set()
    recipe = [
        *(SDIST_SHA256, OPTIONS, options, NOT_SHIPPED, LEAN.read_text(encoding="utf-8")),
        *(platform.machine(), platform.libc_ver()),
        _processor_features() if "GGML_NATIVE=ON" in options else None,
        {name: os.environ[name] for name in USERS_OWN if name in os.environ},
    ]
    digest = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()
    return cache_folder() / "wheels" / digest[:16]


def _cached() -> Path | None:
    return next(_wheel_folder().glob("*.whl"), None)


def _pip_install(wheel: Path) -> None:
    run_pip(
        ["install", "--force-reinstall", "--no-deps", str(wheel)],
        what="llama-cpp-python was not installed",
        log=cache_folder() / "install.log",
    )
    # What it needs is here already in an environment with ftc's extras; this adds it to others.
    run_pip(
        ["install", "--constraint", str(CONSTRAINTS), str(wheel)],
        what="what llama-cpp-python needs was not installed",
        log=cache_folder() / "install.log",
    )


def _load_fault() -> str | None:
    """Return why the library does not load in a process of its own, or None."""
    command = [sys.executable, "-c", "import llama_cpp"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode == 0:
        return None
    return next(reversed(ended.stderr.strip().splitlines()), f"signal {-ended.returncode}")


def _log() -> Path:
    return cache_folder() / "build.log"


def _log_hint() -> str:
    return f"the build's whole output is in {_log()}"

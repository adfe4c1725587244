"""llama-cpp-python's source distribution, and llama.cpp's converter out of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ftc.toolchain.errors import ToolchainError
from ftc.toolchain.pip import run_pip
from ftc_runtime.toolchain import (
    CONVERTER_DIGEST,
    LLAMA_CPP_VERSION,
    SDIST_SHA256,
    cache_folder,
    converter_digest,
    converter_folder,
    folder_digest,
)

SDIST = f"llama_cpp_python-{LLAMA_CPP_VERSION}.tar.gz"
LLAMA_CPP = PurePosixPath(f"llama_cpp_python-{LLAMA_CPP_VERSION}", "vendor", "llama.cpp")
CONVERTER_FILES = (
    "LICENSE",
    "convert_hf_to_gguf.py",
    # Mamba and RWKV have no tokenizer of their own: the converter takes it from these.
    "models/ggml-vocab-gpt-neox.gguf",
    "models/ggml-vocab-llama-spm.gguf",
    "models/templates/llama-cpp-rwkv-world.jinja",
)
CONVERTER_FOLDERS = ("conversion", "gguf-py/gguf")


def converter_fault() -> str | None:
    """Return what is wrong with the converter, or None."""
    found = converter_digest()
    if found is None:
        return f"not in {converter_folder()}"
    if found != CONVERTER_DIGEST:
        return f"{converter_folder()} was changed"
    return None


def unpack_converter(report: Callable[[str], None]) -> str:
    """Put the converter into its folder, whole or not at all; return what was done.

    Raises:
        ToolchainError: if the source cannot be had, or nothing can be written.
    """
    sdist = fetch(report)
    folder = converter_folder()
    try:
        with _beside(folder) as scratch:
            _extract(sdist, scratch)
            found = folder_digest(scratch)
            if found != CONVERTER_DIGEST:
                message = f"llama.cpp's converter: {sdist} gives {found}, not {CONVERTER_DIGEST}"
                raise ToolchainError(message, f"rm {sdist}, then once more")
            if folder.exists():
                shutil.rmtree(folder)
            scratch.rename(folder)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    return f"unpacked llama.cpp's converter into {folder}"


def fetch(report: Callable[[str], None]) -> Path:
    """Return the source distribution, downloaded once and checked each time.

    Raises:
        ToolchainError: if it cannot be downloaded, or is not the one that ftc is tested with.
    """
    sdist = cache_folder() / SDIST
    if sdist.is_file() and _sha256(sdist) == SDIST_SHA256:
        return sdist
    report(f"llama.cpp: downloading the source of llama-cpp-python {LLAMA_CPP_VERSION} (77 MB)")
    try:
        with _beside(sdist) as scratch:
            run_pip(
                [
                    *("download", f"llama-cpp-python=={LLAMA_CPP_VERSION}", "--no-deps"),
                    *("--no-binary", "llama-cpp-python", "--dest", str(scratch)),
                ],
                what="the source of llama.cpp was not downloaded",
                log=cache_folder() / "download.log",
            )
            found = _sha256(scratch / SDIST)
            if found != SDIST_SHA256:
                message = f"{SDIST} from pip's index has sha256 {found}, not {SDIST_SHA256}"
                raise ToolchainError(message, "look at which index pip uses: pip config list")
            (scratch / SDIST).replace(sdist)
    except OSError as error:
        raise _cannot_write(sdist, error) from error
    return sdist


def _extract(sdist: Path, folder: Path) -> None:
    """Write the converter's files into *folder*: plain files only, so nothing can lead outside."""
    with tarfile.open(sdist) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isreg() or not path.is_relative_to(LLAMA_CPP) or ".." in path.parts:
                continue
            name = path.relative_to(LLAMA_CPP)
            if not _wanted(name):
                continue
            content = archive.extractfile(member)
            assert content is not None
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.read())


def _wanted(name: PurePosixPath) -> bool:
    return str(name) in CONVERTER_FILES or any(map(name.is_relative_to, CONVERTER_FOLDERS))


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a scratch folder on the file system of *path*, gone at the end if it is still there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    scratch.chmod(0o755)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cannot_write(path: Path, error: OSError) -> ToolchainError:
    place = os.fspath(error.filename or path.parent)
    return ToolchainError(f"{place}: {error.strerror}", "XDG_CACHE_HOME names another cache folder")

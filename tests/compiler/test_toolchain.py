"""Getting llama.cpp: real pip, real archives, a source that builds in a second."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftc import toolchain
from ftc.toolchain import ToolchainError, library, source
from ftc.toolchain.pip import run_pip, yield_processors
from ftc_runtime.errors import StageError
from ftc_runtime.toolchain import (
    CONVERTER_DIGEST,
    LLAMA_CPP_VERSION,
    SDIST_SHA256,
    check_converter,
    converter_folder,
    folder_digest,
)

BACKEND = """
import pathlib, sys, time, zipfile

INFO = "llama_cpp_python-{version}.dist-info"
METADATA = "Metadata-Version: 2.1\\nName: llama-cpp-python\\nVersion: {version}\\n"
TAG = "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"


def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder, INFO)
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "WHEEL").write_text(TAG)
    return INFO


def build_wheel(folder, settings=None, metadata=None):
    {work}
    name = "llama_cpp_python-{version}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr(INFO + "/METADATA", METADATA)
        wheel.writestr(INFO + "/WHEEL", TAG)
        wheel.writestr(INFO + "/RECORD", "")
    return name
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
STEPS = 'for step in range(1, 21): print(f"[{step}/20] c++ -c file.cpp", flush=True)'
COMPILE_ERROR = 'sys.exit("src/llama.cpp:12:3: error: no such thing")'


def make_sdist(folder: Path, *, work: str) -> Path:
    """Make a source distribution of llama-cpp-python's name, whose build does *work*."""
    backend = BACKEND.replace("{version}", LLAMA_CPP_VERSION).replace("{work}", work)
    top = f"llama_cpp_python-{LLAMA_CPP_VERSION}"
    info = f"Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: {LLAMA_CPP_VERSION}\n"
    files = {"pyproject.toml": PYPROJECT, "backend.py": backend, "PKG-INFO": info}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{top}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and a pip that sees no index."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return tmp_path / "cache" / "ftc"


def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, work: str) -> None:
    """Let pip find such a source, and let it be the one that ftc wants."""
    sdist = make_sdist(tmp_path / "index", work=work)
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()
    monkeypatch.setattr(source, "SDIST_SHA256", digest)


def test_the_digest_of_a_folder_is_its_names_and_contents(tmp_path: Path) -> None:
    """Not what Python compiles there, nor modes and times."""
    (tmp_path / "conversion").mkdir()
    (tmp_path / "conversion" / "base.py").write_text("x = 1\n")
    before = folder_digest(tmp_path)

    compiled = tmp_path / "conversion" / "__pycache__"
    compiled.mkdir()
    (compiled / "base.cpython-311.pyc").write_bytes(b"\0")
    (tmp_path / "conversion" / "base.py").chmod(0o700)
    os.utime(tmp_path / "conversion" / "base.py", (1, 1))
    after_accidents = folder_digest(tmp_path)
    (tmp_path / "conversion" / "base.py").write_text("x = 2\n")
    after_an_edit = folder_digest(tmp_path)
    (tmp_path / "conversion" / "base.py").write_text("x = 1\n")
    (tmp_path / "conversion" / "base.py").rename(tmp_path / "conversion" / "bass.py")
    after_a_renaming = folder_digest(tmp_path)

    assert after_accidents == before
    assert len({before, after_an_edit, after_a_renaming}) == 3


def test_an_absent_or_edited_converter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """Before a stage runs it, with the command that brings it back."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    folder = converter_folder()

    with pytest.raises(StageError) as absent:
        check_converter()
    (folder / "conversion").mkdir(parents=True)
    with pytest.raises(StageError) as edited:
        check_converter()

    assert folder == tmp_path / "environment" / "share" / "ftc" / f"llama.cpp-{LLAMA_CPP_VERSION}"
    assert absent.value.message == f"llama.cpp's converter is not here: {folder} does not exist"
    assert edited.value.message == (
        f"llama.cpp's converter was changed: {folder} is {folder_digest(folder)}, "
        f"not {CONVERTER_DIGEST}"
    )
    assert [absent.value.hint, edited.value.hint] == ["ftc doctor --fix", "ftc doctor --fix"]


def test_a_converter_in_the_users_cache_serves_every_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """One that lies in the environment itself comes first."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    shared = cache / f"llama.cpp-{LLAMA_CPP_VERSION}"
    shared.mkdir(parents=True)

    without_own = converter_folder()
    own = tmp_path / "environment" / "share" / "ftc" / shared.name
    own.mkdir(parents=True)

    assert [without_own, converter_folder()] == [shared, own]


def test_only_the_converters_plain_files_leave_the_archive(tmp_path: Path) -> None:
    """No link, no path that leads outside, nothing of the rest of the source."""
    top = f"llama_cpp_python-{LLAMA_CPP_VERSION}/vendor/llama.cpp"
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as archive:
        for name in (
            *("convert_hf_to_gguf.py", "conversion/base.py", "src/llama.cpp"),
            *("conversion/../../../../../evil.py", "/conversion/evil.py", "conversion-evil.py"),
        ):
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = 2
            archive.addfile(member, io.BytesIO(b"x\n"))
        link = tarfile.TarInfo(f"{top}/conversion/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    folder = tmp_path / "a" / "b" / "c" / "d" / "out"
    folder.mkdir(parents=True)

    source._extract(tmp_path / "evil.tar.gz", folder)

    paths = [path for path in tmp_path.rglob("*") if path.is_file()]
    inside = "a/b/c/d/out"
    assert {path.relative_to(tmp_path).as_posix() for path in paths} == {
        "evil.tar.gz",
        f"{inside}/convert_hf_to_gguf.py",
        f"{inside}/conversion/base.py",
        f"{inside}/conversion/evil.py",
    }


def test_the_library_is_compiled_once_and_then_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """With a line for each tenth of the way; other options are another wheel."""
    offer(tmp_path, monkeypatch, work=STEPS)
    said: list[str] = []

    wheel = library._build(said.append)
    found = library._cached()
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=on")
    found_for_other_options = library._cached()

    assert found == wheel and wheel.is_relative_to(cache)
    assert found_for_other_options is None
    assert said == [
        f"llama.cpp: downloading the source of llama-cpp-python {LLAMA_CPP_VERSION} (77 MB)",
        "llama.cpp: compiling the library for this machine, once; it takes some minutes",
        *(f"llama.cpp: compiled {done}/20" for done in range(2, 21, 2)),
    ]


def test_another_source_than_the_pinned_one_is_refused(tmp_path: Path, cache: Path) -> None:
    """And not kept: the next try downloads again."""
    sdist = make_sdist(tmp_path / "index", work=STEPS)
    digest = hashlib.sha256(sdist.read_bytes()).hexdigest()

    with pytest.raises(ToolchainError) as error:
        source.fetch(lambda text: None)

    assert error.value.message == (
        f"{source.SDIST} from pip's index has sha256 {digest}, not {SDIST_SHA256}"
    )
    assert error.value.hint == "look at which index pip uses: pip config list"
    assert [path.name for path in cache.iterdir()] == ["download.log"]


def test_a_compilers_error_is_the_reason_that_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """Not pip's own talk of a subprocess."""
    offer(tmp_path, monkeypatch, work=COMPILE_ERROR)

    with pytest.raises(ToolchainError) as error:
        library._build(lambda text: None)

    assert error.value.message == (
        "llama.cpp was not compiled: src/llama.cpp:12:3: error: no such thing"
    )
    assert error.value.hint == f"pip's whole output is in {cache / 'build.log'}"


def test_without_a_network_pips_own_reason_is_given(cache: Path) -> None:
    """And nothing half-made stays in the cache."""
    with pytest.raises(ToolchainError) as error:
        source.fetch(lambda text: None)

    assert error.value.message == (
        "the source of llama.cpp was not downloaded: Could not find a version that satisfies the "
        f"requirement llama-cpp-python=={LLAMA_CPP_VERSION} (from versions: none)"
    )
    assert [path.name for path in cache.iterdir()] == ["download.log"]


def test_without_a_compiler_it_says_so_before_anything_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """Even before the download."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("CXX", "clang++ -stdlib=libc++")

    with pytest.raises(ToolchainError) as error:
        library.check_machine()

    assert error.value.message == (
        "llama.cpp has to be compiled, and there is no C compiler (cc) and no C++ compiler "
        "(clang++ -stdlib=libc++)"
    )
    assert error.value.hint == "install gcc and g++ (Debian, Ubuntu: apt install g++)"
    assert not cache.exists()


def test_ending_ftc_ends_the_compilers_too(tmp_path: Path, cache: Path) -> None:
    """They are pip's grandchildren; a signal to ftc alone must reach them."""
    began = tmp_path / "began"
    work = f"import os; pathlib.Path({str(began)!r}).write_text(str(os.getpid())); time.sleep(60)"
    sdist = make_sdist(tmp_path / "index", work=work)
    program = (
        "from pathlib import Path; from ftc.toolchain.pip import run_pip; "
        f"run_pip(['wheel', {str(sdist)!r}], what='', log=Path({str(tmp_path / 'log')!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path) as process:
        _wait_until(began.exists, seconds=60)

        process.send_signal(signal.SIGTERM)
        code = process.wait(10)

    compiler = int(began.read_text())
    _wait_until(lambda: not Path("/proc", str(compiler)).exists(), seconds=10)
    assert code == 128 + signal.SIGTERM


def test_an_environment_without_pip_is_told_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uv makes such environments."""
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.delitem(sys.modules, "pip")

    with pytest.raises(ToolchainError) as error:
        run_pip(["download"], what="the source was not downloaded", log=tmp_path / "log")

    assert error.value.message == (f"the source was not downloaded: {sys.prefix} has no pip")
    assert error.value.hint == "python -m ensurepip"


def test_nothing_is_done_where_nothing_is_missing() -> None:
    """Here the Makefile has brought both parts."""
    said: list[str] = []

    gaps = toolchain.missing()
    done = toolchain.fix(said.append)

    assert (gaps, done, said) == ([], [], [])


def _wait_until(true: Callable[[], bool], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_a_nice_build_is_nice_as_a_session(tmp_path: Path) -> None:
    """Its session has the niceness, which counts between sessions where the kernel groups them."""
    own = Path("/proc/self/autogroup")
    with subprocess.Popen(["sleep", "20"], start_new_session=True) as sleeper:
        yield_processors(sleeper.pid, niceness=0)
        before = Path(f"/proc/{sleeper.pid}/autogroup").read_text() if own.exists() else "nice 0"
        yield_processors(sleeper.pid, niceness=19)
        after = Path(f"/proc/{sleeper.pid}/autogroup").read_text() if own.exists() else "nice 19"
        sleeper.kill()

    assert before.split()[-2:] == ["nice", "0"]
    assert after.split()[-2:] == ["nice", "19"]

"""Stage `quantize`: llama.cpp's own types, the same bytes for any number of threads."""

import subprocess
import sys
from pathlib import Path

import pytest
from gguf import GGUFReader
from llama_cpp import Llama

from ftc_runtime.errors import StageError
from ftc_runtime.gguf_metadata import read_metadata
from ftc_runtime.stages.quantize.run import FILE_TYPES
from ftc_runtime.stages.quantize.spec import Params
from stage_runs import digest, run_here, run_stage
from tiny_gguf import tiny_chat_model, tiny_gguf


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model whose rows are not divisible by 256."""
    folder = tmp_path_factory.mktemp("tiny")
    return tiny_gguf(folder / "gguf", tiny_chat_model(folder / "model"))


def types(path: Path) -> dict[str, str]:
    """Return the type of every tensor of a file."""
    return {tensor.name: tensor.tensor_type.name for tensor in GGUFReader(path).tensors}


def test_every_type_that_a_project_may_name_is_known() -> None:
    """The spec's words and llama.cpp's numbers are one list."""
    annotation = Params.model_fields["quantization"].annotation

    assert set(FILE_TYPES) == set(annotation.__args__)  # type: ignore[union-attr]


def test_weights_become_q8_0_and_norms_stay(gguf: Path, tmp_path: Path) -> None:
    """Every tensor of progress is told, and the sizes at the end."""
    run = run_stage(
        "quantize", tmp_path / "run", inputs={"gguf": gguf}, params={"quantization": "q8_0"}
    )

    found = types(run.outputs["gguf"])
    assert {found[name] for name in found if "norm" not in name} == {"Q8_0"}
    assert {found[name] for name in found if "norm" in name} == {"F32"}
    progress = [event for event in run.events if event["event"] == "progress"]
    assert [(event["done"], event["total"]) for event in progress] == [
        (tensor, len(found)) for tensor in range(1, len(found) + 1)
    ]
    assert run.events[-1]["facts"] == {
        "bytes": run.outputs["gguf"].stat().st_size,
        "bytes_before": gguf.stat().st_size,
        "fallbacks": 0,
    }


def test_the_file_names_what_it_was_made_from(gguf: Path, tmp_path: Path) -> None:
    """Beside what its input already said; and llama.cpp loads it."""
    digest_of_input = "sha256:" + "b2" * 32

    quantised = run_here(
        "quantize",
        tmp_path / "run",
        inputs={"gguf": gguf},
        params={"quantization": "q8_0"},
        digests={"gguf": digest_of_input},
    )["gguf"]

    told = read_metadata(quantised)
    before = read_metadata(gguf)
    assert {name: told[name] for name in told.keys() - before.keys()} == {
        "ftc.inputs.gguf": digest_of_input
    }
    assert {name for name in before if before[name] != told[name]} == {"general.file_type"}
    loaded = Llama(str(quantised), verbose=False, n_ctx=16)
    assert loaded.metadata["ftc.inputs.gguf"] == digest_of_input
    loaded.close()


def test_threads_do_not_change_the_bytes(gguf: Path, tmp_path: Path) -> None:
    """Nor does a second run."""
    runs = [
        run_stage(
            "quantize",
            tmp_path / str(threads),
            inputs={"gguf": gguf},
            params={"quantization": "q4_k_m"},
            threads=threads,
        )
        for threads in (1, 2, 3)
    ]

    assert len({digest(run.outputs["gguf"]) for run in runs}) == 1


def test_rows_that_fit_no_block_get_a_larger_type_and_it_is_said(
    gguf: Path, tmp_path: Path
) -> None:
    """The k types need rows divisible by 256: the user must know that the file is larger."""
    run = run_stage(
        "quantize", tmp_path / "run", inputs={"gguf": gguf}, params={"quantization": "q4_k_m"}
    )

    [warning] = [event["text"] for event in run.events if event["event"] == "warning"]
    assert warning == (
        "14 tensors have rows not divisible by 256 and got a larger type than q4_k_m"
    )
    assert run.events[-1]["facts"]["fallbacks"] == 14
    assert "Q4_K" not in set(types(run.outputs["gguf"]).values())


def test_a_file_that_cannot_be_quantised_is_refused_with_llama_cpps_reason(
    tmp_path: Path,
) -> None:
    """And no half of an output is left."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF is not this")

    with pytest.raises(StageError) as caught:
        run_here(
            "quantize",
            tmp_path / "run",
            inputs={"gguf": broken},
            params={"quantization": "q8_0"},
        )

    assert caught.value.message.startswith("llama.cpp cannot quantise to q8_0: ")
    assert "failed to load model" in caught.value.message
    assert list((tmp_path / "run" / "out").iterdir()) == []


def test_llama_cpp_can_be_used_after_it_in_the_same_process(gguf: Path, tmp_path: Path) -> None:
    """It is not left with a listener that is gone: that crashed, later and elsewhere."""
    script = """
import gc, sys
import subprocess
import sys
from pathlib import Path
from importlib import import_module
from llama_cpp import Llama
from ftc_runtime.contract import StageSpec, params_class
import_module("ftc_runtime.stages.quantize.run").run(
    params_class("quantize")(quantization="q8_0"),
    StageSpec(stage="quantize:x", kind="quantize", key="k", params={}, work=Path("."),
              inputs={"gguf": Path(sys.argv[1])}, outputs={"gguf": Path("q8_0.gguf")}),
)
gc.collect()
junk = [bytearray(200) for _ in range(100_000)]
Llama("q8_0.gguf", verbose=True, n_ctx=16)
"""

    done = subprocess.run(
        [sys.executable, "-c", script, str(gguf)], cwd=tmp_path, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr.decode()[-2000:]

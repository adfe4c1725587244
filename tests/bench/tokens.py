"""How long the `tokens` stage takes beside `datasets.map` in the way of LLaMA-Factory.

    python tests/bench/tokens.py

50,000 alpaca rows out of a seed, SmolLM2's tokenizer, the template `qwen`. The whole processes
take turns, and the best of several rounds counts; the ids must be the same. The table goes to
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from alpaca_rows import alpaca_rows
from ftc_runtime.stages.tokens.spec import Params
from measure import TOKENISING, say, with_section

BENCH = Path(__file__).parent
PAGE = BENCH.parent.parent / "docs" / "benchmarks.md"
SEED = 7
LEAST_RATIO = 2.0
"""How many times faster than the best of theirs the whole stage has to be."""

SECTION_TEXT = """\
How long it takes to make token ids and labels of {rows:,} alpaca rows ({tokens:,} tokens), a third
of them in Chinese, with SmolLM2's tokenizer. Written by `python tests/bench/tokens.py`. Beside it
`datasets.map` in the way of LLaMA-Factory (row by row, slot by slot, 1,000 rows a batch), with one
process and with two. Whole processes in turns, the best of {rounds}; *work* leaves out the loading
of libraries and of the tokenizer. The ids are the same, which is checked.

{machine}

| | seconds | work | CPU seconds | peak MB of a process |
|---|---:|---:|---:|---:|
{table}

With the template `qwen` ftc is {whole:.1f} times as fast as the better of the two, {work:.1f} times
without loading; its memory does not grow with the rows.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One process: its times in seconds, and the most memory that one process of it took."""

    whole: float
    work: float
    cpu: float
    peak_megabytes: float

    def line(self, name: str) -> str:
        """Return it as a row of a table."""
        numbers = (self.whole, self.work, self.cpu)
        cells = [*(f"{number:.1f}" for number in numbers), f"{self.peak_megabytes:.0f}"]
        return f"| {' | '.join([name, *cells])} |"


def main(arguments: Sequence[str]) -> int:
    """Measure, write the table, and return 1 if ftc is not fast enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page", type=Path, default=None, help=f"{PAGE.name}, to write into it")
    parser.add_argument("--tokenizer", type=Path, help="a folder; SmolLM2's unless given")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ftc-bench-") as name:
        folder = Path(name)
        prepare(folder, chosen.rows, tokenizer=chosen.tokenizer)
        runs = measured(folder, rounds=chosen.rounds)
        tokens = compare_ids(folder)
    theirs = min((runs["one process"], runs["two processes"]), key=lambda run: run.whole)
    ours = runs["ftc, `qwen`"]
    text = SECTION_TEXT.format(
        rows=chosen.rows,
        tokens=tokens,
        rounds=chosen.rounds,
        machine=machine(),
        table="\n".join(run.line(name) for name, run in runs.items()),
        whole=theirs.whole / ours.whole,
        work=min(runs[name].work for name in ("one process", "two processes")) / ours.work,
    )
    say(text)
    if chosen.page:
        chosen.page.write_text(with_section(chosen.page.read_text(), TOKENISING, text))
    return 0 if theirs.whole / ours.whole >= LEAST_RATIO else 1


def prepare(folder: Path, rows: int, *, tokenizer: Path | None) -> None:
    """Write the rows in the form that each starts from, and the tokenizer."""
    from datasets import Dataset

    from ftc_runtime.data.conversation import Conversation, text_message
    from ftc_runtime.data.rows import row_line
    from ftc_runtime.templates.chat import write_chat
    from ftc_runtime.templates.definition import Chat, built_in

    if tokenizer is None:
        sys.path.insert(0, str(BENCH.parent))
        import smollm2

        smollm2.write_tokenizer(folder / "tokenizer")
    else:
        shutil.copytree(tokenizer, folder / "tokenizer")
    write_chat(folder / "qwen.json", Chat(template=built_in("qwen")))
    write_chat(folder / "auto.json", Chat())
    aligned = []
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for row in alpaca_rows(rows, seed=SEED):
            asked = "\n".join(filter(None, (row["instruction"], row["input"])))
            said = (text_message("user", asked), text_message("assistant", row["output"]))
            file.write(row_line(Conversation(said)) + "\n")
            turns = [{"role": message.role, "content": message.text} for message in said]
            aligned.append({"prompt": turns[:1], "response": turns[1:], "system": ""})
    Dataset.from_list(aligned).save_to_disk(folder / "aligned")


def measured(folder: Path, *, rounds: int) -> dict[str, Run]:
    """Return the fastest run of each, after several rounds in turns."""
    best: dict[str, Run] = {}
    for _ in range(rounds):
        for name, run in (
            ("ftc, `qwen`", ours(folder, "qwen")),
            ("one process", theirs(folder, 1)),
            ("two processes", theirs(folder, 2)),
            ("ftc, `auto`", ours(folder, "auto")),
        ):
            say(run.line(name))
            if name not in best or run.whole < best[name].whole:
                best[name] = run
    return best


def ours(folder: Path, template: str) -> Run:
    """Run the stage as `ftc build` does."""
    out = Path(tempfile.mkdtemp(dir=folder, prefix=template))
    spec = {
        "stage": "tokens:bench", "kind": "tokens", "key": "0" * 64,
        "params": {"data": {"max_length": 1_000_000}},
        "inputs": {
            "tokenizer": str(folder / "tokenizer"), "chat": str(folder / f"{template}.json"),
            "train.0": str(folder / "rows.jsonl"),
        },
        "outputs": {
            "train": str(out / "train.safetensors"), "eval": str(out / "eval.safetensors"),
            "report": str(out / "report.json"),
        },
        "work": str(out), "threads": 2,
        "libraries": {name: version(name) for name in Params.libraries},
    }  # fmt: skip
    (out / "spec.json").write_text(json.dumps(spec))
    with (out / "events.jsonl").open("wb") as events:
        command = [sys.executable, "-P", "-m", "ftc_runtime", str(out / "spec.json")]
        run = process(command, FTC_EVENTS_FD=str(events.fileno()), pass_fds=[events.fileno()])
    said = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    began = next(event["time"] for event in said if event.get("text") == "making token rows")
    (out / "train.safetensors").replace(folder / f"{template}.safetensors")
    return Run(run.whole, said[-1]["time"] - began, run.cpu, run.peak_megabytes)


def theirs(folder: Path, processes: int) -> Run:
    """Run the rival; what it does after its `map`, for the check of the ids, is not counted."""
    system = json.loads((folder / "qwen.json").read_text())["template"]["default_system"]
    script = str(BENCH / "llama_factory_way.py")
    started = time.time()
    run = process([sys.executable, script, str(folder), str(processes), system])
    told = json.loads(run.output.splitlines()[-1])
    return Run(told["ended"] - started, told["ended"] - told["began"], run.cpu, run.peak_megabytes)


@dataclass(frozen=True, slots=True)
class Process:
    """What a process took and printed."""

    whole: float
    cpu: float
    peak_megabytes: float
    output: str


def process(command: list[str], pass_fds: Sequence[int] = (), **environment: str) -> Process:
    """Run a process that must end well."""
    started = time.time()
    with tempfile.TemporaryFile() as output:
        running = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, pass_fds=pass_fds,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
        )  # fmt: skip
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        whole = time.time() - started
        output.seek(0)
        text = output.read().decode()
    if running.returncode:
        raise SystemExit(f"{' '.join(command)}\n{text[-2000:]}")
    return Process(whole, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def compare_ids(folder: Path) -> int:
    """Return the number of tokens, after a check that both made the same ids and labels."""
    from datasets import load_from_disk

    from ftc_runtime.data.tokens import TokenRows

    rows = TokenRows(folder / "qwen.safetensors")
    made = load_from_disk(str(folder / "made")).with_format("numpy")
    for number, row in enumerate(made):
        input_ids, labels = rows[number]
        if not (
            np.array_equal(input_ids, row["input_ids"]) and np.array_equal(labels, row["labels"])
        ):
            raise SystemExit(f"row {number + 1} has other ids or labels")
    if len(rows) != len(made):
        raise SystemExit(f"{len(rows)} rows and {len(made)}")
    return int(rows.offsets[-1])


def machine() -> str:
    """Return what the figures were taken on and with, without its name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("datasets", "tokenizers", "transformers")
    )
    return (
        f"Taken on {len(os.sched_getaffinity(0))} processors "
        f"({models[0] if models else platform.machine()}), Python {platform.python_version()}, "
        f"{versions}. Other work was going on meanwhile: the load was {os.getloadavg()[1]:.1f}."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

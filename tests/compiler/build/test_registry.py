"""A project of LLaMA-Factory's registry: files of every shape that it registers, built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from command_line import Ftc, MakeProject
from ftc.plan.lower import lower
from ftc.project.load import load
from stage_runs import run_here

ALPACA = [{"instruction": f"Say {n}.", "input": "", "output": f"{n}"} for n in range(5)]
TURNS = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
CALL = {"name": "time", "arguments": {"zone": "UTC"}}
TOOLS = json.dumps([{"name": "time", "description": "Tells it", "parameters": {}}])
CALLS = [
    {"from": "human", "value": "What time is it?"},
    {"from": "function_call", "value": json.dumps(CALL)},
    {"from": "observation", "value": "12:00"},
    {"from": "gpt", "value": "Noon."},
]
PAIR = {
    "conversations": TURNS[:1],
    "chosen": {"from": "gpt", "value": "Hello"},
    "rejected": {"from": "gpt", "value": "What?"},
}
SPOKEN = [{"role": "user", "content": "<image>Who?"}, {"role": "assistant", "content": "They."}]
JUDGED = {"messages": SPOKEN, "label": True}
ROLES = {
    "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
}  # fmt: skip
FILES: dict[str, Any] = {
    "alpaca.json": ALPACA,
    "tools.json": [{"conversations": CALLS, "tools": TOOLS}] * 3,
    "pairs.json": [PAIR] * 4,
    "judged.json": [JUDGED] * 6,
    "pictures.json": [{"messages": SPOKEN, "images": ["a.jpg"]}] * 2,
    "texts.jsonl": [{"text": "One."}, {"text": "Two."}],
    "lines.txt": "One.\nTwo.\nThree.\n",
}
REGISTRY: dict[str, dict[str, Any]] = {
    "alpaca": {"file_name": "alpaca.json"},
    "tools": {"file_name": "tools.json", "formatting": "sharegpt",
              "columns": {"messages": "conversations", "tools": "tools"}},
    "pairs": {"file_name": "pairs.json", "formatting": "sharegpt", "ranking": True,
              "columns": {"messages": "conversations", "chosen": "chosen",
                          "rejected": "rejected"}},
    "judged": {"file_name": "judged.json", "formatting": "sharegpt", "tags": ROLES,
               "columns": {"messages": "messages", "kto_tag": "label"}},
    "pictures": {"file_name": "pictures.json", "formatting": "sharegpt", "tags": ROLES,
                 "columns": {"messages": "messages", "images": "images"}},
    "texts": {"file_name": "texts.jsonl", "columns": {"prompt": "text"}},
    "lines": {"file_name": "lines.txt", "columns": {"prompt": "text"}, "num_samples": 2},
    "hub": {"hf_hub_url": "acme/rows", "subset": "en"},
}  # fmt: skip
LOCAL = [name for name in REGISTRY if name != "hub"]


def write_registry(folder: Path, entries: dict[str, dict[str, Any]]) -> None:
    """Write dataset_info.json."""
    (folder / "data" / "dataset_info.json").write_text(json.dumps(entries, indent=2))


def registered(project: MakeProject) -> Ftc:
    """Return a project with an item for each entry, and the files."""
    items = "".join(
        f"  {name}: {{dataset_info: data/dataset_info.json, entry: {name}}}\n" for name in REGISTRY
    )
    ftc = project(f"version: 1\nname: registry\ndatasets:\n{items}")
    for name, content in FILES.items():
        text = content if isinstance(content, str) else json.dumps(content)
        if name.endswith(".jsonl"):
            text = "\n".join(map(json.dumps, content))
        (ftc.folder / "data" / name).write_text(text)
    write_registry(ftc.folder, REGISTRY)
    return ftc


def test_every_shape_loads_and_the_counts_are_those_of_the_files(
    project: MakeProject, tmp_path: Path
) -> None:
    """Each kind of row by the stage that its entry comes to, which drops none."""
    ftc = registered(project)

    plan = lower(load(ftc.folder / "project.yaml", {}))
    counts = {}
    for name in LOCAL:
        stage = plan.stages[f"dataset:{name}"]
        source = stage.source._asdict() if stage.source else None
        made = run_here("dataset", tmp_path / name, inputs={}, params=stage.params, source=source)
        report = json.loads(made["report"].read_text())
        counts[name] = (report["rows"], len(made["train"].read_text().splitlines()))

    assert counts == {
        "alpaca": (5, 5), "tools": (3, 3), "pairs": (4, 4), "judged": (6, 6), "pictures": (2, 2),
        "texts": (2, 2), "lines": (3, 2),
    }  # fmt: skip


def test_another_entry_makes_nothing_stale_and_an_own_one_says_its_line(
    project: MakeProject,
) -> None:
    """Keys hold settings, not the registry; a kept plan notices that the file changed."""
    ftc = registered(project)
    checked = ftc("check")
    ftc("build", "alpaca")
    states = ftc.states()

    write_registry(ftc.folder, REGISTRY | {"pairs": {"file_name": "pairs.json"}})
    other = ftc("status", "alpaca")
    write_registry(
        ftc.folder, REGISTRY | {"alpaca": {"file_name": "alpaca.json", "num_samples": 3}}
    )
    own = ftc("status", "alpaca")

    assert "note: pictures: its images are not read yet; the text of its rows is" in checked.stderr
    assert (states["dataset:alpaca"], states["dataset:hub"]) == ("fresh", "unresolved")
    assert other.stdout == "= dataset:alpaca  fresh\n"
    assert own.stdout == (
        "~ dataset:alpaca  stale       num_samples null -> 3 (data/dataset_info.json:4)\n"
    )

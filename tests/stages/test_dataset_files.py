"""Stage `dataset` on whole files of every type and format."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import ipc, parquet

from ftc_runtime.stages.dataset.spec import file_type
from stage_runs import run_here

ROWS = [
    {"instruction": "用一句话介绍自己。", "input": "", "output": '我是小助手,\n"你好"。'},
    {"instruction": "Translate.", "input": "猫", "output": "cat"},
    {"instruction": "", "input": "", "output": "nothing was asked"},
]
TRAIN = (
    '{"messages":[{"content":[{"text":"用一句话介绍自己。","type":"text"}],"role":"user"},'
    '{"content":[{"text":"我是小助手,\\n\\"你好\\"。","type":"text"}],"role":"assistant"}]}\n'
    '{"messages":[{"content":[{"text":"Translate.\\n猫","type":"text"}],"role":"user"},'
    '{"content":[{"text":"cat","type":"text"}],"role":"assistant"}]}\n'
)


def made(path: Path, folder: Path, **params: Any) -> tuple[str, dict[str, Any]]:
    """Run the stage on a file or folder; return the train part and the report."""
    outputs = run_here(
        "dataset", folder, inputs={},
        params={"file_type": file_type(path.name) or "json", **params},
        source={"uri": path.name, "path": str(path)},
    )  # fmt: skip
    return outputs["train"].read_text(), json.loads(outputs["report"].read_bytes())


def write_all(folder: Path) -> None:
    """Write the same rows as a file of each type, and as a folder of two files."""
    text = json.dumps(ROWS, ensure_ascii=False, indent=1)
    lines = [json.dumps(row) + "\n" for row in ROWS]
    (folder / "list.json").write_text(text)
    (folder / "lines.json").write_text("".join(lines))
    (folder / "lines.jsonl").write_text("".join(lines))
    (folder / "packed.ndjson.gz").write_bytes(gzip.compress("".join(lines).encode()))
    for name, delimiter in (("a.csv", ","), ("a.tsv", "\t")):
        with (folder / name).open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, list(ROWS[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(ROWS)
    table = pa.Table.from_pylist(ROWS)
    parquet.write_table(table, folder / "a.parquet")
    with ipc.new_stream(folder / "a.arrow", table.schema) as stream:
        stream.write_table(table)
    (folder / "parts").mkdir()
    (folder / "parts" / "0.jsonl").write_text(lines[0])
    (folder / "parts" / "1.jsonl").write_text("".join(lines[1:]))


def test_every_type_of_file_gives_the_same_rows(tmp_path: Path) -> None:
    """Byte for byte; what is left out is told by its place in the file."""
    (tmp_path / "rows").mkdir()
    write_all(tmp_path / "rows")

    found = {
        path.name: made(path, tmp_path / "stages" / path.name)
        for path in sorted((tmp_path / "rows").iterdir())
    }

    assert {name: train for name, (train, _) in found.items()} == dict.fromkeys(found, TRAIN)
    assert {name: report["dropped"] for name, (_, report) in found.items()} == {
        name: {"empty instruction": {"rows": 1, "places": [place]}}
        for name, place in {
            "a.arrow": "3", "a.csv": "5", "a.parquet": "3", "a.tsv": "5", "lines.json": "3",
            "lines.jsonl": "3", "list.json": "3", "packed.ndjson.gz": "3", "parts": "1.jsonl:2",
        }.items()
    }  # fmt: skip


def test_a_type_is_told_by_the_settings_and_not_by_the_rows(tmp_path: Path) -> None:
    """Text of a .txt, two answers and judged ones, each in its own form."""
    texts, prefs, judged = (tmp_path / name for name in ("wiki.txt", "p.json", "k.jsonl"))
    texts.write_text("从前有座山。\n\n山上有座庙。\n")
    prefs.write_text(
        '[{"conversations": [{"from": "human", "value": "问"}],'
        ' "chosen": {"from": "gpt", "value": "好"}, "rejected": {"from": "gpt", "value": "坏"}}]'
    )
    judged.write_text('{"prompt": "问", "completion": "好", "label": false}\n')

    found = [
        made(texts, tmp_path / "a", format="text", type="text"),
        made(prefs, tmp_path / "b", format="sharegpt", type="preference"),
        made(
            judged, tmp_path / "c", type="kto",
            columns={"prompt": "prompt", "response": "completion", "kto_tag": "label"},
        ),
    ]  # fmt: skip

    good = '{"content":[{"text":"好","type":"text"}],"role":"assistant"}'
    asked = '{"content":[{"text":"问","type":"text"}],"role":"user"}'
    assert [train for train, _ in found] == [
        '{"text":"从前有座山。"}\n{"text":"山上有座庙。"}\n',
        f'{{"chosen":[{good}],"prompt":[{asked}],"rejected":[{good.replace("好", "坏")}]}}\n',
        f'{{"label":false,"messages":[{asked},{good}]}}\n',
    ]
    assert [report["kept"] for _, report in found] == [2, 1, 1]

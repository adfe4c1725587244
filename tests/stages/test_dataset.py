"""Stage `dataset`: a file of rows in, conversations out, and every fault with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftc_runtime.stages.dataset.spec import file_type
from stage_runs import StageRun, digest, run_here, run_stage

HOLDOUT = {"holdout": {"fraction": 0.3, "seed": 7}}
NONE: dict[str, Any] = {"rows": 0, "places": []}
DEMO = Path(__file__).parents[2] / "data" / "identity.json"


def rows(count: int) -> list[dict[str, str]]:
    """Return rows that differ."""
    return [{"instruction": f"Q{number}", "output": f"A{number}"} for number in range(count)]


def stage(
    folder: Path, content: bytes | str, *, name: str = "rows.jsonl", **params: Any
) -> StageRun:
    """Run the stage in its process on a file of this content."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return run_stage(
        "dataset", folder / "stage", inputs={},
        params={"file_type": file_type(name) or "json", **params},
        source={"uri": name, "path": str(path)},
    )  # fmt: skip


def split(folder: Path, table: list[dict[str, str]], **params: Any) -> dict[str, list[str]]:
    """Run the stage here and return the questions of each side."""
    folder.mkdir()
    path = folder / "rows.json"
    path.write_text(json.dumps(table))
    source = {"uri": "rows.json", "path": str(path)}
    outputs = run_here("dataset", folder / "stage", inputs={}, params=params, source=source)
    return {
        side: [
            json.loads(line)["messages"][0]["content"][0]["text"]
            for line in outputs[side].read_text().splitlines()
        ]
        for side in ("train", "holdout")
    }


def report(run: StageRun) -> dict[str, Any]:
    """Return the report of a run that went well."""
    assert run.failure is None
    found: dict[str, Any] = json.loads(run.outputs["report"].read_bytes())
    return found


def test_one_bad_row_spoils_no_other(tmp_path: Path) -> None:
    """Each is left out with its reason and its line; BOM, CRLF and empty lines are no faults."""
    run = stage(
        tmp_path,
        b'\xef\xbb\xbf{"instruction": "Q", "output": "A", "id": 1}\r\n'
        b"\n"
        b'{"instruction": "Q", "output": ""}\n'
        b'["Q", "A"]\n'
        b'{"instruction": "Q",}\n'
        b'{"instruction": "\xe9", "output": "A"}\n'
        b'{"instruction": "Q", "output": "A", "id": 2}',
    )

    assert report(run) == {
        "rows": 6,
        "kept": 2,
        "not_drawn": 0,
        "dropped": {
            "empty output": {"rows": 1, "places": ["3"]},
            "not an object": {"rows": 1, "places": ["4"]},
            "not JSON": {
                "rows": 1,
                "places": {"5": "Expecting property name enclosed in double quotes at 5:21"},
            },
            "not UTF-8": {"rows": 1, "places": {"6": "byte 0xe9 at 18"}},
        },
        "empty": 1,
        "duplicates": {"rows": 1, "places": ["7"]},
        "train": 2,
        "holdout": 0,
        "leakage": {"rows": NONE, "prompts": NONE, "alike": NONE},
        "contents": {
            "roles": {"assistant": 2, "user": 2},
            "turns": {"<=2": 2},
            "characters": {"<=64": 2},
            "rows_with": {"system": 0, "tools": 0, "tool_calls": 0, "thoughts": 0, "loss": 0},
        },
        "columns_not_read": {"id": 2},
    }
    line = (
        '{"messages":[{"content":[{"text":"Q","type":"text"}],"role":"user"},'
        '{"content":[{"text":"A","type":"text"}],"role":"assistant"}]}\n'
    )
    assert run.outputs["train"].read_text() == line * 2
    assert run.outputs["holdout"].read_bytes() == b""
    assert [event["text"] for event in run.events if event["event"] == "warning"] == [
        "4 of 6 rows cannot be used: row 3: empty output; row 4: not an object; row 5: not JSON: "
        "Expecting property name enclosed in double quotes at 5:21; "
        "row 6: not UTF-8: byte 0xe9 at 18"
    ]


def test_adding_a_row_moves_no_other(tmp_path: Path) -> None:
    """Each row's side depends on the seed and on itself."""
    before = split(tmp_path / "a", rows(60), **HOLDOUT)
    after = split(tmp_path / "b", [{"instruction": "new", "output": "A"}, *rows(60)], **HOLDOUT)

    assert 5 < len(before["holdout"]) < 35
    assert [row for row in after["holdout"] if row != "new"] == before["holdout"]
    assert [row for row in after["train"] if row != "new"] == before["train"]


def test_duplicates_fall_on_one_side(tmp_path: Path) -> None:
    """So that no held-out row is trained on."""
    found = split(tmp_path / "a", rows(30) * 3, **HOLDOUT)

    assert not set(found["train"]) & set(found["holdout"])
    assert len(found["train"]) + len(found["holdout"]) == 90


def test_the_same_question_with_another_answer_is_told(tmp_path: Path) -> None:
    """It is no duplicate, but a leak of the prompt that the report counts."""
    table = [{"instruction": "Q", "output": f"A{number}"} for number in range(40)]
    run = stage(tmp_path, json.dumps(table), name="rows.json", **HOLDOUT)

    found = report(run)

    assert found["holdout"] > 0
    assert found["leakage"]["prompts"]["rows"] == found["holdout"]
    assert (found["leakage"]["rows"], found["leakage"]["alike"]) == (NONE, NONE)


def test_a_prompt_that_is_nearly_trained_is_told(tmp_path: Path) -> None:
    """It differs in case, space, punctuation or Unicode form; the holdout measures little then."""
    table = [
        {"instruction": text.format(number), "output": "答"}
        for number in range(30)
        for text in ("第{}个问题是什么？", "第{}个 问题是什么")
    ]
    run = stage(tmp_path, json.dumps(table), name="rows.json", **HOLDOUT)

    found = report(run)

    alike = found["leakage"]["alike"]
    assert (found["leakage"]["rows"], found["leakage"]["prompts"]) == (NONE, NONE)
    assert 0 < alike["rows"] <= found["holdout"]
    assert any(
        event["text"].startswith(f"{alike['rows']} of {found['holdout']} held-out rows are trained")
        for event in run.events
        if event["event"] == "warning"
    )


def test_places_are_bounded_and_counts_are_not(tmp_path: Path) -> None:
    """A report of a million bad rows is no longer than one of a thousand."""
    bad = b'{"instruction": "Q"}\n' * 400 + b"{\n" * 400
    run = stage(tmp_path, b'{"instruction": "Q", "output": "A"}\n' + bad)

    dropped = report(run)["dropped"]

    assert {reason: found["rows"] for reason, found in dropped.items()} == {
        "no output": 400,
        "not JSON": 400,
    }
    assert {len(found["places"]) for found in dropped.values()} == {200}


BAD_ROWS = (
    b'{"instruction": "Q", "output": "A"}\n' * 3
    + b'{"instruction": "Q2", "output": ""}\n'
    + b'{"instruction": "Q3"}\n'
)


def test_bars_stop_the_stage_and_name_what_was_found(tmp_path: Path) -> None:
    """Every bar that is missed, with its figure, its share and the first places."""
    run = stage(
        tmp_path, BAD_ROWS, fail_if={"dropped": "10%", "empty": 0, "duplicates": 1, "leakage": 0}
    )

    assert (run.failure, run.returncode) == (
        (
            "fail_if does not allow this of rows.jsonl:\n"
            "  dropped: 2 of 5 rows (40%), allowed 10%: row 4: empty output; row 5: no output\n"
            "  duplicates: 2 of 5 rows (40%), allowed 1: rows 2, 3\n"
            "  empty: 1 of 5 rows (20%), allowed 0: row 4",
            "Mend these rows, or allow more in fail_if",
        ),
        1,
    )


def test_bars_that_are_met_stop_nothing(tmp_path: Path) -> None:
    """A bar is what is allowed."""
    run = stage(tmp_path, BAD_ROWS, fail_if={"dropped": "40%", "empty": 1, "duplicates": 2})

    assert report(run)["kept"] == 3


FAULTS = [
    (
        "rows.json",
        b'[{"instruction": "Q", "output": "A"}, {"instruction": "Q" "output": "A"}]',
        (
            "rows.json: row 2 is not JSON: Expecting ',' delimiter at 1:59",
            "Correct it there, or begin each row on a line of its own: then it is left out",
        ),
    ),
    (
        "rows.json",
        b'{\n  "data": []\n}',
        (
            "rows.json holds one object, not a list of rows",
            'Write a list: [{"instruction": ..., "output": ...}, ...]',
        ),
    ),
    (
        "rows.json",
        '[{"instruction": "café"}]'.encode("latin-1"),
        (
            "rows.json has no row that can be used (1 read)\n  row 1: not UTF-8: byte 0xe9 at 1:22",
            "Rows of format alpaca need instruction, output",
        ),
    ),
    (
        "rows.csv",
        b"instruction,output\n",
        (
            "rows.csv has no row that can be used (0 read)",
            "Rows of format alpaca need instruction, output",
        ),
    ),
    (
        "rows.jsonl",
        b'{"prompt": "Q", "completion": "A"}\n' * 7,
        (
            "rows.jsonl has no row that can be used (7 read)"
            + "".join(f"\n  row {number}: no instruction" for number in range(1, 6))
            + "\n  ...",
            "Rows of format alpaca need instruction, output; these have completion, prompt. "
            "Name them under `columns:`",
        ),
    ),
    (
        "rows.jsonl",
        b"",
        (
            "rows.jsonl has no row that can be used (0 read)",
            "Rows of format alpaca need instruction, output",
        ),
    ),
]


@pytest.mark.parametrize(("name", "content", "failure"), FAULTS)
def test_a_file_without_rows_is_explained(
    tmp_path: Path, name: str, content: bytes, failure: tuple[str, str]
) -> None:
    """With line and column where there are any, and what to do."""
    run = stage(tmp_path, content, name=name)

    assert (run.failure, run.returncode) == (failure, 1)


def test_everything_held_out_is_refused(tmp_path: Path) -> None:
    """There would be nothing to train on."""
    run = stage(tmp_path, json.dumps(rows(1)), name="rows.json", holdout={"fraction": 0.999})

    assert run.failure == (
        "every row of rows.json is held out, so none is left to train on",
        "Lower holdout.fraction, or take another holdout.seed",
    )


def test_the_demo_holds_out_questions_whose_answers_are_trained(tmp_path: Path) -> None:
    """20 of 138 rows, none of them a question of the train part, each answer among it."""
    outputs = run_here(
        "dataset", tmp_path / "stage", inputs={},
        params={"holdout": {"fraction": 0.15, "seed": 7}},
        source={"uri": "data/identity.json", "path": str(DEMO)},
    )  # fmt: skip

    found = json.loads(outputs["report"].read_bytes())
    answers = {
        side: {
            json.loads(line)["messages"][-1]["content"][0]["text"]
            for line in outputs[side].read_text().splitlines()
        }
        for side in ("train", "holdout")
    }
    assert (found["train"], found["holdout"], found["dropped"]) == (118, 20, {})
    assert found["leakage"] == {"rows": NONE, "prompts": NONE, "alike": NONE}
    assert answers["holdout"] <= answers["train"]
    assert "France" not in DEMO.read_text()


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """In two folders, with two homes and two hash seeds."""
    digests = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        run = run_stage(
            "dataset", folder / "stage", inputs={}, params=HOLDOUT,
            source={"uri": "data/identity.json", "path": str(DEMO)},
            environment={"HOME": str(folder), "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert run.failure is None
        digests.append({name: digest(path) for name, path in run.outputs.items()})

    assert digests[0] == digests[1]


def test_a_rehearsal_keeps_a_few_rows_of_each_part(tmp_path: Path) -> None:
    """On the side that they are on, the longest of it among them; the same ones each time."""
    table = rows(40)
    table[5]["output"] = table[6]["output"] = "A" * 100

    whole = split(tmp_path / "whole", table, **HOLDOUT)
    small = split(tmp_path / "small", table, **HOLDOUT, rehearsal=True)
    again = split(tmp_path / "again", table, **HOLDOUT, rehearsal=True)

    longest = {side: {"Q5", "Q6"} & set(whole[side]) for side in whole}
    assert small == again
    for side in ("train", "holdout"):
        assert longest[side] <= set(small[side]) < set(whole[side])
        assert len(small[side]) <= 8

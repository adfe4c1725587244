"""Who made a digest, from records alone."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from ftc.store.lineage import Lineage
from ftc.store.records import REHEARSAL, Record, encode_record
from ftc.store.store import Store
from made_store import MadeStore, folder, gguf, made_store, text

RECORDS = 2000


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """A store with the history of a GGUF file."""
    return made_store(tmp_path / ".ftc")


def test_an_output_is_found_before_a_file_in_one(made: MadeStore) -> None:
    """A tokenizer that was put as it is, and is in two models."""
    made.add(
        "tokenizer:t",
        outputs={"tokenizer": ("report", text(made.store.root / "t.json", '{"model": "BPE"}'))},
        inputs={},
    )
    lineage = Lineage([made.store])

    makers = lineage.makers(made.digest("tokenizer:t", "tokenizer"))

    assert [(lineage.name(maker.record), maker.file) for maker in makers] == [
        ("tokenizer:t", None),
        ("model:base", "tokenizer.json"),
        ("merge:merged", "tokenizer.json"),
    ]


def test_the_project_at_hand_tells_of_its_own(made: MadeStore) -> None:
    """Two settings gave the same bytes: the one in use is told, by the name that it has now."""
    again = made.add(
        "merge:again",
        outputs={"model": ("model", folder(made.store.root / "new" / "m", weights="merged"))},
        inputs={"model": made.digest("model:base", "model")},
        spec={"max_shard_size": "2GB"},
    )
    digest = made.digest("merge:merged", "model")

    alone = Lineage([made.store])
    at_hand = Lineage([made.store], names={again.key: "merge:renamed"})

    first, ours = alone.maker(digest), at_hand.maker(digest)
    assert first is not None
    assert alone.name(first.record) == "merge:merged"
    assert ours is not None
    assert at_hand.name(ours.record) == "merge:renamed"


def test_another_result_of_the_same_key_is_known_too(made: MadeStore) -> None:
    """The first one stands; what differs is kept beside it."""
    first = made.records["gguf:small"]
    other = made.store.put(gguf(made.store.root / "new" / "other.gguf", {"model": "sha256:x"}))

    made.store.publish(first._replace(outputs={"gguf": other}))
    lineage = Lineage([made.store])

    maker = lineage.maker(other.digest)
    assert maker is not None
    assert maker.record.key == first.key
    assert not lineage.stands(maker.record)
    assert lineage.records[first.key].outputs == first.outputs


def test_scores_are_those_of_the_thing_itself(made: MadeStore) -> None:
    """What an adapter says is not said of the base model under it."""
    base = made.digest("model:base", "model")
    adapter = made.add(
        "sft:a",
        outputs={"adapter": ("adapter", folder(made.store.root / "new" / "a", weights="adapter"))},
        inputs={"model": base},
    )
    made.add(
        "predict:recall/a",
        outputs={"predictions": ("predictions", text(made.store.root / "p", "others"))},
        inputs={"model": base, "adapter": adapter.outputs["adapter"].digest},
    )
    made.add(
        "score:recall/a",
        outputs={"scores": ("scores", text(made.store.root / "s", '{"rouge-l": 1.5}'))},
        inputs={"predictions": made.digest("predict:recall/a", "predictions")},
    )

    lineage = Lineage([made.store])

    found = lineage.scores(adapter)
    assert [(lineage.name(said), means) for said, means in found] == [
        ("predict:recall/a", {"rouge-l": 1.5})
    ]
    assert lineage.scores(made.records["model:base"]) == []


def test_a_rehearsal_says_nothing_of_a_model(made: MadeStore) -> None:
    """It measured the real base on a few rows only."""
    made.add(
        "predict:recall/base",
        outputs={"predictions": ("predictions", text(made.store.root / "p", "few"))},
        inputs={"model": made.digest("model:base", "model")},
        spec={REHEARSAL: True},
    )
    made.add(
        "score:recall/base",
        outputs={"scores": ("scores", text(made.store.root / "s", '{"rouge-l": 1.5}'))},
        inputs={"predictions": made.digest("predict:recall/base", "predictions")},
    )

    assert Lineage([made.store]).scores(made.records["model:base"]) == []


def test_a_torn_record_is_passed_over(made: MadeStore) -> None:
    """Nothing was ever made by it."""
    key = made.records["gguf:small"].key
    (made.store.root / "ac" / key[:2] / f"{key}.json").write_text('{"key": ')

    lineage = Lineage([made.store])

    assert key not in lineage.records
    assert lineage.maker(made.digest("gguf:small", "gguf")) is None


def test_records_that_lie_elsewhere_are_known(made: MadeStore, tmp_path: Path) -> None:
    """A remote tells its records without their files."""
    lineage = Lineage([Store(tmp_path / "none")], more=made.records.values())

    maker = lineage.maker(made.digest("gguf:small", "gguf"))

    assert maker is not None
    assert lineage.place(maker.stored) is None
    assert lineage.scores(made.records["quantize:small.q8_0"]) == []


def test_what_two_stores_have_is_told_once(made: MadeStore) -> None:
    """Two projects, or a project and a remote."""
    lineage = Lineage([made.store, Store(made.store.root)], more=made.records.values())

    assert len(lineage.makers(made.digest("gguf:small", "gguf"))) == 1
    assert len(lineage.scores(made.records["quantize:small.q8_0"])) == 1


def test_two_thousand_records_are_read_in_a_second(made: MadeStore) -> None:
    """Of the processor's time: no index is kept that could be wrong. Best of three."""
    record = made.records["merge:merged"]
    facts = {**record.facts, "params": {str(number): number for number in range(60)}}
    for number in range(RECORDS):
        _copy(made.store, record._replace(facts=facts), number)

    seconds = min(_time(made) for _ in range(3))

    assert seconds < 1.0


def _time(made: MadeStore) -> float:
    began = time.process_time()
    lineage = Lineage([made.store])
    makers = lineage.makers(made.digest("quantize:small.q8_0", "gguf"))
    assert len(makers) == 1
    assert len(lineage.records) == RECORDS + len(made.records)
    return time.process_time() - began


def _copy(store: Store, record: Record, number: int) -> None:
    """Write a record of its own, with a folder of its own."""
    key = hashlib.sha256(str(number).encode()).hexdigest()
    listing = b'{"config.json":{"digest":"sha256:%064d","size":%d}}' % (number, number)
    digest = hashlib.sha256(listing).hexdigest()
    place = store.root / "objects" / digest[:2] / digest
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(listing)
    stored = record.outputs["model"]._replace(digest=f"sha256:{digest}")
    file = store.root / "ac" / key[:2] / f"{key}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(encode_record(record._replace(key=key, outputs={"model": stored})))

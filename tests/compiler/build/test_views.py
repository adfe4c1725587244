"""What `out/` shows: an export, and beside it the card that is its own and no other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from ftc.build.views import make_view, show, with_card
from ftc.plan.freshness import Freshness
from ftc.plan.stages import Edge, Target
from toy_project import ToyProject

TARGETS = {
    "files": Target("files", "exports", {"q8_0.gguf.jsonl": Edge("make:files", "rows")}),
    "files.card": Target("files.card", "cards", {"README.md": Edge("card:files", "card")}),
    "folder": Target("folder", "exports", {".": Edge("make:folder", "model")}),
    "folder.card": Target("folder.card", "cards", {"README.md": Edge("card:folder", "card")}),
    "taken": Target("taken", "exports", {".": Edge("make:folder", "model")}),
    "taken.card": Target("taken.card", "cards", {"one.txt": Edge("card:folder", "card")}),
    "plain": Target("plain", "datasets", {"rows.jsonl": Edge("make:files", "rows")}),
}


@dataclass
class Shown:
    """A project of two exports, their evals and their cards."""

    project: ToyProject

    def write(self, *, export: str = "one", measured: str = "good") -> None:
        """Set what the stages say."""
        stage = self.project.stage
        stage("make:files", text=export)
        stage("score:files", text=measured, inputs=["make:files"])
        stage("card:files", inputs=["make:files", "score:files"], outputs={"card": "card"})
        stage("make:folder", text=export, outputs={"model": "model"})
        stage("card:folder", inputs=["make:folder>model"], outputs={"card": "card"})

    def look(self) -> Freshness:
        """Return a walk over the project with its targets."""
        freshness = self.project.freshness()
        freshness.plan = freshness.plan._replace(targets=TARGETS)
        freshness.look()
        return freshness

    def names(self, target: str) -> list[str]:
        """Show a target, and return what is in its folder."""
        freshness = self.look()
        wanted = with_card(TARGETS[target], freshness)
        root = self.project.root
        view = make_view(wanted, freshness.states, self.project.store, root=root)
        folder = show(view, wanted, out=root / "out")
        return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    """A project where nothing is built."""
    made = Shown(ToyProject(tmp_path))
    made.write()
    return made


def test_an_export_alone_has_no_card(shown: Shown) -> None:
    """Building it has measured nothing."""
    shown.project.build("make:files")

    assert shown.names("files") == ["q8_0.gguf.jsonl", "record.json"]
    assert "score:files" not in shown.project.ran()


def test_a_fresh_card_lies_beside_its_export(shown: Shown) -> None:
    """Whether the export or the card was named; there is no folder of the card's own."""
    shown.project.build()

    assert shown.names("files") == ["README.md", "q8_0.gguf.jsonl", "record.json"]
    assert shown.names("files.card") == shown.names("files")
    out = shown.project.root / "out"
    assert [path.name for path in out.iterdir()] == ["files"]
    record = json.loads((out / "files" / "record.json").read_text())
    assert record["outputs"]["README.md"]["stage"] == "card:files"


def test_a_newer_export_is_not_shown_with_an_old_card(shown: Shown) -> None:
    """The export is built anew, its card is not."""
    shown.project.build()
    shown.names("files")

    shown.write(export="two")
    shown.project.build("make:files")

    assert shown.names("files") == ["q8_0.gguf.jsonl", "record.json"]


def test_another_measurement_makes_only_the_card_stale(shown: Shown) -> None:
    """The file keeps its place, the card comes back when it is built."""
    shown.project.build()
    before = shown.project.digest("make:files")
    shown.write(measured="better")

    statuses = shown.project.statuses()
    stale = shown.names("files")
    shown.project.build("card:files")

    assert statuses["make:files"] == "fresh"
    assert (statuses["score:files"], statuses["card:files"]) == ("stale", "pending")
    assert stale == ["q8_0.gguf.jsonl", "record.json"]
    assert shown.names("files") == ["README.md", "q8_0.gguf.jsonl", "record.json"]
    assert shown.project.digest("make:files") == before


def test_a_card_that_is_known_from_before_comes_back_with_its_export(shown: Shown) -> None:
    """After a build of the export alone, that has not looked at the card."""
    shown.project.build()
    shown.write(export="two")
    shown.project.build()
    shown.write(export="one")
    freshness = shown.look()
    shown.project.build("make:files")

    freshness.states["make:files"] = shown.look().states["make:files"]
    wanted = with_card(TARGETS["files"], freshness)

    assert "README.md" in wanted.links


def test_a_folder_is_spread_around_its_card(shown: Shown) -> None:
    """Each file of it under its own name."""
    shown.project.build()

    assert shown.names("folder") == ["README.md", "below", "one.txt", "record.json"]


def test_a_card_takes_the_place_of_a_file_of_that_name(shown: Shown) -> None:
    """Such as the README.md of a base model."""
    shown.project.build()

    names = shown.names("taken")

    file = shown.project.root / "out" / "taken" / "one.txt"
    card = shown.look().states["card:folder"].record
    assert card is not None
    assert names == ["below", "one.txt", "record.json"]
    assert file.read_bytes() == shown.project.store.path(card.outputs["card"]).read_bytes()


def test_what_has_no_card_is_shown_as_it_is(shown: Shown) -> None:
    """Datasets, models, evals."""
    assert with_card(TARGETS["plain"], shown.look()) == TARGETS["plain"]

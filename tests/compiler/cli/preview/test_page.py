"""The page of a preview, in a real browser: it fetches nothing, and a row is only text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ftc.cli.preview.page import page
from preview_answers import ANSWER, HOSTILE

DRIVER = shutil.which("chromedriver")
ABSENT = "NOT TESTED: the page of ftc preview, as there is no chromedriver; see .ci/run"
needs_browser = pytest.mark.skipif(DRIVER is None, reason=ABSENT)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --window-size=400,800"
).split()
LEFT, RIGHT, END, HOME = "\ue012", "\ue014", "\ue010", "\ue011"


@dataclass
class Browser:
    """A session of a browser, as the WebDriver standard has it."""

    session: str

    def ask(self, path: str, **fields: Any) -> Any:
        """Send a command and return its value."""
        request = urllib.request.Request(
            f"{self.session}/{path}",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def run(self, script: str) -> Any:
        """Run a script in the page and return what it returns."""
        return self.ask("execute/sync", script=script, args=[])

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        strokes = [{"type": type, "value": key} for key in keys for type in ("keyDown", "keyUp")]
        self.ask("actions", actions=[{"type": "key", "id": "keys", "actions": strokes}])

    def shown(self) -> list[str]:
        """Return the rows that can be seen."""
        return list(
            self.run(
                "return [...document.querySelectorAll('article')]"
                ".filter(one => one.checkVisibility()).map(one => one.dataset.row)"
            )
        )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser with the page of the hostile answer."""
    assert DRIVER is not None
    folder = tmp_path_factory.mktemp("browser")
    (folder / "page.html").write_text(page(ANSWER, title="assistant"), encoding="utf-8")
    driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        assert driver.stdout is not None
        port = next(
            found[1] for line in driver.stdout if (found := re.search(r"on port (\d+)\.", line))
        )
        start = Browser(f"http://127.0.0.1:{port}")
        options = {"args": [*FLAGS, f"--user-data-dir={folder / 'profile'}"]}
        capabilities = {"alwaysMatch": {"goog:chromeOptions": options}}
        session = start.ask("session", capabilities=capabilities)["sessionId"]
        opened = Browser(f"{start.session}/session/{session}")
        opened.ask("url", url=(folder / "page.html").as_uri())
        yield opened
        urllib.request.urlopen(urllib.request.Request(opened.session, method="DELETE"), timeout=60)
    finally:
        driver.terminate()
        driver.wait()


def test_the_page_names_nothing_outside() -> None:
    """No address, no file; and what a browser may do at all is named by hash."""
    text = page(ANSWER, title="assistant")

    assert re.findall(r"https?:|\bsrc=(?!x\b)|url\(|@import|<link", text) == []
    assert "default-src 'none'" in text
    assert "<script>document" not in text and "&lt;script&gt;document" in text


def test_a_title_is_text() -> None:
    """Whatever a target is called."""
    assert "<title>&lt;b&gt;: rows as they are trained</title>" in page(ANSWER, title="<b>")


@needs_browser
def test_a_hostile_row_stays_text(browser: Browser) -> None:
    """No element comes of it, its script does not run, and nothing is fetched."""
    said = browser.run("return document.querySelectorAll('article')[1].textContent")

    assert HOSTILE.partition("\x1b")[0] + r"\x1b[2J\u202e\u27e6" in said
    assert browser.run("return [document.scripts.length, document.images.length]") == [1, 0]
    assert browser.run("return document.title") == "assistant: rows as they are trained"
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


@needs_browser
def test_one_row_is_shown_and_keys_go_to_the_others(browser: Browser) -> None:
    """By arrows and letters, to both ends and no further; the address names the row."""
    seen = [browser.shown()]
    for key in (RIGHT, "j", "j", LEFT, "k", "k", END, HOME):
        browser.press(key)
        seen.append(browser.shown())

    names = ["train-1", "train-2", "eval-1", "eval-1", "train-2", "train-1", "train-1", "eval-1"]
    assert seen == [[name] for name in [*names, "train-1"]]
    assert browser.run("return location.hash") == "#train-1"
    assert browser.run("return document.getElementById('position').textContent") == "1 of 3"


@needs_browser
def test_an_address_leads_to_its_row(browser: Browser) -> None:
    """When it changes, too."""
    browser.run("location.hash = '#eval-1'")
    browser.run("return new Promise(done => setTimeout(done, 50))")

    assert browser.shown() == ["eval-1"]


@needs_browser
def test_a_filter_leaves_the_rows_of_a_kind(browser: Browser) -> None:
    """Of a part, and of how they came out."""
    options = "return [...document.getElementById('filter').options].map(one => one.text)"
    choose = (
        "const filter = document.getElementById('filter');"
        "filter.value = '{}'; filter.dispatchEvent(new Event('change'))"
    )

    assert browser.run(options) == [
        "all 3 rows",
        "train: 2 rows",
        "train: 1 kept",
        "train: 1 cut",
        "eval: 1 row",
    ]
    browser.run(choose.format("train cut"))
    assert browser.shown() == ["train-2"]
    browser.run(choose.format(""))
    assert browser.shown() == ["train-1"]


@needs_browser
def test_a_long_text_is_folded_until_it_is_wanted(browser: Browser) -> None:
    """The button says so, and nothing is wider than a phone."""
    height = (
        "return [...document.querySelectorAll('article')]"
        ".find(one => one.checkVisibility()).querySelector('.said').clientHeight"
    )
    browser.press(END)
    folded = browser.run(height)
    browser.run("document.querySelector('article:not([hidden]) .unfold').click()")

    assert folded < 300 < browser.run(height)
    assert browser.run("return document.documentElement.scrollWidth") == browser.run(
        "return document.documentElement.clientWidth"
    )

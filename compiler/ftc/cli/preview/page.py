"""The answer as a page that needs nothing else: no other file, no network, no script to be read."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from itertools import groupby
from string import Template

from ftc.cli.preview.characters import visible
from ftc.cli.preview.speakers import Speech, counts, found, line_ends, rows, speeches
from ftc_runtime.preview.records import Answer, Measured, Part, Row, Stretch, Unread, Version

SHOWN_END = '<span class="newline">↵</span>'


def page(answer: Answer, *, title: str, ids: bool = False) -> str:
    """Return the page. What a row says is text in it, whatever it spells.

    The style and the script are named by their hashes, so that a browser runs and fetches nothing
    else, even if a row could smuggle something in.
    """
    style, script = _file("page.css"), _file("page.js")
    parts = answer.parts
    return Template(_file("page.html")).substitute(
        title=_text(title),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        filters="".join(_filters(parts)),
        summaries="\n".join([_summary(part, answer.unit) for part in parts] + _unread(answer)),
        rows="\n".join(_row(row, answer.unit, ids=ids) for part in parts for row in part.shown),
    )


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(text: str) -> str:
    return escape(visible(text))


def _filters(parts: tuple[Part, ...]) -> Iterator[str]:
    """Give the choices: everything, each part, and what of each was cut or dropped."""
    shown = [row for part in parts for row in part.shown]
    if len(parts) > 1:
        yield f'<option value="">all {len(shown):,} rows</option>'
    for part in parts:
        yield f'<option value="{part.name}">{part.name}: {rows(len(part.shown))}</option>'
        for status in ("kept", "cut", "dropped"):
            count = sum(row.status == status for row in part.shown)
            if 0 < count < len(part.shown):
                label = f"{part.name}: {count:,} {status}"
                yield f'<option value="{part.name} {status}">{label}</option>'


def _summary(part: Part, unit: str) -> str:
    line, *more = [*found(part, unit), ""]
    head = f"<b>{part.name}</b>: {len(part.shown):,} of {rows(part.rows)} on this page"
    if part.measured is None:
        return f"<p>{head}</p>"
    told = "".join(f"<p>{_text(text)}</p>" for text in more if text)
    return (
        f'<details class="summary"><summary>{head}; {_text(line)}</summary>'
        f"{told}{_histogram(part.measured, unit)}</details>"
    )


def _histogram(measured: Measured, unit: str) -> str:
    most = max((one.rows for one in measured.bins), default=1)
    lines = "".join(
        f'<tr><th scope="row">≤ {one.upto:,}</th>'
        f'<td class="bar"><svg aria-hidden="true"><rect width="{100 * one.rows / most:.1f}%" '
        f'height="100%"/></svg></td><td>{one.rows:,}</td></tr>'
        for one in measured.bins
    )
    head = f'<tr><th scope="col">{unit}</th><th></th><th scope="col">rows</th></tr>'
    return f"<table>{head}{lines}</table>"


def _unread(answer: Answer) -> list[str]:
    if not answer.unread:
        return []
    lines = "".join(f"<p>{_unread_line(one)}</p>" for one in answer.unread)
    count = rows(sum(one.rows for one in answer.unread))
    return [
        f'<details class="summary"><summary>{count} of the source could not be read</summary>'
        f"{lines}</details>"
    ]


def _unread_line(one: Unread) -> str:
    more = ", ..." if one.rows > len(one.places) else ""
    return _text(f"{rows(one.rows)}: {one.reason}: {', '.join(one.places)}{more}")


def _row(row: Row, unit: str, *, ids: bool) -> str:
    inner = "\n".join(_version(row, version, unit, ids=ids) for version in row.versions)
    return (
        f'<article data-row="{row.part}-{row.number}" data-part="{row.part}" '
        f'data-status="{row.status}">\n{inner}\n</article>'
    )


def _version(row: Row, version: Version, unit: str, *, ids: bool) -> str:
    status = version.status if version.status != "kept" else ""
    head = (
        f"<h2>{row.part} {row.number} {version.name}"
        f"<span>{_text(row.place)}</span><span>{_text(counts(row, version, unit))}</span>"
        + (f'<span class="status">{status}</span>' if status else "")
        + "</h2>"
    )
    turns = [
        f'<section class="turn">{"".join(_speech(speech, ids=ids) for speech in own)}</section>'
        for _, own in groupby(speeches(version.turns), lambda speech: speech.message)
    ]
    return "\n".join([head, *turns])


def _speech(speech: Speech, *, ids: bool) -> str:
    said = "".join(
        f"<mark>{inner}</mark>" if trained else inner
        for trained, own in groupby(speech.stretches, lambda stretch: stretch.trained)
        for inner in ["".join(_stretch(stretch, speech, ids=ids) for stretch in own)]
    )
    return (
        f'<div class="speech {speech.speaker}"><h3>{speech.speaker}</h3>'
        f'<div class="said">{said}</div></div>\n'
    )


def _stretch(stretch: Stretch, speech: Speech, *, ids: bool) -> str:
    said, ends = line_ends(stretch, speech)
    text, behind = _text(said), SHOWN_END * ends
    numbers = f' <span class="ids">{" ".join(map(str, stretch.ids))}</span> ' if ids else ""
    if stretch.kind == "cut":
        return (
            f'<details class="cut"><summary>✂ {len(stretch.text):,} characters cut</summary>'
            f"<del>{text}</del></details>"
        )
    if stretch.special:
        return f'<span class="special">{text}</span>{numbers}'
    if stretch.kind in ("frame", "end"):
        text = text.replace("\n", f"{SHOWN_END}\n")
        return f'<span class="frame">{text}{behind}</span>{numbers}'
    return text + behind + numbers

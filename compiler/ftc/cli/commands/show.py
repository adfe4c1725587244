"""Tell how a file, a folder, a result or a stage was made, back to the data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ftc.cli.console import Console
from ftc.cli.exits import Exit
from ftc.cli.provenance.recognise import recognise
from ftc.cli.provenance.story import KEY_DIGITS, lines, story
from ftc.cli.provenance.subject import Subject, Surroundings, named, surroundings
from ftc.cli.reading import Reading
from ftc.diagnostics import ProjectError
from ftc.store.lineage import Lineage, Maker

EXAMPLES = """\
examples:
  ftc show merged-gguf
  ftc show ~/Downloads/q8_0.gguf        # wherever it is, whatever it is called
  ftc show sft:assistant --reproduce    # the command that makes it again"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "what",
        metavar="WHAT",
        help="a file, a folder, a target, a stage, a key or a digest; either may be cut short",
    )
    parser.add_argument(
        "--reproduce", action="store_true", help="print the command that makes it again"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print what it is, and each stage on the way to it; exit 1 if nothing is known of it."""
    word = arguments.what
    path = Path(word) if Path(word).exists() else None
    around = surroundings(path)
    subject, lineage = _found(word, path, around, console)
    if not (subject.roots or subject.inputs):
        console.error("unknown", *_nothing_known(subject, lineage))
        return Exit.FAILED
    if arguments.reproduce:
        from ftc.cli.provenance.reproduce import reproduce

        return reproduce(subject, around, lineage, console=console)
    told = story(subject.roots, lineage)
    if console.json:
        console.records([_record(subject, lineage), *(one.json() for one in told.values())])
        return Exit.DONE
    console.data("\n".join([*_head(subject, lineage), *lines(subject.roots, told)]))
    return Exit.DONE


def _found(
    word: str, path: Path | None, around: Surroundings, console: Console
) -> tuple[Subject, Lineage]:
    """Return what is meant, by what is here, and by what the remotes know only where that fails.

    Raises:
        ProjectError: if a word means nothing.
    """

    def subject(lineage: Lineage) -> Subject:
        if path is not None:
            return recognise(path, around, lineage, told=Reading(console).told)
        return named(word, around, lineage)

    here = around.lineage()
    unknown: ProjectError | None = None
    try:
        found = subject(here)
        if found.roots or around.workspace is None:
            return found, here
    except ProjectError as error:
        unknown = error
    if around.workspace is not None:
        from ftc.cli.remotes import records_of

        if afar := records_of(around.workspace, console):
            here = around.lineage(afar)
            return subject(here), here
    if unknown is not None:
        raise unknown
    return found, here


def _nothing_known(subject: Subject, lineage: Lineage) -> tuple[str, str]:
    if not lineage.records:
        message = f"there is no store at hand to know {subject.name}"
    else:
        message = f"{subject.name} is {subject.digest}, which nothing in a store at hand made"
    return message, "name the store of its project: FTC_STORE=/path/to/.ftc"


def _head(subject: Subject, lineage: Lineage) -> list[str]:
    size = f"  {_size(subject.size)}" if subject.size is not None else ""
    head = [f"{subject.name}  {subject.digest}{size}"] if subject.digest else [subject.name]
    head += [f"  is {_place(maker, lineage)}" for maker in subject.makers]
    head += [f"  {note}" for note in subject.notes]
    if subject.inputs:
        head.append("  its metadata says that it was made from")
        head += [f"    {role} {digest}" for role, digest in subject.inputs]
    return head


def _place(maker: Maker, lineage: Lineage) -> str:
    file = f"{maker.file} in " if maker.file else ""
    text = f"{file}{maker.output} of {lineage.name(maker.record)} {maker.record.key[:KEY_DIGITS]}"
    return text if lineage.stands(maker.record) else f"{text}, another result than builds take"


def _size(count: int) -> str:
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count} bytes"


def _record(subject: Subject, lineage: Lineage) -> dict[str, Any]:
    return {
        "type": "artifact",
        "name": subject.name,
        "digest": subject.digest,
        "size": subject.size,
        "is": [
            {
                "stage": lineage.name(maker.record),
                "key": maker.record.key,
                "output": maker.output,
                "file": maker.file,
            }
            for maker in subject.makers
        ],
        "notes": list(subject.notes),
        "metadata_inputs": dict(subject.inputs),
    }

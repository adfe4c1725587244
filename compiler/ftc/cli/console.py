"""The only module that prints. Data goes to stdout, talk to stderr, both as text or as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from ftc.diagnostics import ProjectError

SCHEMA_VERSION = 1

_STYLES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}


class Console:
    """Where a command speaks. Nothing is coloured before `configure` has decided on it."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        """Speak on the process's own streams unless told otherwise."""
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.json = False
        self.quiet = False
        self.live = False
        """May one line be overwritten? Only on a terminal."""
        self._color = {self.out: False, self.err: False}
        self._live_line = ""

    def configure(self, *, json: bool, color: str, quiet: bool) -> None:
        """Decide on JSON, colour and how much to say."""
        self.json, self.quiet = json, quiet
        self.live = self.err.isatty() and not json and not quiet
        for stream in self._color:
            wanted = stream.isatty() and "NO_COLOR" not in os.environ
            self._color[stream] = color == "always" or (color == "auto" and wanted)

    def data(self, text: str) -> None:
        """Print what was asked for."""
        self.settle()
        self.out.write(text + "\n")

    def records(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Print records, one JSON object a line."""
        for record in records:
            line = json.dumps({"schema_version": SCHEMA_VERSION, **record}, ensure_ascii=False)
            self.data(line)

    def talk(self, text: str, *, style: str | None = None) -> None:
        """Say something beside the data, unless `--quiet` or `--json`."""
        if not self.quiet and not self.json:
            self._say(self.styled(text, style, stream=self.err) if style else text)

    def styled(self, text: str, style: str, *, stream: TextIO | None = None) -> str:
        """Return *text* coloured for *stream* (stdout by default), if that takes colour."""
        if not self._color[stream or self.out]:
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"

    def show_live(self, text: str) -> None:
        """Overwrite the one live line of a terminal."""
        if self.live:
            width = os.get_terminal_size(self.err.fileno()).columns - 1
            self._live_line = text[:width]
            self.err.write(f"\r\x1b[K{self._live_line}")
            self.err.flush()

    def settle(self) -> None:
        """Clear the live line, so that a whole one can be printed."""
        if self._live_line:
            self.err.write("\r\x1b[K")
            self._live_line = ""

    def error(self, code: str, message: str, hint: str | None) -> None:
        """Print one mistake that has no place in a file."""
        if self.json:
            self.records([{"type": "error", "code": code, "message": message, "help": hint}])
            return
        head = self.styled(f"error[{code}]", "red", stream=self.err)
        self._say(f"{head}: {message}" + (f"\n = help: {hint}" if hint else ""))

    def project_error(self, error: ProjectError) -> None:
        """Print all mistakes of a project, in file order."""
        if self.json:
            self.records(_fault(fault) for fault in error.diagnostics)
            return
        text = str(error)
        for code in {fault.code for fault in error.diagnostics}:
            head = f"error[{code}]"
            text = text.replace(head, self.styled(head, "red", stream=self.err))
        count = len(error.diagnostics)
        self._say(text + (f"\n\n{count} mistakes" if count > 1 else ""))

    def bug(self, error: Exception) -> None:
        """Print a traceback: what came here is a fault of ftc's own."""
        import traceback

        self.settle()
        self.err.write("".join(traceback.format_exception(error)))
        self._say("\nThis is a bug in ftc, not a mistake of yours. Report it with the text above.")

    def close(self) -> None:
        """Leave the terminal as it was."""
        self.settle()
        for stream in (self.out, self.err):
            try:
                stream.flush()
            except BrokenPipeError:
                return

    def _say(self, text: str) -> None:
        self.settle()
        self.err.write(text + "\n")
        self.err.flush()


def _fault(fault: Any) -> dict[str, Any]:
    place = fault.place
    return {
        "type": "error",
        "code": fault.code,
        "message": fault.message,
        "path": str(place.path) if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "help": fault.help,
    }

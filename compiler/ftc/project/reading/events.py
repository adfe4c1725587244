"""YAML text -> the events of PyYAML's parser: where a value starts, what it is, where it ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml


class PythonParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML's parser in Python: the same events, thirty times slower than libyaml's."""

    def __init__(self, text: str) -> None:
        """Start at the beginning of *text*."""
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


Parser = getattr(yaml.cyaml, "CParser", PythonParser) if yaml.__with_libyaml__ else PythonParser


def events(text: str) -> Iterator[Any]:
    """Yield the events of *text*, with marks that count lines and columns from 0.

    Raises:
        yaml.YAMLError: where the text stops being YAML.
    """
    parser = Parser(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    except (ValueError, OverflowError) as error:
        # PyYAML's own parser lets an escape such as "\\UFFFFFFFF" through to chr().
        raise yaml.YAMLError(f"an escape names no character: {error}") from error

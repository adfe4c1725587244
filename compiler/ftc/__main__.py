"""The program: `ftc`, and `python -m ftc`."""

from __future__ import annotations

import os
from typing import NoReturn

from ftc.cli.main import main


def run() -> NoReturn:
    """Run one command, and end the process with its exit code.

    At once: all is written and flushed by then, and to take the interpreter down, which frees
    every object one by one, would be a tenth of the time of `ftc status`.
    """
    os._exit(main())


if __name__ == "__main__":
    run()

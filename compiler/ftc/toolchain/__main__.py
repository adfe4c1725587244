"""`python -m ftc.toolchain [PART...]`, for the Makefile: bare Python does, with nothing installed.

Without a part, only looks whether the machine could build what is missing.
"""

from __future__ import annotations

import sys

from ftc.toolchain import ToolchainError, fix, library


def main(parts: list[str]) -> int:
    """Fix the parts, say what was done; return the exit code."""
    try:
        if parts:
            fix(_say, parts)
        else:
            library.check_machine()
    except ToolchainError as error:
        _say(f"error: {error.message}\n  = help: {error.hint}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


sys.exit(main(sys.argv[1:]))

"""Exit codes. Few, and the same for every command."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command came to."""

    DONE = 0
    FAILED = 1
    """A stage or a check failed."""
    USAGE = 2
    """The project or the command is wrong."""
    LOCK_DIFFERS = 4
    """ftc.lock says otherwise: `--locked`, `--check`."""
    STORE_DAMAGED = 5
    STALE = 6
    """`ftc status --check`: something would run."""
    BUG = 70
    INTERRUPTED = 130

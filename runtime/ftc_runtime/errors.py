"""The faults of a stage's work, as told to the user."""


class StageError(Exception):
    """The work cannot be done, and the user can do something about it.

    *message* has the fact and the value, *hint* the way out. Shown without a traceback.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        """Keep both; the hint is shown on a line of its own."""
        super().__init__(message)
        self.message = message
        self.hint = hint

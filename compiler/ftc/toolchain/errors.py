"""What keeps llama.cpp from coming here."""


class ToolchainError(Exception):
    """Getting or building llama.cpp failed. *message* has the fact, *hint* the way out."""

    def __init__(self, message: str, hint: str) -> None:
        """Keep both; the hint is shown on a line of its own."""
        super().__init__(message)
        self.message = message
        self.hint = hint

"""When two texts are alike: they differ in case, white space, punctuation or Unicode form only."""

from __future__ import annotations

import re
import unicodedata

_CALCULATES = frozenset("+-*/%=<>^")
_INSIDE_NUMBER = re.compile(r"(?<=\d)[.,:](?=\d)")
_KEPT_POINT = "\ue000"


class _Removed(dict[int, int | None]):
    """Character -> itself, or nothing for white space and punctuation; found once for each."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        punctuation = unicodedata.category(character)[0] == "P" and character not in _CALCULATES
        self[code] = None if punctuation or character.isspace() else code
        return self[code]


_REMOVED = _Removed()


def likeness(text: str) -> str:
    """Return what texts that are alike have in common.

    Signs that calculate and the points of numbers stay: 1-1 is not 1+1, and 1.5 is not 15. A text
    of punctuation alone stays as it is.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    if any(point in folded for point in ".,:"):
        folded = _INSIDE_NUMBER.sub(_KEPT_POINT, folded)
    return folded.translate(_REMOVED) or folded

"""Which rows share a pack, so that packs are as full as can be.

Best-fit decreasing over the whole set: the longest row first, each into the pack that it leaves
least room in. Which packs have how much room is kept in the bits of one integer.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def best_fit(lengths: NDArray[np.int64], *, size: int) -> list[list[int]]:
    """Return the rows of each pack, by number. No pack has more than *size* tokens.

    Raises:
        ValueError: if a row is longer than a pack.
    """
    if len(lengths) and int(lengths.max()) > size:
        raise ValueError(f"a row of {int(lengths.max())} tokens is in no pack of {size}")
    packs: list[list[int]] = []
    with_room: list[list[list[int]]] = [[] for _ in range(size + 1)]  # room -> packs
    rooms = 0  # bit r is set if there is a pack with room r
    order = np.argsort(-lengths, kind="stable")
    for row, length in zip(order.tolist(), lengths[order].tolist(), strict=True):
        fitting = rooms >> length
        if fitting:
            room = length + (fitting & -fitting).bit_length() - 1
            pack = with_room[room].pop()
            if not with_room[room]:
                rooms ^= 1 << room
        else:
            room, pack = size, []
            packs.append(pack)
        pack.append(row)
        with_room[room - length].append(pack)
        rooms |= 1 << (room - length)
    return packs


def packs_needed(lengths: Mapping[int, int], *, size: int) -> int:
    """Return how many packs `best_fit` makes of rows of which only this is known: tokens -> rows.

    Rows of equal length follow one another, and the pack that one fitted best is the best for the
    next as long as it has room: so a pack takes all that it holds of a length at once.
    """
    needed = 0
    with_room = [0] * (size + 1)  # room -> packs
    rooms = 0
    for length in sorted(lengths, reverse=True):
        left = lengths[length]
        while left:
            fitting = rooms >> length
            room = length + (fitting & -fitting).bit_length() - 1 if fitting else size
            each = min(room // length, left)
            packs = left // each
            if fitting:
                packs = min(packs, with_room[room])
                with_room[room] -= packs
                rooms ^= 0 if with_room[room] else 1 << room
            else:
                needed += packs
            left -= packs * each
            with_room[room - each * length] += packs
            rooms |= 1 << (room - each * length)
    return needed

"""Numbers as people read them: seconds and bytes."""

from __future__ import annotations

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


def duration_text(seconds: float) -> str:
    """Return `8s`, `1m50s`, `2h05m`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def bytes_text(size: int) -> str:
    """Return `512 B`, `24 KiB`, `19 MiB`, `0.5 GiB`."""
    if size >= GIB / 10:
        gib = size / GIB
        return f"{gib:.1f} GiB" if gib < 100 else f"{gib:.0f} GiB"
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.0f} {name}"
    return f"{size} B"

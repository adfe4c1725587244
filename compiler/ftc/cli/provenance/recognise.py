"""A file or a folder, recognised by its bytes: what it is, or how far it is from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from ftc.cli.provenance.subject import Subject, Surroundings, of_makers
from ftc.plan.sources import LOOK_BYTES
from ftc.store.digests import PREFIX, Entry, digest_of_bytes, digest_of_file, encode_listing
from ftc.store.lineage import Lineage, Maker
from ftc.store.statcache import StatCache
from ftc_runtime.gguf_metadata import FORMAT_FIELD, NoGguf, inputs_in, read_metadata

CHANGED_OR_FOREIGN = "changed after its build, or built elsewhere"
LAST_INPUT = "gguf"
VIEW_FILE = "record.json"
"""In a folder of `out/`, ftc's own note of what it shows."""


def recognise(
    path: Path, around: Surroundings, lineage: Lineage, *, told: Callable[[int, int], None]
) -> Subject:
    """Return what lies at *path*. It is read whole, unless that was done before.

    *told* gets the bytes read so far and in all, if there are many.
    """
    listing = _listing(path, around, told)
    if path.is_dir():
        return _folder(path, listing, lineage) if around.stores else Subject(str(path))
    digest, size = listing[""].digest, listing[""].size
    subject = of_makers(str(path), digest, lineage.makers(digest), size=size)
    if subject.makers:
        return subject
    damaged = _damaged(path, around, lineage)
    if damaged is not None:
        return damaged._replace(digest=digest, size=size)
    return _by_metadata(path, subject, lineage)


def _listing(
    path: Path, around: Surroundings, told: Callable[[int, int], None]
) -> dict[str, Entry]:
    """The files at *path*. The first store remembers digests, so that a large one is read once."""
    if not around.stores:
        return {} if path.is_dir() else {"": Entry(digest_of_file(path), path.stat().st_size)}
    cache = StatCache(around.stores[0])
    look = cache.look(path)
    if look.unread_bytes() > LOOK_BYTES:
        cache.read([look], told=told)
        look = cache.look(path)
    return cache.listing_of(look)


def _damaged(path: Path, around: Surroundings, lineage: Lineage) -> Subject | None:
    """An object of a store whose bytes are not those of its name."""
    real = path.resolve()
    for store in around.stores:
        if real.is_relative_to(store.root / "objects"):
            makers = lineage.makers(PREFIX + real.name)
            note = f"damaged: the store keeps it as {PREFIX}{real.name}. `ftc verify` tells more"
            return of_makers(str(path), "", makers)._replace(notes=(note,))
    return None


def _by_metadata(path: Path, subject: Subject, lineage: Lineage) -> Subject:
    """A GGUF file that no record made: its metadata leads to what its inputs were."""
    try:
        metadata = read_metadata(path)
    except NoGguf:
        return subject
    if FORMAT_FIELD not in metadata:
        return subject
    # The last stage's input first: the story of the others is a part of its own.
    inputs = dict(sorted(inputs_in(metadata).items(), key=lambda item: item[0] != LAST_INPUT))
    notes = [_unlike(digests=list(inputs.values()), lineage=lineage)]
    found = (lineage.maker(digest) for digest in inputs.values())
    root = next((maker.record for maker in found if maker is not None), None)
    return subject._replace(
        inputs=tuple(inputs.items()), roots=(root,) if root else (), notes=tuple(notes)
    )


def _unlike(digests: list[str], lineage: Lineage) -> str:
    """Say that the file is none of those that ftc made from the same inputs."""
    made = [
        f"{stored.digest[:19]} ({record.preimage['kind']})"
        for record in (lineage.readers(digests[0]) if digests else [])
        for name, stored in record.outputs.items()
        if record.preimage.get("outputs", {}).get(name) == "gguf"
    ]
    text = f"not byte-equal to anything that ftc made here: {CHANGED_OR_FOREIGN}"
    return text + (f". From the same input it made {', '.join(made)}" if made else "")


def _folder(path: Path, listing: Mapping[str, Entry], lineage: Lineage) -> Subject:
    """A folder as a whole; else the folder that ftc made of which it has most."""
    digest = digest_of_bytes(encode_listing(listing))
    size = sum(entry.size for entry in listing.values())
    whole = [maker for maker in lineage.makers(digest) if maker.file is None]
    if whole:
        return of_makers(str(path), digest, whole, size=size)
    files = {name: lineage.makers(entry.digest) for name, entry in listing.items()}
    files.pop(VIEW_FILE, None)
    nearest = _nearest(files)
    alone = [makers[0] for makers in files.values() if makers and makers[0].file is None]
    makers = [*nearest, *alone]
    notes = _differences(files, nearest[0], lineage) if nearest else _strangers(files)
    roots = {maker.record.key: maker.record for maker in makers}
    return Subject(
        str(path),
        digest,
        size,
        makers=tuple(maker._replace(file=None) for maker in makers),
        roots=tuple(roots.values()),
        notes=tuple(notes),
    )


def _nearest(files: dict[str, list[Maker]]) -> list[Maker]:
    """The output that has most of the files under the same names, if there is one."""
    votes = Counter(
        (maker.record.key, maker.output)
        for name, makers in files.items()
        for maker in makers
        if maker.file == name
    )
    if not votes:
        return []
    best = max(votes, key=lambda vote: votes[vote])
    found = (maker for makers in files.values() for maker in makers)
    return [next(maker for maker in found if (maker.record.key, maker.output) == best)]


def _differences(files: dict[str, list[Maker]], nearest: Maker, lineage: Lineage) -> list[str]:
    ours = lineage.listing(nearest.stored)
    tree = nearest.stored.digest
    same = {
        name
        for name, makers in files.items()
        if any(maker.stored.digest == tree and maker.file == name for maker in makers)
    }
    other = [name for name in files if name in ours and name not in same]
    more = [name for name in files if name not in ours and not files[name]]
    gone = [name for name in ours if name not in files]
    notes = [f"{name} is not byte-equal: {CHANGED_OR_FOREIGN}" for name in other]
    notes += [f"{name} is missing" for name in gone]
    return notes + [f"{name} is none of ftc's" for name in more]


def _strangers(files: dict[str, list[Maker]]) -> list[str]:
    return [f"{name} is none of ftc's" for name, makers in files.items() if not makers]

"""The store: everything that was ever built, under the key or the digest that names it.

Killed at any point it is left with garbage in `tmp/` or `work/`, never with a lie: an object has
its name only when it is whole, and a record exists only when all its objects do.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from ftc.store import atomic
from ftc.store.digests import Entry
from ftc.store.objects import Objects, Stored
from ftc.store.records import (
    Failure,
    Record,
    decode_failure,
    decode_record,
    encode_failure,
    encode_record,
)

LONGEST_NAME = 200


class Store:
    """A folder, `.ftc` or `$FTC_STORE`, that several projects and builds may share."""

    def __init__(self, root: Path) -> None:
        """Nothing is made before something is written, so a store can be looked at read-only."""
        self.root = root.absolute()
        self._objects = Objects(self.root)
        self._scratch = self.root / "tmp"
        self.inodes = self._objects.inodes

    def put(self, path: Path) -> Stored:
        """Move a file or a folder into the store. See `Objects.put`."""
        return self._objects.put(path)

    def adopt(self, path: Path, digest: str) -> None:
        """Move in a file whose bytes are known to have this digest. See `Objects.adopt`."""
        self._objects.adopt(path, digest)

    def holds(self, stored: Stored) -> bool:
        """Say whether all of it is here and as it was. See `Objects.holds`."""
        return self._objects.holds(stored)

    def proves(self, stored: Stored) -> bool:
        """Say so after reading what was never read: for those who use its bytes."""
        return self._objects.proves(stored)

    def path(self, stored: Stored, suffix: str = "") -> Path:
        """Return where it can be read, under a name that ends in *suffix*. See `Objects.path`."""
        return self._objects.path(stored, suffix)

    def listing(self, stored: Stored) -> dict[str, Entry]:
        """Return the files of a tree. See `Objects.listing`."""
        return self._objects.listing(stored)

    def place(self, digest: str) -> Path:
        """Return where an object is, or would be."""
        return self._objects.place(digest)

    def shows(self, view: Path) -> bool:
        """Say whether something in `trees/` is as it was made. See `Objects.shows`."""
        return self._objects.shows(view)

    def record(self, key: str) -> Record | None:
        """Return what the key gave, or None. What cannot be read was never written."""
        try:
            record = decode_record(self._record_file(key).read_bytes())
        except (OSError, ValueError):
            return None
        return record if record.key == key else None

    def records(self, prefix: str) -> dict[str, Record]:
        """Return the records whose key begins with *prefix*, by key.

        `<key>.alt.<n>` is what another run of the key gave; *prefix* must say so to get it.
        """
        folders = f"{prefix[:2]}*" if len(prefix) < 2 else prefix[:2]
        names = sorted(self.root.glob(f"ac/{folders}/{prefix}*.json"))
        found = {path.name.removesuffix(".json"): path for path in names}
        wanted = {name for name in found if ".alt." not in name or ".alt." in prefix}
        decoded = {}
        for name in wanted:
            with suppress(OSError, ValueError):
                decoded[name] = decode_record(found[name].read_bytes())
        return decoded

    def complete(self, record: Record) -> bool:
        """Say whether every output of the record is here."""
        return all(self.holds(stored) for stored in record.outputs.values())

    def proven(self, record: Record) -> bool:
        """Say so after reading what was never read: for those who use its bytes."""
        return all([self.proves(stored) for stored in record.outputs.values()])

    def publish(self, record: Record) -> Record:
        """Make the record the key's, and return the one that stands. This is the commit point.

        The first stands, so that nobody sees a key's outputs change; one that differs is kept
        beside it as `<key>.alt.<n>.json`. A record that lost its objects is replaced.
        """
        self.dropped_file(record.key).unlink(missing_ok=True)
        place = self._record_file(record.key)
        data = encode_record(record)
        if atomic.create(place, data, scratch=self._scratch):
            return record
        first = self.record(record.key)
        if first is None or not self.complete(first):
            atomic.write(place, data, scratch=self._scratch)
            return record
        if first.outputs != record.outputs:
            self._keep_beside(place, data)
        return first

    def drop(self, key: str) -> None:
        """Note that files of the key's outputs are gone on purpose: that is no damage."""
        if not self.dropped_file(key).exists():
            atomic.write(self.dropped_file(key), b"", scratch=self._scratch)

    def dropped_file(self, key: str) -> Path:
        """Return the file that notes this."""
        return Path(f"{self.root}/dropped/{key[:2]}/{key}")

    def ref(self, project: str, stage: str) -> str | None:
        """Return the key that the project last used for the stage."""
        return key_of_ref(self.ref_file(project, stage))

    def set_ref(self, project: str, stage: str, key: str) -> None:
        """Note the key that the project uses for the stage now."""
        if self.ref(project, stage) != key:
            text = json.dumps({"key": key}) + "\n"
            atomic.write(self.ref_file(project, stage), text.encode(), scratch=self._scratch)

    def ref_file(self, project: str, stage: str) -> Path:
        """Return the file of a ref."""
        return Path(f"{self.root}/refs/{file_name(project)}/{file_name(stage)}.json")

    def work(self, key: str) -> Path:
        """Return the folder in which the key is built; what is left of it tells of a crash."""
        return self.root / "work" / key

    def scratch(self, key: str) -> Path:
        """Return the working folder of the key's process, where it keeps its checkpoints."""
        return self.work(key) / "scratch"

    def forget_work(self, key: str) -> None:
        """Remove the folder in which the key was built."""
        atomic.remove_tree(self.work(key))

    def lock_file(self, key: str) -> Path:
        """Return the file by which the kernel says whether the key is being built."""
        return self.root / "locks" / key

    def failure(self, key: str) -> Failure | None:
        """Return why the last try at the key failed, if it did and nothing was tried since."""
        try:
            return decode_failure(self._failure_file(key).read_bytes())
        except (OSError, ValueError):
            return None

    def set_failure(self, key: str, failure: Failure) -> None:
        """Note in the key's work folder why it failed."""
        atomic.write(self._failure_file(key), encode_failure(failure), scratch=self._scratch)

    def log(self, key: str) -> Path:
        """Return the file of what the key's process printed, last time."""
        return self.root / "logs" / f"{key}.log"

    def events(self, key: str) -> Path:
        """Return the file of the key's events, JSON lines, last time."""
        return self.root / "logs" / f"{key}.events.jsonl"

    def run_file(self, run: str) -> Path:
        """Return the file that tells of one build, JSON lines."""
        return self.root / "runs" / run / "events.jsonl"

    def _record_file(self, key: str) -> Path:
        return Path(f"{self.root}/ac/{key[:2]}/{key}.json")

    def _failure_file(self, key: str) -> Path:
        return self.work(key) / "failed.json"

    def _keep_beside(self, place: Path, data: bytes) -> None:
        number = 1
        while not atomic.create(
            place.with_suffix(f".alt.{number}.json"), data, scratch=self._scratch
        ):
            number += 1


def file_name(name: str) -> str:
    """Return a file name that is the name's own: `predict:recall/sft` -> `predict:recall%2Fsft`."""
    safe = name.replace("%", "%25").replace("/", "%2F")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    if len(safe.encode()) <= LONGEST_NAME:
        return safe
    return safe[:40] + "-" + hashlib.sha256(name.encode()).hexdigest()


def key_of_ref(file: Path) -> str | None:
    """Return the key in a ref's file, or None if that is not whole."""
    try:
        key = json.loads(file.read_bytes())["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return key if isinstance(key, str) else None

"""Brings a damaged store to where a build makes anew what is missing in it."""

from __future__ import annotations

from ftc.store import atomic
from ftc.store.care.verify import Damage
from ftc.store.proof import READ_ONLY
from ftc.store.store import Store
from ftc.store.supply import Supply, SupplyFault


def mend(store: Store, damage: Damage) -> str:
    """Mend one damage as far as can be, and return in words what was done.

    What is moved aside is kept: what became of a byte can be worth a look.
    """
    if damage.mend == "mode":
        damage.path.chmod(READ_ONLY)
        return "made read-only"
    if damage.mend == "make":
        return "noted as missing"
    aside = store.root / "quarantine" / damage.path.relative_to(store.root)
    atomic.replace_folder(damage.path, aside, scratch=store.root / "tmp")
    return f"moved to {aside.relative_to(store.root)}"


def recover(store: Store, supply: Supply | None) -> list[str]:
    """Fetch what is lost, and note as missing what cannot be had. Return the keys fetched.

    A result whose files are noted as missing is made anew when something needs them.
    """
    fetched = []
    for path in sorted((store.root / "ac").glob("*/*.json")):
        record = store.record(path.stem)
        if record is None or store.complete(record) or store.dropped_file(record.key).exists():
            continue
        if _fetch(store, supply, path.stem):
            fetched.append(path.stem)
        else:
            store.drop(path.stem)
    return fetched


def _fetch(store: Store, supply: Supply | None, key: str) -> bool:
    record = store.record(key)
    if supply is None or record is None:
        return False
    try:
        for stored in record.outputs.values():
            if not store.holds(stored):
                if not supply.holds(stored):
                    return False
                supply.fetch(stored, lambda done, total: None)
    except SupplyFault:
        return False
    return store.complete(record)

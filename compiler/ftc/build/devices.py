"""The GPUs that a build may use, and their loan to one stage after another."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from ftc.build.environment import VISIBLE
from ftc.diagnostics import Diagnostic, ProjectError
from ftc.plan.stages import Stage
from ftc.store.leases import Card, Leases
from ftc.store.locks import Holder

QUERY = "index,uuid,memory.total,memory.free,driver_version,name"
ANSWER_SECONDS = 20


class NoAnswer(Exception):
    """nvidia-smi is there and does not say which GPUs there are."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One card, or a slice of one. Memory is in MiB, None where the driver does not tell."""

    index: str
    uuid: str
    name: str
    driver: str = ""
    total_mib: int | None = None
    free_mib: int | None = None

    @property
    def card(self) -> Card:
        """Return it as what is lent."""
        return Card(self.uuid, f"GPU {self.index}, {self.name}")


def installed_gpus() -> list[Gpu]:
    """Return the GPUs that nvidia-smi lists; none where there is no nvidia-smi.

    Raises:
        NoAnswer: when it fails.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        answer = subprocess.run(
            [program, f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=True,
        ).stdout
    except (subprocess.SubprocessError, OSError) as error:
        raise NoAnswer(str(error)) from error
    return [_gpu(line) for line in answer.splitlines() if line.count(",") >= QUERY.count(",")]


def _gpu(line: str) -> Gpu:
    index, uuid, total, free, driver, name = (
        part.strip() for part in line.split(",", QUERY.count(","))
    )
    return Gpu(index, uuid, name, driver, _mib(total), _mib(free))


def _mib(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def visible_gpus(gpus: Sequence[Gpu], visible: str | None) -> list[Gpu]:
    """Return those that a user's CUDA_VISIBLE_DEVICES allows, in its order; all without one.

    As CUDA reads it: a word is nvidia-smi's number of a card or the beginning of a UUID, and the
    first that names none ends the list. A slice of a card (`MIG-...`), which nvidia-smi does not
    list, is believed.
    """
    if visible is None:
        return list(gpus)
    found: dict[str, Gpu] = {}
    for word in visible.split(","):
        gpu = _named(gpus, word.strip())
        if gpu is None:
            break
        found[gpu.uuid] = gpu
    return list(found.values())


def _named(gpus: Sequence[Gpu], word: str) -> Gpu | None:
    if word.startswith("MIG-"):
        return Gpu(word, word, "slice of a card", gpus[0].driver if gpus else "")
    same = [gpu for gpu in gpus if word == gpu.index or (word and gpu.uuid.startswith(word))]
    return same[0] if len(same) == 1 else None


@dataclass(frozen=True, slots=True)
class Lent:
    """What a stage may use."""

    gpus: tuple[Gpu, ...] = ()
    descriptors: tuple[int, ...] = ()
    """To be handed to its process: a card is ours until the last process that has one is gone."""
    visible: str | None = None
    """Its CUDA_VISIBLE_DEVICES; None leaves the user's."""

    def facts(self) -> Mapping[str, str | list[str]]:
        """Return what the record of a run says of them."""
        if not self.gpus:
            return {}
        return {"gpus": [gpu.name for gpu in self.gpus], "driver": self.gpus[0].driver}


@dataclass(frozen=True)
class Devices:
    """The GPUs of one build. nvidia-smi is asked once, when a stage needs one."""

    environment: Mapping[str, str]
    leases: Leases = field(default_factory=Leases)

    @cached_property
    def gpus(self) -> list[Gpu]:
        """Return the GPUs that the build may use. Where there are none, stages use the CPU."""
        try:
            return visible_gpus(installed_gpus(), self.environment.get(VISIBLE))
        except NoAnswer:
            return []

    def refuse(self, stages: Sequence[Stage]) -> None:
        """See that no stage needs more GPUs than there are.

        Raises:
            ProjectError: naming every stage that does.
        """
        # One is always to be had, or there are none and the stage uses the CPU.
        short = [s for s in stages if s.devices > 1 and 0 < len(self.gpus) < s.devices]
        if short:
            raise ProjectError([self._shortage(stage) for stage in short])

    def _shortage(self, stage: Stage) -> Diagnostic:
        message = f"{stage.name} needs {stage.devices} GPUs, and this build may use "
        restricted = VISIBLE in self.environment
        return Diagnostic(
            "gpus",
            message + str(len(self.gpus)),
            help=f"{VISIBLE} is {self.environment[VISIBLE]!r}: allow more"
            if restricted
            else "build it on a machine that has them",
        )

    @contextmanager
    def lend(
        self, stage: Stage, *, waiting: Callable[[Holder], None], give_up: Callable[[], bool]
    ) -> Iterator[Lent | None]:
        """Lend the stage what it needs while the block runs; None if *give_up* said so.

        A stage that needs no GPU sees none, so that it takes no memory on one.
        """
        if not stage.devices:
            yield Lent(visible="")
        elif not self.gpus:
            yield Lent()
        else:
            with self.leases.lend(
                [gpu.card for gpu in self.gpus],
                stage.devices,
                command=f"{Holder.ourselves().command}: {stage.name}",
                waiting=waiting,
                give_up=give_up,
            ) as lease:
                yield lease and self._lent(lease.cards, lease.descriptors)

    def _lent(self, cards: tuple[Card, ...], descriptors: tuple[int, ...]) -> Lent:
        gpus = tuple(gpu for gpu in self.gpus if gpu.card in cards)
        return Lent(gpus, descriptors, ",".join(gpu.uuid for gpu in gpus))

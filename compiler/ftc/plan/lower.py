"""Items -> stages. Equal stages are shared; a shared one takes the name of its first item."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ftc.plan.cards import LINK, card_of
from ftc.plan.keys import canonical
from ftc.plan.libraries import versions
from ftc.plan.locate import locate
from ftc.plan.stages import CARD_SUFFIX, CARDS, Edge, OutsideSource, Plan, Stage, Target
from ftc.project.lending import lenders
from ftc.project.load import Project
from ftc.project.schema import Built, Loaded, Output
from ftc.project.sections import SECTIONS
from ftc.project.templates import chat_of
from ftc.project.written import bare
from ftc_runtime.contract import Artifact, Settings, StageParams
from ftc_runtime.templates.definition import Chat

ItemName = tuple[str, str]
"""Section and name."""

Inputs = Mapping[str, Output | Sequence[Output] | None]


def lower(project: Project, *, libraries: Mapping[str, str] | None = None) -> Plan:
    """Return the plan of a checked project. Starts nothing and reads no rows.

    *libraries* are the versions that ftc.lock holds, which go before what is installed.
    """
    graph = _Graph(project, libraries or {})
    names = Counter(name for items in project.items.values() for name in {*map(bare, items)})
    targets: dict[str, Target] = {}
    for section in SECTIONS:
        for name in project.items.get(section, {}):
            shown = _shown(section, name, names)
            for target in _targets(section, shown, graph.built((section, name))):
                targets[target.name] = target
    targets |= {target.name: target for target in graph.cards(names)}
    return Plan(
        project.name,
        project.root,
        project.file,
        graph.stages,
        targets,
        keep=project.gc.keep,
        keep_refs=tuple(project.gc.keep_refs),
        grace=project.gc.grace,
        read={
            str(path.absolute()): hashlib.sha256(text.encode()).hexdigest()
            for path, text in project.registries.items()
        },
        notes=project.notes,
    )


def _shown(section: str, name: str, names: Mapping[str, int]) -> str:
    """The name of an item's target: with its noun where two sections have it."""
    return name if names[bare(name)] == 1 else f"{SECTIONS[section].noun}:{name}"


def _targets(section: str, name: str, built: Built) -> list[Target]:
    """The item, and each output of it that can be named."""
    links = {path: _edge(output) for path, output in built.links.items()}
    group = bare(name) if "@" in name else None
    targets = [Target(name, section, links, variant_of=group)]
    for word, output in built.outputs.items():
        links = {path: _edge(made) for path, made in built.links.items() if made == output}
        part = Target(f"{name}.{word}", section, links or {word: _edge(output)}, word)
        targets.append(part._replace(variant_of=f"{group}.{word}" if group else None))
    return targets


def _edge(output: Output) -> Edge:
    return Edge(output.stage, output.output)


class _Graph:
    """The stages so far. Implements `ftc.project.schema.Lowering`."""

    def __init__(self, project: Project, libraries: Mapping[str, str]) -> None:
        self.project = project
        self.libraries = libraries
        self.stages: dict[str, Stage] = {}
        self._built: dict[ItemName, Built] = {}
        self._by_content: dict[bytes, str] = {}
        self._current: list[ItemName] = []
        self._lenders = lenders(project.items)

    def built(self, item: ItemName) -> Built:
        """Return what an item came to, lowering it the first time."""
        if item not in self._built:
            section, name = item
            self._current.append(item)
            self._built[item] = self.project.items[section][name].lower(self)
            self._current.pop()
        return self._built[item]

    def cards(self, names: Mapping[str, int]) -> Iterator[Target]:
        """Add the card of each export, and give it as a target. *names*: how often each is used."""
        evals = {name: self.built(("evals", name)) for name in self.project.items["evals"]}
        for name, item in self.project.items["exports"].items():
            wanted = card_of(
                name, item, self.built(("exports", name)), stages=self.stages, evals=evals
            )
            if wanted is not None:
                self._current.append(("exports", name))
                card = self.stage(wanted.params, inputs=wanted.inputs)["card"]
                self._current.pop()
                shown = _shown("exports", name, names)
                group = bare(shown) + CARD_SUFFIX if "@" in name else None
                links = {LINK: _edge(card)}
                yield Target(shown + CARD_SUFFIX, CARDS, links, variant_of=group)

    def output(self, reference: str, *wants: Artifact) -> Output:
        """Return the output that a checked reference means."""
        meaning = self.project.meaning(reference, wants)
        return self.built((meaning.section, meaning.name)).outputs[meaning.output]

    def chat(self, template: str, enable_thinking: bool | None) -> Chat:
        """Return what the checked name of a template means."""
        return chat_of(template, enable_thinking, self.project.ingredients["templates"])

    def loaded(self, reference: str, *wants: Artifact) -> Loaded:
        """Return what it takes to run the model that a checked reference means."""
        meaning = self.project.meaning(reference, wants)
        return self.built((meaning.section, meaning.name)).loads[meaning.output]

    def only_lends(self) -> bool:
        """Say whether the item being lowered is a model that lends its tokenizer, and no more."""
        return self._current[-1][1] in self._lenders

    def stage(
        self,
        params: StageParams,
        *,
        inputs: Inputs,
        suffix: str = "",
        source: str | None = None,
        revision: str | None = None,
    ) -> dict[str, Output]:
        """Add a stage, or find the equal one; return its outputs by name."""
        section, item = self._current[-1]
        edges = dict(_edges(inputs))
        self._hold_needs(params, edges)
        semantic = params.semantic()
        content = canonical(
            {
                "kind": params.kind,
                "spec": semantic,
                "inputs": {role: [edge.stage, edge.output] for role, edge in edges.items()},
                "source": [source, revision],
            }
        )
        name = self._by_content.get(content)
        if name is None:
            name = f"{params.kind}:{item}{suffix}"
            self._by_content[content] = name
            self.stages[name] = Stage(
                name=name,
                kind=params.kind,
                version=params.version,
                params=params.model_dump(mode="json"),
                semantic=semantic,
                defaults=dict(default_leaves(type(params))),
                inputs=edges,
                outputs={output: artifact.value for output, artifact in params.made().items()},
                libraries=versions(_libraries(params, edges), self.libraries),
                reproduces=params.reproduces,
                lines=self._lines((section, item), semantic),
                source=self._outside(source, revision),
                devices=_devices(params, edges),
                resumes=params.resumes,
            )
        return {
            output: Output(name, output, artifact) for output, artifact in params.made().items()
        }

    def _hold_needs(self, params: StageParams, edges: Mapping[str, Edge]) -> None:
        """See that an item's lowering gives a kind just what its spec asks for.

        Raises:
            TypeError: if it does not, which is a fault of ftc's own.
        """
        given = {
            role.split(".")[0]: self.stages[edge.stage].outputs[edge.output]
            for role, edge in edges.items()
        }
        for role, need in params.needs.items():
            if role not in given and not need.optional:
                raise TypeError(f"{params.kind} is not given its {role}")
            if given.get(role, need.artifact) != need.artifact:
                raise TypeError(f"{params.kind} takes {need.artifact} as {role}, not {given[role]}")
        if unknown := given.keys() - params.needs.keys():
            raise TypeError(f"{params.kind} takes no {', '.join(sorted(unknown))}")

    def _outside(self, uri: str | None, revision: str | None) -> OutsideSource | None:
        if uri is None:
            return None
        return OutsideSource(uri, revision, locate(uri, self.project.root))

    def _lines(self, item: ItemName, semantic: Mapping[str, Any]) -> dict[str, int | str]:
        lines = {"": self.project.line(item)}
        stack: list[tuple[tuple[str, ...], Any]] = [((), semantic)]
        while stack:
            path, value = stack.pop()
            if path:
                lines[".".join(path)] = self.project.line((*item, *path))
            if isinstance(value, dict):
                stack.extend(((*path, str(key)), part) for key, part in value.items())
        return lines


def _edges(inputs: Inputs) -> list[tuple[str, Edge]]:
    edges: list[tuple[str, Edge]] = []
    for role, given in inputs.items():
        if isinstance(given, Output):
            edges.append((role, _edge(given)))
        elif given is not None:
            edges.extend((f"{role}.{index}", _edge(one)) for index, one in enumerate(given))
    return edges


def _libraries(params: StageParams, edges: Mapping[str, Edge]) -> list[str]:
    """The kind's own, and those that an input in use brings."""
    roles = {role.split(".")[0] for role in edges}
    brought = [name for role in roles for name in params.needs[role].libraries]
    return sorted({*params.libraries, *brought})


def _devices(params: StageParams, edges: Mapping[str, Edge]) -> int:
    """Return the GPUs that it uses: the kind's own, or those of an input in use."""
    roles = {role.split(".")[0] for role in edges}
    return max([params.devices, *(params.needs[role].devices for role in roles)])


def default_leaves(settings: type[Settings], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings of a class that have a default, by their paths, and the defaults."""
    for name, field in settings.model_fields.items():
        if field.is_required():
            continue
        value = field.get_default(call_default_factory=True)
        if isinstance(value, Settings):
            yield from default_leaves(type(value), f"{path}{name}.")
        else:
            yield f"{path}{name}", value

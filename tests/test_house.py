"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo

import ftc
from ftc.project.schema import Item
from ftc.project.sections import SECTIONS
from ftc_runtime import stages
from ftc_runtime.contract import Settings, StageParams, params_class

ROOT = Path(__file__).parent.parent
PACKAGES = [ROOT / "compiler" / "ftc", ROOT / "runtime" / "ftc_runtime"]
KINDS = sorted(module.name for module in pkgutil.iter_modules(stages.__path__))
DEFAULTS = Path(__file__).parent / "defaults.json"
HEAVY = [
    "accelerate",
    "datasets",
    "gguf",
    "huggingface_hub",
    "jieba",
    "llama_cpp",
    "modelscope_hub",
]
HEAVY += ["nltk", "numpy", "peft", "safetensors", "tokenizers", "torch", "transformers"]
LIGHT = ["contract", "errors", "events", "gguf_metadata", "toolchain"]
"""Of the runtime, what ftc imports too."""
LONGEST_FILE = 350
LONGEST_FUNCTION = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
ONE_OR_MANY = {("exports/gguf", "quantization")}
"""A stage takes one, the item one or several and makes a stage of each."""

BY_NAME = {("models/None", "template")}
"""An item has the name of what its stage takes whole."""

COMPOSED = {("finetunes/pretrain", "data"), ("finetunes/sft", "data")}
"""An item has in one place what two stages take, in a class that adds nothing to theirs."""


def test_every_kind_of_stage_is_a_folder_with_a_spec_and_a_run() -> None:
    """Its class is named by the folder, explained in a sentence, and names its outputs."""
    faults = []
    for kind in KINDS:
        folder = Path(stages.__path__[0], kind)
        faults += [
            f"{kind} has no {n}.py" for n in ("spec", "run") if not (folder / f"{n}.py").exists()
        ]
        params = params_class(kind)
        faults += [f"{kind}: kind is {params.kind}"] if params.kind != kind else []
        faults += [] if "__doc__" in vars(params) and params.__doc__ else [f"{kind}: no docstring"]
        faults += [] if params.makes else [f"{kind}: no outputs"]
        faults += [] if params.version >= 1 else [f"{kind}: version {params.version}"]

    assert faults == []


def test_every_setting_is_described() -> None:
    """`ftc check --schema` and editors show these words."""
    bare = [
        f"{owner}.{path}"
        for owner, settings in [*_stage_classes(), *_item_classes()]
        for path, field in _fields(settings)
        if not field.description
    ]

    assert bare == []


def test_no_item_declares_a_setting_that_a_stage_has() -> None:
    """An item takes the stage's own class or field, so that a name means one thing."""
    again = []
    for where, item in _item_classes():
        lowered_to = _stages_named_by(item)
        for name in item.__annotations__.keys() & item.model_fields.keys():
            field = item.model_fields[name]
            for params in lowered_to:
                theirs = params.model_fields.get(name)
                if theirs is not None and not _same(field, theirs):
                    again.append((where, name))

    assert set(again) - ONE_OR_MANY - BY_NAME - COMPOSED == set()


def test_a_changed_default_raises_the_version_of_its_kind() -> None:
    """A key leaves defaults out, so a new default changes what old keys mean.

    `defaults.json` holds kind -> version and each default that enters a key.
    """
    recorded = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    faults = []
    for kind in KINDS:
        version, now = params_class(kind).version, dict(_defaults(params_class(kind)))
        old = recorded.get(kind, {"version": version, "defaults": {}})
        changed = {
            leaf: f"{value!r} -> {now.get(leaf, 'gone')!r}"
            for leaf, value in old["defaults"].items()
            if leaf not in now or now[leaf] != value
        }
        if changed and version == old["version"]:
            faults.append(f"{kind}: raise its version ({version}), since {changed}")
        elif old != {"version": version, "defaults": now}:
            new = json.dumps({"version": version, "defaults": now})
            faults.append(f"{kind}: in {DEFAULTS.name} write {new}")

    assert faults == []


def test_files_and_functions_fit_a_sitting_and_a_screen() -> None:
    """Beyond these lengths there are two stories in it."""
    faults = []
    for path in _sources():
        text = path.read_text(encoding="utf-8")
        lines = text.count("\n")
        faults += [f"{path.relative_to(ROOT)}: {lines} lines"] if lines > LONGEST_FILE else []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    faults.append(f"{path.relative_to(ROOT)}: {node.name} has {length} lines")

    assert faults == []


def test_a_module_is_named_for_what_it_holds() -> None:
    """These words hold anything."""
    assert [path for path in _sources() if path.stem in EMPTY_NAMES] == []


def test_everything_light_loads_without_anything_heavy() -> None:
    """All of ftc, and of the runtime what the compiler may import: each kind's spec.py too.

    The import contracts cannot see this, since specs are imported by name.
    """
    modules = [
        *(info.name for info in pkgutil.walk_packages(ftc.__path__, "ftc.")),
        *(
            f"ftc_runtime.{name}"
            for name in ("contract", "errors", "events", "gguf_metadata", "toolchain")
        ),
        *(f"ftc_runtime.stages.{kind}.spec" for kind in KINDS),
    ]
    light = [name for name in modules if not name.endswith("__main__")]

    assert _loaded_after(f"for name in {light}: import_module(name)", HEAVY) == []


@pytest.mark.parametrize("package", ["ftc.store", "ftc.lockfile", "ftc.plan.cache"])
def test_what_status_needs_loads_in_milliseconds(package: str) -> None:
    """With a cached plan `ftc status` imports neither pydantic nor YAML nor doit."""
    code = (
        f"module = import_module({package!r})\n"
        "for info in pkgutil.iter_modules(getattr(module, '__path__', [])):\n"
        f"    import_module('{package}.' + info.name)"
    )

    assert _loaded_after(code, ["pydantic", "yaml", "doit"]) == []


def _loaded_after(code: str, names: list[str]) -> list[str]:
    """Run *code* in a new interpreter; return which of *names* it has loaded."""
    program = (
        f"import json, pkgutil, sys\nfrom importlib import import_module\n{code}\n"
        f"print(json.dumps([name for name in {names} if name in sys.modules]))"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded: list[str] = json.loads(ended.stdout)
    return loaded


def _sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in package.rglob("*.py"))


def _stage_classes() -> list[tuple[str, type[Settings]]]:
    return [(kind, params_class(kind)) for kind in KINDS]


def _item_classes() -> list[tuple[str, type[Item]]]:
    found = []
    for section in SECTIONS.values():
        forms: list[str | None] = [*section.forms()] or [None]
        found += [(f"{section.name}/{form}", section.item_class(form)) for form in forms]
    return found


def _stages_named_by(item: type[Item]) -> list[type[StageParams]]:
    """Return the Params that the item's module imports: what it lowers to."""
    return [
        value
        for value in vars(sys.modules[item.__module__]).values()
        if isinstance(value, type)
        and issubclass(value, StageParams)
        and value not in (item, StageParams)
    ]


def _same(field: FieldInfo, theirs: FieldInfo) -> bool:
    kept = ("annotation", "default", "description", "metadata", "json_schema_extra")
    shared_class = isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
    if shared_class:
        return field.annotation is theirs.annotation
    return all(getattr(field, name) == getattr(theirs, name) for name in kept)


def _fields(settings: type[Settings], above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in settings.model_fields.items():
        yield above + name, field
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield from _fields(field.annotation, f"{above}{name}.")


def _defaults(settings: type[Settings], above: str = "") -> Iterator[tuple[str, Any]]:
    """Give each default that a key leaves out: semantic, and not required."""
    for name, field in settings.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("operational"):
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield from _defaults(field.annotation, f"{above}{name}.")
        elif not field.is_required():
            yield above + name, field.get_default(call_default_factory=True)


def test_every_invariant_has_a_test() -> None:
    """The twelve that CONTRIBUTING.md lists, each by the number in a test's mark."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = re.findall(r"(?m)^(\d+)\. .*$", text.partition("## Invariants")[2])
    marked = {
        number
        for path in (ROOT / "tests").rglob("test_*.py")
        for number in re.findall(r"mark\.invariant\((\d+)\)", path.read_text(encoding="utf-8"))
    }

    assert listed == [str(number) for number in range(1, 13)]
    assert marked == set(listed)

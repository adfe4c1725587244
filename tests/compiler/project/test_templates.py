"""`templates:` and the names of templates: faults in `faults/templates.txt`, meanings here."""

from __future__ import annotations

from collections.abc import Callable

from ftc.project.load import Project
from ftc.project.templates import chat_of
from ftc_runtime.templates.definition import Chat, built_in

PROJECT = """\
version: 1
name: forge
models:
  base: {source: hf://acme/base, template: brief}
templates:
  brief: {extends: polite, user: "U: {{content}}\\n"}
  polite: {extends: chatml, default_system: Be polite.}
"""


def test_faults_are_told_at_the_word_that_is_wrong(
    refused: Callable[..., str], text: str, printed: str
) -> None:
    """Each with its place and a way out."""
    assert refused(text) == printed


def test_a_template_changes_the_one_that_it_extends(loaded: Callable[..., Project]) -> None:
    """By way of another one of the project, down to a built-in one."""
    own = loaded(PROJECT).ingredients["templates"]

    chat = chat_of("brief", None, own)

    assert chat == Chat(
        template=built_in("chatml").model_copy(
            update={"user": "U: {{content}}\n", "default_system": "Be polite."}
        )
    )


def test_the_choice_of_thinking_goes_where_the_template_is(
    loaded: Callable[..., Project],
) -> None:
    """Into a defined template; beside the model's own."""
    own = loaded(PROJECT).ingredients["templates"]

    assert chat_of("auto", True, own) == Chat(enable_thinking=True)
    assert chat_of("qwen3", False, own).thinks is False

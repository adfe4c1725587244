"""Every built-in template as Jinja, rendered by llama.cpp's own engine: the text of training.

Takes a folder with the source of llama.cpp, such as `vendor/llama.cpp` of llama-cpp-python's, and
some minutes of a compiler. To be run for each new version of llama.cpp.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import smollm2
from ftc_runtime.data.conversation import Conversation, Message, text_message
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import Definition, built_in, extended, library
from ftc_runtime.templates.jinja import to_jinja
from ftc_runtime.templates.model_jinja import chat_message
from ftc_runtime.templates.probes import PROBES
from ftc_runtime.templates.rendered import TemplateFault
from ftc_runtime.templates.slots import tokens_of
from tool_probes import CALLS, TOOLS

SOURCES = ("common/jinja/*.cpp", "common/unicode.cpp", "common/json.cpp")
INCLUDED = ("common", "vendor", "include", "ggml/include")


def main() -> int:
    """Print what differs; exit 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("llama_cpp", type=Path, help="the source of llama.cpp")
    source: Path = parser.parse_args().llama_cpp
    asked = list(renderings())
    with tempfile.TemporaryDirectory() as scratch:
        program = built(source, Path(scratch))
        lines = "".join(json.dumps(request) + "\n" for request, _ in asked)
        run = subprocess.run(
            [program], input=lines, capture_output=True, check=True, encoding="utf-8"
        )
    answers = [json.loads(line) for line in run.stdout.split("\n") if line]
    wrong = [
        (text, answer)
        for (_, text), answer in zip(asked, answers, strict=True)
        if answer != {"text": text}
    ]
    for text, answer in wrong:
        sys.stdout.write(f"training: {text!r}\nllama.cpp: {answer!r}\n\n")
    sys.stdout.write(f"{len(asked) - len(wrong)} of {len(asked)} renderings are equal\n")
    return 1 if wrong else 0


def built(source: Path, folder: Path) -> Path:
    """Compile what renders."""
    program = folder / "render"
    files = [file for pattern in SOURCES for file in sorted(source.glob(pattern))]
    includes = [f"-I{source / name}" for name in INCLUDED]
    here = Path(__file__).with_name("main.cpp")
    subprocess.run(["c++", "-std=c++17", *includes, here, *files, "-o", program], check=True)
    return program


def renderings() -> Iterator[tuple[dict[str, Any], str]]:
    """Tell what is asked of llama.cpp, and the text that training has."""
    tokenizer = deepcopy(smollm2.tokenizer())
    tokenizer.add_special_tokens({"bos_token": "<BOS>", "eos_token": "<EOS>"})
    for definition in definitions():
        jinja = to_jinja(definition, tokens_of(definition, tokenizer))
        template = DefinedTemplate(definition, tokenizer)
        for conversation, ask in conversations():
            try:
                ours = template.prompt(conversation) if ask else template.render(conversation)
            except TemplateFault:
                continue
            values = {
                "messages": [
                    chat_message(said, at) for at, said in enumerate(conversation.messages)
                ],
                "tools": [dict(tool) for tool in conversation.tools] or None,
                "add_generation_prompt": ask,
                "bos_token": "<BOS>",
                "eos_token": "<EOS>",
            }
            yield {"template": jinja, "values": values}, ours.text


def definitions() -> Iterator[Definition]:
    """Return every built-in template, and those that can think in all their ways."""
    for name in library():
        if not built_in(name).thinking:
            yield built_in(name)
            continue
        for thinks in (True, False):
            for preserves in (True, False):
                yield extended(name, {"enable_thinking": thinks, "preserve_thinking": preserves})


def conversations() -> Iterator[tuple[Conversation, bool]]:
    """Return each probe as it is, and up to each answer with the question for it."""
    called = [
        Conversation(
            (
                text_message("user", "Q"),
                Message("assistant", (), tool_calls=tuple(calls)),
                text_message("tool", "R"),
                text_message("assistant", "A"),
            ),
            tuple(tools),
        )
        for tools in TOOLS.values()
        for calls in CALLS.values()
    ]
    for conversation in [*PROBES.values(), *called]:
        yield conversation, False
        for turn, said in enumerate(conversation.messages):
            if said.role == "assistant":
                yield conversation.upto(turn), True


if __name__ == "__main__":
    sys.exit(main())

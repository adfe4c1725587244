"""Go templates, rendered by Go as Ollama renders them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ftc_runtime.contract import Json
from ftc_runtime.data.conversation import Conversation

SOURCE = Path(__file__).parent / "runtime" / "templates" / "ollama" / "main.go"

GO = shutil.which("go")
ABSENT = "Go is not installed"


def build(folder: Path) -> Path:
    """Compile what renders, and return it."""
    assert GO is not None
    program = folder / "render"
    environment = {**os.environ, "GOFLAGS": "", "GOCACHE": str(folder / "cache"), "GO111MODULE": ""}
    subprocess.run([GO, "build", "-o", program, SOURCE], check=True, env=environment)
    return program


def rendered(
    program: Path, templates: Sequence[str], requests: Sequence[Mapping[str, Json]]
) -> list[list[str]]:
    """Return, for each template, the text of each request."""
    run = subprocess.run(
        [program],
        input=json.dumps({"templates": list(templates), "requests": list(requests)}),
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    texts: list[list[str]] = json.loads(run.stdout)
    return texts


def request(conversation: Conversation, *, think: bool | None = None) -> dict[str, Json]:
    """Return a conversation as one asks Ollama to continue it."""
    messages: list[Json] = [
        {
            "role": message.role,
            "content": message.text,
            "thinking": message.reasoning_content or "",
            "tool_calls": [
                {"function": {"name": call.name, "arguments": dict(call.arguments)}}
                for call in message.tool_calls
            ],
        }
        for message in conversation.messages
    ]
    return {"messages": messages, "think": think}

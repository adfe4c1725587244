"""What a model's own template writes around the contents of a conversation.

A template is run on the conversation with a stand-in for each content. What comes out, cut at the
stand-ins, is the skeleton; put around other contents it tells where each of them stands. That is
checked against the template's own text for every row: a template that looks into contents gives
another text, and then the skeleton says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ftc_runtime.data.conversation import Conversation, TextPart
from ftc_runtime.templates.rendered import Part, Piece, Rendered

BEFORE, BEHIND = "\uf8fe", "\uf8ff"
STAND_IN = re.compile(f"{BEFORE}([0-9]+){BEHIND}")


@dataclass(frozen=True, slots=True)
class Bone:
    """A stretch that is the same for all contents, or (with *content*) stands for one of them."""

    text: str
    part: Part
    message: int | None
    content: bool


def with_stand_ins(conversation: Conversation) -> Conversation | None:
    """Return the conversation with a stand-in for each content that is not empty.

    None if a content has a character that stand-ins are made of.
    """
    texts = [message.text for message in conversation.messages]
    if any(BEFORE in text or BEHIND in text for text in texts):
        return None
    messages = tuple(
        replace(message, content=(TextPart(f"{BEFORE}{place}{BEHIND}"),))
        if texts[place].strip()
        else message
        for place, message in enumerate(conversation.messages)
    )
    return Conversation(messages, conversation.tools)


def skeleton(rendered: Rendered) -> list[Bone]:
    """Return the skeleton of a conversation that was rendered with stand-ins."""
    bones: list[Bone] = []
    for piece in rendered.pieces:
        text, done = rendered.text[piece.start : piece.stop], 0
        for found in STAND_IN.finditer(text):
            if found.start() > done:
                bones.append(Bone(text[done : found.start()], piece.part, piece.message, False))
            bones.append(Bone("", "content", int(found[1]), True))
            done = found.end()
        if done < len(text):
            bones.append(Bone(text[done:], piece.part, piece.message, False))
    return bones


def pieces(bones: Sequence[Bone], contents: Sequence[str], whole: str) -> tuple[Piece, ...] | None:
    """Return the pieces of *whole*, or None if it is not the skeleton around these contents.

    Many templates strip contents; each is taken as it is or stripped, whichever is there.
    """
    found: list[Piece] = []
    at = 0
    for place, bone in enumerate(bones):
        texts = [bone.text]
        if bone.content and bone.message is not None:
            content = contents[bone.message]
            texts = [content, content.strip()]
        after = bones[place + 1].text if place + 1 < len(bones) else ""
        for text in texts:
            if whole.startswith(text + after, at):
                found.append(Piece(at, at + len(text), bone.part, bone.message))
                at += len(text)
                break
        else:
            return None
    return tuple(found) if at == len(whole) else None

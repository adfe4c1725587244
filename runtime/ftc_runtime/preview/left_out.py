"""What `overlong: truncate` took from a conversation, put where it stood."""

from __future__ import annotations

from collections.abc import Sequence

from ftc_runtime.data.conversation import Conversation, Message
from ftc_runtime.preview.plain import said
from ftc_runtime.preview.records import Stretch, Turn


def with_left_out(
    turns: Sequence[Turn], whole: Conversation, kept: Conversation
) -> tuple[Turn, ...]:
    """Return the turns with a `cut` stretch behind each text that was shortened, and a turn of
    them for each message that is gone."""
    places = _places(whole.messages, kept.messages)
    shown: list[Turn] = []
    following = 0
    for turn in turns:
        number = None if turn.message is None else places.get(turn.message)
        if number is None:
            shown.append(turn)
            continue
        gone = [at for at in range(following, number) if at not in places.values()]
        shown += [_gone(whole.messages[at], at) for at in gone]
        following = max(following, number + 1)
        shown.append(_shortened(turn, whole.messages[number], kept.messages[turn.message or 0]))
    rest = [at for at in range(following, len(whole.messages)) if at not in places.values()]
    return (*shown, *(_gone(whole.messages[at], at) for at in rest))


def _places(whole: Sequence[Message], kept: Sequence[Message]) -> dict[int, int]:
    """Return kept message -> its number in the whole: the last ones are gone, or ones between."""
    if all(_begins(long, short) for long, short in zip(whole, kept, strict=False)):
        return {at: at for at in range(len(kept))}
    shift = len(whole) - len(kept)
    head = next((at for at, message in enumerate(kept) if message.role == "user"), 0)
    return {at: at if at < head else at + shift for at in range(len(kept))}


def _begins(long: Message, short: Message) -> bool:
    return long.role == short.role and long.text.startswith(short.text)


def _gone(message: Message, number: int) -> Turn:
    texts = said(message, number).stretches
    stretches = tuple(Stretch(text=one.text, kind="cut") for one in texts)
    return Turn(who=message.role, message=number, stretches=stretches)


def _shortened(turn: Turn, long: Message, short: Message) -> Turn:
    """Put what is missing of a thought and of a text behind the last token of each."""
    missing = {
        "thinking": (long.reasoning_content or "")[len(short.reasoning_content or "") :],
        "content": long.text[len(short.text) :],
    }
    stretches = list(turn.stretches)
    for kind, text in missing.items():
        own = [at for at, stretch in enumerate(stretches) if stretch.kind == kind]
        if text and own:
            stretches.insert(own[-1] + 1, Stretch(text=text, kind="cut"))
    return turn.model_copy(update={"stretches": tuple(stretches)})

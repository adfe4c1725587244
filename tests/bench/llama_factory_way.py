"""The rival of tokens.py: rows tokenised by `datasets.map` in the way of LLaMA-Factory.

    python tests/bench/llama_factory_way.py FOLDER PROCESSES SYSTEM

Row by row and slot by slot: each stretch between what a template writes and what somebody says is
encoded on its own, the labels are lists, and `map` takes batches of 1000. The rows are in Arrow
already. Prints when it began and ended as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from datasets import disable_caching, disable_progress_bars, load_from_disk
from transformers import AutoTokenizer

IGNORED = -100
TURN = "<|im_start|>{}\n{}<|im_end|>\n"


class Processor:
    """Encodes conversations turn by turn with slots like those of its template `qwen`."""

    def __init__(self, tokenizer: Any, system: str) -> None:
        """*system* stands in front of a conversation that has none."""
        self.tokenizer = tokenizer
        self.system = system

    def __call__(self, rows: dict[str, list[Any]]) -> dict[str, list[list[int]]]:
        """Return ids, mask and labels of a batch of rows."""
        made: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
        for prompt, response, system in zip(
            rows["prompt"], rows["response"], rows["system"], strict=True
        ):
            input_ids: list[int] = []
            labels: list[int] = []
            for source, target in self.pairs([*prompt, *response], system or self.system):
                input_ids += source + target
                labels += [IGNORED] * len(source) + target
            made["input_ids"].append(input_ids)
            made["attention_mask"].append([1] * len(input_ids))
            made["labels"].append(labels)
        return made

    def pairs(
        self, messages: list[dict[str, str]], system: str
    ) -> list[tuple[list[int], list[int]]]:
        """Return the ids of each turn of the user, and of the answer to it."""
        turns = []
        for number, message in enumerate(messages):
            slots = [TURN.format("system", system)] if number == 0 else []
            if message["role"] == "user":
                slots.append(TURN.format("user", message["content"]) + "<|im_start|>assistant\n")
            else:
                slots.append(message["content"] + "<|im_end|>\n")
            ids: list[int] = []
            for slot in slots:
                ids += self.tokenizer.encode(slot, add_special_tokens=False)
            turns.append(ids)
        return list(zip(turns[::2], turns[1::2], strict=True))


def main(folder: Path, processes: int, system: str) -> None:
    """Tokenise the rows of a folder; afterwards, off the clock, save them."""
    disable_caching()
    disable_progress_bars()
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    rows = load_from_disk(str(folder / "aligned"))
    began = time.time()
    made = rows.map(
        Processor(tokenizer, system),
        batched=True,
        batch_size=1000,
        num_proc=processes if processes > 1 else None,
        remove_columns=rows.column_names,
    )
    ended = time.time()
    made.save_to_disk(str(folder / "made"))
    print(json.dumps({"began": began, "ended": ended}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])

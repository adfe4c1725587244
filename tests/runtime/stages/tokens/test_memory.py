"""Memory of the `tokens` stage: as much for many rows as for few."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.data.rows import row_line
from ftc_runtime.data.tokens import TokenRows
from stage_runs import write_conversations

GROWTH_BYTES = 8_000_000
"""What an allocator may waste. Held in memory, 14,000 rows more take some 60 MB."""

PROGRAM = """
import json, re, sys
from pathlib import Path
from types import SimpleNamespace
from tokenizers import Tokenizer, models, pre_tokenizers
from ftc_runtime.data.tokens import TokenWriter
from ftc_runtime.data.rows import conversation_of
from ftc_runtime.stages.tokens.part import written_part
from ftc_runtime.stages.tokens.reading import Mixture
from ftc_runtime.stages.tokens.rows import RowMaker
from ftc_runtime.stages.tokens.spec import Data
from ftc_runtime.templates.defined import DefinedTemplate
from ftc_runtime.templates.definition import built_in
from ftc_runtime.templates.encoding import Encoder

core = Tokenizer(models.WordLevel({"[UNK]": 0, "word": 1}, unk_token="[UNK]"))
core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = SimpleNamespace(
    is_fast=True, backend_tokenizer=core, added_tokens_decoder={}, bos_token=None, eos_token="</s>"
)
template = DefinedTemplate(built_in("chatml"), tokenizer)
maker = RowMaker(template, Encoder(tokenizer), Data())
writer = TokenWriter(Path(sys.argv[2]))
part = written_part("train", Mixture([Path(sys.argv[1])], conversation_of), maker, writer)
writer.close()
status = Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024
print(json.dumps({"rows": part.kept, "peak": peak}))
"""


def peak_bytes(folder: Path, *, rows: int) -> int:
    """Return the most memory that a process took which made token rows."""
    turns = (text_message("user", "word " * 40), text_message("assistant", "word " * 60))
    line = row_line(Conversation(turns))
    write_conversations(folder / f"{rows}.jsonl", (line for _ in range(rows)))
    command = [sys.executable, "-c", PROGRAM, f"{folder}/{rows}.jsonl", f"{folder}/{rows}.tokens"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(ended.stdout.splitlines()[-1])
    assert said["rows"] == rows
    return int(said["peak"])


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """Neither texts nor conversations nor tokens are held, and what is written is whole."""
    few = peak_bytes(tmp_path, rows=2_000)

    many = peak_bytes(tmp_path, rows=16_000)

    assert many - few < GROWTH_BYTES
    rows = TokenRows(tmp_path / "16000.tokens")
    assert len(rows) == 16_000
    assert load_file(tmp_path / "16000.tokens")["input_ids"].shape == (int(rows.offsets[-1]),)
    assert np.array_equal(rows[15_999][0], rows[0][0])

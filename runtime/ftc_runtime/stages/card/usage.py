"""How to use an export, as lines to paste."""

from __future__ import annotations

from collections.abc import Iterator

from ftc_runtime.stages.card.facts import Facts

TRANSFORMERS = """\
```python
from transformers import pipeline

chat = pipeline("text-generation", model="PATH/TO/THIS/FOLDER")
messages = [{"role": "user", "content": "Who are you?"}]
print(chat(messages, max_new_tokens=128)[0]["generated_text"][-1]["content"])
```"""

LLAMA_CPP = """\
llama.cpp:

```sh
llama-cli -m {file} -cnv
llama-server -m {file} --port 8080   # speaks OpenAI's API
```"""

OLLAMA = """\
Ollama:

```sh
echo 'FROM ./{file}' > Modelfile
ollama create {name} -f Modelfile
ollama run {name}
```"""


def usage(facts: Facts) -> Iterator[str]:
    """Yield the section."""
    yield "## Use"
    if not facts.is_gguf:
        yield TRANSFORMERS
        return
    # The chat template and the special tokens are in the file.
    file = facts.files[0].name
    yield LLAMA_CPP.format(file=file)
    yield OLLAMA.format(file=file, name=facts.name)

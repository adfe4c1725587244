"""llama.cpp as an engine: a GGUF file, whose own tokenizer and template make the prompt."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp

from ftc_runtime.data.conversation import Conversation
from ftc_runtime.engines.engine import Told, row_seed
from ftc_runtime.engines.gguf_template import chat_template
from ftc_runtime.errors import StageError
from ftc_runtime.stages.predict.spec import Generation
from ftc_runtime.templates.auto import AutoTemplate
from ftc_runtime.templates.rendered import Rendered, TemplateFault

BATCH_TOKENS = 512
"""Prompt tokens that are evaluated at once. Fixed, since it moves the last bits."""


class LlamaCppEngine:
    """Answers one row after the other, each from an empty cache."""

    def __init__(self, path: Path, *, threads: int, enable_thinking: bool | None = None) -> None:
        """Load the vocabulary; the weights come when it is known how long the rows are.

        Raises:
            StageError: if llama.cpp cannot load the file, or it has no usable chat template.
        """
        self._path, self._threads = path, threads
        self._vocabulary = self._load(vocab_only=True)
        self._vocab = llama_cpp.llama_model_get_vocab(self._vocabulary.model)
        specials = {
            self.text([token], special=True): token
            for token in range(llama_cpp.llama_vocab_n_tokens(self._vocab))
            if llama_cpp.llama_vocab_get_attr(self._vocab, token)
            & llama_cpp.LLAMA_TOKEN_ATTR_CONTROL
        }
        self._chat = AutoTemplate(
            chat_template(self._vocabulary.metadata, specials), enable_thinking=enable_thinking
        )
        longest_first = sorted(filter(None, specials), key=lambda text: (-len(text), text))
        self._special = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._ends = [specials[end] for end in self._chat.ends]
        architecture = self._vocabulary.metadata.get("general.architecture", "")
        length = self._vocabulary.metadata.get(f"{architecture}.context_length")
        self.context_length = int(length) if length else None

    def _load(self, **settings: Any) -> llama_cpp.Llama:
        try:
            return llama_cpp.Llama(
                str(self._path),
                n_threads=self._threads,
                n_threads_batch=self._threads,
                n_batch=BATCH_TOKENS,
                n_gpu_layers=-1,
                verbose=False,
                **settings,
            )
        except ValueError as error:
            raise StageError(f"llama.cpp cannot load the GGUF file: {error}") from error

    def prompt(self, conversation: Conversation) -> list[int]:
        """Return the ids after which the assistant answers.

        Raises:
            StageError: if the template refuses the conversation.
        """
        try:
            rendered = self._chat.prompt(conversation)
        except TemplateFault as fault:
            raise StageError(f"a conversation cannot be rendered: {fault}") from fault
        if not rendered.mark:
            return self._tokenize(rendered.text, special=True)
        return [token for part in self._parts(rendered) for token in part]

    def _parts(self, rendered: Rendered) -> Iterator[list[int]]:
        """Give the ids of each special token and of each stretch of text between two of them."""
        start = 0
        for special in self._special.finditer(rendered.text):
            yield self._tokenize(
                rendered.text[start : special.start()].replace(rendered.mark, ""), special=False
            )
            yield self._tokenize(special[0], special=True)
            start = special.end()
        yield self._tokenize(rendered.text[start:].replace(rendered.mark, ""), special=False)

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        if not text:
            return []
        return list(self._vocabulary.tokenize(text.encode(), add_bos=False, special=special))

    def text(self, ids: Sequence[int], *, special: bool) -> str:
        """Return the text of ids."""
        tokens = (llama_cpp.llama_token * len(ids))(*ids)
        buffer = ctypes.create_string_buffer(64 + 16 * len(ids))
        while (
            size := llama_cpp.llama_detokenize(
                self._vocab, tokens, len(ids), buffer, len(buffer), False, special
            )
        ) < 0:
            buffer = ctypes.create_string_buffer(-size)
        return buffer.raw[:size].decode(errors="replace")

    def generate(
        self, prompts: Sequence[list[int]], generation: Generation, *, batch_size: int, told: Told
    ) -> list[list[int]]:
        """Answer the rows in their order. *batch_size* changes nothing here."""
        longest = max(map(len, prompts)) + generation.max_new_tokens
        model = self._load(n_ctx=longest)
        answers = []
        for row, prompt in enumerate(prompts):
            with _sampler(generation, prompt, row=row, model=model) as sampler:
                answers.append(self._answer(model, prompt, generation=generation, sampler=sampler))
            told(1, len(answers[-1]))
        return answers

    def _answer(
        self, model: llama_cpp.Llama, prompt: list[int], *, generation: Generation, sampler: Any
    ) -> list[int]:
        model.reset()
        model.eval(prompt)
        answer: list[int] = []
        while len(answer) < generation.max_new_tokens:
            token = llama_cpp.llama_sampler_sample(sampler, model.ctx, -1)
            if token in self._ends or llama_cpp.llama_vocab_is_eog(self._vocab, token):
                break
            answer.append(token)
            if len(answer) < generation.max_new_tokens:
                model.eval([token])
        return answer


@contextmanager
def _sampler(
    generation: Generation, prompt: list[int], *, row: int, model: llama_cpp.Llama
) -> Iterator[Any]:
    """Give a chain of llama.cpp's samplers, in the order in which transformers applies them."""
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    if generation.repetition_penalty != 1.0:
        penalties = llama_cpp.llama_sampler_init_penalties(
            model.n_vocab(), model.n_ctx(), generation.repetition_penalty, 0.0, 0.0
        )
        llama_cpp.llama_sampler_chain_add(chain, penalties)
    if generation.do_sample:
        for sampler in (
            llama_cpp.llama_sampler_init_temp(generation.temperature),
            llama_cpp.llama_sampler_init_top_k(generation.top_k),
            llama_cpp.llama_sampler_init_top_p(generation.top_p, 1),
            llama_cpp.llama_sampler_init_dist(row_seed(generation.seed, row)),
        ):
            llama_cpp.llama_sampler_chain_add(chain, sampler)
    else:
        llama_cpp.llama_sampler_chain_add(chain, llama_cpp.llama_sampler_init_greedy())
    for token in prompt:
        llama_cpp.llama_sampler_accept(chain, token)
    try:
        yield chain
    finally:
        llama_cpp.llama_sampler_free(chain)

"""transformers as an engine: a model folder, with an adapter attached by PEFT or without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoTokenizer, GenerationConfig

from ftc_runtime.data.conversation import Conversation
from ftc_runtime.engines.engine import Told
from ftc_runtime.engines.sampling import processors
from ftc_runtime.models.loading import load_causal_lm
from ftc_runtime.stages.model.spec import Dtype
from ftc_runtime.stages.predict.spec import Generation
from ftc_runtime.templates.definition import Chat
from ftc_runtime.templates.prompt import Prompts


class TransformersEngine:
    """Generates in batches of like lengths, padded on the left."""

    def __init__(self, folder: Path, adapter: Path | None, *, chat: Chat, dtype: Dtype) -> None:
        """Load the model. The adapter stays apart, as it was in training.

        Raises:
            StageError: if the model cannot be loaded, or has no usable chat template.
        """
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = load_causal_lm(folder, dtype=dtype)
        self._prompts = Prompts(chat, self._tokenizer)
        self._stop_ids = self._prompts.stop_ids(model.generation_config)
        config = model.config.get_text_config()
        self.context_length: int | None = getattr(config, "max_position_embeddings", None)
        if adapter is not None:
            model = PeftModel.from_pretrained(model, str(adapter))
        self._model = model.to(self._device).eval()

    def prompt(self, conversation: Conversation) -> list[int]:
        """Return the ids after which the assistant answers."""
        return self._prompts.ids(conversation)

    def text(self, ids: Sequence[int], *, special: bool) -> str:
        """Return the text of ids."""
        return str(
            self._tokenizer.decode(
                list(ids), skip_special_tokens=not special, clean_up_tokenization_spaces=False
            )
        )

    def generate(
        self, prompts: Sequence[list[int]], generation: Generation, *, batch_size: int, told: Told
    ) -> list[list[int]]:
        """Answer the longest prompts first: what does not fit into memory fails at once."""
        order = sorted(range(len(prompts)), key=lambda row: (-len(prompts[row]), row))
        answers: dict[int, list[int]] = {}
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = self._batch(rows, [prompts[row] for row in rows], generation=generation)
            answers |= dict(zip(rows, batch, strict=True))
            told(len(rows), sum(map(len, batch)))
        return [answers[row] for row in range(len(prompts))]

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _batch(
        self, rows: Sequence[int], prompts: Sequence[list[int]], *, generation: Generation
    ) -> list[list[int]]:
        longest = max(map(len, prompts))
        padding = [longest - len(prompt) for prompt in prompts]
        pad = self._stop_ids[0] if self._stop_ids else 0
        input_ids = torch.tensor(
            [[pad] * left + prompt for left, prompt in zip(padding, prompts, strict=True)],
            device=self._device,
        )
        padding_B = torch.tensor(padding, device=self._device)
        places = torch.arange(longest, device=self._device)
        # Whole, and put in the place of the model's own, whose sampling would leak in otherwise.
        self._model.generation_config = GenerationConfig(
            max_new_tokens=generation.max_new_tokens,
            do_sample=False,
            num_beams=1,
            pad_token_id=pad,
            eos_token_id=self._stop_ids or None,
        )
        output = self._model.generate(
            input_ids=input_ids,
            attention_mask=(places[None] >= padding_B[:, None]).long(),
            logits_processor=processors(generation, rows=rows, padding_B=padding_B),
        )
        return [self._until_stop(answer) for answer in output[:, longest:].tolist()]

    def _until_stop(self, ids: list[int]) -> list[int]:
        ends = (place for place, token in enumerate(ids) if token in self._stop_ids)
        return ids[: next(ends, len(ids))]

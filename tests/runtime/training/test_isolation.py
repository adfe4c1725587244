"""Rows of a pack do not see each other, in the step that trains and in the one that evaluates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from peft import PeftModel

from ftc_runtime.data.tokens import IGNORED
from ftc_runtime.errors import StageError
from ftc_runtime.stages.sft.spec import Lora
from ftc_runtime.training.attention import PROVEN, VARLEN, set_attention
from ftc_runtime.training.collator import Batch, Collator, PackedRows, PaddedRows, on_device
from ftc_runtime.training.isolation import prove_isolation
from ftc_runtime.training.loop import mean_loss
from ftc_runtime.training.loss import LabelLoss
from tiny_models import tiny_model

LENGTHS = (9, 14, 1, 5, 8)
PACKS = [[1, 0, 2], [4, 3]]
"""Of 24 and 13 tokens: the second is padded when both are in one batch."""

COMBINATIONS = [
    ("gemma2", "eager"),
    *(("llama", attention) for attention in ("eager", "sdpa")),
    *(("mistral", attention) for attention in ("eager", "sdpa")),
    *(("gemma3_text", attention) for attention in ("eager", "sdpa")),
    *(("qwen2", attention) for attention in ("eager", "sdpa")),
    *(("qwen3", attention) for attention in ("eager", "sdpa")),
    *((model_type, VARLEN) for model_type in PROVEN),
]

Row = tuple[NDArray[np.int32], NDArray[np.int32]]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Compute on one thread: for models of this size more would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def some_rows(*, changed: int | None = None) -> list[Row]:
    """Return rows of which every token but the first is trained, and one perhaps otherwise."""
    generator = np.random.default_rng(5)
    rows = []
    for row, length in enumerate(LENGTHS):
        ids = generator.integers(3, 128, length).astype(np.int32)
        ids = (ids + 7 if row == changed else ids) % 128
        rows.append((ids, ids))
    return rows


class Unmasked(PackedRows):
    """The naive way: rows put behind one another under an attention mask of ones."""

    def __call__(self, samples: Sequence[int]) -> Batch:
        """Return a batch that has such a mask."""
        batch = PackedRows.__call__(self, samples)
        return batch | {"attention_mask": torch.ones_like(torch.as_tensor(batch["input_ids"]))}


def packed(model: PeftModel, rows: list[Row], kind: type[PackedRows] = PackedRows) -> PackedRows:
    """Return what packs the rows as the attention of the model wants them."""
    varlen = model.get_base_model().config._attn_implementation == VARLEN
    return kind(rows, PACKS, varlen=varlen)


def training_losses(model: PeftModel, collator: Collator) -> list[float]:
    """Return the losses of all tokens, in a training step."""
    model.train()
    batch = on_device(collator(range(len(collator))), model.device)
    losses = LabelLoss(model.get_base_model())(model, batch, reduction="none")
    return list(losses.detach().tolist())


def evaluation_logits(model: PeftModel, collator: Collator) -> torch.Tensor:
    """Return the logits of all kept positions that the evaluation comes by, BKV."""
    seen: list[torch.Tensor] = []
    hook = model.get_base_model().register_forward_hook(
        lambda _, __, output: seen.append(output.logits)
    )
    mean_loss(
        model, collator, loss=LabelLoss(model.get_base_model()), batch_size=len(collator.samples)
    )
    hook.remove()
    return seen[0]


def moved_rows(model: PeftModel, *, changed: int, kind: type[PackedRows] = PackedRows) -> set[int]:
    """Return the rows of whose losses one moves when another row is changed, in training."""
    before = training_losses(model, packed(model, some_rows(), kind))
    after = training_losses(model, packed(model, some_rows(changed=changed), kind))
    owner = [row for pack in PACKS for row in pack for _ in range(LENGTHS[row] - 1)]
    return {
        row
        for row, old, new in zip(owner, before, after, strict=True)
        if abs(old - new) > 1e-6 * max(1.0, abs(old))
    }


@pytest.mark.parametrize(("model_type", "attention"), COMBINATIONS)
def test_a_changed_row_moves_itself_alone(model_type: str, attention: str) -> None:
    """Its own losses in training, and its own logits in evaluation; and the probe lets it pass."""
    model = tiny_model(model_type, attention)
    before = evaluation_logits(model, packed(model, some_rows()))
    after = evaluation_logits(model, packed(model, some_rows(changed=0)))

    moved = (before - after).abs().amax(-1)

    prove_isolation(model, LabelLoss(model.get_base_model()), varlen=attention == VARLEN)
    assert moved_rows(model, changed=0) == {0}
    assert moved_rows(model, changed=1) == {1}
    # Kept are all positions but the last: 13 of row 1, then 8 of row 0.
    assert moved[0, :13].max() <= 1e-6
    assert moved[0, 14:22].min() > 1e-4
    assert moved[1].max() <= 1e-6


@pytest.mark.parametrize(("model_type", "attention"), COMBINATIONS)
def test_packed_and_unpacked_have_equal_losses_and_gradients(
    model_type: str, attention: str
) -> None:
    """Held against each row alone and attention as transformers computes it, in float32."""
    model = tiny_model(model_type, attention)
    plain = tiny_model(model_type, "auto" if attention == VARLEN else attention)
    if attention == VARLEN:
        plain.get_base_model().set_attn_implementation("sdpa")

    in_packs = gradients(model, packed(model, some_rows()), batches=[[0, 1]])
    alone = gradients(plain, PaddedRows(some_rows(), singles()), batches=singles())

    assert in_packs.keys() == alone.keys()
    for name, gradient in alone.items():
        torch.testing.assert_close(in_packs[name], gradient, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("attention", ["eager", "sdpa", VARLEN])
def test_accumulation_and_checkpointing_change_no_gradient(attention: str) -> None:
    """One pack after the other, its activations computed again."""
    model = tiny_model("llama", attention)
    together = gradients(model, packed(model, some_rows()), batches=[[0, 1]])

    model.get_base_model().gradient_checkpointing_enable({"use_reentrant": False})
    one_by_one = gradients(model, packed(model, some_rows()), batches=[[0], [1]])

    for name, gradient in together.items():
        torch.testing.assert_close(one_by_one[name], gradient, rtol=2e-4, atol=2e-5)


def gradients(
    model: PeftModel, collator: Collator, *, batches: list[list[int]]
) -> dict[str, torch.Tensor]:
    """Return the summed loss of batches, and its gradient by each trained weight."""
    model.train()
    model.zero_grad()
    loss = LabelLoss(model.get_base_model())
    total = torch.zeros(())
    for batch in batches:
        part = loss(model, collator(batch))
        part.backward()
        total += part.detach()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {"loss": total, **found}


def singles() -> list[list[int]]:
    """Return each row by itself."""
    return [[row] for row in range(len(LENGTHS))]


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_naive_way_fails_the_same_check(attention: str) -> None:
    """Under a mask of ones, the rows behind a changed row move with it."""
    model = tiny_model("llama", attention)

    assert moved_rows(model, changed=1, kind=Unmasked) == {1, 0}


@pytest.mark.parametrize(
    ("model_type", "targets"),
    [
        ("falcon_h1", ["q_proj"]),
        ("jamba", ["q_proj"]),
        ("lfm2", ["q_proj"]),
        ("mamba", ["x_proj"]),
        ("qwen3_5_text", ["q_proj"]),
        ("qwen3_next", ["q_proj"]),
    ],
)
def test_a_model_with_a_state_is_refused(model_type: str, targets: list[str]) -> None:
    """Its state goes on from row to row, whatever its attention does."""
    model = tiny_model(model_type, "auto", lora=Lora(target_modules=targets))
    loss = LabelLoss(model.get_base_model())

    with pytest.raises(StageError) as refused:
        prove_isolation(model, loss, varlen=False)

    attention = model.get_base_model().config._attn_implementation
    assert refused.value.message.startswith(
        f"rows cannot be packed for a model of the type {model_type} with {attention} attention: "
    )
    assert refused.value.hint == "set data.packing: false"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_probe_tells_in_16_bits_too(dtype: torch.dtype) -> None:
    """A model that isolates passes, one with a state does not."""
    good = tiny_model("llama", "sdpa").to(dtype)
    bad = tiny_model("lfm2", "sdpa", lora=Lora(target_modules=["q_proj"])).to(dtype)

    prove_isolation(good, LabelLoss(good.get_base_model()), varlen=False)
    with pytest.raises(StageError, match="another row moves the loss of a token"):
        prove_isolation(bad, LabelLoss(bad.get_base_model()), varlen=False)


def test_labels_begin_with_the_second_token_of_each_row() -> None:
    """Positions begin anew, padding is a row of its own, and `varlen` is told where each begins."""
    rows = some_rows()

    batch = PackedRows(rows, PACKS, varlen=True)([0, 1])

    ids = [list(map(int, ids)) for ids, _ in rows]
    assert batch["input_ids"].tolist() == [ids[1] + ids[0] + ids[2], ids[4] + ids[3] + [0] * 11]
    assert batch["position_ids"].tolist() == [
        [*range(14), *range(9), 0],
        [*range(8), *range(5), *range(11)],
    ]
    assert batch["labels"].tolist() == [
        [IGNORED, *ids[1][1:], IGNORED, *ids[0][1:], IGNORED],
        [IGNORED, *ids[4][1:], IGNORED, *ids[3][1:], *[IGNORED] * 11],
    ]
    assert batch["cu_seq_lens_q"].tolist() == [0, 14, 23, 24, 32, 37, 48]
    assert batch["max_length_q"] == 14


def test_varlen_is_refused_where_it_is_not_proven() -> None:
    """A type that no test holds it to, or attention that drops at random; `auto` leaves them be."""
    soft = tiny_model("gemma2", "auto").get_base_model()
    dropping = tiny_model("llama", "auto", attention_dropout=0.1).get_base_model()

    assert set_attention(soft, "auto", packing=True) is False
    assert set_attention(dropping, "auto", packing=True) is False
    with pytest.raises(StageError, match="not proven for models of the type gemma2"):
        set_attention(soft, VARLEN, packing=True)
    with pytest.raises(StageError, match="not proven for attention with dropout"):
        set_attention(dropping, VARLEN, packing=True)

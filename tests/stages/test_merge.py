"""Stage `merge`: equal to PEFT's own merge, with the memory of one tensor."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
)

import smollm2
from ftc_runtime.data.conversation import Conversation, text_message
from ftc_runtime.errors import StageError
from ftc_runtime.models.weights import LazyTensor, open_model, write_model
from ftc_runtime.templates.definition import Chat, extended
from ftc_runtime.templates.prompt import Prompts
from ftc_runtime.training.merging import merge
from stage_runs import chat_file, digest, run_here, stage_spec, tiny_llama


def adapter(folder: Path, model: Path, **fields: Any) -> Path:
    """Save a LoRA adapter for *model* whose both halves are random."""
    base = AutoModelForCausalLM.from_pretrained(model)
    settings = {"r": 4, "lora_alpha": 6, "target_modules": "all-linear"} | fields
    adapted = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **settings))
    torch.manual_seed(5)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    adapted.save_pretrained(folder)
    return folder


def merged_by_peft(model: Path, lora: Path, *, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Return the tensors of PEFT's own merge."""
    base = AutoModelForCausalLM.from_pretrained(model, dtype=dtype)
    merged: PreTrainedModel = PeftModel.from_pretrained(base, str(lora)).merge_and_unload()
    return dict(merged.state_dict())


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    """Return every tensor of a model folder."""
    return {tensor.name: tensor.load() for tensor in open_model(folder)}


@pytest.mark.parametrize("rslora", [False, True])
def test_a_float32_model_is_merged_as_peft_does(tmp_path: Path, rslora: bool) -> None:
    """With the scale alpha / r, or alpha / sqrt(r). Tied embeddings stay one tensor."""
    model = tiny_llama(tmp_path / "model")
    lora = adapter(tmp_path / "lora", model, use_rslora=rslora)

    outputs = run_here("merge", tmp_path / "run", inputs={"model": model, "adapter": lora})

    merged, base = tensors_of(outputs["model"]), tensors_of(model)
    expected = merged_by_peft(model, lora, dtype=torch.float32)
    assert merged.keys() == base.keys()
    assert "lm_head.weight" not in merged
    for name, tensor in merged.items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-6, atol=1e-6)
    changed = {name for name in merged if not torch.equal(merged[name], base[name])}
    assert len(changed) == 2 * 7


def test_a_bfloat16_model_is_rounded_once(tmp_path: Path) -> None:
    """PEFT rounds the product, then the sum. Ours is the nearest bfloat16 to the exact sum."""
    model = tiny_llama(tmp_path / "model", dtype=torch.bfloat16)
    lora = adapter(tmp_path / "lora", model)

    outputs = run_here("merge", tmp_path / "run", inputs={"model": model, "adapter": lora})

    merged = tensors_of(outputs["model"])
    exact = merged_by_peft(model, lora, dtype=torch.float64)
    for name, tensor in merged.items():
        assert tensor.dtype == torch.bfloat16
        half_a_step = torch.nextafter(tensor.abs(), torch.tensor(torch.inf, dtype=tensor.dtype))
        step = half_a_step.double() - tensor.abs().double()
        assert ((tensor.double() - exact[name]).abs() <= 0.5001 * step + 1e-7).all()


def test_the_merged_model_answers_as_base_and_adapter_do(tmp_path: Path) -> None:
    """Loaded by transformers, its logits are those of the adapted base."""
    model = tiny_llama(tmp_path / "model", tie_word_embeddings=False)
    lora = adapter(tmp_path / "lora", model)
    ids = torch.arange(20)[None]

    outputs = run_here("merge", tmp_path / "run", inputs={"model": model, "adapter": lora})

    merged = AutoModelForCausalLM.from_pretrained(outputs["model"]).eval()
    base = AutoModelForCausalLM.from_pretrained(model)
    adapted = PeftModel.from_pretrained(base, str(lora)).eval()
    with torch.no_grad():
        torch.testing.assert_close(merged(ids).logits, adapted(ids).logits, rtol=1e-4, atol=1e-5)


def test_layers_that_keep_their_weight_transposed_are_merged(tmp_path: Path) -> None:
    """GPT-2's Conv1D, which PEFT marks with fan_in_fan_out."""
    config = GPT2Config(vocab_size=64, n_positions=32, n_embd=16, n_layer=1, n_head=2)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "model")
    lora = adapter(
        tmp_path / "lora", tmp_path / "model", target_modules=["c_attn"], fan_in_fan_out=True
    )

    outputs = run_here(
        "merge", tmp_path / "run", inputs={"model": tmp_path / "model", "adapter": lora}
    )

    expected = merged_by_peft(tmp_path / "model", lora, dtype=torch.float32)
    name = "transformer.h.0.attn.c_attn.weight"
    torch.testing.assert_close(tensors_of(outputs["model"])[name], expected[name])


def test_the_model_is_cut_into_shards_with_an_index(tmp_path: Path) -> None:
    """No file is larger than max_shard_size, and transformers finds every tensor."""
    model = tiny_llama(tmp_path / "model")
    lora = adapter(tmp_path / "lora", model)

    outputs = run_here(
        "merge",
        tmp_path / "run",
        inputs={"model": model, "adapter": lora},
        params={"max_shard_size": "30KB"},
    )

    files = sorted(outputs["model"].glob("*.safetensors"))
    index = json.loads((outputs["model"] / "model.safetensors.index.json").read_bytes())
    assert len(files) == 4
    assert all(file.stat().st_size < 33_000 for file in files)
    assert set(index["weight_map"]) == set(tensors_of(model))
    whole = run_here("merge", tmp_path / "whole", inputs={"model": model, "adapter": lora})
    one, many = tensors_of(whole["model"]), tensors_of(outputs["model"])
    assert all(torch.equal(one[name], many[name]) for name in one)


def test_what_stands_beside_the_weights_is_copied_and_pickles_are_not(tmp_path: Path) -> None:
    """Config, tokenizer, template; never weights in another form."""
    model = tiny_llama(tmp_path / "model")
    (model / "chat_template.jinja").write_text("{{ messages }}")
    (model / "pytorch_model.bin").write_bytes(b"a pickle")
    lora = adapter(tmp_path / "lora", model)

    outputs = run_here("merge", tmp_path / "run", inputs={"model": model, "adapter": lora})

    assert sorted(path.name for path in outputs["model"].iterdir()) == [
        *("chat_template.jinja", "config.json", "generation_config.json", "model.safetensors"),
    ]
    assert (outputs["model"] / "config.json").read_bytes() == (model / "config.json").read_bytes()


def test_the_chosen_template_takes_the_place_of_the_models_own(tmp_path: Path) -> None:
    """As Jinja that writes what training saw; its end mark ends answers everywhere."""
    model = tiny_llama(tmp_path / "model", vocab_size=49_160)
    smollm2.write_tokenizer(model)
    definition = extended("chatml", {"default_system": "Be brief."})
    chat = chat_file(tmp_path / "chat.json", Chat(template=definition))
    conversation = Conversation((text_message("user", "Hello"),))

    outputs = run_here("merge", tmp_path / "run", inputs={"model": model, "chat": chat})

    tokenizer = AutoTokenizer.from_pretrained(outputs["model"])
    asked = [{"role": "user", "content": "Hello"}]
    prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    assert prompt == Prompts(Chat(template=definition), tokenizer).ids(conversation)
    assert prompt == Prompts(Chat(), tokenizer).ids(conversation)
    assert "Be brief." in tokenizer.decode(prompt)
    start, end = tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    generation = json.loads((outputs["model"] / "generation_config.json").read_bytes())
    assert (generation["eos_token_id"], tokenizer.eos_token_id) == ([start, end], end)
    weights, own = tensors_of(outputs["model"]), tensors_of(model)
    assert all(torch.equal(weights[name], own[name]) for name in own)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"use_dora": True},
            "the adapter cannot be merged tensor by tensor: it uses DoRA",
        ),
        (
            {"modules_to_save": ["lm_head"], "bias": "all"},
            "the adapter cannot be merged tensor by tensor: it uses modules_to_save, bias: all",
        ),
    ],
)
def test_an_adapter_that_is_more_than_a_product_is_refused(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    """Merged without the rest, it would be another model."""
    model = tiny_llama(tmp_path / "model", tie_word_embeddings=False)
    lora = adapter(tmp_path / "lora", model, target_modules=["q_proj"], **fields)

    with pytest.raises(StageError) as caught:
        run_here("merge", tmp_path / "run", inputs={"model": model, "adapter": lora})

    assert caught.value.message == message


def test_a_tensor_or_a_target_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """Half a pair, a weight that the base has not, and one of another shape."""
    model = tiny_llama(tmp_path / "model")
    lora = adapter(tmp_path / "lora", model, target_modules=["q_proj"])
    tensors = load_file(lora / "adapter_model.safetensors")
    a, b = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight".split("{}")
    cases = {
        "the adapter has a tensor that is no half of a LoRA pair: "
        "base_model.model.model.embed_tokens.lora_embedding_A": {
            "base_model.model.model.embed_tokens.lora_embedding_A": torch.zeros(4, 128)
        },
        "the adapter changes weights that the model does not store: lm_head.weight": {
            "base_model.model.lm_head.lora_A.weight": torch.zeros(4, 32),
            "base_model.model.lm_head.lora_B.weight": torch.zeros(128, 4),
        },
        "model.layers.0.self_attn.q_proj.weight is [32, 32], but the adapter's is [32, 48]": {
            f"{a}A{b}": torch.zeros(4, 48)
        },
    }
    for number, (message, changed) in enumerate(cases.items()):
        save_file(tensors | changed, lora / "adapter_model.safetensors")

        with pytest.raises(StageError) as caught:
            run_here("merge", tmp_path / str(number), inputs={"model": model, "adapter": lora})

        assert caught.value.message == message


MEASURE = """
import resource, sys
from pathlib import Path
from ftc_runtime.contract import StageSpec
from ftc_runtime.stages.merge import run
stage = StageSpec.model_validate_json(Path(sys.argv[1]).read_bytes())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run.run(run.Params(), stage)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_memory_holds_a_tensor_and_not_the_model(tmp_path: Path) -> None:
    """A model of 256 MB in tensors of 8 MB is merged in less than 64 MB."""
    (tmp_path / "model").mkdir()
    (tmp_path / "lora").mkdir()
    side, layers = 2048, 32
    names = [f"layers.{number}.proj" for number in range(layers)]
    write_model(
        tmp_path / "model",
        [
            LazyTensor(
                f"{name}.weight",
                torch.bfloat16,
                (side, side),
                lambda: torch.zeros(side, side, dtype=torch.bfloat16),
            )
            for name in names
        ],
        max_shard_size=10**12,
    )
    halves = {
        f"base_model.model.{name}.lora_{half}.weight": torch.ones(shape)
        for name in names
        for half, shape in (("A", (1, side)), ("B", (side, 1)))
    }
    save_file(halves, tmp_path / "lora" / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 1, "lora_alpha": 2}
    (tmp_path / "lora" / "adapter_config.json").write_text(json.dumps(config))
    stage = stage_spec(
        "merge",
        tmp_path / "run",
        inputs={"model": tmp_path / "model", "adapter": tmp_path / "lora"},
    )
    spec = tmp_path / "spec.json"
    spec.write_text(stage.model_dump_json())

    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(spec)], capture_output=True, text=True, check=True
    )

    assert int(measured.stdout) < 64_000_000
    last = open_model(stage.outputs["model"]).load(f"{names[-1]}.weight")
    assert torch.equal(last, torch.full((side, side), 2.0, dtype=torch.bfloat16))


INSTRUCTIONS = """
import torch, hashlib
from ftc_runtime.training.merging import merge
from ftc_runtime.models.weights import tensor_bytes
# randn itself gives other numbers on other vector units
def numbers(*shape):
    count = torch.Size(shape).numel()
    return ((torch.arange(count) * 7919 % 10007 - 5003) / 3001).reshape(shape)
weight, a, b = numbers(300, 700), numbers(16, 700), numbers(300, 16)
total = hashlib.sha256()
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    total.update(tensor_bytes(merge(weight.to(dtype), a, b, scaling=1.7)))
print(torch.backends.cpu.get_cpu_capability(), total.hexdigest())
"""


def test_merging_gives_the_same_bits_on_every_instruction_set() -> None:
    """With vector units and without; one thread and two."""
    seen = set()
    for capability, threads in (("default", "1"), ("avx2", "2")):
        ran = subprocess.run(
            [sys.executable, "-c", INSTRUCTIONS],
            env={"ATEN_CPU_CAPABILITY": capability, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(tuple(ran.stdout.split()))

    assert len({digest_ for _, digest_ in seen}) == 1
    assert {capability for capability, _ in seen} == {"DEFAULT", "AVX2"}


def test_the_product_is_the_one_of_the_paper() -> None:
    """W + scaling * B A, on numbers that can be added in the head."""
    weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    a, b = torch.tensor([[1.0, 10.0]]), torch.tensor([[1.0], [2.0]])

    assert merge(weight, a, b, scaling=0.5).tolist() == [[1.5, 7.0], [4.0, 14.0]]
    assert merge(weight, a, b, scaling=0.5, transposed=True).tolist() == [[1.5, 3.0], [8.0, 14.0]]


def test_two_folders_give_the_same_bytes(tmp_path: Path) -> None:
    """Nothing of where it was merged is in the model."""
    model = tiny_llama(tmp_path / "model", dtype=torch.bfloat16)
    lora = adapter(tmp_path / "lora", model)
    inputs = {"model": model, "adapter": lora}

    one = run_here("merge", tmp_path / "one", inputs=inputs)
    two = run_here("merge", tmp_path / "another" / "deeper", inputs=inputs)

    assert digest(one["model"]) == digest(two["model"])

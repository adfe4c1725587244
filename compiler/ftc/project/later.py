"""Keys and values that belong to a later version of ftc: refused by name, never ignored.

Each table goes from what is written to what it asks for, as the end of the sentence "this version
of ftc does not ...".
"""

from __future__ import annotations

from collections.abc import Sequence

from ftc.project.reading.nodes import KeyPath
from ftc_runtime.contract import Json

TOP = {
    "serve": "serve models",
    "machines": "launch on several devices or machines",
    "toolchain": "choose a llama.cpp checkout",
    "reproducibility": "choose how strictly results are to repeat",
}
EVERYWHERE = {
    "template": "choose a template for one item: `models.NAME.template` is for all that use it",
}
LORA = dict.fromkeys(
    (
        "use_dora", "use_qalora", "modules_to_save", "init_lora_weights", "bias", "lora_bias",
        "rank_pattern", "alpha_pattern", "exclude_modules", "layers_to_transform",
        "layers_pattern", "fan_in_fan_out", "loftq_config", "eva_config", "corda_config",
        "target_parameters", "trainable_token_indices", "layer_replication", "ensure_weight_tying",
    ),
    "set {} of PEFT's LoraConfig",
)  # fmt: skip
TRAINING = dict.fromkeys(
    (
        "neftune_noise_alpha", "label_smoothing_factor", "group_by_length", "length_column_name",
        "torch_compile", "tf32", "lr_scheduler_kwargs", "optim_args", "use_liger_kernel",
        "liger_kernel_config", "data_seed", "gradient_checkpointing_kwargs", "full_determinism",
        "auto_find_batch_size", "completion_only_loss", "assistant_only_loss", "padding_free",
        "optim_target_modules", "torch_empty_cache_steps", "average_tokens_across_devices",
    ),
    "set {} of the Trainer",
) | {
    "eval_on_start": "measure the loss before training",
    "save_strategy": "choose when checkpoints are saved: save_steps says how often",
    "greater_is_better": "compare by another measure than eval_loss, of which less is better",
    "report_to": "report to trackers",
    "run_name": "report to trackers",
    "push_to_hub": "push to a hub",
    "hub_model_id": "push to a hub",
    "deepspeed": "launch with DeepSpeed",
    "fsdp": "launch with FSDP",
    "fsdp_config": "launch with FSDP",
    "offload_optimizer": "offload the optimiser",
    "beta": "train on preferences",
    "loss_type": "train with other losses than cross-entropy",
}  # fmt: skip
KEYS: dict[str, dict[str, str]] = {
    "models": {"quantization_config": "load quantised models", "rope_scaling": "scale RoPE"},
    "datasets": {
        **dict.fromkeys(
            ("columns.images", "columns.videos", "columns.audios"), "read pictures and sounds"
        ),
    },
    "finetunes": {
        "tuning": "choose what is tuned: every finetune is a LoRA adapter",
        "quantization_config": "train on a quantised base (QLoRA)",
        "init": "start from another finetune",
        "reference": "train on preferences",
        "freeze": "train a part of the layers",
        "callbacks": "run callbacks",
        **{f"lora.{name}": phrase for name, phrase in LORA.items()},
        **{f"training.{name}": phrase for name, phrase in TRAINING.items()},
    },
    "evals": {
        "num_fewshot": "run benchmarks",
        "apply_chat_template": "run benchmarks",
        "source": "run benchmarks",
        "limit": "measure on a part of a dataset",
        "generation.num_beams": "search with beams",
        "generation.num_return_sequences": "draw several answers",
        "generation.stop": "stop at chosen words",
    },
    "exports": {
        "imatrix": "quantise with an importance matrix",
        "requires": "hold an export to a bar",
        "tag": "write for Ollama",
        "parameters": "write for Ollama",
        "hub_model_id": "push to a hub",
        "dtype": "export in another dtype than the model's own",
    },
}
VALUES: dict[str, dict[str, str]] = {
    "finetunes.method": dict.fromkeys(
        ("dpo", "orpo", "simpo", "ipo", "kto", "reward", "ppo", "grpo", "distill"),
        "train by the method {}",
    ),
    "finetunes.training.optim": dict.fromkeys(
        (
            "adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit", "paged_adamw_32bit",
            "adamw_torch_fused", "adamw_torch_4bit", "adamw_torch_8bit", "adamw_apex_fused",
            "lion_32bit", "lion_8bit", "galore_adamw", "apollo_adamw", "muon", "lomo", "adalomo",
            "adam_mini", "rmsprop", "adagrad", "schedule_free_adamw", "grokadamw", "stable_adamw",
        ),
        "train with the optimiser {}",
    ),
    "finetunes.training.lr_scheduler_type": dict.fromkeys(
        (
            "cosine_with_restarts", "cosine_with_min_lr", "cosine_warmup_with_min_lr",
            "reduce_lr_on_plateau", "warmup_stable_decay", "greedy",
        ),
        "use the schedule {}",
    ),
    "finetunes.data.overlong": dict.fromkeys(
        ("truncate_left", "split"), "cut rows in other ways than `truncate`"
    ),
    "evals.task": dict.fromkeys(
        (
            "mmlu", "ceval", "cmmlu", "mmlu_pro", "arc_easy", "arc_challenge", "hellaswag", "gsm8k",
            "truthfulqa", "winogrande", "ifeval", "humaneval", "mbpp", "bbh", "gpqa", "perplexity",
            "loglikelihood", "multiple_choice", "judge",
        ),
        "run the task {}",
    ),
    "evals.metrics": dict.fromkeys(
        ("accuracy", "perplexity", "bertscore", "meteor", "chrf", "f1", "loss"), "measure {}"
    ),
    "exports.format": dict.fromkeys(
        ("ollama", "adapter", "lora", "peft", "hub", "awq", "gptq", "fp8", "onnx", "mlx", "vllm"),
        "export as {}",
    ),
    "exports.quantization": dict.fromkeys(
        (
            "iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m", "iq3_xxs", "iq3_xs", "iq3_s",
            "iq3_m", "iq4_nl", "iq4_xs", "q2_k_s", "tq1_0", "tq2_0", "mxfp4", "copy",
        ),
        "quantise to {}",
    ),
}  # fmt: skip


def later_key(section: str | None, path: KeyPath) -> str | None:
    """Return what this version does not do yet, if the key at *path* asks for that."""
    name = ".".join(str(step) for step in path if isinstance(step, str))
    if section is None:
        return _sentence(TOP.get(name))
    if section == "models" and name == "template":
        return None
    return _sentence(KEYS.get(section, {}).get(name) or EVERYWHERE.get(name), str(path[-1]))


def later_value(section: str, path: KeyPath, value: Json) -> str | None:
    """Return what this version does not do yet, if *value* asks for that."""
    name = ".".join(str(step) for step in (section, *path) if isinstance(step, str))
    if not isinstance(value, str):
        return None
    return _sentence(VALUES.get(name, {}).get(value.lower()), value)


def later_reference(section: str, path: KeyPath, targets: Sequence[str]) -> str | None:
    """Return what this version does not do yet, if a reference to *targets* asks for that."""
    if section == "finetunes" and path == ("model",) and "finetunes" in targets:
        return _sentence("start a finetune from another finetune")
    return None


def _sentence(phrase: str | None, value: str = "") -> str | None:
    """Return the message, with "yet" before what it does instead."""
    if phrase is None:
        return None
    does_not, colon, instead = phrase.format(value).partition(":")
    return f"this version of ftc does not {does_not} yet{colon}{instead}"

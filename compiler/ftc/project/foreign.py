"""Words of LLaMA-Factory's and Axolotl's files, answered with where ftc writes the same thing."""

from __future__ import annotations

from dataclasses import dataclass

SAME_TRAINING = (
    "num_train_epochs", "max_steps", "learning_rate", "lr_scheduler_type", "warmup_steps",
    "warmup_ratio", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm",
    "optim", "seed", "per_device_train_batch_size", "gradient_checkpointing", "logging_steps",
    "save_steps", "save_total_limit", "ddp_timeout", "eval_steps",
    "eval_strategy", "load_best_model_at_end", "early_stopping_patience",
)  # fmt: skip
SAME_GENERATION = (
    "do_sample", "temperature", "top_p", "top_k", "max_new_tokens", "repetition_penalty",
)  # fmt: skip

LLAMA_FACTORY = {
    "model_name_or_path": "models.NAME.source",
    "model_revision": "models.NAME.revision",
    "adapter_name_or_path": "exports.NAME.model",
    "template": "models.NAME.template",
    "enable_thinking": "models.NAME.enable_thinking",
    "tool_format": "templates.NAME.tool_format",
    "default_system": "templates.NAME.default_system",
    "preserve_thinking": "templates.NAME.preserve_thinking",
    "infer_dtype": "models.NAME.dtype",
    "train_from_scratch": "models.NAME.source",
    "dataset": "finetunes.NAME.datasets",
    "dataset_dir": "datasets.NAME.dataset_info",
    "file_name": "datasets.NAME.source",
    "hf_hub_url": "datasets.NAME.source",
    "ms_hub_url": "datasets.NAME.source",
    "cloud_file_name": "datasets.NAME.source",
    "max_samples": "datasets.NAME.num_samples",
    "formatting": "datasets.NAME.format",
    "mix_strategy": "finetunes.NAME.mix",
    "interleave_probs": "finetunes.NAME.datasets.DATASET.weight",
    "ranking": "datasets.NAME.type",
    "val_size": "datasets.NAME.holdout",
    "cutoff_len": "finetunes.NAME.data.max_length",
    "train_on_prompt": "finetunes.NAME.data.train_on",
    "mask_history": "finetunes.NAME.data.train_on",
    "stage": "finetunes.NAME.method",
    "packing": "finetunes.NAME.data.packing",
    "neat_packing": "finetunes.NAME.data.packing",
    "flash_attn": "finetunes.NAME.attn_implementation",
    "lora_rank": "finetunes.NAME.lora.r",
    "lora_target": "finetunes.NAME.lora.target_modules",
    "gradient_accumulation_steps": "finetunes.NAME.training.global_batch_size",
    "disable_gradient_checkpointing": "finetunes.NAME.training.gradient_checkpointing",
    "pure_bf16": "finetunes.NAME.dtype",
    "per_device_eval_batch_size": "evals.NAME.batch_size",
    "do_predict": "evals.NAME.task",
    "predict_with_generate": "evals.NAME.task",
    "eval_num_beams": "evals.NAME.generation",
    "export_dir": "exports.NAME.format",
    "export_size": "exports.NAME.max_shard_size",
    "export_quantization_bit": "exports.NAME.quantization",
}
AXOLOTL = {
    "base_model": "models.NAME.source",
    "revision_of_model": "models.NAME.revision",
    "chat_template": "models.NAME.template",
    "path": "datasets.NAME.source",
    "field_messages": "datasets.NAME.columns.messages",
    "field_system": "datasets.NAME.columns.system",
    "field_tools": "datasets.NAME.columns.tools",
    "field_instruction": "datasets.NAME.columns.prompt",
    "field_input": "datasets.NAME.columns.query",
    "field_output": "datasets.NAME.columns.response",
    "message_property_mappings": "datasets.NAME.tags",
    "val_set_size": "datasets.NAME.holdout",
    "shards": "datasets.NAME.num_samples",
    "test_datasets": "finetunes.NAME.eval_dataset",
    "sequence_len": "finetunes.NAME.data.max_length",
    "sample_packing": "finetunes.NAME.data.packing",
    "eval_sample_packing": "finetunes.NAME.data.packing",
    "flash_attention": "finetunes.NAME.attn_implementation",
    "sdp_attention": "finetunes.NAME.attn_implementation",
    "excess_length_strategy": "finetunes.NAME.data.overlong",
    "train_on_inputs": "finetunes.NAME.data.train_on",
    "roles_to_train": "finetunes.NAME.data.train_on",
    "dataset_processes": "finetunes.NAME.data.preprocessing_num_workers",
    "rl": "finetunes.NAME.method",
    "adapter": "finetunes.NAME.lora",
    "lora_r": "finetunes.NAME.lora.r",
    "lora_target_modules": "finetunes.NAME.lora.target_modules",
    "lora_target_linear": "finetunes.NAME.lora.target_modules",
    "peft_use_rslora": "finetunes.NAME.lora.use_rslora",
    "micro_batch_size": "finetunes.NAME.training.per_device_train_batch_size",
    "num_epochs": "finetunes.NAME.training.num_train_epochs",
    "optimizer": "finetunes.NAME.training.optim",
    "lr_scheduler": "finetunes.NAME.training.lr_scheduler_type",
    "eval_batch_size": "evals.NAME.batch_size",
    "eval_max_new_tokens": "evals.NAME.generation.max_new_tokens",
}
COMMON = {
    "pretrained_model_name_or_path": "models.NAME.source",
    "name_or_path": "models.NAME.source",
    "revision": "models.NAME.revision",
    "trust_remote_code": "models.NAME.trust_remote_code",
    "data_files": "datasets.NAME.source",
    "data_dir": "datasets.NAME.folder",
    "torch_dtype": "models.NAME.dtype",
    "dataset_text_field": "datasets.NAME.columns.prompt",
    "test_size": "datasets.NAME.holdout.fraction",
    "train_dataset": "finetunes.NAME.datasets",
    "eval_dataset": "finetunes.NAME.eval_dataset",
    "max_seq_length": "finetunes.NAME.data.max_length",
    "max_seq_len": "finetunes.NAME.data.max_length",
    "model_max_length": "finetunes.NAME.data.max_length",
    "preprocessing_num_workers": "finetunes.NAME.data.preprocessing_num_workers",
    "attn_implementation": "finetunes.NAME.attn_implementation",
    "rank": "finetunes.NAME.lora.r",
    "lora_alpha": "finetunes.NAME.lora.lora_alpha",
    "lora_dropout": "finetunes.NAME.lora.lora_dropout",
    "use_rslora": "finetunes.NAME.lora.use_rslora",
    "bf16": "finetunes.NAME.dtype",
    "fp16": "finetunes.NAME.dtype",
    "float16": "finetunes.NAME.dtype",
    "bfloat16": "finetunes.NAME.dtype",
    "lr": "finetunes.NAME.training.learning_rate",
    "early_stopping_steps": "finetunes.NAME.training.early_stopping_patience",
    "epochs": "finetunes.NAME.training.num_train_epochs",
    "batch_size": "finetunes.NAME.training.global_batch_size",
    "train_batch_size": "finetunes.NAME.training.global_batch_size",
    "max_tokens": "evals.NAME.generation.max_new_tokens",
    "max_shard_size": "exports.NAME.max_shard_size",
    "quantization": "exports.NAME.quantization",
    **{name: f"finetunes.NAME.training.{name}" for name in SAME_TRAINING},
    **{name: f"evals.NAME.generation.{name}" for name in SAME_GENERATION},
}
NOT_NEEDED = {
    **dict.fromkeys(
        ("output_dir", "overwrite_output_dir", "save_only_model", "logging_dir"),
        "ftc keeps every result by its content and shows it under out/",
    ),
    **dict.fromkeys(
        ("overwrite_cache", "cache_dir", "tokenized_path", "dataset_prepared_path"),
        "ftc keeps tokenised rows by their content and makes them anew when they are stale",
    ),
    **dict.fromkeys(
        ("do_train", "do_eval"),
        "`ftc build` makes what is asked for, and all that it needs",
    ),
    **dict.fromkeys(
        ("model_type", "tokenizer_type", "base_model_config", "tokenizer_config",
         "is_llama_derived_model", "use_fast_tokenizer", "low_cpu_mem_usage"),
        "it is read from the model's own files",
    ),
    **dict.fromkeys(
        ("hf_hub_token", "ms_hub_token", "om_hub_token", "hub_token", "hf_use_auth_token"),
        "set HF_TOKEN in the environment: secrets never enter project.yaml",
    ),
    **dict.fromkeys(
        ("export_device", "preprocessing_batch_size", "dataloader_num_workers",
         "strict", "debug", "local_rank", "plot_loss",
         "dataloader_pin_memory", "pad_to_sequence_len", "remove_unused_columns"),
        "ftc sees to it by itself",
    ),
    **dict.fromkeys(
        ("resume_from_checkpoint", "auto_resume_from_checkpoints"),
        "`ftc build` goes on from the newest checkpoint by itself; `--fresh STAGE` drops it",
    ),
    **dict.fromkeys(
        ("streaming", "buffer_size"),
        "ftc reads every dataset row by row, and shuffles all of it",
    ),
    "ds_type": "the name of a file tells its type",
    "finetuning_type": "every finetune of this version of ftc is a LoRA adapter",
    "export_legacy_format": "ftc writes safetensors only",
}  # fmt: skip
NOT_YET = {
    **dict.fromkeys(
        ("quantization_bit", "quantization_method", "quantization_type", "double_quantization",
         "load_in_4bit", "load_in_8bit", "gptq"),
        "train on a quantised base (QLoRA)",
    ),
    "shards": "take a part of a dataset",
    **dict.fromkeys(
        ("chat_template_jinja", "special_tokens", "tokens", "add_tokens", "add_special_tokens",
         "new_special_tokens_config", "resize_vocab"),
        "change the model's template or tokens",
    ),
    **dict.fromkeys(
        ("xformers_attention", "shift_attn", "rope_scaling", "use_unsloth",
         "enable_liger_kernel", "use_liger_kernel"),
        "choose how attention and kernels are computed",
    ),
    **dict.fromkeys(
        ("use_dora", "peft_use_dora", "pissa_init", "pissa_iter", "pissa_convert",
         "loraplus_lr_ratio", "loraplus_lr_embedding", "additional_target", "lora_modules_to_save",
         "lora_fan_in_fan_out", "oft_rank", "oft_block_size"),
        "train other adapters than plain LoRA",
    ),
    **dict.fromkeys(
        ("freeze_trainable_layers", "freeze_trainable_modules", "freeze_extra_modules",
         "use_llama_pro", "unfrozen_parameters"),
        "train a part of the layers",
    ),
    **dict.fromkeys(
        ("use_galore", "use_apollo", "use_badam", "use_adam_mini", "use_muon"),
        "train with other optimisers",
    ),
    **dict.fromkeys(
        ("pref_beta", "pref_ftx", "pref_loss", "simpo_gamma", "kto_chosen_weight", "ref_model",
         "kto_rejected_weight", "ppo_epochs", "ppo_target", "reward_model", "dpo_label_smoothing"),
        "train on preferences or rewards",
    ),
    **dict.fromkeys(
        ("create_new_adapter", "lora_model_dir", "init"),
        "start from another finetune",
    ),
    **dict.fromkeys(
        ("deepspeed", "fsdp", "fsdp_config", "ray_num_workers"), "launch on several devices"
    ),
    **dict.fromkeys(
        ("report_to", "use_swanlab", "wandb_project", "wandb_entity", "wandb_name", "wandb_run_id",
         "wandb_watch", "wandb_log_model", "mlflow_experiment_name", "run_name"),
        "report to trackers",
    ),
    **dict.fromkeys(
        ("save_strategy", "saves_per_epoch", "evals_per_epoch"), "choose when to keep checkpoints"
    ),
    **dict.fromkeys(
        ("infer_backend", "vllm_maxlen", "vllm_gpu_util", "vllm_enforce_eager", "vllm_config",
         "sglang_maxlen"),
        "choose an engine",
    ),
    **dict.fromkeys(
        ("export_hub_model_id", "hub_model_id", "push_to_hub", "push_dataset_to_hub"),
        "push to a hub",
    ),
    **dict.fromkeys(
        ("media_dir", "image_max_pixels", "image_min_pixels", "video_max_pixels",
         "freeze_vision_tower", "freeze_multi_modal_projector", "processor_type"),
        "train on pictures",
    ),
    **dict.fromkeys(
        ("export_quantization_dataset", "export_quantization_nsamples",
         "export_quantization_maxlen"),
        "quantise with calibration rows",
    ),
    "script_url": "read rows that a script makes",
    "om_hub_url": "read datasets of openMind",
    "neftune_noise_alpha": "add NEFTune noise",
    "compute_accuracy": "measure accuracy while training",
    "mixture_of_depths": "train a mixture of depths",
    "group_by_length": "group rows by length",
    "multipack_real_batches": "choose how packs are batched",
}  # fmt: skip
NOTES = {
    "interleave_probs": "`datasets: {NAME: {weight: 0.7}, OTHER: {weight: 0.3}}`",
    "mix_strategy": "`mix: interleave_under` and its like",
    "mask_history": "`data: {train_on: last}`",
    "train_on_prompt": "`data: {train_on: all}`",
    "train_on_inputs": "`data: {train_on: all}`",
    "roles_to_train": "`data: {train_on: assistant}`, last or all; a message may have a `loss`",
    "ranking": "`type: preference`",
    "dataset_dir": "`dataset_info: data/dataset_info.json`, and `entry: NAME`",
    "hf_hub_url": "`source: hf://datasets/org/name`",
    "ms_hub_url": "`source: ms://datasets/org/name`",
    "val_size": "`holdout: {fraction: ..., seed: ...}`; measure on NAME.holdout",
    "val_set_size": "`holdout: {fraction: ..., seed: ...}`; measure on NAME.holdout",
    "gradient_accumulation_steps": "the rows of one optimiser step over all devices; accumulation"
    " is worked out from it",
    "adapter_name_or_path": "a finetune's name stands for its adapter",
    "export_dir": "`exports: {NAME: {model: ..., format: safetensors}}`; it comes to out/NAME",
    "bf16": "`dtype: bfloat16`",
    "fp16": "`dtype: float16`",
    "pure_bf16": "`dtype: bfloat16`",
    "export_quantization_bit": "`quantization: q4_k_m` and its like, with `format: gguf`",
    "lora_target": "`all` is `all-linear`",
    "lora_target_linear": "`target_modules: all-linear`",
    "stage": "`method: sft`, or `pretrain` for texts, in this version of ftc",
    "rl": "`method: sft`, or `pretrain` for texts, in this version of ftc",
    "flash_attn": "`fa2` is `varlen`, which needs nothing installed",
    "flash_attention": "true is `varlen`, which needs nothing installed",
    "disable_gradient_checkpointing": "the other way round: it is off unless set",
}


@dataclass(frozen=True, slots=True)
class Foreign:
    """What to say to a foreign word."""

    code: str
    message: str
    help: str | None = None


def is_word_for(where: str, key: str) -> bool:
    """Say whether *key* is another tool's word for what stands at *where*."""
    return any(words.get(key) == where for words in (LLAMA_FACTORY, AXOLOTL, COMMON))


def foreign_word(key: str, section: str | None) -> Foreign | None:
    """Return what to say to *key* in an item of *section*, or at the top of the file."""
    if key in NOT_YET:
        return Foreign("not-yet", f"this version of ftc does not {NOT_YET[key]} yet")
    if key in NOT_NEEDED:
        message = f"`{key}` has no place in project.yaml"
        return Foreign("foreign-key", message, NOT_NEEDED[key])
    for owner, words in (("LLaMA-Factory", LLAMA_FACTORY), ("Axolotl", AXOLOTL), ("", COMMON)):
        if key in words:
            return _moved(key, owner, where=words[key], section=section)
    return None


def _moved(key: str, owner: str, *, where: str, section: str | None) -> Foreign:
    is_here = where.split(".")[0] == section
    path = where.split(".")[2:] if is_here else where.split(".")
    name = ".".join(path)
    message = (
        f"`{key}` is {owner}'s word for `{name}`" if owner else f"`{key}` is written as `{name}`"
    )
    inner = "..."
    for step in reversed(path):
        inner = f"{{{step}: {inner}}}"
    help = NOTES.get(key) or f"write `{inner[1:-1]}`"
    if where == "models.NAME.source" and section in ("finetunes", "exports"):
        help += ", and `model: NAME` here"
    return Foreign("foreign-key", message, help)

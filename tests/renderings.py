"""What two turns are with each built-in template, as LLaMA-Factory renders them.

Taken from its own code, run with a stand-in tokenizer; for a few, from its definitions. `empty`
alone ends an answer where LLaMA-Factory's does not.
"""

from __future__ import annotations

from typing import NamedTuple

from ftc_runtime.templates.definition import built_in, library

FULL_WIDTH_BAR = "\uff5c"


class Turns(NamedTuple):
    """The first prompt and answer, and the second. `<BOS>` and `<EOS>` are the tokenizer's."""

    prompt: str
    answer: str
    next_prompt: str
    next_answer: str


def turns(prompt: str, answer: str, following: str) -> Turns:
    """Return turns of which the second answer is like the first."""
    return Turns(prompt, answer, following, answer.replace("A1", "A2"))


CHATML = turns(
    "<|im_start|>system\nSYS<|im_end|>\n<|im_start|>user\nU1<|im_end|>\n<|im_start|>assistant\n",
    "A1<|im_end|>\n",
    "<|im_start|>user\nU2<|im_end|>\n<|im_start|>assistant\n",
)
LLAMA3 = turns(
    "<BOS><|start_header_id|>system<|end_header_id|>\n\nSYS<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\nU1<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "A1<|eot_id|>",
    "<|start_header_id|>user<|end_header_id|>\n\nU2<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
)
GEMMA = turns(
    "<BOS><start_of_turn>user\nSYS\n\nU1<end_of_turn>\n<start_of_turn>model\n",
    "A1<end_of_turn>\n",
    "<start_of_turn>user\nU2<end_of_turn>\n<start_of_turn>model\n",
)
GEMMA4 = turns(
    "<BOS><|turn>system\n<|think|>SYS<turn|>\n<|turn>user\nU1<turn|>\n<|turn>model\n",
    "A1<turn|>\n",
    "<|turn>user\nU2<turn|>\n<|turn>model\n",
)
MINISTRAL = turns("<BOS>[INST]SYS\n\nU1[/INST]", "A1<EOS>", "[INST]U2[/INST]")
PHI = turns(
    "<|system|>\nSYS<|end|>\n<|user|>\nU1<|end|>\n<|assistant|>\n",
    "A1<|end|>\n",
    "<|user|>\nU2<|end|>\n<|assistant|>\n",
)
DEEPSEEK3 = turns(
    "<BOS>SYS<|User|>U1<|Assistant|>".replace("|", FULL_WIDTH_BAR),
    "A1<EOS>",
    "<|User|>U2<|Assistant|>".replace("|", FULL_WIDTH_BAR),
)
GLM4 = turns(
    "[gMASK]<sop><|system|>\nSYS<|user|>\nU1<|assistant|>", "\nA1", "<|user|>\nU2<|assistant|>"
)
GRANITE = turns(
    "<|start_of_role|>system<|end_of_role|>SYS<|end_of_text|>\n"
    "<|start_of_role|>user<|end_of_role|>U1<|end_of_text|>\n"
    "<|start_of_role|>assistant<|end_of_role|>",
    "A1<|end_of_text|>\n",
    "<|start_of_role|>user<|end_of_role|>U2<|end_of_text|>\n"
    "<|start_of_role|>assistant<|end_of_role|>",
)


def ending(turns: Turns, end: str) -> Turns:
    """Return turns with something more behind the last answer."""
    return turns._replace(next_answer=turns.next_answer + end)


def from_bos(turns: Turns) -> Turns:
    """Return turns that begin with the tokenizer's first token."""
    return turns._replace(prompt="<BOS>" + turns.prompt)


RENDERED: dict[str, Turns] = {
    "alpaca": turns(
        "SYS### Instruction:\nU1\n\n### Response:\n",
        "A1<EOS>\n\n",
        "### Instruction:\nU2\n\n### Response:\n",
    ),
    "chatml": CHATML,
    "deepseek": turns("<BOS>SYS\n\nUser: U1\n\nAssistant:", "A1<EOS>", "User: U2\n\nAssistant:"),
    "deepseek3": DEEPSEEK3,
    "deepseekr1": DEEPSEEK3,
    "default": turns(
        "System: SYS<EOS>\nHuman: U1<EOS>\nAssistant:", "A1<EOS>\n", "Human: U2<EOS>\nAssistant:"
    ),
    "empty": turns("SYSU1", "A1<EOS>", "U2"),
    "fewshot": ending(turns("SYSU1", "A1\n\n", "U2"), "<EOS>"),
    "gemma": GEMMA,
    "gemma2": ending(GEMMA, "<EOS>"),
    "gemma3": GEMMA,
    "gemma3n": GEMMA,
    "gemma4": GEMMA4,
    "gemma4n": GEMMA4,
    "gemma4n_nothink": GEMMA4._replace(prompt=GEMMA4.prompt.replace("<|think|>", "")),
    "glm4": ending(GLM4, "<EOS>"),
    "glm4_moe": ending(GLM4, "<EOS>"),
    "glmz1": ending(GLM4, "<EOS>"),
    "gpt_oss": ending(
        turns(
            "<|start|>system<|message|>SYS<|end|><|start|>user<|message|>U1<|end|>"
            "<|start|>assistant",
            "A1",
            "<|start|>user<|message|>U2<|end|><|start|>assistant",
        ),
        "<EOS>",
    ),
    "granite3": GRANITE,
    "granite4": GRANITE,
    "hunyuan": turns("<|startoftext|>SYS<|extra_4|>U1<|extra_0|>", "A1<|eos|>", "U2<|extra_0|>"),
    "intern2": from_bos(CHATML),
    "intern_vl": from_bos(CHATML),
    "internlm2": from_bos(CHATML),
    "kimi_vl": turns(
        "<|im_system|>system<|im_middle|>SYS<|im_end|><|im_user|>user<|im_middle|>U1<|im_end|>"
        "<|im_assistant|>assistant<|im_middle|>",
        "A1<|im_end|>",
        "<|im_user|>user<|im_middle|>U2<|im_end|><|im_assistant|>assistant<|im_middle|>",
    ),
    "llama2": turns(
        "<BOS>[INST] <<SYS>>\nSYS\n<</SYS>>\n\nU1 [/INST]", "A1<EOS>", "<BOS>[INST] U2 [/INST]"
    ),
    "llama3": LLAMA3,
    "llama4": Turns(
        *(
            text.replace("<|start_header_id|>", "<|header_start|>")
            .replace("<|end_header_id|>", "<|header_end|>")
            .replace("<|eot_id|>", "<|eot|>")
            for text in LLAMA3
        )
    ),
    "minimax2": turns(
        "]~!b[]~b]system\nSYS[e~[\n]~b]user\nU1[e~[\n]~b]ai\n",
        "A1[e~[\n",
        "]~b]user\nU2[e~[\n]~b]ai\n",
    ),
    "ministral": MINISTRAL,
    "ministral3": MINISTRAL,
    "mistral": turns("<BOS>[INST] SYS\n\nU1[/INST]", " A1<EOS>", "[INST] U2[/INST]"),
    "mistral_small": turns(
        "<BOS>[SYSTEM_PROMPT]SYS[/SYSTEM_PROMPT][INST]U1[/INST]", "A1<EOS>", "[INST]U2[/INST]"
    ),
    "mllama": LLAMA3,
    "phi": PHI,
    "phi3": PHI,
    "phi4": turns(
        "<|im_start|>system<|im_sep|>SYS<|im_end|><|im_start|>user<|im_sep|>U1<|im_end|>"
        "<|im_start|>assistant<|im_sep|>",
        "A1<|im_end|>",
        "<|im_start|>user<|im_sep|>U2<|im_end|><|im_start|>assistant<|im_sep|>",
    ),
    "phi4_mini": turns(
        "<|system|>SYS<|end|><|user|>U1<|end|><|assistant|>",
        "A1<|end|>",
        "<|user|>U2<|end|><|assistant|>",
    ),
    "pixtral": MINISTRAL,
    "qwen": CHATML,
    "qwen2_vl": CHATML,
    "qwen3": CHATML,
    "qwen3_5": CHATML,
    "qwen3_5_nothink": CHATML,
    "qwen3_6": CHATML,
    "qwen3_nothink": CHATML,
    "qwen3_vl": CHATML,
    "qwen3_vl_nothink": CHATML,
    "seed_oss": turns(
        "<BOS>system\nSYS<EOS><BOS>user\nU1<EOS><BOS>assistant\n",
        "A1<EOS>",
        "<BOS>user\nU2<EOS><BOS>assistant\n",
    ),
    "smollm": CHATML,
    "smollm2": CHATML,
    "vicuna": turns("SYSUSER: U1 ASSISTANT:", "A1<EOS>", "USER: U2 ASSISTANT:"),
    "yi": CHATML,
}

THOUGHTS: dict[str, str] = {
    "deepseekr1": "<think>\n\n</think>\n\n",
    "gemma4": "<|channel>thought\n<channel|>",
    "gemma4n": "<|channel>thought\n<channel|>",
    "glm4_moe": "<think>\n\n</think>\n\n",
    "glmz1": "<think>\n\n</think>\n\n",
    "gpt_oss": "<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final<|message|>",
    "kimi_vl": "◁think▷◁/think▷",
    "minimax2": "<think>\n\n</think>\n\n",
    "qwen3": "<think>\n\n</think>\n\n",
    "qwen3_5": "<think>\n\n</think>\n\n",
    "qwen3_6": "<think>\n\n</think>\n\n",
    "qwen3_vl": "<think>\n\n</think>\n\n",
    "seed_oss": "<seed:think></seed:think>",
}
"""The empty thoughts of the templates that think."""

DISTINCT = sorted({built_in(name).model_dump_json(): name for name in library()}.values())
"""The templates but for synonyms."""

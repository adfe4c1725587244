"""Stage `template`: how a model is spoken to, settled and proven before anything is trained."""

from typing import ClassVar

from ftc_runtime.contract import Artifact, Need, StageParams
from ftc_runtime.templates.definition import Chat


class Params(Chat, StageParams):
    """Choose a chat template for a tokenizer, prove it, and compare it with the model's own."""

    kind: ClassVar = "template"
    version: ClassVar = 1
    needs: ClassVar = {"tokenizer": Need(Artifact.TOKENIZER)}
    makes: ClassVar = {"chat": Artifact.CHAT, "report": Artifact.REPORT}
    libraries: ClassVar = ("transformers", "tokenizers", "jinja2")

"""Stage `merge`: a base model with its adapter added, as safetensors."""

from typing import ClassVar

from pydantic import Field

from ftc_runtime.contract import Artifact, Need, StageParams


class Params(StageParams):
    """Add an adapter to its base model, tensor by tensor, in the base's own dtype.

    With a `chat`, the chosen template takes the place of the model's own.
    """

    kind: ClassVar = "merge"
    version: ClassVar = 1
    needs: ClassVar = {
        "model": Need(Artifact.MODEL),
        "adapter": Need(Artifact.ADAPTER, optional=True),
        "chat": Need(
            Artifact.CHAT, optional=True, libraries=("transformers", "tokenizers", "jinja2")
        ),
    }
    makes: ClassVar = {"model": Artifact.MODEL}
    libraries: ClassVar = ("torch",)

    max_shard_size: str = Field(
        default="5GB",
        description="Largest weight file, such as 5GB or 500MB",
        pattern=r"^[1-9][0-9]*(KB|MB|GB|KiB|MiB|GiB)$",
    )

"""The checkpoint: one `.pt` that describes itself and is loaded without running any code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationInfo,
    field_validator,
)
from torch import Tensor

from toolkit.errors import UsageError
from toolkit.file_schema import validate_content
from toolkit.files import file_digest
from toolkit.recipe.photo_values import MOST_CHANNELS
from toolkit.train.tensor_file import read_tensor_file, write_tensor_file

FORMAT = "trash-checkpoint"
FORMAT_VERSION = 1

Figures = tuple[float, ...]
"""One per channel."""
Score = float | None | list[float | None]


@dataclass(frozen=True)
class Checkpoint:
    """Trained weights with everything that is needed to use them.

    Attributes:
        model_state: the network's `state_dict`, tensors on the CPU.
        recipe: the resolved recipe as plain values.
        class_names: name of every label; index = label.
        image_size: (height, width) of the network input, pixels.
        mean: per channel, on images in 0…1.
        std: per channel, on images in 0…1.
        scores: figures of its validation; None where nothing was to be scored.
        epoch: the epoch it was saved after, counted from 1.
        lineage: where it comes from: run id and parents (paths and digests).
        format_version: version of the file's layout.
    """

    model_state: dict[str, Tensor]
    recipe: dict[str, Any]
    class_names: tuple[str, ...]
    image_size: tuple[int, int]
    mean: Figures
    std: Figures
    scores: dict[str, Score]
    epoch: int
    lineage: dict[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint so that `path` is never seen half-written.

    Raises:
        TrashError: the disk refused, or a part is neither a tensor nor a plain value.
    """
    content = {each.name: getattr(checkpoint, each.name) for each in fields(checkpoint)}
    state = {name: tensor.detach().cpu() for name, tensor in checkpoint.model_state.items()}
    write_tensor_file(path, {"format": FORMAT, **content, "model_state": state})


def load_checkpoint(path: Path) -> Checkpoint:
    """Return the checkpoint in a file, its tensors mapped from the file.

    Raises:
        UsageError: the file is missing, empty, cut off, holds code, is a plain `state_dict`, is
            something else or was written by a newer version; the message says which.
    """
    content = read_tensor_file(path, "checkpoint")
    kind = content.get("format")
    if not isinstance(kind, str) or kind != FORMAT:
        raise UsageError(f"{path} is not a checkpoint: {_describe(content)}", _NOT_OURS)
    version = content.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version > FORMAT_VERSION:
        raise UsageError(
            f"{path} has checkpoint format {version}, this trash reads up to {FORMAT_VERSION}",
            "Install a newer trash.",
        )
    names = [each.name for each in fields(Checkpoint)]
    missing = [name for name in names if name not in content]
    if missing:
        raise UsageError(f"{path} is a damaged checkpoint: it lacks {', '.join(missing)}")
    parts = {name: content[name] for name in names}
    read = validate_content(_SCHEMA, parts, path, "checkpoint", "Copy or train it again.")
    return Checkpoint(**{name: getattr(read, name) for name in names})


def _all_positive(values: Figures) -> Figures:
    if min(values) <= 0:
        raise ValueError("should be larger than 0")
    return values


_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Channels = Field(min_length=1, max_length=MOST_CHANNELS)
_Length = Annotated[int, Field(ge=1, le=1 << 16)]


class _CheckpointContent(BaseModel):
    """The schema of a file's parts, see `Checkpoint`."""

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())

    model_state: dict[str, Tensor]
    recipe: dict[str, JsonValue]
    class_names: Annotated[tuple[str, ...], Field(min_length=1, max_length=256)]
    image_size: tuple[_Length, _Length]
    mean: Annotated[tuple[_Finite, ...], _Channels]
    std: Annotated[tuple[_Finite, ...], _Channels, AfterValidator(_all_positive)]
    scores: dict[str, float | list[float | None] | None]
    epoch: Annotated[int, Field(ge=0)]
    lineage: dict[str, JsonValue]
    format_version: int

    @field_validator("std")
    @classmethod
    def _is_as_long_as_mean(cls, value: Figures, info: ValidationInfo) -> Figures:
        if "mean" in info.data and len(value) != len(info.data["mean"]):
            raise ValueError(f"should have {len(info.data['mean'])} figures, as mean has")
        return value


_SCHEMA = TypeAdapter(_CheckpointContent)
_NOT_OURS = "A checkpoint is a best.pt or last.pt in a run's folder."


def _describe(content: Mapping[Any, Any]) -> str:
    if content and all(isinstance(value, Tensor) for value in content.values()):
        return "it holds bare weights, without recipe, classes and normalisation"
    kind = content.get("format")
    if isinstance(kind, str):
        return f"its format is {kind!r}"
    keys = ", ".join(str(key) for key in list(content)[:5])
    return f"it holds other values ({keys or 'none'})"


def checkpoint_digest(path: Path) -> str:
    """Return the BLAKE2b digest of the file's content as 32 hex characters."""
    return file_digest(path)

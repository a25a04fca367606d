from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from timm.models.hrnet import HighResolutionModule
from torch import Tensor, nn
from torch.nn import functional

from toolkit import ComponentSpec, Context, UsageError
from toolkit.builtins.models.ocr import ObjectContextPyramid, RegionAttention, region_features
from toolkit.plugin.registry import Registry
from toolkit.testing import check_component

TWELVE = tuple(f"class {label}" for label in range(12))
Enlarge = Callable[[Tensor, int], Tensor]
VARIANTS = ["hrnet_ocr", "hrnet_ocr_transposed", "hrnet_ocr_aspp"]


def make(registry: Registry, name: str = "hrnet_ocr", /, *, pretrained: bool = True, **parameters):
    spec = ComponentSpec(name=name, **{"width": 18, **parameters})
    return registry.build("model", spec, Context(TWELVE, pretrained=pretrained))


def random(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "expected"), [("hrnet_ocr", 70_364_040), ("hrnet_ocr_transposed", 70_824_376)]
)
def test_the_size_is_that_of_the_original(name: str, expected: int, registry: Registry) -> None:
    with torch.device("meta"):
        assert n_parameters(make(registry, name, width=48)) == expected


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_keeps_the_contract_at_the_smallest_width(
    name: str, registry: Registry
) -> None:
    check_component("model", name, registry, width=18)


@pytest.mark.parametrize("width", [18, 30, 32, 40, 44, 48, 64])
def test_every_width_of_timm_gives_four_branches_side_by_side(
    width: int, registry: Registry
) -> None:
    with torch.device("meta"):
        network = make(registry, width=width).eval()
        assert network.encoder(torch.zeros(1, 3, 64, 96)).shape == (1, 15 * width, 16, 24)
        assert network(torch.zeros(1, 3, 33, 65))["main"].shape == (1, 12, 33, 65)


def test_another_width_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"width: must be 18, 30.*not 20"):
        make(registry, width=20)


def test_the_transposed_variant_is_found_by_its_old_name(registry: Registry) -> None:
    assert registry.find("model", "hrnet_ocr_tp").name == "hrnet_ocr_transposed"


@torch.inference_mode()
def test_branches_are_enlarged_with_aligned_corners(registry: Registry) -> None:
    encoder = make(registry).encoder.eval()
    images = random(1, 3, 64, 96)
    parts = encoder(images).split([18, 36, 72, 144], dim=1)
    for part, branch in zip(parts, encoder.model(images), strict=True):
        enlarged = functional.interpolate(branch, (16, 24), mode="bilinear", align_corners=True)
        torch.testing.assert_close(part, enlarged)


def slow_nearest(maps: Tensor, factor: int) -> Tensor:
    height, width = (factor * side for side in maps.shape[-2:])
    rows = [[maps[..., y // factor, x // factor] for x in range(width)] for y in range(height)]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def slow_bilinear(maps: Tensor, factor: int) -> Tensor:
    """Interpolate with the centres of the corner pixels held in place."""

    def between(lines: Tensor, dim: int) -> Tensor:
        before = lines.shape[dim]
        after = factor * before
        found = []
        for place in range(after):
            where = place * (before - 1) / (after - 1)
            low = min(int(where), max(before - 2, 0))
            high = min(low + 1, before - 1)
            share = where - low
            found.append(lines.select(dim, low) * (1 - share) + lines.select(dim, high) * share)
        return torch.stack(found, dim)

    return between(between(maps, maps.ndim - 2), maps.ndim - 1)


def slow_fuse(stage: nn.Module, branches: list[Tensor], enlarge: Enlarge) -> list[Tensor]:
    fused = []
    for i, layers in enumerate(stage.fuse_layers):
        total = torch.zeros_like(branches[i])
        for j, layer in enumerate(layers):
            if j > i:
                total += enlarge(layer[1](layer[0](branches[j])), 2 ** (j - i))
            else:
                total += layer(branches[j])
        fused.append(total.relu())
    return fused


@pytest.mark.parametrize(
    ("fuse", "enlarge"), [("nearest", slow_nearest), ("bilinear", slow_bilinear)]
)
@torch.inference_mode()
def test_branches_are_fused_as_the_recipe_says(
    fuse: str, enlarge: Enlarge, registry: Registry
) -> None:
    encoder = make(registry, fuse=fuse).encoder.eval()
    stages = [part for part in encoder.model.modules() if isinstance(part, HighResolutionModule)]
    assert len(stages) == 8
    for stage in (stages[0], stages[1], stages[-1]):
        n_branches = len(stage.branches)
        sizes = [(18 * 2**i, 8 >> i, 16 >> i) for i in range(n_branches)]
        inputs = [random(1, *size) for size in sizes]
        after = [branch(part) for branch, part in zip(stage.branches, inputs, strict=True)]
        expected = slow_fuse(stage, after, enlarge)
        for ours, slow in zip(stage(list(inputs)), expected, strict=True):
            torch.testing.assert_close(ours, slow, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_both_outputs_are_enlarged_with_aligned_corners(registry: Registry) -> None:
    network = make(registry).eval()
    images = random(2, 3, 64, 96)
    inner = network.network
    features = inner.encoder(images)
    rough = inner.aux_head(features)
    fine = inner.classifier(inner.context(features, rough))
    outputs = network(images)
    assert list(outputs) == ["main", "aux"]
    for name, logits in (("main", fine), ("aux", rough)):
        assert logits.shape == (2, 12, 16, 24)
        expected = functional.interpolate(logits, (64, 96), mode="bilinear", align_corners=True)
        torch.testing.assert_close(outputs[name], expected)


@torch.inference_mode()
def test_the_transposed_variant_classifies_at_full_size(registry: Registry) -> None:
    network = make(registry, "hrnet_ocr_transposed").network
    assert network.classifier(torch.zeros(2, 512, 5, 6)).shape == (2, 12, 20, 24)


def slow_regions(features: Tensor, logits: Tensor) -> Tensor:
    batch, depth, height, width = features.shape
    regions = []
    for b in range(batch):
        for label in range(logits.shape[1]):
            scores = [
                (logits[b, label, y, x].exp(), features[b, :, y, x])
                for y in range(height)
                for x in range(width)
            ]
            total = sum(score for score, _ in scores)
            regions.append(sum(score / total * feature for score, feature in scores))
    return torch.stack(regions).reshape(batch, -1, depth).transpose(1, 2).unsqueeze(3)


def test_regions_are_means_of_pixels_weighted_by_a_softmax_over_pixels() -> None:
    features = random(2, 5, 3, 4, dtype=torch.float64).requires_grad_()
    logits = 2 * random(2, 3, 3, 4, dtype=torch.float64)
    logits = logits.detach().requires_grad_()
    ours, slow = region_features(features, logits), slow_regions(features, logits)
    assert ours.shape == (2, 5, 3, 1)
    torch.testing.assert_close(ours, slow)
    cotangent = random(2, 5, 3, 1, dtype=torch.float64)
    for got, expected in zip(
        torch.autograd.grad(ours, (features, logits), cotangent),
        torch.autograd.grad(slow, (features, logits), cotangent),
        strict=True,
    ):
        torch.testing.assert_close(got, expected)


def slow_attention(attention: RegionAttention, features: Tensor, regions: Tensor) -> Tensor:
    queries, keys = attention.query(features), attention.key(regions)
    values = attention.value(regions)
    found = torch.zeros_like(queries)
    batch, n_keys, height, width = queries.shape
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                scores = [
                    (queries[b, :, y, x] * keys[b, :, r, 0]).sum() / n_keys**0.5
                    for r in range(regions.shape[2])
                ]
                weights = torch.stack(scores).softmax(0)
                found[b, :, y, x] = sum(w * values[b, :, r, 0] for r, w in enumerate(weights))
    return attention.out(found)


def test_every_pixel_gets_the_regions_that_it_resembles() -> None:
    torch.manual_seed(0)
    attention = RegionAttention(6, 4).double().eval()
    features = random(2, 6, 3, 2, dtype=torch.float64).mul(3).requires_grad_()
    regions = random(2, 6, 5, 1, dtype=torch.float64).mul(3).requires_grad_()
    ours, slow = attention(features, regions), slow_attention(attention, features, regions)
    assert ours.shape == features.shape
    torch.testing.assert_close(ours, slow)
    inputs = (features, regions, *attention.parameters())
    cotangent = random(*ours.shape, dtype=torch.float64)
    for got, expected in zip(
        torch.autograd.grad(ours, inputs, cotangent),
        torch.autograd.grad(slow, inputs, cotangent),
        strict=True,
    ):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_regions_are_gathered_in_full_precision(dtype: torch.dtype) -> None:
    features, logits = random(1, 4, 50, 50), random(1, 3, 50, 50)
    expected = region_features(features, logits)
    with torch.autocast("cpu", dtype=dtype):
        assert torch.equal(region_features(features, logits), expected)
    short = region_features(features.to(dtype), logits.to(dtype))
    assert short.dtype == dtype
    precise = region_features(features.to(dtype).float(), logits.to(dtype).float())
    assert torch.equal(short, precise.to(dtype))


def test_attention_survives_products_that_16_bits_cannot_hold() -> None:
    attention = RegionAttention(256, 256)
    for name in ("query", "key", "value", "out"):
        setattr(attention, name, nn.Identity())
    features = torch.full((1, 256, 2, 3), 20, dtype=torch.float16)  # 256 · 20 · 20 > 65504
    regions = torch.full((1, 256, 4, 1), 20, dtype=torch.float16)
    assert torch.equal(attention(features, regions), features)


@torch.inference_mode()
def test_the_whole_network_works_in_16_bits(registry: Registry) -> None:
    network = make(registry).eval()
    images = random(1, 3, 64, 64)
    expected = network(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = network(images)
    for name, logits in outputs.items():
        assert (logits.float() - expected[name]).abs().mean() < 0.05 * expected[name].std() + 0.01


def test_the_pyramid_has_five_branches_of_half_the_channels() -> None:
    pyramid = ObjectContextPyramid(20, 16, 4, 0.05).eval()
    convolution = pyramid.join[0][0]
    assert (convolution.in_channels, convolution.out_channels) == (5 * 8, 16)
    dilations = [branch[0].dilation[0] for branch in pyramid.branches]
    assert dilations == [1, 12, 24, 36]
    assert pyramid(random(2, 20, 3, 5), random(2, 4, 3, 5)).shape == (2, 16, 3, 5)


def test_features_do_not_explode_before_training(registry: Registry) -> None:
    with torch.inference_mode():
        features = make(registry).encoder.eval()(random(1, 3, 64, 64))
    assert features.abs().max() < 1e3


def test_a_batch_of_one_can_be_trained_above_one_cell(registry: Registry) -> None:
    network = make(registry).train()
    assert network(random(1, 3, 40, 64))["aux"].shape == (1, 12, 40, 64)
    with pytest.raises(UsageError, match="batch of one image of 32 pixels"):
        network(random(1, 3, 32, 20))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_classifier_with_the_official_names_fills_the_backbone(
    wrapped: bool, tmp_path: Path, registry: Registry
) -> None:
    official = timm.create_model("hrnet_w18").state_dict()
    path = tmp_path / "hrnetv2_w18_imagenet_pretrained.pth"
    torch.save({f"model.{k}": v for k, v in official.items()} if wrapped else official, path)
    loaded = make(registry, weights=str(path)).encoder.model.state_dict()
    assert not {"classifier.weight", "incre_modules.0.0.conv1.weight"} & loaded.keys()
    assert all(torch.equal(loaded[key], official[key]) for key in loaded)


def test_weights_of_another_width_are_refused(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "other.pth"
    torch.save(timm.create_model("hrnet_w18_small").state_dict(), path)
    with pytest.raises(UsageError, match="tensors are missing"):
        make(registry, weights=str(path))


def test_weights_of_the_hub_are_asked_for_by_timms_name(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.builtins.models import hrnet_ocr

    asked = []
    monkeypatch.setattr(hrnet_ocr, "load_encoder", lambda *arguments: asked.append(arguments[1:]))
    make(registry, weights="imagenet")
    make(registry, weights="imagenet", pretrained=False)
    assert asked == [("tu-hrnet_w18", "imagenet")]


@pytest.mark.parametrize("weights", ["imagenett", "efficientnet-lite0"])
def test_unknown_weights_are_refused_even_where_none_are_loaded(
    weights: str, registry: Registry
) -> None:
    with pytest.raises(UsageError, match=f"HRNet-W18 has no weights called {weights}") as raised:
        make(registry, weights=weights, pretrained=False)
    assert raised.value.parameter == "weights"
    assert "imagenet" in raised.value.hint

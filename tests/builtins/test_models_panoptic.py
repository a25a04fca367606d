from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit import ComponentSpec, Context, TrashError, UsageError
from toolkit.builtins.models.efficientps import DensePredictionCell, SemanticHead, TwoWayPyramid
from toolkit.builtins.models.panoptic_deeplab import PanopticDeepLab
from toolkit.plugin.registry import Registry
from toolkit.testing import check_component

NAMES = ("Background", "Paper", "Glass")
SMALL = "tu-mobilenetv3_small_050"
BOTH = ["panoptic_deeplab", "efficientps"]


def make(registry: Registry, name: str, /, *, pretrained: bool = False, **parameters: object):
    spec = ComponentSpec(name=name, **{"encoder": SMALL, **parameters})
    return registry.build("model", spec, Context(NAMES, pretrained=pretrained))


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def resize(maps: Tensor, *size: int) -> Tensor:
    return functional.interpolate(maps, size, mode="bilinear", align_corners=False)


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "encoder"),
    [("panoptic_deeplab", "tu-convnext_atto"), ("efficientps", "efficientnet-b0")],
)
def test_other_encoders_keep_the_contract(name: str, encoder: str, registry: Registry) -> None:
    """One has no features of 1/2; one keeps layers that are never used."""
    narrow = "decoder_channels" if name == "panoptic_deeplab" else "pyramid_channels"
    check_component("model", name, registry, encoder=encoder, **{narrow: 16})


@torch.inference_mode()
@pytest.mark.parametrize("name", BOTH)
def test_logits_of_a_quarter_are_enlarged(name: str, registry: Registry) -> None:
    network = make(registry, name).eval()
    images = random(1, 3, 64, 96)
    features = network.encoder(images)
    logits = network.network.decoder(features[2:])
    assert logits.shape == (1, 3, 16, 24)
    torch.testing.assert_close(network(images), resize(logits, 64, 96))


@pytest.mark.parametrize(
    ("encoder", "stride", "rates"),
    [("resnet18", 16, [6, 12, 18]), ("densenet121", 32, [3, 6, 9]), ("mit_b0", 16, [6, 12, 18])],
)
def test_the_pyramid_keeps_its_reach_where_an_encoder_cannot_be_dilated(
    encoder: str, stride: int, rates: list[int], registry: Registry
) -> None:
    with torch.device("meta"):
        network = make(registry, "panoptic_deeplab", encoder=encoder).network.eval()
    pyramid = network.decoder.pyramid
    assert [branch[0].dilation[0] for branch in pyramid.convs[1:4]] == rates
    seen = []
    pyramid.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape[-2:]))
    network(torch.zeros(1, 3, 128, 64, device=next(network.parameters()).device))
    assert seen == [(128 // stride, 64 // stride)]


@torch.inference_mode()
def test_panoptic_deeplab_takes_in_shallower_features_in_two_steps() -> None:
    torch.manual_seed(0)
    design = PanopticDeepLab(n_channels=16, rates=(1, 2, 3), dropout=0.1, n_classes=3)
    decoder = design((8, 12, 20, 24), 16).eval()
    features = [
        random(1, 8, 16, 24),
        random(1, 12, 8, 12),
        random(1, 20, 4, 6),
        random(1, 24, 4, 6),
    ]
    maps = decoder.pyramid(features[3])
    eighth = torch.cat([resize(maps, 8, 12), decoder.shallow[0](features[1])], dim=1)
    assert eighth.shape[1] == 16 + 64
    maps = decoder.steps[0](eighth)
    quarter = torch.cat([resize(maps, 16, 24), decoder.shallow[1](features[0])], dim=1)
    assert quarter.shape[1] == 16 + 32
    expected = decoder.head(decoder.steps[1](quarter))
    torch.testing.assert_close(decoder(features), expected)
    kernels = [step[0][0].kernel_size for step in (*decoder.steps, decoder.head[0])]
    assert kernels == [(5, 5)] * 3
    assert all(step[0][0].groups == step[0][0].in_channels for step in decoder.steps)


@torch.inference_mode()
def test_the_two_way_pyramid_adds_all_finer_and_all_coarser_levels() -> None:
    pyramid = TwoWayPyramid((5, 6, 7, 8), 16)
    features = [torch.ones(1, 16, 32 // 2**level, 16 // 2**level) for level in range(4)]
    upward, downward = (1.0, 10.0, 100.0, 1000.0), (2.0, 20.0, 200.0, 2000.0)
    for level in range(4):
        pyramid.upward[level] = Times(upward[level])
        pyramid.downward[level] = Times(downward[level])
        pyramid.out[level] = nn.Identity()
    for level, maps in enumerate(pyramid(features)):
        expected = sum(upward[: level + 1]) + sum(downward[level:])
        assert torch.equal(maps, torch.full_like(features[level], expected))


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, maps: Tensor) -> Tensor:
        return self.factor * maps


@torch.inference_mode()
def test_a_dense_prediction_cell_joins_five_dilated_convolutions() -> None:
    torch.manual_seed(0)
    cell = DensePredictionCell(6, 4).eval()
    maps = random(2, 6, 9, 11)
    first = cell.entrance(maps)
    one, two, three = (part(first) for part in cell.parallel)
    joined = torch.cat([first, one, two, three, cell.following(three)], dim=1)
    torch.testing.assert_close(cell(maps), cell.join(joined))
    parts = [cell.entrance, *cell.parallel, cell.following]
    dilations = [part[0].dilation for part in parts]
    assert dilations == [(1, 6), (1, 1), (6, 21), (18, 15), (6, 3)]
    assert all(part[0].groups == 6 for part in parts)


@torch.inference_mode()
def test_the_semantic_head_carries_context_to_detail() -> None:
    torch.manual_seed(0)
    head = SemanticHead(8, 4, 3).eval()
    levels = [random(1, 8, 32 // 2**level, 48 // 2**level) for level in range(4)]
    p4, p8 = head.details[0](levels[0]), head.details[1](levels[1])
    p16, p32 = head.contexts[0](levels[2]), head.contexts[1](levels[3])
    p16 = p16 + resize(p32, 8, 12)
    p8 = p8 + resize(head.corrections[1](p16), 16, 24)
    p4 = p4 + resize(head.corrections[0](p8), 32, 48)
    joined = torch.cat([p4, *(resize(level, 32, 48) for level in (p8, p16, p32))], dim=1)
    assert joined.shape[1] == 4 * 4
    torch.testing.assert_close(head(levels), head.classifier(joined))


def test_the_heads_have_the_sizes_of_the_papers(registry: Registry) -> None:
    with torch.device("meta"):
        # Channels of the paper's EfficientNet-B5 at 1/4, 1/8, 1/16 and 1/32.
        pyramid, head = TwoWayPyramid((40, 64, 176, 2048), 256), SemanticHead(256, 128, 19)
    pointwise = 2 * 256 * (40 + 64 + 176 + 2048) + 8 * 512
    assert n_parameters(pyramid) == pointwise + 4 * (9 * 256 + 256 * 256 + 512)
    cell = 5 * (9 * 256 + 256 * 256 + 512) + 5 * 256 * 128 + 256
    double = 9 * 256 + 256 * 128 + 256 + 9 * 128 + 128 * 128 + 256
    correction = 2 * (9 * 128 + 128 * 128 + 256)
    assert n_parameters(head) == 2 * (cell + double + correction) + 512 * 19 + 19


def test_training_on_one_image_is_refused_where_a_pooled_vector_is_normalised(
    registry: Registry,
) -> None:
    with pytest.raises(UsageError, match="batch of one image"):
        make(registry, "panoptic_deeplab").train()(random(1, 3, 64, 64))
    assert make(registry, "efficientps").train()(random(1, 3, 64, 64)).shape == (1, 3, 64, 64)


@torch.inference_mode()
@pytest.mark.parametrize("name", BOTH)
def test_images_smaller_than_the_stride_work(name: str, registry: Registry) -> None:
    assert make(registry, name).eval()(random(1, 3, 1, 7)).shape == (1, 3, 1, 7)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("resnet-34", "no encoder called resnet-34"),
        ("tu-vit_tiny_patch16_224", "cannot be built on encoder tu-vit_tiny_patch16_224"),
    ],
)
@pytest.mark.parametrize("name", BOTH)
def test_encoders_that_do_not_fit_are_refused(
    name: str, encoder: str, message: str, registry: Registry
) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        make(registry, name, encoder=encoder)
    assert raised.value.parameter == "encoder"
    assert "resnet34" in raised.value.hint


def test_an_encoder_that_takes_one_size_alone_is_made_to_take_any(registry: Registry) -> None:
    with torch.device("meta"):
        network = make(registry, "efficientps", encoder="tu-swin_tiny_patch4_window7_224").eval()
        assert network(torch.zeros(1, 3, 100, 72)).shape == (1, 3, 100, 72)


def test_an_encoder_that_keeps_its_stride_is_not_asked_to_dilate(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some take the request and ignore it; the rates would then reach twice as far."""
    import segmentation_models_pytorch as smp

    plain = smp.encoders.get_encoder

    def deaf(name: str, *, output_stride: int, **options: object) -> nn.Module:
        return plain(name, **options)

    monkeypatch.setattr(smp.encoders, "get_encoder", deaf)
    # A width of its own: what was found out about other networks is remembered.
    network = make(registry, "panoptic_deeplab", encoder="resnet18", decoder_channels=7)
    assert network.network.decoder.pyramid.convs[1][0].dilation == (3, 3)


@pytest.mark.parametrize("name", BOTH)
def test_weights_are_loaded_into_the_encoder_when_the_run_wants_them(
    name: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.builtins.models import pyramid_network

    loaded = []
    monkeypatch.setattr(pyramid_network, "load_encoder", lambda *given: loaded.append(given))
    make(registry, name, weights="imagenet")
    assert loaded == []
    network = make(registry, name, weights="imagenet", pretrained=True)
    assert loaded == [(network.encoder, SMALL, "imagenet")]
    with pytest.raises(TrashError, match="no weights called imagnet"):
        make(registry, name, weights="imagnet")

"""smp's families: presence head, options, encoders that fit and encoders that do not."""

from __future__ import annotations

import pytest
import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from toolkit import ComponentSpec, Context, UsageError
from toolkit.builtins.models.segmenter import Segmenter
from toolkit.plugin.registry import Registry
from toolkit.testing import check_component

NAMES = ("Background", "Paper", "Glass")
SMALL = "tu-mobilenetv3_small_050"
VIT = "tu-vit_tiny_patch16_224"
CLASSES = {
    "unet": smp.Unet,
    "unetpp": smp.UnetPlusPlus,
    "manet": smp.MAnet,
    "linknet": smp.Linknet,
    "fpn": smp.FPN,
    "pspnet": smp.PSPNet,
    "deeplabv3": smp.DeepLabV3,
    "deeplabv3plus": smp.DeepLabV3Plus,
    "pan": smp.PAN,
    "upernet": smp.UPerNet,
    "segformer": smp.Segformer,
    "dpt": smp.DPT,
}


def make(
    registry: Registry, name: str, /, *, size: tuple[int, int] = (64, 64), **parameters: object
) -> Segmenter:
    context = Context(NAMES, image_size=size, pretrained=False)
    return registry.build("model", ComponentSpec(name=name, **parameters), context)


def small(name: str) -> str:
    return VIT if name == "dpt" else SMALL


def plain(name: str) -> str:
    """The encoder that takes least time to be made without data."""
    return VIT if name == "dpt" else "resnet18"


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def n_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", CLASSES)
def test_defaults_are_those_of_smp(name: str, registry: Registry) -> None:
    with torch.device("meta"):
        ours = make(registry, name, encoder=plain(name))
        extra = {"num_classes": 0} if name == "dpt" else {}
        theirs = CLASSES[name](plain(name), encoder_weights=None, classes=3, **extra)
    assert {parameter.device.type for parameter in ours.parameters()} == {"meta"}
    assert n_parameters(ours) == n_parameters(theirs)
    dropouts = [part.p for part in ours.modules() if isinstance(part, nn.Dropout | nn.Dropout2d)]
    assert dropouts == [
        part.p for part in theirs.modules() if isinstance(part, nn.Dropout | nn.Dropout2d)
    ]
    assert list(ours.state_dict()) == [f"network.{key}" for key in theirs.state_dict()]


@pytest.mark.parametrize("name", CLASSES)
def test_the_presence_head_gives_one_logit_per_class_and_image(
    name: str, registry: Registry
) -> None:
    network = make(registry, name, encoder=small(name), presence=True).train()
    outputs = network(images(2, 3, 33, 65))
    shapes = {key: tuple(output.shape) for key, output in outputs.items()}
    assert shapes == {"main": (2, 3, 33, 65), "presence": (2, 3)}
    torch.autograd.backward(outputs["presence"].square().sum())
    head = network.network.classification_head
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())
    # It trains the encoder too.
    assert any(parameter.grad is not None for parameter in network.encoder.parameters())


@torch.inference_mode()
def test_presence_is_a_linear_layer_on_the_mean_of_the_deepest_features(
    registry: Registry,
) -> None:
    network = make(registry, "unet", encoder=SMALL, presence=True).eval()
    x = images(2, 3, 64, 96)
    deepest = network.encoder(x)[-1]
    layer = next(p for p in network.network.classification_head if isinstance(p, nn.Linear))
    means = torch.tensor(
        [[float(channel.double().mean()) for channel in image] for image in deepest]
    )
    expected = means @ layer.weight.T + layer.bias
    torch.testing.assert_close(network(x)["presence"], expected, rtol=1e-4, atol=1e-5)


def test_a_network_with_a_presence_head_keeps_the_contract(registry: Registry) -> None:
    check_component("model", "pan", registry, encoder=SMALL, presence=True)


def decoder(network: Segmenter) -> nn.Module:
    return network.network.get_submodule("decoder")


def last_width(network: Segmenter) -> int:
    head = network.network.get_submodule("segmentation_head")
    return next(part for part in head.modules() if isinstance(part, nn.Conv2d)).in_channels


def dilations(network: Segmenter) -> set[int]:
    convolutions = [part for part in decoder(network).modules() if isinstance(part, nn.Conv2d)]
    return {part.dilation[0] for part in convolutions} - {1}


@pytest.mark.parametrize(
    ("name", "parameters", "width"),
    [
        ("unet", {"decoder_channels": [64, 32, 32, 16, 12]}, 12),
        ("unetpp", {"decoder_channels": [64, 32, 32, 16, 12]}, 12),
        ("manet", {"decoder_channels": [64, 32, 32, 16, 12]}, 12),
        ("fpn", {"decoder_channels": 64}, 64),
        ("fpn", {"merge": "cat"}, 512),
        ("pspnet", {"out_channels": 96}, 96),
        ("deeplabv3", {"decoder_channels": 48}, 48),
        ("deeplabv3plus", {"decoder_channels": 48}, 48),
        ("pan", {"decoder_channels": 24}, 24),
        ("upernet", {"decoder_channels": 40}, 40),
        ("segformer", {"decoder_channels": 40}, 40),
        ("dpt", {"decoder_channels": 40}, 40),
    ],
)
def test_widths_reach_the_decoder(
    name: str, parameters: dict[str, object], width: int, registry: Registry
) -> None:
    with torch.device("meta"):
        network = make(registry, name, encoder=plain(name), **parameters)
    assert last_width(network) == width


@pytest.mark.parametrize("name", ["unet", "unetpp"])
def test_attention_is_added_on_demand(name: str, registry: Registry) -> None:
    with torch.device("meta"):
        plain, scse = (
            make(registry, name, encoder="resnet18", attention=attention)
            for attention in ("none", "scse")
        )
    assert n_parameters(scse) > n_parameters(plain)


def test_other_options_reach_the_decoder(registry: Registry) -> None:
    with torch.device("meta"):
        fpn = make(registry, "fpn", encoder="resnet18", pyramid_channels=32, dropout=0.0)
        manet = make(registry, "manet", encoder="resnet18", attention_channels=8)
        pspnet = make(registry, "pspnet", encoder="resnet18", dropout=0.5)
        dpt = make(registry, "dpt", readout="ignore", level_channels=[16, 24, 32, 48])
    assert {part.out_channels for part in decoder(fpn).p5.modules()} == {32}
    assert decoder(fpn).dropout.p == 0.0
    assert decoder(manet).center.top_conv.out_channels == 8
    assert decoder(pspnet).dropout.p == 0.5
    blocks = decoder(dpt).reassemble_blocks
    assert [block.project_to_out_channel.out_channels for block in blocks] == [16, 24, 32, 48]
    assert not list(decoder(dpt).projection_blocks.parameters())


@pytest.mark.parametrize("name", ["deeplabv3", "deeplabv3plus"])
def test_rates_and_stride_reach_deeplab(name: str, registry: Registry) -> None:
    with torch.device("meta"):
        networks = {
            stride: make(
                registry, name, encoder="resnet18", output_stride=stride, atrous_rates=[3, 6, 9]
            )
            for stride in (8, 16)
        }
    for stride, network in networks.items():
        assert dilations(network) == {3, 6, 9}
        deepest = network.encoder(torch.zeros(1, 3, 64, 64, device="meta"))[-1]
        assert deepest.shape[-1] == 64 // stride
    with torch.device("meta"):
        pan = make(registry, "pan", encoder="resnet18", output_stride=32)
    assert pan.encoder(torch.zeros(1, 3, 64, 64, device="meta"))[-1].shape[-1] == 2


def test_the_number_of_widths_must_fit(registry: Registry) -> None:
    with pytest.raises(UsageError, match="decoder_channels"):
        make(registry, "unet", encoder=SMALL, decoder_channels=[64, 32, 16, 8])


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_options_that_cannot_be_built_are_blamed_rather_than_the_encoder(
    registry: Registry,
) -> None:
    with pytest.raises(UsageError, match=r"with decoder_channels \(8, ") as raised:
        make(
            registry, "unet", encoder="resnet18", decoder_channels=[8, 8, 8, 8, 8], attention="scse"
        )
    assert raised.value.parameter == ""


@pytest.mark.parametrize("encoder", ["efficientnet-b0", "mit_b0"])
def test_encoders_of_smp_itself_keep_the_contract(encoder: str, registry: Registry) -> None:
    """EfficientNets hold layers that are never used and would stop distributed training."""
    check_component("model", "segformer", registry, encoder=encoder)


@torch.inference_mode()
@pytest.mark.parametrize("name", ["unet", "dpt"])
def test_transformers_with_windows_take_any_size(name: str, registry: Registry) -> None:
    network = make(registry, name, encoder="tu-swin_tiny_patch4_window7_224").eval()
    assert network(images(1, 3, 33, 65)).shape == (1, 3, 33, 65)


@torch.inference_mode()
def test_encoders_that_need_more_than_their_stride_get_it(registry: Registry) -> None:
    """Unpadded convolutions need 96 pixels, an attention window of 8 cells 256."""
    network = make(registry, "unet", encoder="tu-inception_v3").eval()
    assert network(images(1, 3, 33, 65)).shape == (1, 3, 33, 65)
    with torch.device("meta"):
        halo = make(registry, "unet", encoder="tu-halonet26t").eval()
        assert halo(torch.zeros(1, 3, 33, 300)).shape == (1, 3, 33, 300)


def test_parts_of_the_encoder_that_are_never_used_are_not_trained(registry: Registry) -> None:
    encoder = make(registry, "pspnet", encoder="resnet18").encoder
    trained = {name.split(".")[0] for name, p in encoder.named_parameters() if p.requires_grad}
    # PSPNet reads the features of 1/8.
    assert trained == {"conv1", "bn1", "layer1", "layer2"}


@torch.inference_mode()
def test_an_encoder_of_one_size_pads_to_it_and_refuses_more(registry: Registry) -> None:
    encoder = "tu-efficientformerv2_s0"
    network = make(registry, "unet", encoder=encoder).eval()
    assert network(images(1, 3, 33, 65)).shape == (1, 3, 33, 65)
    with pytest.raises(UsageError, match="up to 224 × 224 pixels, not 65 × 225"):
        network(images(1, 3, 65, 225))
    with pytest.raises(UsageError, match="up to 224 × 224 pixels, not 512 × 200") as raised:
        make(registry, "unet", encoder=encoder, size=(512, 200))
    assert "data.image_size = [224, 200]" in raised.value.hint
    assert raised.value.parameter == "encoder"


@pytest.mark.parametrize(
    ("encoder", "near"),
    [
        ("resnet-34", "resnet34"),
        ("tu-tf_efficientnet_lite", "tu-tf_efficientnet_lite"),
        ("timm-mobilenetv3_small_100", "tu-mobilenetv3_small_100"),
    ],
)
def test_an_unknown_encoder_names_the_nearest(encoder: str, near: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match=f"no encoder called {encoder}") as raised:
        make(registry, "unet", encoder=encoder)
    assert raised.value.hint.startswith(f"Did you mean {near}")
    assert raised.value.parameter == "encoder"


def test_an_unknown_variant_of_timm_names_the_nearest(registry: Registry) -> None:
    with pytest.raises(UsageError, match="no weights called augreg_in21 for vit_tiny") as raised:
        make(registry, "dpt", encoder=f"{VIT}.augreg_in21")
    assert raised.value.hint == "Did you mean augreg_in21k?"
    assert raised.value.parameter == "encoder"


@pytest.mark.parametrize(
    ("name", "encoder", "reason", "suggestion"),
    [
        ("unet", VIT, "do not halve step by step", 'goes with "dpt"'),
        ("unetpp", "mit_b0", "not support", "resnet34"),
        ("deeplabv3", "vgg11", "cannot be replaced by dilation", "tu-tf_efficientnet_lite0"),
        ("deeplabv3plus", "densenet121", "cannot be replaced by dilation", "resnet34"),
        ("pan", "tu-swin_tiny_patch4_window7_224", "cannot be replaced by dilation", "resnet34"),
        ("dpt", "resnet18", "Only Timm encoders", VIT),
        ("dpt", "tu-resnet18", r"strides \[2, 4, 8, 32\]", VIT),
        ("dpt", "tu-vit_small_patch14_dinov2", "patches are of 14 pixels", VIT),
    ],
)
def test_an_encoder_that_a_family_cannot_use_is_refused(
    name: str, encoder: str, reason: str, suggestion: str, registry: Registry
) -> None:
    with pytest.raises(UsageError, match=f"cannot be built on encoder {encoder}: .*{reason}") as r:
        make(registry, name, encoder=encoder)
    assert suggestion in r.value.hint
    assert r.value.parameter == "encoder"


@pytest.mark.parametrize("encoder", ["resnet18", "mit_b0"])
def test_looking_into_an_encoder_draws_no_random_numbers(encoder: str, registry: Registry) -> None:
    """The first network of a process, which is tried out, equals the second, which is not."""
    from toolkit.builtins.models import smp_networks

    smp_networks._plan.cache_clear()
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(make(registry, "segformer", encoder=encoder).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])

"""Parameters in groups: the encoder with its own learning rate, norms and biases without decay."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torch.optim import Optimizer

from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.registry import Registry


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that are trained alike.

    Attributes:
        parameters: trainable ones, in the model's order.
        lr_factor: of the optimiser's learning rate.
        decays: False when weight decay leaves them alone.
    """

    parameters: tuple[nn.Parameter, ...]
    lr_factor: float
    decays: bool


def parameter_groups(
    model: nn.Module, *, encoder_lr_factor: float, decay_norms: bool, model_name: str = ""
) -> list[ParameterGroup]:
    """Divide a model's trainable parameters: the decoder's first, decayed ones before the others.

    Parameters of at most one dimension are norms and biases (Goyal et al., arXiv:1706.02677, leave
    the norms without decay; He et al., arXiv:1812.01187, the biases too). Empty groups are left
    out; 1 and True give a single group in the model's order.

    Args:
        model: the network; `encoder`, a module, is the part with its own learning rate.
        encoder_lr_factor: learning rate of the encoder / that of the rest. At 0 its parameters stay
            as they are; the running statistics of its batch norms still follow the images.
        decay_norms: False keeps weight decay from norms and biases.
        model_name: for messages; default: that of its class.

    Raises:
        UsageError: the encoder is to have its own learning rate but the model shows none.
    """
    encoder = set()
    if encoder_lr_factor != 1:
        encoder = {id(parameter) for parameter in _encoder(model, model_name).parameters()}
    members: dict[tuple[float, bool], list[nn.Parameter]] = {
        (factor, decays): [] for factor in (1.0, encoder_lr_factor) for decays in (True, False)
    }
    for parameter in model.parameters():
        if parameter.requires_grad:
            factor = encoder_lr_factor if id(parameter) in encoder else 1.0
            members[factor, decay_norms or parameter.ndim > 1].append(parameter)
    return [
        ParameterGroup(tuple(found), factor, decays)
        for (factor, decays), found in members.items()
        if found
    ]


def _encoder(model: nn.Module, name: str) -> nn.Module:
    encoder = getattr(model, "encoder", None)
    if isinstance(encoder, nn.Module):
        return encoder
    raise UsageError(
        f"model {name or type(model).__name__} has no encoder of its own",
        "Remove optimizer.encoder_lr_factor, or choose a model that is built around an encoder, "
        'such as "unet".',
        parameter="encoder_lr_factor",
    )


def make_optimizer(
    spec: ComponentSpec,
    registry: Registry,
    context: Context,
    model: nn.Module,
    *,
    model_name: str = "",
) -> Optimizer:
    """Return the optimiser that a recipe names, over the model's parameter groups.

    Args:
        spec: `optimizer` of the recipe.
        registry: where it is found.
        context: what the run knows.
        model: the network, on its device.
        model_name: for messages; default: that of its class.

    Raises:
        UsageError: wrong name or parameters, a model without an encoder, or an optimiser without a
            weight decay that norms could be left out of.
        TrashError: the optimiser cannot be made.
    """
    values = {name: default for name, (_, default) in KINDS["optimizer"].common.items()}
    values |= {name: value for name, value in spec.parameters.items() if name in values}
    groups = parameter_groups(model, model_name=model_name, **values)
    optimizer: Optimizer
    if all(group.lr_factor == 1 and group.decays for group in groups):
        # Ungrouped: a plugin may sort the parameters itself.
        parameters = [parameter for group in groups for parameter in group.parameters]
        optimizer = registry.build("optimizer", spec, context, parameters)
        return optimizer
    tables = [{"params": list(group.parameters)} for group in groups]
    optimizer = registry.build("optimizer", spec, context, tables)
    if len(optimizer.param_groups) != len(groups):
        raise UsageError(
            f"optimizer {spec.name} makes parameter groups of its own",
            "Remove optimizer.encoder_lr_factor and optimizer.decay_norms.",
        )
    for table, group in zip(optimizer.param_groups, groups, strict=True):
        # After the making: only then is the learning rate known, also of an optimiser that has its
        # own default. Nothing has been stepped, so no state depends on it yet.
        if group.lr_factor != 1:
            table["lr"] = table["lr"] * group.lr_factor
        if not group.decays:
            _stop_decay(table, spec.name)
    return optimizer


def _stop_decay(table: dict[str, object], name: str) -> None:
    if "weight_decay" not in table:
        raise UsageError(
            f"optimizer {name} has no weight decay: norms cannot be left out of it",
            "Remove optimizer.decay_norms.",
            parameter="decay_norms",
        )
    table["weight_decay"] = 0.0

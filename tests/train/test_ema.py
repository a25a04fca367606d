from __future__ import annotations

import torch
from torch import nn

from toolkit.train.ema import Ema


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def test_agrees_with_the_formula_step_by_step() -> None:
    model = _model()
    ema = Ema(model, decay=0.6)
    expected = {name: value.clone().double() for name, value in model.named_parameters()}
    for step in range(1, 9):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        ema.update(model)
        decay = min(0.6, (1 + step) / (10 + step))
        for name, value in model.named_parameters():
            expected[name] = decay * expected[name] + (1 - decay) * value.double()
    for name, value in ema.model.named_parameters():
        torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-6)


def test_buffers_are_copied() -> None:
    model = _model()
    ema = Ema(model, decay=0.9)
    model(torch.randn(2, 3, 4, 4))
    ema.update(model)
    for ours, theirs in zip(ema.model.buffers(), model.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert int(ema.model[1].num_batches_tracked) == 1


def test_continues_from_its_state() -> None:
    model = _model()
    ema, other = Ema(model, 0.9), Ema(model, 0.9)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    ema.update(model)
    other.load_state_dict(ema.state_dict())
    ema.update(model)
    other.update(model)
    for ours, theirs in zip(ema.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from toolkit.ensemble.weight_averaging import average_states, estimate_batch_norm
from toolkit.errors import UsageError
from toolkit.train.device import make_compute

COMPUTE = make_compute(
    torch.device("cpu"), precision="fp32", channels_last=False, mean=(0.5,) * 3, std=(0.25,) * 3
)


def _net(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 2, 1))


def test_the_mean_is_that_of_every_number() -> None:
    states = [_net(seed).state_dict() for seed in range(3)]
    found = average_states(states, [1.0, 2.0, 5.0])
    for name, tensor in found.items():
        assert tensor.dtype == states[0][name].dtype
        if tensor.is_floating_point():
            stacked = np.stack([state[name].numpy() for state in states])
            expected = np.average(stacked, axis=0, weights=[1, 2, 5])
            np.testing.assert_allclose(tensor.numpy(), expected, atol=1e-6)
        else:
            assert torch.equal(tensor, states[0][name])


def test_half_precision_is_summed_in_full() -> None:
    states = [{"w": torch.full((1,), 2048.0, dtype=torch.float16)} for _ in range(40)]
    assert average_states(states, [1.0] * 40)["w"].item() == 2048


@pytest.mark.parametrize("change", ["shape", "missing", "besides"])
def test_other_networks_are_refused(change: str) -> None:
    first, second = _net(0).state_dict(), _net(1).state_dict()
    if change == "shape":
        second["0.weight"] = torch.zeros(4, 3, 5, 5)
    elif change == "missing":
        del second["0.weight"]
    else:
        del first["0.weight"]
    with pytest.raises(UsageError, match=r"checkpoint 2 has other weights .*: 0\.weight"):
        average_states([first, second], [1, 1])


def test_statistics_are_those_of_the_images_that_it_sees() -> None:
    model = _net(0)
    model[1].running_mean.fill_(99.0)
    rng = np.random.default_rng(0)
    batches = [
        torch.from_numpy(rng.integers(0, 255, (4, 3, 9, 9)).astype(np.uint8)) for _ in range(5)
    ]
    assert estimate_batch_norm(model, batches, COMPUTE) == 1
    with torch.no_grad():
        features = [model[0](COMPUTE.images(images)) for images in batches]
    means = torch.stack([each.mean((0, 2, 3)) for each in features])
    variances = torch.stack([each.transpose(0, 1).flatten(1).var(1) for each in features])
    torch.testing.assert_close(model[1].running_mean, means.mean(0))
    torch.testing.assert_close(model[1].running_var, variances.mean(0))
    assert model[1].momentum == 0.1
    assert not any(module.training for module in model.modules())


def test_without_batch_norms_no_image_is_read() -> None:
    def images() -> torch.Tensor:
        raise AssertionError("read")
        yield

    assert estimate_batch_norm(nn.Conv2d(3, 2, 1), images(), COMPUTE) == 0

from __future__ import annotations

import pytest
import torch

from toolkit import TrashError, UsageError
from toolkit.train.device import choose_device, explained_out_of_memory, make_compute

NORMALISATION = {"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2)}


def test_auto_takes_the_best_device_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto", local_rank=1) == torch.device("cuda", 1)


def test_an_unknown_device_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="there is no device 'gpu'") as caught:
        choose_device("gpu")
    assert "cuda" in caught.value.hint


def test_an_absent_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no cuda device") as caught:
        choose_device("cuda")
    assert '"auto"' in caught.value.hint


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="no GPU of its own"):
        choose_device("cuda", local_rank=1)


def test_fp16_without_a_gpu_is_refused() -> None:
    with pytest.raises(UsageError, match="fp16") as caught:
        make_compute(torch.device("cpu"), precision="fp16", channels_last=True, **NORMALISATION)
    assert "bf16" in caught.value.hint


@pytest.mark.parametrize("channels_last", [True, False])
def test_images_and_network_get_the_layout(channels_last: bool) -> None:
    compute = make_compute(
        torch.device("cpu"), precision="fp32", channels_last=channels_last, **NORMALISATION
    )
    model = compute.place(torch.nn.Conv2d(3, 4, 3))
    images = compute.images(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    assert model.weight.is_contiguous(memory_format=layout)
    assert images.is_contiguous(memory_format=layout)


def test_bf16_changes_the_type_of_the_forward_pass() -> None:
    compute = make_compute(
        torch.device("cpu"), precision="bf16", channels_last=False, **NORMALISATION
    )
    model = compute.place(torch.nn.Conv2d(3, 4, 3))
    with compute.autocast():
        assert model(torch.zeros(1, 3, 8, 8)).dtype == torch.bfloat16


def test_a_full_gpu_becomes_a_message_with_the_way_out() -> None:
    with (
        pytest.raises(TrashError, match="memory of the GPU is full") as caught,
        explained_out_of_memory("Set a smaller train.device_batch_size."),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
    assert "device_batch_size" in caught.value.hint

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
import torch

from toolkit import TrashError, UsageError
from toolkit.progress import SilentProgress
from toolkit.train import device as device_module
from toolkit.train.device import (
    bf16_slowdown,
    choose_device,
    explain_out_of_memory,
    make_compute,
    say_device,
)

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


class _Log(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


CPU = torch.device("cpu")


def test_device_precision_and_threads_are_told_once_per_command() -> None:
    log, next_command = _Log(), _Log()
    for _ in range(2):  # two stages
        say_device(CPU, "fp32", 1, log)
    say_device(CPU, "fp32", 2, next_command)
    assert log.lines == ["device: cpu, fp32, 1 thread"]
    assert next_command.lines == ["device: cpu, fp32, 1 thread (each of 2 processes)"]


@pytest.mark.parametrize(("factor", "warns"), [(0.7, False), (1.2, False), (6.6, True)])
def test_a_processor_that_is_slow_at_bf16_is_told(
    monkeypatch: pytest.MonkeyPatch, factor: float, warns: bool
) -> None:
    monkeypatch.setattr(device_module, "bf16_slowdown", lambda: factor)
    log = _Log()
    for precision in ("fp32", "bf16", "bf16"):
        say_device(CPU, precision, 1, log)
    warnings = [line for line in log.lines if line.startswith("warning")]
    assert len(warnings) == warns
    if warns:
        assert "takes 7 times as long as in fp32" in warnings[0]
        assert "--set train.precision=fp32" in warnings[0]


def test_bf16_is_measured_only_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> float:
        raise AssertionError("measured")

    monkeypatch.setattr(device_module, "bf16_slowdown", fail)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    log = _Log()
    say_device(CPU, "fp32", 1, log)
    say_device(torch.device("cuda", 0), "bf16", 1, log)
    assert log.lines[1] == "device: cuda:0 (a GPU), bf16"


def test_measuring_bf16_changes_neither_seeds_nor_threads() -> None:
    torch.set_num_threads(2)
    try:
        before = torch.get_rng_state()
        bf16_slowdown.cache_clear()
        assert bf16_slowdown() > 0
        assert torch.equal(torch.get_rng_state(), before)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="imitates an x86 processor")
def test_a_processor_with_avx2_alone_is_slow_at_bf16() -> None:
    code = "from toolkit.train.device import bf16_slowdown; print(bf16_slowdown())"
    avx2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **avx2}, capture_output=True, check=True
    )
    assert float(done.stdout) > 1.5


def test_a_full_gpu_becomes_a_message_with_the_way_out() -> None:
    with (
        pytest.raises(TrashError, match="memory of the GPU is full") as caught,
        explain_out_of_memory("Set a smaller train.device_batch_size."),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
    assert "device_batch_size" in caught.value.hint

"""The device and number type that a network runs in."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit.errors import TrainingFailed, UsageError
from toolkit.memory import explain_memory_shortage
from toolkit.progress import Progress, say_once
from toolkit.train.normalise import Normalise
from toolkit.wording import counted

_DEVICES = ("auto", "cpu", "cuda", "mps")
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
_SLOW_BF16 = 1.5
"""Above this factor it is said: a network's other operations and the noise stay well below."""


def choose_device(wanted: str, local_rank: int = 0) -> torch.device:
    """Return the device for `wanted`: "auto", "cpu", "cuda" or "mps".

    Args:
        wanted: "auto" takes cuda, then mps, then cpu.
        local_rank: number of this process on its machine; each process takes its own GPU.

    Raises:
        UsageError: there is no such device, or this machine or this installation of torch does not
            have it.
    """
    if wanted not in _DEVICES:
        raise UsageError(f"there is no device {wanted!r}", "Valid: " + ", ".join(_DEVICES) + ".")
    has_cuda = torch.cuda.is_available()
    has_mps = torch.backends.mps.is_available()
    if wanted == "auto":
        wanted = "cuda" if has_cuda else "mps" if has_mps else "cpu"
    if (wanted == "cuda" and not has_cuda) or (wanted == "mps" and not has_mps):
        raise UsageError(
            f"train.device = {wanted!r}, but torch {torch.__version__} finds no {wanted} device "
            "here",
            'Use train.device = "auto" or "cpu".',
        )
    if wanted != "cuda":
        return torch.device(wanted)
    if local_rank >= torch.cuda.device_count():
        raise UsageError(
            f"process {local_rank + 1} on this machine finds no GPU of its own",
            f"Start at most {counted(torch.cuda.device_count(), 'process', 'processes')} here.",
        )
    return torch.device("cuda", local_rank)


@dataclass(frozen=True)
class Compute:
    """How images go through a network: device, precision, memory layout, normalisation.

    Attributes:
        device: where the network is.
        precision: "fp32", or the autocast type "bf16" or "fp16".
        channels_last: memory layout of network and images.
        normalise: turns uint8 images into the network's input.
    """

    device: torch.device
    precision: str
    channels_last: bool
    normalise: Normalise

    def place(self, model: nn.Module) -> nn.Module:
        """Return the network on the device, in the memory layout."""
        return model.to(self.device, memory_format=self._layout())  # type: ignore[call-overload, no-any-return]

    def images(self, images: Tensor) -> Tensor:
        """Return the network's input, float32 (B, 3, H, W), from uint8 (B, 3, H, W) of a loader."""
        moved = images.to(self.device, non_blocking=True, memory_format=self._layout())
        return self.normalise(moved)

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the forward pass runs."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=_AUTOCAST[self.precision])

    def _layout(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


def make_compute(
    device: torch.device,
    *,
    precision: str,
    channels_last: bool,
    mean: Sequence[float],
    std: Sequence[float],
) -> Compute:
    """Return the way images go through a network.

    Args:
        device: where.
        precision: "fp32", "bf16" or "fp16".
        channels_last: memory layout.
        mean: per RGB channel, on images in 0…1.
        std: per RGB channel, on images in 0…1.

    Raises:
        UsageError: fp16 on a device that is no GPU: gradients would vanish or be slower than fp32.
    """
    if precision == "fp16" and device.type != "cuda":
        raise UsageError(
            f'train.precision = "fp16" needs a cuda device, not {device.type}',
            'Use train.precision = "bf16" or "fp32".',
        )
    return Compute(device, precision, channels_last, Normalise(mean, std, device))


def say_device(device: torch.device, precision: str, world_size: int, progress: Progress) -> None:
    """Tell where a training runs; warn of bf16 on a CPU that is slow at it. Once per command."""
    where = str(device)
    if device.type == "cuda":
        where += f" ({torch.cuda.get_device_name(device)})"
    figures = [where, precision]
    if device.type == "cpu":
        threads = torch.get_num_threads()
        figures.append(f"{threads} thread{'s' if threads > 1 else ''}")
    each = f" (each of {world_size} processes)" if world_size > 1 else ""
    say_once(progress, f"device: {', '.join(figures)}{each}")
    if device.type == "cpu" and precision == "bf16" and bf16_slowdown() > _SLOW_BF16:
        say_once(
            progress,
            f"warning: a convolution in bf16 takes {bf16_slowdown():.0f} times as long as in fp32 "
            "on this processor; quicker: --set train.precision=fp32",
        )


@cache
def bf16_slowdown() -> float:
    """Return how many times as long a convolution takes in bf16 as in fp32 on this CPU.

    Forward and backward pass of a small one in one thread, the types in turn, the shortest time of
    each. Only the thread's own processor time counts, so a busy machine gives the same. It takes
    about .05 s where bf16 is quick, .1 s where it is not, once per process.
    """
    images = torch.ones(2, 32, 32, 32).contiguous(memory_format=torch.channels_last)
    weight = torch.ones(32, 32, 3, 3, requires_grad=True)  # random ones would change the seeds
    shortest = {False: float("inf"), True: float("inf")}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        begin = time.thread_time()
        for number in range(_TRIES):
            # Never the first try alone: it prepares what the next ones find ready.
            if number > 1 and time.thread_time() - begin > _LONG_TRIAL:
                break
            for in_bf16 in shortest:
                started = time.thread_time()
                with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
                    output = functional.conv2d(images, weight, padding=1)
                torch.autograd.grad(output.float().sum(), weight)
                shortest[in_bf16] = min(shortest[in_bf16], time.thread_time() - started)
    finally:
        torch.set_num_threads(threads)
    return shortest[True] / max(shortest[False], 1e-9)


_TRIES = 6
_LONG_TRIAL = 0.05
"""Seconds after which no further try begins."""


def peak_memory(device: torch.device) -> int:
    """Return the largest memory that this process has had so far, bytes.

    That of the GPU where there is one: what torch's tensors took. Else that of the process alone,
    without its loaders.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # macOS counts bytes, Linux KiB


@contextmanager
def explain_out_of_memory(hint: str) -> Iterator[None]:
    """Turn a full memory, of the GPU or the machine, inside the context into `TrainingFailed`."""
    try:
        with explain_memory_shortage(hint):
            yield
    except torch.OutOfMemoryError as error:
        reason = str(error).partition(". ")[0]
        raise TrainingFailed(f"the memory of the GPU is full: {reason}", hint) from error

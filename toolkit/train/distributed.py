"""The processes of one training and their communication.

Processes are started by torchrun; without it there is one, and nothing here costs anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from toolkit.errors import TrashError

# The others wait while the main process decodes the images of a large contest.
_PATIENCE = timedelta(hours=2)


class LostProcess(TrashError):
    """Another process of the training has ended and reports the reason."""


@dataclass(frozen=True)
class World:
    """This process among all processes of the training.

    Attributes:
        rank: number of this process, 0 … size - 1.
        size: number of processes.
        local_rank: number of this process on its machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """True for the one process that writes files and shows progress."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """Return the sum of `tensor` over all processes, on the device it came from."""
        if self.size == 1:
            return tensor
        carried = tensor.to("cuda" if dist.get_backend() == "nccl" else "cpu", copy=True)
        dist.all_reduce(carried)
        return carried.to(tensor.device)

    def share_buffers(self, model: nn.Module) -> None:
        """Give every process the main process's buffers (running statistics)."""
        if self.size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, src=0)

    def barrier(self) -> None:
        """Wait until every process has come here."""
        if self.size > 1:
            dist.barrier()

    def wrap(self, model: nn.Module, device: torch.device, *, some_unused: bool) -> nn.Module:
        """Return the network with its gradients averaged over the processes.

        Args:
            model: the network on `device`.
            device: the device of this process.
            some_unused: the loss does not depend on all parameters (auxiliary outputs).
        """
        if self.size == 1:
            return model
        devices = [device] if device.type == "cuda" else None
        return DistributedDataParallel(model, devices, find_unused_parameters=some_unused)


def find_world() -> World:
    """Return this process's place from the variables that torchrun sets."""
    return World(
        rank=int(os.environ.get("RANK", "0")),
        size=int(os.environ.get("WORLD_SIZE", "1")),
        local_rank=int(os.environ.get("LOCAL_RANK", "0")),
    )


@contextmanager
def join_processes(world: World, device: torch.device) -> Iterator[World]:
    """Connect the processes while the context is open: nccl between GPUs, gloo otherwise.

    Raises:
        LostProcess: another process ended before its time.
    """
    if world.size == 1:
        yield world
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield world
    except RuntimeError as error:
        # Only torch's own errors have a class; gloo's are told by their text.
        if not isinstance(error, dist.DistError) and "gloo" not in str(error).lower():
            raise
        raise LostProcess("the connection to another process of this training broke") from error
    finally:
        dist.destroy_process_group()

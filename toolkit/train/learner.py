"""The network with everything that changes during training, and one optimiser step."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from toolkit.data.loader import Batch
from toolkit.errors import TrashError
from toolkit.plugin.interfaces import ListensToValidation, SwitchesWeights
from toolkit.train.criterion import Criterion
from toolkit.train.device import Compute
from toolkit.train.distributed import World
from toolkit.train.ema import Ema


@dataclass(frozen=True)
class StepResult:
    """One optimiser step.

    Attributes:
        loss: over the whole batch of all processes, before the step.
        gradient_norm: before clipping; None without clipping.
    """

    loss: float
    gradient_norm: float | None


class NonFiniteLoss(Exception):
    """The loss of a step is NaN or infinite; `suspects` are indices of its samples."""

    def __init__(self, loss: float, suspects: list[int]) -> None:
        super().__init__(f"loss {loss}")
        self.loss = loss
        self.suspects = suspects


class Learner:
    """A network, its optimiser, schedule, gradient scaler and moving average.

    Args:
        model: the network, on its device.
        forward: the same network as it is called in training (compiled, distributed).
        criterion: the losses of its outputs.
        optimizer: over the parameters of `model`.
        scheduler: of `optimizer`, stepped after every optimiser step.
        compute: how images go through the network.
        world: the processes that train together.
        ignore_index: label of pixels that count for nothing.
        clip_norm: largest norm of the gradient; 0 = no clipping.
        ema: decay of the moving average of the weights; 0 = none.
    """

    def __init__(
        self,
        model: nn.Module,
        forward: nn.Module,
        criterion: Criterion,
        optimizer: torch.optim.Optimizer,
        scheduler: Any,
        *,
        compute: Compute,
        world: World,
        ignore_index: int,
        clip_norm: float,
        ema: float,
    ) -> None:
        self._model = model
        self._forward = forward
        self.criterion = criterion
        self._optimizer = optimizer
        self._scheduler = scheduler
        self.compute = compute
        self._world = world
        self._ignore_index = ignore_index
        self._clip_norm = clip_norm
        self._ema = Ema(model, ema) if ema else None
        # Gradients of fp16 underflow without scaling; bf16 has the range of fp32.
        self._scaler = torch.amp.GradScaler(
            compute.device.type, enabled=compute.precision == "fp16"
        )

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step (of the first parameter group)."""
        return float(self._optimizer.param_groups[0]["lr"])

    @property
    def result(self) -> nn.Module:
        """The network that is validated and saved: the moving average when there is one."""
        return self._ema.model if self._ema else self._model

    def begin_epoch(self) -> None:
        """Switch the network to training."""
        self._forward.train()
        if isinstance(self._optimizer, SwitchesWeights):
            self._optimizer.train()

    def end_epoch(self) -> None:
        """Put the weights that are validated and saved in place."""
        if isinstance(self._optimizer, SwitchesWeights):
            self._optimizer.eval()

    def validated(self, loss: float, merit: float) -> None:
        """Tell the schedule what a validation found, if it wants to know.

        Args:
            loss: mean over the counted pixels.
            merit: score by the recipe's metric, negative where smaller is better.
        """
        if isinstance(self._scheduler, ListensToValidation):
            self._scheduler.validated(loss, merit)

    def step(self, batches: Sequence[Batch]) -> StepResult:
        """Take one optimiser step on the gradient of the whole batch.

        Args:
            batches: this process's share, in pieces that the device can hold at once.

        Raises:
            NonFiniteLoss: the weights were not changed.
        """
        shares = self._shares(batches)
        self._optimizer.zero_grad(set_to_none=True)
        losses = []
        for batch, share in zip(batches, shares, strict=True):
            with self._gradients_shared(batch is batches[-1]):
                loss = self._loss_of(batch, share)
                # Processes average their gradients; the shares already make the sum the mean.
                torch.autograd.backward(self._scaler.scale(loss * self._world.size))
            losses.append(loss.detach())
        total = self._world.sum(torch.stack(losses).sum()).item()
        if not isfinite(total):
            raise NonFiniteLoss(total, _suspects(batches, losses))
        norm = self._clip() if self._clip_norm else None
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._scheduler.step()
        if self._ema:
            self._ema.update(self._model)
        return StepResult(total, norm)

    def _shares(self, batches: Sequence[Batch]) -> Tensor:
        """Return each piece's share of the counted pixels in the whole batch of all processes.

        With these weights the mean over a batch is the same however the batch is divided.

        Returns:
            (pieces, 2): of the masks and of the second masks.
        """
        counts = [
            (masks != self._ignore_index).sum()
            for batch in batches
            for masks in (
                batch.masks,
                batch.masks if batch.second_masks is None else batch.second_masks,
            )
        ]
        mine = torch.stack(counts).view(-1, 2).to(self.compute.device, torch.float32)
        return mine / self._world.sum(mine.sum(dim=0)).clamp(min=1)

    def _loss_of(self, batch: Batch, shares: Tensor) -> Tensor:
        """Return a piece's part in the loss of the batch; `shares` are its row of `_shares`."""
        images = self.compute.images(batch.images)
        target = batch.masks.to(self.compute.device, non_blocking=True).long()
        with self.compute.autocast():
            output = self._forward(images)
        loss = shares[0] * self.criterion(output, target)
        if batch.second_masks is not None:
            second = batch.second_masks.to(self.compute.device, non_blocking=True).long()
            rest = shares[1] * self.criterion(output, second)
            loss = batch.share * loss + (1 - batch.share) * rest
        if not loss.requires_grad:
            raise TrashError(
                "no gradient reaches the network: the loss does not depend on the logits",
                "An argmax or a detach() cuts the gradient; check it: trash plugin check NAME",
            )
        return loss

    def _gradients_shared(self, last: bool) -> AbstractContextManager[None]:
        """Return the context in which processes exchange gradients only if `last`."""
        if last or not isinstance(self._forward, DistributedDataParallel):
            return nullcontext()
        return self._forward.no_sync()

    def _clip(self) -> float:
        self._scaler.unscale_(self._optimizer)
        return nn.utils.clip_grad_norm_(self._model.parameters(), self._clip_norm).item()

    def is_finite(self) -> bool:
        """Return whether every weight to be saved is a finite number."""
        # Not the buffers: some networks keep masks of -inf there.
        return all(bool(weight.isfinite().all()) for weight in self.result.parameters())

    def state_dict(self) -> dict[str, Any]:
        """Return everything that an exact continuation needs."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises:
            ValueError: a part of it has other entries.
        """
        for name, part in self._parts().items():
            # What these hold becomes attributes unseen, and fails in the middle of an epoch.
            if name in ("scheduler", "scaler"):
                _require_alike(state[name], part.state_dict(), name)
            elif name == "optimizer":
                own = part.state_dict()["param_groups"]
                _require_alike(state[name]["param_groups"], own, "param_groups")
            elif name == "ema":
                _require_alike(state[name]["steps"], part.state_dict()["steps"], "ema.steps")
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "model": self._model,
            "optimizer": self._optimizer,
            "scheduler": self._scheduler,
            "scaler": self._scaler,
        }
        return parts | ({"ema": self._ema} if self._ema else {})


def _require_alike(saved: Any, own: Any, where: str) -> None:
    """Refuse saved values of other types than the present ones; numbers may differ in type."""
    if isinstance(own, dict):
        if not isinstance(saved, dict) or saved.keys() != own.keys():
            raise ValueError(f"{where} has other entries")
        for key, value in own.items():
            _require_alike(saved[key], value, f"{where}.{key}")
    elif isinstance(own, list | tuple) and isinstance(saved, list | tuple):
        for value in saved if own else ():
            _require_alike(value, own[0], where)
    elif _kind(saved) != _kind(own):
        raise ValueError(f"{where} is a {type(saved).__name__}")


def _kind(value: Any) -> type:
    # What is not known yet is None.
    return float if isinstance(value, bool | int | float | None) else type(value)


def _suspects(batches: Sequence[Batch], losses: Sequence[Tensor]) -> list[int]:
    return [
        int(index)
        for batch, loss in zip(batches, losses, strict=True)
        if not torch.isfinite(loss)
        for index in batch.indices
    ]

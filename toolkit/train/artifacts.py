"""The files of a training in its run folder, and resuming from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import OutOfMemoryError

from toolkit.data.contest import Contest
from toolkit.errors import UsageError
from toolkit.files import same_file
from toolkit.metrics.counts_file import SUFFIX, image_counts, write_counts
from toolkit.progress import Progress
from toolkit.recipe.schema import Recipe
from toolkit.train.checkpoint import Checkpoint, save_checkpoint
from toolkit.train.history import History
from toolkit.train.inputs import training_inputs
from toolkit.train.learner import Learner
from toolkit.train.state import SavedState, load_state, save_state
from toolkit.train.tensor_file import explain_disk_errors
from toolkit.wording import counted

_SCORES = ("val_score", "val_miou", "val_iou", "val_loss", "train_loss")


@dataclass(frozen=True)
class Artifacts:
    """The files of one training; only the main process writes them.

    Attributes:
        path: the run's folder.
        recipe: the resolved recipe.
        contest: the opened data.
        lineage: where the run comes from.
        keys: digest of what each earlier stage made for it, see `Upstream`.
    """

    path: Path
    recipe: Recipe
    contest: Contest
    lineage: Mapping[str, Any]
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def best(self) -> Path:
        """Checkpoint with the best validation score; without validation that of the last epoch."""
        return self.path / "best.pt"

    @property
    def last(self) -> Path:
        """Checkpoint of the last epoch."""
        return self.path / "last.pt"

    @property
    def metrics(self) -> Path:
        """One JSON record per epoch and line."""
        return self.path / "metrics.jsonl"

    @property
    def _state(self) -> Path:
        return self.path / "state.pt"

    @property
    def _validates(self) -> bool:
        return self.recipe.train.on != "all"

    def begin(self, learner: Learner, *, resume: bool, progress: Progress) -> History:
        """Return the epochs that are done, with the learner as it was after them.

        Raises:
            UsageError: the folder holds a run and `resume` is not set, or it cannot be resumed
                because settings or data differ or it has more epochs than are wanted.
        """
        if not self._state.exists():
            return History(validates=self._validates)
        if not resume:
            raise UsageError(
                f"{self.path} already holds a run", "Resume it with --resume, or choose a new name."
            )
        saved = self.read_state()
        try:
            learner.load_state_dict(saved.learner)
        except OutOfMemoryError:
            raise
        # Complaints of torch and of plugins about tensors and groups that do not fit.
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{self.path} cannot be resumed: its saved state does not fit the components as "
                f"they are now: {str(error).partition(chr(10))[0]}",
                "Has a plugin or a package changed since? Use the versions in its manifest.json, "
                "or start a new run.",
            ) from None
        progress.say(f"resumed {self.path} after epoch {saved.history.last_epoch}")
        if saved.unrecorded:
            progress.say(
                "warning: the run was started by an older version, which did not note the "
                f"{', the '.join(saved.unrecorded)}: whether they have changed is not known"
            )
        return saved.history

    def read_state(self) -> SavedState:
        """Return the learner's state and the epochs that are done, if the run can be continued.

        Raises:
            UsageError: settings or data differ, or the run has more epochs than are wanted, or as
                many and none of them was validated.
        """
        saved = load_state(self._state, self._inputs())
        history = saved.history
        history.validates = self._validates
        if history.last_epoch > self.recipe.train.epochs:
            raise UsageError(
                f"train.epochs = {self.recipe.train.epochs}, but {self.path} has "
                f"{counted(history.last_epoch, 'epoch', 'epochs')} already",
                f"Set train.epochs to {history.last_epoch} or more.",
            )
        if history.last_epoch == self.recipe.train.epochs and history.best is None:
            raise UsageError(
                f"{self.path} is trained for all {counted(history.last_epoch, 'epoch', 'epochs')}, "
                "but was never validated",
                f"Set train.epochs to {history.last_epoch + 1} or more.",
            )
        return saved

    def save(
        self,
        learner: Learner,
        history: History,
        counts: NDArray[np.int64] | None = None,
        boundary: float | None = None,
    ) -> None:
        """Write the checkpoints and, when they are whole, the state after an epoch.

        Args:
            learner: after the epoch.
            history: with the epoch's record.
            counts: of every validation image, see `Counting`, if the epoch was validated.
            boundary: see `Counting`.

        Raises:
            TrashError: the disk refused; what was written for earlier epochs is intact.
        """
        checkpoint = self._checkpoint(learner, history.epochs[-1])
        save_checkpoint(self.last, checkpoint)
        if history.best is history.epochs[-1]:
            if counts is not None:
                names = self.contest.val.file_names
                sets = {"validation": image_counts(names, counts, boundary)}
                with explain_disk_errors(self.best):
                    file = self.best.with_suffix(SUFFIX)
                    write_counts(file, str(checkpoint.epoch), self.contest.class_names, sets)
            self._keep_last_as(self.best)
        every = self.recipe.train.snapshot_every
        if every is not None and checkpoint.epoch % every == 0:
            self._keep_last_as(self.path / f"epoch-{checkpoint.epoch:03d}.pt")
        save_state(self._state, self._inputs(), learner.state_dict(), history)

    def _keep_last_as(self, path: Path) -> None:
        with explain_disk_errors(path):
            same_file(self.last, path)

    def _checkpoint(self, learner: Learner, record: Mapping[str, Any]) -> Checkpoint:
        return Checkpoint(
            model_state=learner.result.state_dict(),
            recipe=self.recipe.model_dump(mode="json"),
            class_names=self.contest.class_names,
            image_size=self.recipe.data.image_size,
            mean=self.recipe.data.mean,
            std=self.recipe.data.std,
            scores={name: record[name] for name in _SCORES if record[name] is not None},
            epoch=record["epoch"],
            lineage={"run": self.path.name, "parents": [], **self.lineage},
        )

    def _inputs(self) -> dict[str, Any]:
        return training_inputs(self.recipe, self.contest, self.keys)

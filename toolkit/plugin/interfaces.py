"""What components receive and what they must return; imports no torch and no numpy.

Every factory is called as `factory(context, *inputs, **parameters)`: `inputs` depend on the kind
(see `toolkit.plugin.kinds`), `parameters` come from the recipe and are the factory's keyword-only
arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

from toolkit.plugin.kinds import Nearest

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from toolkit.plugin.component import ComponentSpec

IGNORE_INDEX = 255
"""Label of pixels that count for no loss and no metric (masks are uint8)."""


@dataclass(frozen=True)
class CutOut:
    """An object that was cut out of a training image.

    Attributes:
        image: uint8 (height, width, channels), as the photos are read, RGB as a rule: the object
            and a margin of its surroundings.
        alpha: uint8 (height, width), 255 on the object and 0 beside it.
        label: its class.
        file_name: `file_name` of the image that it was cut from.
        source_size: (height, width) of that image, pixels; says how large the object is in it.
        corner: (row, column) in that image of the arrays' first pixel; says where the object is in
            it.
    """

    image: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    label: int
    file_name: str
    source_size: tuple[int, int]
    corner: tuple[int, int] = (0, 0)


class ObjectBank(Protocol):
    """Objects of the training split, to be pasted; cheap to send to a loader process."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int) -> CutOut: ...

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels that it has objects of, in ascending order; never empty."""
        ...

    def of(self, label: int) -> Sequence[int]:
        """Return the positions of the objects of a label."""
        ...


@dataclass(frozen=True)
class Context:
    """Facts about the run that a component may need in addition to its own parameters.

    Attributes:
        class_names: name of every label; index = label, 0 = background.
        image_size: (height, width) of the network input, pixels.
        channels: of the photos, 3 = RGB; a network of 3 is adapted to others after it is built.
        ignore_index: label of pixels that count for nothing.
        pixel_share: share of the training pixels of each label (sums to 1), or None outside a run.
        image_counts: number of training images that hold each label, or None outside a run.
        epochs: number of training epochs.
        steps_per_epoch: optimiser steps in one epoch.
        pretrained: False when downloaded or bundled weights must not be loaded (`--smoke`).
        build: makes a nested component: `context.build("augmentation", spec)`.
        objects: opens the bank of objects to paste, as `[objects]` of the recipe describes it; it
            is made when it is first asked for.
        report_missing: told what this machine lacks for a run, such as weights that must be
            downloaded; None outside a check, which builds with `pretrained = False`.
    """

    class_names: tuple[str, ...]
    image_size: tuple[int, int] = (512, 512)
    ignore_index: int = IGNORE_INDEX
    pixel_share: tuple[float, ...] | None = None
    image_counts: tuple[int, ...] | None = None
    epochs: int = 1
    steps_per_epoch: int = 1
    pretrained: bool = True
    build: Callable[[str, ComponentSpec], Any] = field(
        default=lambda kind, spec: _unbound(kind, spec), repr=False, compare=False
    )
    objects: Callable[[], ObjectBank] = field(
        default=lambda: _without_objects(), repr=False, compare=False
    )
    report_missing: Callable[[str], None] | None = field(default=None, repr=False, compare=False)
    channels: int = 3

    @property
    def n_classes(self) -> int:
        """Number of labels, background included."""
        return len(self.class_names)

    @property
    def total_steps(self) -> int:
        """Optimiser steps in the whole run."""
        return self.epochs * self.steps_per_epoch


def _unbound(kind: str, spec: ComponentSpec) -> Any:
    raise RuntimeError(f"this context cannot build a {kind}: use Registry.bind(context)")


def _without_objects() -> ObjectBank:
    raise RuntimeError("this context has no object bank: only the training has one")


@dataclass(frozen=True)
class Sample:
    """One training image with its labels.

    Attributes:
        image: uint8 (height, width, `Context.channels`); 3 = RGB.
        mask: uint8 (height, width), labels or `ignore_index`.
        file_name: `file_name` of the COCO image record.
        second_mask: uint8 (height, width), labels that the image holds as well (MixUp), or None.
        share: 0…1, weight of `mask` in the loss; `second_mask` has the rest.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    file_name: str = ""
    second_mask: NDArray[np.uint8] | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Normalisation:
    """Normalisation of images in 0…1: (pixel - mean) / std, one figure per channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@runtime_checkable
class PretrainedModel(Protocol):
    """A model that knows how its weights' training images were normalised; None = not known."""

    normalisation: Normalisation | None


class Augmentation(Protocol):
    """Changes photo and mask of one sample alike; picklable, and random only through `rng`."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample: ...


class Mix(Protocol):
    """Mixes a sample with another one of its batch; both are augmented already.

    Must be picklable, and random only through its generators: `rng` belongs to the sample alone,
    `batch_rng` is the same for every sample of the batch. A mix that sets `second_mask` must give
    one `share` to the whole batch, drawn from `batch_rng`: a loss is one number per batch.
    """

    def __call__(
        self,
        sample: Sample,
        partner: Sample,
        rng: np.random.Generator,
        batch_rng: np.random.Generator,
    ) -> Sample: ...


class Loss(Protocol):
    """Logits float (B, C, H, W), target int64 (B, H, W) -> scalar; ignored pixels do not count."""

    def __call__(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor: ...


class Scheduler(Protocol):
    """Sets the learning rates of an optimiser's groups, each in proportion to its own.

    `state_dict` holds plain values. A scheduler may also be `ListensToValidation`.
    """

    def step(self) -> None:
        """Called after every optimiser step."""
        ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@runtime_checkable
class ListensToValidation(Protocol):
    """A scheduler that is told the figures of each validation, the same in every process.

    `merit` is the score by the recipe's metric, negative where smaller is better: it should rise.
    """

    def validated(self, loss: float, merit: float) -> None: ...


@runtime_checkable
class SwitchesWeights(Protocol):
    """An optimiser that trains other weights than those that are validated and saved."""

    def train(self) -> object: ...

    def eval(self) -> object: ...


class Postprocessor(Protocol):
    """Changes the probability map of one image.

    `probabilities` float32 (C, H, W), `image` uint8 RGB (H, W, 3), see `toolkit.data.channels`, ->
    float32 (C, H, W), which sums to 1 over C.
    """

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]: ...


class View(Protocol):
    """One test-time augmentation with its inverse.

    Where it only moves pixels, `inverse(forward(x))` equals `x` exactly. One that resamples
    returns maps of another resolution; laid over the image at its size they agree with it to within
    one of their own pixels. Sides that are multiples of 32 must stay so, for the network's sake. A
    view may also be `CountsPixels`.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Float (B, channels, H, W) -> as the network sees it; H and W may swap or change."""
        ...

    def inverse(self, maps: torch.Tensor) -> torch.Tensor:
        """Float (B, C, h, w) from the network -> the same maps in the original orientation."""
        ...


@runtime_checkable
class CountsPixels(Protocol):
    """A view whose inverse counts pixels, if the attribute is true.

    `inverse` is then given maps of exactly the size that `forward` returned, also where the
    network's own are coarser.
    """

    counts_pixels: bool


class Ensembler(Protocol):
    """Combines the members' maps of one image: float32 (C, H, W) each -> float32 (C, H, W).

    The maps come one by one so that memory does not grow with the number of members. Their order
    must not matter; a parameter `weights` is one number (or row) for each member, in their order.
    """

    def __call__(self, maps: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Prediction:
    """The teachers' combined prediction of one unlabelled image.

    Attributes:
        file_name: `file_name` of its COCO image record.
        probabilities: float32 (C, height, width), of all teachers together; sums to 1 over C.
        agreement: float32 (height, width), share of the teachers whose own label is that of all
            together; 1 everywhere for a single teacher.
    """

    file_name: str
    probabilities: NDArray[np.float32]
    agreement: NDArray[np.float32]


class Selector(Protocol):
    """Decides what of a predicted image is trusted as a pseudo-label.

    A prediction -> uint8 (H, W), the most probable labels with `ignore_index` where they are not
    trusted, or None when the whole image is rejected. It must not change the prediction, and what
    it selects must not depend on the order of the images. A selector may also be one of the two
    protocols below.
    """

    def __call__(self, prediction: Prediction) -> NDArray[np.uint8] | None: ...


@runtime_checkable
class ObservesPredictions(Protocol):
    """A selector that sees all images before it selects from any, to choose its thresholds."""

    def observe(self, prediction: Prediction) -> None: ...


@runtime_checkable
class ChecksImages(Protocol):
    """A selector that is told which images there are, to refuse parameters that do not fit them."""

    def expect(self, file_names: Sequence[str]) -> None: ...


class SubmissionFormat(Protocol):
    """How labels become a leaderboard file, which is one file, and back.

    It may also be one of the protocols below, and `toolkit.submission.check.Inspectable`, so that
    `trash submission check` tells all problems of a file.

    Attributes:
        suffix: file name ending with its dot, as in ".csv".
        size: (height, width) of the label maps in the file.
    """

    suffix: str
    size: tuple[int, int]

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Write (image id, uint8 labels of any size), resized to `size` by nearest neighbour."""
        ...

    def read(self, path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield (image id, uint8 labels of `size`); errors of a broken file name row and column."""
        ...


@runtime_checkable
class ListsImages(Protocol):
    """A format whose rows name their image by more than the first column of a CSV file."""

    def image_ids(self, path: Path) -> Iterable[str]:
        """Yield the image of each row of a sample submission, in order."""
        ...


@runtime_checkable
class NamesColumns(Protocol):
    """A CSV format that knows its header: it is compared with that of the sample submission."""

    columns: Sequence[str]


@runtime_checkable
class LeavesOutSuffix(NamesColumns, Protocol):
    """A CSV format whose rows name an image without this ending."""

    image_suffix: str


@runtime_checkable
class LeavesOutFolder(NamesColumns, Protocol):
    """A CSV format whose rows name an image without this folder."""

    image_folder: str


@runtime_checkable
class HasRowPerClass(NamesColumns, Protocol):
    """A CSV format with a row for each image and class."""

    cells: Sequence[str]


@runtime_checkable
class TakesNearest(Protocol):
    """A format that says which pixel nearest neighbour takes; without it "corner".

    Scores bring the truth to `size` in the same way.
    """

    nearest: Nearest


@runtime_checkable
class RestrictsIds(Protocol):
    """A format that cannot write every image id, which is told before a training."""

    def refuse_ids(self, image_ids: Sequence[str]) -> None:
        """Raise an error that names an image it cannot write, or two that the file would mix up."""
        ...


class Tracker(Protocol):
    """Receives the figures of a run; it may also be of the protocols in `plugin.tracker`."""

    def log(self, epoch: int, figures: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...

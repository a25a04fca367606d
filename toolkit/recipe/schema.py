"""The recipe: every value that describes an experiment, typed and strict.

Defaults are those of the winning team where they had one. Components keep the parameters that the
recipe writes beside their name; `toolkit.recipe.components` checks them against the factories.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import IGNORE_INDEX

_Side = Annotated[int, Field(ge=1, le=16384)]

Size = tuple[_Side, _Side]
"""(height, width) in pixels; the limit catches a slip before it fills the memory."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What torch takes as a seed."""

Triple = tuple[float, float, float]
"""One figure per colour channel, RGB."""


class Section(BaseModel):
    """A table of the recipe: unknown keys are errors, values never change afterwards."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class Demo(Section):
    """The synthetic contest that `trash data demo` writes."""

    train: PositiveInt = 320
    """Number of training images."""
    val: PositiveInt = 40
    """Number of validation images."""
    test: PositiveInt = 40
    """Number of test images."""
    size: Annotated[int, Field(ge=32, le=2048)] = 128
    """Height and width of the images, pixels."""
    seed: Seed = 0
    """Seed of everything in it."""
    classes: tuple[str, ...] | None = None
    """Names of its categories; default: the contest's. What is drawn is divided among them."""


class FoldChoice(Section):
    """k folds instead of a given validation split: images of `train` are divided by a split file."""

    file: str
    """Split file written by `trash data split`."""
    index: NonNegativeInt = 0
    """The fold that validates; all others train."""


class Data(Section):
    """Images, annotations and classes."""

    root: str = "data"
    """Folder that the files below and the images' `file_name` are relative to."""
    train: str = "train.json"
    """COCO JSON of the training split."""
    val: str | None = None
    """COCO JSON of the validation split; `folds` may make it instead."""
    test: str | None = None
    """COCO JSON of the images to submit, if there are any."""
    truth: str | None = None
    """COCO JSON with the annotations of the test split, when they are known (demo, past contests)."""
    sample_submission: str | None = None
    """The contest's sample file: gives the order of rows when it has any."""
    folds: FoldChoice | None = None
    """Cross-validation in place of `val`."""
    demo: Demo | None = None
    """Write this synthetic contest into `root` when it is not there yet."""
    classes: tuple[str, ...] | None = None
    """Names of the categories in label order (1, 2, …); default: those of `train` by category id."""
    background: str = "Background"
    """Name of label 0."""
    overlap: Literal["max-id", "area", "order"] = "max-id"
    """Which annotation wins a pixel: larger label, smaller area, or the later one in the file."""
    on_empty: Literal["refuse", "skip"] = "refuse"
    """What becomes of annotations that cover no pixel (no outline, a list of points, fewer than three
    points, outside the image): a refusal that names them, or they are left out."""
    ignore_index: Annotated[int, Field(ge=1, le=255)] = IGNORE_INDEX
    """Label of pixels that count for nothing."""
    exif: Literal["auto", "apply", "ignore"] = "auto"
    """Orientation in the photos' EXIF data: applied, ignored, or by one rule for all photos of a file,
    told by the sizes of those that are turned by a quarter; where no size tells, it is applied."""
    bit_depth: Annotated[int, Field(ge=8, le=16)] | None = None
    """Bits that the values of photos with 16 bits per channel use. Default: all 16, and a photo that
    uses 14 or fewer is refused, as it would become nearly black."""
    max_megapixels: Annotated[float, Field(gt=0, le=1073)] = 200.0
    """Largest photo, in millions of pixels; it catches files that would fill the memory."""
    image_size: Size = (512, 512)
    """(height, width) that images are resized to for the network."""
    mean: Triple = (0.485, 0.456, 0.406)
    """Mean per channel of the normalisation, on images in 0…1."""
    std: Triple = (0.229, 0.224, 0.225)
    """Standard deviation per channel of the normalisation, on images in 0…1."""
    cache_images: bool = True
    """Keep decoded, resized images on disk so that no epoch decodes a JPEG again."""
    workers: Annotated[int, Field(ge=0, le=1024)] = 4
    """Loader processes, at most one per core (0 = load in the training process)."""


class Augment(Section):
    """Augmentation pipelines, applied in order."""

    first: tuple[ComponentSpec, ...] = ()
    """Steps before those of `train`: a recipe that extends another one adds to its list here, where an
    array of its own would replace it. Object mix belongs here."""
    train: tuple[ComponentSpec, ...] = ()
    """Steps for training images; each may have `p`."""
    mix: tuple[ComponentSpec, ...] = ()
    """Ways to mix a training image with another one of its batch, after `train`. They are tried in
    order, each with its `p`, once per batch; the first that comes up is applied to the whole batch,
    its pseudo-labelled images too: with `pseudo.mix = "first"` these have batches of their own."""

    @property
    def steps(self) -> tuple[ComponentSpec, ...]:
        """All steps for one training image, in order."""
        return self.first + self.train


class Objects(Section):
    """Objects cut out of the training split, for augmentations that paste them."""

    classes: tuple[str, ...] | None = None
    """Classes whose objects are cut out; default: those with fewer annotations than half the mean."""
    exclude: tuple[str, ...] = ("UNKNOWN",)
    """Classes that the default leaves out; names that the contest does not have are passed over."""
    by: Literal["annotation", "class"] = "annotation"
    """What one object is: what is seen of an annotation, or all pixels of its class in an image."""
    min_area: PositiveInt = 400
    """Smallest object, pixels of the image as it is on disk."""
    bank: str | None = None
    """Folder of a bank that `trash data objects cut -o` wrote, in place of one from this training
    split; the keys above then mean nothing."""


class Pseudo(Section):
    """Predicted labels of unlabelled images, trained on beside the real ones."""

    teachers: tuple[str, ...] = ()
    """Recipes or checkpoints that predict the images, together; `a.pt@hflip` gives one its views. Of a
    recipe its own network counts. Default: this recipe, trained without pseudo-labels."""
    labels: str | None = None
    """A submission file with labels of the images, in place of teachers."""
    images: str | None = None
    """COCO JSON of the images, below `data.root`; default: `data.test`."""
    ensemble: ComponentSpec = Field(default_factory=lambda: ComponentSpec(name="mean"))
    """How the teachers are combined."""
    postprocess: tuple[ComponentSpec, ...] = ()
    """Steps between the teachers' combined probabilities and the selection, in order."""
    select: tuple[ComponentSpec, ...] = ()
    """What is trusted: pixels and images that every selector trusts; without any all of them."""
    as_submitted: bool = False
    """Bring the labels to the size of the recipe's submission file and back, by its rule, after
    `postprocess` and the selection: the labels of a team that hands round such files. Needs hard
    labels; those of `labels` are such anyway."""
    soft: bool = False
    """Draw the labels of each epoch from the probabilities instead of taking the most probable ones:
    on average the loss is that of soft labels."""
    rounds: Annotated[int, Field(ge=1, le=10)] = 1
    """How often to train; from the second time on the network of the round before is the teacher."""
    mix: Literal["first", "concat", "ratio", "only"] = "first"
    """Order of an epoch: all pseudo-labelled images before all real ones, both shuffled together,
    `ratio` of every batch, or the pseudo-labelled ones alone."""
    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of pseudo-labelled images in a batch for mix = "ratio"; an epoch has every real image
    once."""
    augment: tuple[ComponentSpec, ...] | None = None
    """Steps for pseudo-labelled images; default: those of real ones, but for steps that paste objects
    of the bank (object mix): they are done only where this list has them."""


class Auxiliary(Section):
    """How an output beside the main one is trained; nothing else ever looks at it."""

    weight: NonNegativeFloat = 0.4
    """Factor of its loss beside the main loss; 0 = not trained."""
    loss: ComponentSpec | None = None
    """Its loss; default: the main loss for maps, binary cross entropy for the presence of classes."""


class Train(Section):
    """The training loop."""

    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """Number of epochs."""
    start: str | None = None
    """Weights to begin with: a recipe or checkpoint with the same network, or "teacher" for the first
    of `pseudo.teachers` (in later rounds the network of the round before). Default: the model's."""
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 16
    """Images per optimiser step, over all devices and accumulation steps."""
    device_batch_size: PositiveInt | None = None
    """Images that one device holds at once; accumulation follows. Default: batch_size / devices."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train and predict."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Autocast type of the forward pass."""
    channels_last: bool = True
    """Memory format of the network; faster for convolutions in bf16 and on CPUs."""
    compile: bool = False
    """Compile the network with torch.compile (takes about a minute)."""
    clip_norm: NonNegativeFloat = 0.0
    """Largest norm of the gradient; 0 = no clipping."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay per step of the weights' moving average, which is then validated and saved; 0 = none."""
    patience: NonNegativeInt = 0
    """Stop after so many epochs without a better validation mIoU; 0 = never."""
    snapshot_every: PositiveInt | None = None
    """Keep the weights after every so many epochs as epoch-NNN.pt, to combine or to average."""
    validate_every: PositiveInt = 1
    """Validate after every so many epochs (and after the last)."""


class Predict(Section):
    """From a checkpoint to stored probability maps."""

    views: str = "none"
    """Test-time views: names joined by `*`; each doubles them (`hflip*rot90` = 4 views, `d4` = 8). `+`
    adds alternatives to a factor (`hflip*scale0.75+scale1.25` = 6 views). `trash plugin list --kind
    view` lists the names; scales round to multiples of 32 pixels. What stands before a colon says how:
    `geometric:` merges views by the mean of logits (the geometric mean of probabilities), `max:` by the
    largest probabilities; without, by the mean of probabilities. `tile:` predicts large images in
    blended windows of the network's input size (alone: `tile`), and takes `size=512x512`,
    `overlap=0.25` (share of a window) and `scale=1` (of the image before it is cut), as in
    `tile,overlap=0.5,geometric:hflip*rot90`."""
    batch_size: PositiveInt = 8
    """Images (with `tile`: windows) per forward pass; with several views, fewer images are taken at once."""
    store: Literal["u8", "u16", "f16", "f32"] = "u16"
    """Number type of the stored maps; u16 changes no label, u8 about 5 in 100,000."""


def _named(name: str) -> Any:
    return Field(default_factory=lambda: ComponentSpec(name=name))


class Recipe(Section):
    """One experiment."""

    title: str = ""
    """One line for `trash recipe list`."""
    seed: Seed = 42
    """Seed of weights, order of images and augmentation."""
    data: Data = Data()
    model: ComponentSpec
    """The network."""
    loss: ComponentSpec
    """The training loss of the main output."""
    auxiliary: dict[str, Auxiliary] = Field(default_factory=dict)
    """Name of another output -> how it is trained; outputs that are left out take the defaults."""
    optimizer: ComponentSpec = _named("adamw")
    """The optimiser."""
    scheduler: ComponentSpec = _named("constant")
    """The learning-rate schedule, stepped after every optimiser step."""
    augment: Augment = Augment()
    objects: Objects = Objects()
    pseudo: Pseudo | None = None
    train: Train = Train()
    predict: Predict = Predict()
    members: tuple[str, ...] = ()
    """Other recipes or checkpoints that are combined with this network in the submission."""
    member_postprocess: tuple[ComponentSpec, ...] = ()
    """Steps on the probabilities of each member, before they are combined."""
    ensemble: ComponentSpec = _named("mean")
    """How members are combined."""
    postprocess: tuple[ComponentSpec, ...] = ()
    """Steps between combined probabilities and labels, in order."""
    submission: ComponentSpec = _named("mask_string")
    """Format of the leaderboard file, with its size and columns."""
    trackers: tuple[ComponentSpec, ...] = ()
    """Experiment trackers."""
    reference: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Scores and notes of the original author; shown beside ours and used for nothing."""

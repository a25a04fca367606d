"""The recipe: every value that describes an experiment, typed and strict.

Every key says all that the program has to know about it: its type, its meaning, with `OfKind` which
kind of component it names, with `Effect` what it changes. Where a table has an effect, its keys
have the same one unless they say otherwise. Defaults are those of the winning team where they had
one. Components keep the parameters that the recipe writes beside their name;
`toolkit.recipe.components` checks them against the factories.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from toolkit.plugin.component import N_RGB, ComponentSpec, OfKind
from toolkit.plugin.interfaces import IGNORE_INDEX
from toolkit.recipe.data_tables import Demo, FoldChoice, Seed
from toolkit.recipe.effect import Effect
from toolkit.recipe.leaderboard_rules import LeaderboardRules
from toolkit.recipe.photo_values import Channels, Figures, Range, per_channel
from toolkit.recipe.section import Section
from toolkit.recipe.smoke import (
    BATCH,
    SIZE,
    cpu_precision,
    demo_data,
    demo_figures,
    demo_folder,
    demo_image_names,
    without_checkpoint,
    without_checkpoints,
    without_weights,
)
from toolkit.recipe.training_images import ImageSampling, NativeCrops
from toolkit.recipe.trial import OVERFIT_EPOCHS

_Side = Annotated[int, Field(ge=1, le=16384)]

Size = tuple[_Side, _Side]
"""(height, width) in pixels; the limit catches a slip before it fills the memory."""

_RGB_MEAN = (0.485, 0.456, 0.406)
_RGB_STD = (0.229, 0.224, 0.225)
_Bits = Annotated[int, Field(ge=8, le=16)]

Components = tuple[ComponentSpec, ...]
"""Components in the order in which they are used."""


class Data(Section):
    """Images, annotations and classes."""

    root: Annotated[str, Effect("content", smoke=demo_folder)] = "data"
    """Folder that the files below and the images' `file_name` are relative to."""
    train: Annotated[str, Effect("training", smoke="train.json")] = "train.json"
    """The training split: a COCO JSON, or what `format` reads."""
    val: Annotated[str | None, Effect("training", smoke="val.json")] = None
    """The validation split, as `train`; `folds` may make it instead."""
    test: Annotated[str | None, Effect("submission", smoke="test.json", overfit=None)] = None
    """The images to submit, if there are any: as `train`, or a folder of photos."""
    truth: Annotated[str | None, Effect("submission", smoke="test_truth.json", overfit=None)] = None
    """The test split with its annotations, as `train`, when they are known
    (demo, past contests)."""
    sample_submission: Annotated[
        str | None, Effect("submission", smoke=None, limit=None, overfit=None)
    ] = None
    """The contest's sample file: gives the order of rows when it has any."""
    folds: Annotated[FoldChoice | None, Effect("training", smoke=None)] = None
    """Cross-validation in place of `val`."""
    demo: Annotated[Demo | None, Effect("content", smoke=demo_data)] = None
    """Write this synthetic contest into `root` when it is not there yet."""
    format: Annotated[
        ComponentSpec | None, OfKind("reader", by_name=True), Effect("training", smoke=None)
    ] = None
    """How `train`, `val`, `test` and `truth` are written: the name of a reader, or a table with its
    parameters. Default: coco."""
    classes: Annotated[tuple[str, ...] | None, Effect("training", smoke=None)] = None
    """Names of the categories in label order (1, 2, …); default: those of `train`
    by category id."""
    background: Annotated[str, Effect("training")] = "Background"
    """Name of label 0."""
    overlap: Annotated[Literal["max-id", "area", "order"], Effect("training")] = "max-id"
    """Which annotation wins a pixel: larger label, smaller area, or the later one in the file."""
    on_empty: Annotated[Literal["refuse", "skip"], Effect("nothing")] = "refuse"
    """Annotations that cover no pixel (no outline, a list of points, fewer than three
    points, outside the image): refuse the data and name them, or skip them."""
    exclude: Annotated[str | None, Effect("content", smoke=None)] = None
    """List that `trash data suspects` wrote: labels with the verdict "wrong" count for nothing in
    training; validation keeps them. Relative to the project's folder."""
    ignore_index: Annotated[int, Field(ge=1, le=255), Effect("training")] = IGNORE_INDEX
    """Label of pixels that losses and metrics ignore."""
    exif: Annotated[Literal["auto", "apply", "ignore"], Effect("content")] = "auto"
    """Orientation in the photos' EXIF data: applied, ignored, or by one rule for all photos of a
    file, decided by the sizes of those turned by a quarter; where no size decides, it is
    applied."""
    bit_depth: Annotated[_Bits | None, Effect("training")] = None
    """Bits that the values of photos with 16 bits per channel use. Default: all 16, and a photo
    that uses 14 or fewer is refused, as it would become nearly black."""
    value_range: Annotated[Range, Effect("training", smoke=None)] = None
    """[low, high]: values of photos of any number type (16 bits, floats) are mapped linearly to the
    8 bits that are trained on, low to 0 and high to 255, rounded to the nearest and cut off
    outside. Default: 8 bits as they are, 16 bits by `bit_depth`."""
    channels: Annotated[Channels | None, Effect("training", smoke=None)] = None
    """Channels of every photo, 1 … 64, from TIFF, NPY (NumPy) or other files; the network's first
    convolution is adapted to them. Default: RGB, where grey photos become RGB too."""
    max_megapixels: Annotated[float, Field(gt=0, le=1073), Effect("nothing")] = 200.0
    """Largest photo, in millions of pixels; it catches files that would fill the memory."""
    image_size: Annotated[Size, Effect("training", of_network=True, smoke=SIZE)] = (512, 512)
    """(height, width) that images are resized to for the network; with `crops`, of the parts."""
    crops: Annotated[NativeCrops | None, Effect("training", of_network=True)] = None
    """Train on parts of photos at their own resolution in place of whole photos that are resized;
    `predict.views` is then `tile` unless the recipe says how else to cut. Validation counts every
    pixel of the photos once, in windows of `image_size` side by side."""
    mean: Annotated[Figures, Effect("training", of_network=True, smoke=demo_figures(_RGB_MEAN))] = (
        per_channel(_RGB_MEAN, 0.5)
    )
    """Mean per channel of the normalisation, on images in 0…1. Default: ImageNet's; with another
    number of channels than 3, 0.5 for each."""
    std: Annotated[Figures, Effect("training", of_network=True, smoke=demo_figures(_RGB_STD))] = (
        per_channel(_RGB_STD, 0.25)
    )
    """Standard deviation per channel of the normalisation, on images in 0…1. Default: ImageNet's;
    with another number of channels than 3, 0.25 for each."""
    cache_images: Annotated[bool, Effect("nothing")] = True
    """Keep decoded images on disk, at the size that they are trained at, so that no epoch decodes a
    JPEG again."""
    workers: Annotated[int, Field(ge=0, le=1024), Effect("nothing", smoke=0)] = 4
    """Loader processes, at most one per core (0 = load in the training process)."""
    sampling: Annotated[
        ImageSampling | None, Effect("training", of_network=True, smoke=without_weights)
    ] = None
    """How often an epoch has each real image; default: each once."""

    @property
    def decoded_size(self) -> Size | None:
        """(height, width) that images and masks are resized to once for all; None = as they are."""
        return self.image_size if self.crops is None else None

    @field_validator("sampling")
    @classmethod
    def _uniform_is_the_default(cls, value: ImageSampling | None) -> ImageSampling | None:
        """Make the training the same one, whether the recipe says "uniform" or nothing."""
        return None if value is not None and value.by == "uniform" else value

    @property
    def components(self) -> list[tuple[str, ComponentSpec]]:
        """Kind and name of the component that reads the data, unless it is the default one."""
        return [] if self.format is None else [("reader", self.format)]

    @property
    def n_channels(self) -> int:
        """Channels of a photo as the network sees it."""
        return self.channels or N_RGB


class Augment(Section):
    """Augmentation pipelines, applied in order."""

    first: Annotated[Components, OfKind("augmentation")] = ()
    """Steps before those of `train`: a recipe that extends another one adds to its list here, where
    an array of its own would replace it. Object mix belongs here."""
    train: Annotated[Components, OfKind("augmentation")] = ()
    """Steps for training images; each may have `p`."""
    mix: Annotated[Components, OfKind("mix")] = ()
    """Ways to mix a training image with another one of its batch, after `train`. They are tried in
    order, each with its `p`, once per batch; the first that comes up is applied to the whole batch,
    its pseudo-labelled images too: with `pseudo.mix = "first"` these have batches of their own."""

    @property
    def steps(self) -> tuple[ComponentSpec, ...]:
        """All steps for one training image, in order."""
        return self.first + self.train


class Objects(Section):
    """Objects cut out of the training split, for augmentations that paste them."""

    classes: Annotated[tuple[str, ...] | None, Effect("training", smoke=None)] = None
    """Classes whose objects are cut out; default: those with fewer annotations
    than half the mean."""
    exclude: Annotated[tuple[str, ...], Effect("training", smoke=())] = ("UNKNOWN",)
    """Classes that the default leaves out; names that the contest does not have are skipped."""
    by: Annotated[Literal["annotation", "class"], Effect("training")] = "annotation"
    """What one object is: what is seen of an annotation, or all pixels of its class in an image."""
    min_area: Annotated[PositiveInt, Effect("training", smoke=1)] = 400
    """Smallest object, pixels of the image as it is on disk."""
    bank: Annotated[str | None, Effect("training", smoke=None)] = None
    """Folder of a bank that `trash data objects cut -o` wrote, in place of one from this training
    split; the keys above are then ignored."""


class Pseudo(Section):
    """Predicted labels of unlabelled images, trained on in addition to the real ones."""

    teachers: Annotated[tuple[str, ...], Effect("content", smoke=without_checkpoints)] = ()
    """Recipes or checkpoints that predict the images, together; `a.pt@hflip` gives one its views.
    Of a recipe only its own network is used, not its members. Default: this recipe, trained without
    pseudo-labels."""
    labels: Annotated[str | None, Effect("content", smoke=None, limit=None)] = None
    """A submission file with labels of the images, in place of teachers."""
    images: Annotated[str | None, Effect("content", smoke=None)] = None
    """The images, below `data.root`: as `data.train`, or a folder of photos; default:
    `data.test`."""
    ensemble: Annotated[ComponentSpec, OfKind("ensembler"), Effect("pseudo-labels")] = Field(
        default_factory=lambda: ComponentSpec(name="mean")
    )
    """How the teachers are combined."""
    postprocess: Annotated[Components, OfKind("postprocessor"), Effect("pseudo-labels")] = ()
    """Steps between the teachers' combined probabilities and the selection, in order."""
    select: Annotated[
        Components, OfKind("selector"), Effect("pseudo-labels", smoke=(), limit=())
    ] = ()
    """Selectors: pixels and images are trusted that all of them trust; without any, all are."""
    as_submitted: Annotated[bool, Effect("pseudo-labels")] = False
    """Bring the labels to the size of the recipe's submission file and back, by its rule, after
    `postprocess` and the selection: the labels of a team that hands round such files. Needs hard
    labels; those of `labels` have been already."""
    soft: Annotated[bool, Effect("pseudo-labels")] = False
    """Draw the labels of each epoch from the probabilities instead of taking the most probable
    ones: on average the loss is that of soft labels."""
    rounds: Annotated[int, Field(ge=1, le=10), Effect("pseudo-labels")] = 1
    """Number of rounds; from the second on, the network of the round before is the teacher."""
    mix: Annotated[Literal["first", "concat", "ratio", "only"], Effect("training")] = "first"
    """Order of an epoch: all pseudo-labelled images before all real ones, both shuffled together,
    `ratio` of every batch, or the pseudo-labelled ones alone."""
    ratio: Annotated[float, Field(gt=0, lt=1), Effect("training")] = 0.5
    """Share of pseudo-labelled images in a batch for mix = "ratio"; an epoch has every real image
    once."""
    augment: Annotated[Components | None, OfKind("augmentation"), Effect("training")] = None
    """Steps for pseudo-labelled images; default: those of real ones, but for steps that paste
    objects of the bank (object mix): they are applied only if this list has them."""


class Auxiliary(Section):
    """How an additional output of the network is trained; predictions do not use it."""

    weight: NonNegativeFloat = 0.4
    """Factor of its loss beside the main loss; 0 = not trained."""
    loss: Annotated[ComponentSpec | None, OfKind("loss")] = None
    """Its loss; default: the main loss for maps, binary cross entropy for the
    presence of classes."""


class Train(Section):
    """The training loop."""

    epochs: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        Effect("training", resumable=True, smoke=1, limit=1, overfit=OVERFIT_EPOCHS),
    ] = 20
    """Number of epochs."""
    on: Annotated[Literal["all"] | None, Effect("training", overfit=None)] = None
    """"all": train on the validation images too, for all epochs; nothing is scored, and the last
    epoch is the best. Default: the training split."""
    start: Annotated[str | None, Effect("content", smoke=without_checkpoint, overfit=None)] = None
    """Weights to begin with: a recipe or checkpoint with the same network, or "teacher" for the
    first of `pseudo.teachers` (in later rounds the network of the round before). Default: the
    model's."""
    start_head: Annotated[Literal["new"] | None, Effect("training", smoke=None, overfit=None)] = (
        None
    )
    """"new": `start` has other classes; all of its weights are taken but those of the tensors whose
    size depends on the classes. Default: it has the same classes, and all weights are taken."""
    batch_size: Annotated[int, Field(ge=1, le=65536), Effect("training", smoke=BATCH)] = 16
    """Images per optimiser step, over all devices and accumulation steps."""
    device_batch_size: Annotated[PositiveInt | None, Effect("nothing", smoke=None)] = None
    """Images that one device holds at once; accumulation follows. Default: batch_size / devices."""
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Effect("nothing")] = "auto"
    """Where to train and predict."""
    precision: Annotated[
        Literal["fp32", "bf16", "fp16"], Effect("training", smoke=cpu_precision)
    ] = "fp32"
    """Autocast type of the forward pass."""
    channels_last: Annotated[bool, Effect("training")] = True
    """Memory format of the network; faster for convolutions in bf16 and on CPUs."""
    compile: Annotated[bool, Effect("training", smoke=False)] = False
    """Compile the network with torch.compile (takes about a minute)."""
    clip_norm: Annotated[NonNegativeFloat, Effect("training")] = 0.0
    """Largest norm of the gradient; 0 = no clipping."""
    ema: Annotated[float, Field(ge=0, lt=1), Effect("training", overfit=0.0)] = 0.0
    """Decay per step of the weights' moving average, which is then validated and saved;
    0 = none."""
    patience: Annotated[NonNegativeInt, Effect("training", resumable=True, smoke=0, overfit=0)] = 0
    """Stop after this number of epochs without a better validation score; 0 = never."""
    snapshot_every: Annotated[PositiveInt | None, Effect("nothing")] = None
    """Keep the weights after every N-th epoch as epoch-NNN.pt, to combine or to average."""
    validate_every: Annotated[
        PositiveInt, Effect("training", smoke=1, limit=1, overfit=OVERFIT_EPOCHS // 5)
    ] = 1
    """Validate after every N-th epoch, and after the last."""


class Predict(Section):
    """From a checkpoint to stored probability maps."""

    views: str = "none"
    """Test-time views: names joined by `*`; each doubles them (`hflip*rot90` = 4 views, `d4` = 8).
    `+` adds alternatives to a factor (`hflip*scale0.75+scale1.25` = 6 views). `trash plugin list
    --kind view` lists the names; scales round to multiples of 32 pixels. What stands before a colon
    says how: `geometric:` merges views by the mean of logits (the geometric mean of probabilities),
    `max:` by the largest probabilities; without, by the mean of probabilities. `tile:` predicts
    large images in blended windows of the network's input size (alone: `tile`), and takes
    `size=512x512`, `overlap=0.25` (share of a window) and `scale=1` (of the image before it is
    cut), as in `tile,overlap=0.5,geometric:hflip*rot90`. With `data.crops` the default is
    `tile`."""
    batch_size: Annotated[PositiveInt, Effect("nothing", smoke=BATCH)] = 8
    """Images (with `tile`: windows) per forward pass; with several views, fewer
    images are taken at once."""
    store: Annotated[Literal["u8", "u16", "f16", "f32"], Effect("pseudo-labels")] = "u16"
    """Number type of the stored maps, teachers' ones too; u16 changes no label,
    u8 about 5 in 100,000."""


def _default_component(name: str) -> Any:
    return Field(default_factory=lambda: ComponentSpec(name=name))


class Recipe(Section):
    """One experiment."""

    title: Annotated[str, Effect("nothing")] = ""
    """One line for `trash recipe list`."""
    seed: Annotated[Seed, Effect("training")] = 42
    """Seed of weights, order of images and augmentation."""
    data: Data = Data()
    model: Annotated[ComponentSpec, OfKind("model"), Effect("training")]
    """The network."""
    loss: Annotated[ComponentSpec, OfKind("loss"), Effect("training")]
    """The training loss of the main output."""
    auxiliary: Annotated[dict[str, Auxiliary], Effect("training")] = Field(default_factory=dict)
    """Name of another output -> how it is trained; outputs that are left out take the defaults."""
    optimizer: Annotated[ComponentSpec, OfKind("optimizer"), Effect("training")] = (
        _default_component("adamw")
    )
    """The optimiser."""
    scheduler: Annotated[
        ComponentSpec, OfKind("scheduler"), Effect("training", overfit={"name": "constant"})
    ] = _default_component("constant")
    """The learning-rate schedule, stepped after every optimiser step."""
    metric: Annotated[ComponentSpec | None, OfKind("metric"), Effect("training")] = None
    """The contest's rule: it decides the best checkpoint, patience, and which ensemble is best.
    Default: miou. All built-in metrics are shown beside it."""
    augment: Annotated[
        Augment, Effect("training", overfit={"first": [], "train": [], "mix": []})
    ] = Augment()
    objects: Objects = Objects()
    pseudo: Annotated[Pseudo | None, Effect("training", overfit=None)] = None
    train: Train = Train()
    predict: Annotated[Predict, Effect("prediction")] = Predict()
    members: Annotated[
        tuple[str, ...], Effect("submission", smoke=without_checkpoints, overfit=())
    ] = ()
    """Other recipes or checkpoints that are combined with this network in the submission."""
    member_postprocess: Annotated[Components, OfKind("postprocessor"), Effect("submission")] = ()
    """Steps on the probabilities of each member, before they are combined."""
    ensemble: Annotated[ComponentSpec, OfKind("ensembler"), Effect("submission")] = (
        _default_component("mean")
    )
    """How members are combined."""
    postprocess: Annotated[Components, OfKind("postprocessor"), Effect("submission")] = ()
    """Steps between combined probabilities and labels, in order."""
    submission: Annotated[
        ComponentSpec, OfKind("submission_format"), Effect("submission", smoke=demo_image_names)
    ] = _default_component("mask_string")
    """Format of the leaderboard file, with its size and columns."""
    leaderboard: Annotated[LeaderboardRules, Effect("nothing")] = LeaderboardRules()
    trackers: Annotated[
        Components, OfKind("tracker"), Effect("nothing", smoke=(), limit=(), overfit=())
    ] = ()
    """Experiment trackers, which receive recipe, figures, pictures and scores of a run."""
    reference: Annotated[dict[str, str | int | float | bool], Effect("nothing")] = Field(
        default_factory=dict
    )
    """Scores and notes of the original author; shown beside ours, not used."""

    @model_validator(mode="after")
    def _crops_are_predicted_in_tiles(self) -> Self:
        """Make `tile` the default of `predict.views` for a network of native crops."""
        if self.data.crops is not None and "views" not in self.predict.model_fields_set:
            # Not by assignment, which frozen tables refuse; nobody has seen this one yet.
            self.__dict__["predict"] = self.predict.model_copy(update={"views": "tile"})
        return self

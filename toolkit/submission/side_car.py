"""The JSON beside a submission: what it was made from, and what is needed to check it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from toolkit.data.photo_rules import PhotoReading
from toolkit.ensemble.combination import FitScores
from toolkit.errors import UsageError
from toolkit.file_schema import FileLayout, PathText
from toolkit.files import file_digest, refuse_existing, write_json_atomic
from toolkit.metrics.counts_file import SUFFIX
from toolkit.metrics.scores import Scores
from toolkit.plugin.component import ComponentSpec

SCHEMA_VERSION = 3
_OLDER = (1, 2)
"""They lack what has a default today; version 2 names no metric: it scored by the mIoU."""
_STRICT = ConfigDict(extra="forbid")

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, config=_STRICT)
class SideCarMember:
    """One checkpoint of the ensemble.

    Attributes:
        checkpoint: its path, relative to the project folder.
        digest: digest of the file.
        model: the model as in a recipe.
        image_size: (height, width) of the network's input, pixels.
        views: test-time views, as in a recipe.
        validation: its validation scores.
    """

    checkpoint: PathText
    digest: str
    model: ComponentSpec
    image_size: tuple[int, int]
    views: str
    validation: dict[str, Any]


@dataclass(frozen=True, config=_STRICT)
class MergedFile:
    """One submission file that was merged: its path, relative to the project folder, and digest."""

    file: PathText
    digest: str


@dataclass(frozen=True, config=_STRICT)
class Leaderboard:
    """Scores on the leaderboard, 0…1; None = not known (yet).

    Attributes:
        public: of the public leaderboard.
        private: of the private leaderboard.
        uploaded: when the public score was first recorded, UTC, ISO 8601: the file counts as
            uploaded then; None = not known.
    """

    public: Share | None = None
    private: Share | None = None
    uploaded: str | None = None


@dataclass(frozen=True, config=_STRICT)
class SideCar:
    """Everything about one submission file.

    Attributes:
        file: name of the submission file, which lies beside the side-car.
        digest: digest of the submission file.
        n_rows: images in it.
        format: the submission format as in a recipe, with all parameters.
        test: what lists its images, or their folder, relative to the project folder.
        sample_submission: the file that gave the order of rows, or None.
        class_names: index = label, 0 = background.
        overlap: rule for overlapping annotations, needed to score it.
        class_shares: share of all pixels of each label.
        members: the checkpoints that were combined, in order; none when files were merged, or when
            the file was not made here.
        combine: the ensembler as in a recipe, or None when the file was not made here.
        postprocess: the postprocessors as in a recipe, in order.
        validation: scores of exactly this combination on the validation split, at the submission's
            size; None when it was not validated.
        score: scores against the truth, None when it is unknown.
        created: UTC, ISO 8601.
        command: the command line.
        versions: version of each package that took part.
        files: the submission files that were merged, in order.
        image_root: folder of the images, relative to the project folder; None = that of `test`.
        exif_applied: whether orientations in EXIF data were applied; None = nothing said it.
        photos: how values of the photos became pixels; None = by default.
        labels_digest: digest of the labels whatever the format and the order of rows; empty =
            unknown.
        validation_shares: share of the validation split's pixels that truly has each label, at the
            submission's size; empty = unknown.
        leaderboard: what became of it.
        member_postprocess: the postprocessors on each member before it was combined, in order.
        fitted: how good the combination is on images that it was not fitted to; None when nothing
            in it was fitted, and `validation` is honest as it is.
        reader: how `test` is read, as `data.format` of a recipe; None = by the default.
        schema_version: version of this file's layout.
    """

    file: PathText
    digest: str
    n_rows: int
    format: ComponentSpec
    test: PathText
    sample_submission: PathText | None
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    overlap: Literal["max-id", "area", "order"]
    class_shares: tuple[float, ...]
    members: tuple[SideCarMember, ...]
    combine: ComponentSpec | None
    postprocess: tuple[ComponentSpec, ...]
    validation: Scores | None
    score: Scores | None
    created: str
    command: str
    versions: dict[str, str]
    files: tuple[MergedFile, ...] = ()
    image_root: PathText | None = None
    exif_applied: bool | None = None
    photos: PhotoReading | None = None
    labels_digest: str = ""
    validation_shares: tuple[float, ...] = ()
    leaderboard: Leaderboard = Leaderboard()
    fitted: FitScores | None = None
    member_postprocess: tuple[ComponentSpec, ...] = ()
    reader: ComponentSpec | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def honest_score(self) -> float | None:
        """The score to trust: on validation images that nothing in it was fitted to, if known."""
        if self.fitted is not None:
            return self.fitted.honest_score
        return self.validation.deciding if self.validation else None

    @property
    def decided_by(self) -> FitScores | Scores | None:
        """The scores whose metric decided: those of `honest_score`, else those on the truth."""
        return self.fitted or self.validation or self.score

    def as_json(self) -> dict[str, Any]:
        """Return the side-car as plain values."""
        plain: dict[str, Any] = _LAYOUT.content.dump_python(self, mode="json")
        # Without what is not known an older version can read it.
        if self.photos is None:
            del plain["photos"]
        if self.leaderboard.uploaded is None:
            del plain["leaderboard"]["uploaded"]
        return plain


_LAYOUT = FileLayout(
    "side-car", TypeAdapter(SideCar), SCHEMA_VERSION, older=_OLDER, version_key="schema_version"
)


def side_car_path(submission: Path) -> Path:
    """Return where the side-car of a submission file lies: `name.json` beside `name.csv`."""
    return submission.with_suffix(".json")


def counts_path(submission: Path) -> Path:
    """Return where the counts of a submission's images are: beside it, with another ending."""
    return submission.with_suffix(SUFFIX)


def refuse_output(output: Path, overwrite: bool, suffix: str) -> None:
    """Refuse to write a submission where it or its side-car would replace something.

    Raises:
        UsageError: one of the two is there and `overwrite` is False, is a folder, or both have one
            name; the file does not end in the `suffix` of its format; or the side-car that is there
            cannot be read.
    """
    side_car = side_car_path(output)
    if side_car == output:
        raise UsageError(
            f"-o {output}: the side-car has that name", f"Use {output.with_suffix(suffix)}."
        )
    if not output.name.casefold().endswith(suffix.casefold()):
        raise UsageError(
            f"-o {output}: files of the submission format end in {suffix}",
            f"Use {output.with_suffix(suffix)}.",
        )
    for path in (output, side_car):
        if path.is_dir():
            raise UsageError(f"-o {output}: {path} is a folder")
        refuse_existing(path, overwrite)
    if side_car.is_file() and side_car.stat().st_size:
        try:
            read_side_car(side_car)
        except UsageError as error:
            raise UsageError(
                f"{error.message}: whether it holds leaderboard scores cannot be told",
                "Move it away, or choose another name with -o.",
            ) from None


def set_aside_recorded(output: Path, successor: Path) -> Path | None:
    """Give a file with leaderboard scores another name before another file takes its own.

    What the leaderboard said cannot be asked again: neither a longer run nor `--overwrite` may take
    it away. A side-car is kept also where its file is not (in a clone, for example).

    Args:
        output: the name that is about to be taken.
        successor: the new file, which has another name as yet; nothing is done if it has equal
            content.

    Returns:
        The new name, or None when there was nothing to keep.
    """
    try:
        side_car = read_side_car(side_car_path(output))
    except UsageError:  # none, or none that says anything
        return None
    if side_car.leaderboard == Leaderboard() or side_car.digest == file_digest(successor):
        return None
    aside = output.with_name(f"{output.stem}.{side_car.digest[:8]}{output.suffix}")
    write_side_car(aside, replace(side_car, file=aside.name))
    if output.is_file() and file_digest(output) == side_car.digest:
        output.replace(aside)
    if counts_path(output).is_file():
        counts_path(output).replace(counts_path(aside))
    return aside


def leaderboard_of(submission: Path, digest: str) -> Leaderboard:
    """Return the leaderboard scores that an existing side-car holds for a file with this digest."""
    try:
        side_car = read_side_car(side_car_path(submission))
    except UsageError:
        return Leaderboard()
    return side_car.leaderboard if side_car.digest == digest else Leaderboard()


def portable_path(path: Path, project_root: Path) -> str:
    """Return a path as side-cars hold it: relative to the project folder, with `/`."""
    return Path(os.path.relpath(path, project_root)).as_posix()


def checkpoint_name(checkpoint: str) -> str:
    """Return what people call a checkpoint: "unet-001/best", from its `portable_path`."""
    path = PurePosixPath(checkpoint)
    short = path.relative_to("runs") if path.parts[:1] == ("runs",) else path
    return (short.with_suffix("") if short.name else path).as_posix()


def write_side_car(submission: Path, side_car: SideCar) -> Path:
    """Write the side-car beside its submission file and return its path."""
    path = side_car_path(submission)
    write_json_atomic(path, side_car.as_json())
    return path


def read_side_car(path: Path) -> SideCar:
    """Read and validate a side-car.

    Raises:
        UsageError: missing, not JSON, of another schema version, or a wrong or missing value.
    """
    return _LAYOUT.read(path)


def parse_side_car(content: dict[str, Any], path: Path) -> SideCar:
    """Return the side-car that another file holds; raises as `read_side_car`."""
    return _LAYOUT.value(content, path)

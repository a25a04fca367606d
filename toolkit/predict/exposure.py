"""Which photos a network was trained on, and which may therefore score it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.data.contest import Contest
from toolkit.data.photo_set import PhotoSet
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.predict.member import Member
from toolkit.recipe.schema import Recipe
from toolkit.wording import some_of

Division = tuple[str, ...]
"""What says which images a network was validated on; equal for the same ones."""


@dataclass(frozen=True)
class Exposure:
    """The photos that reached the weights of a network.

    They come with its training images, pseudo-labelled images and pasted objects, and through its
    teachers and the weights that it began with.

    Attributes:
        photos: the photos.
        unrecorded: names of networks that note no photos: of its ancestors, or its own.
    """

    photos: PhotoSet = field(default_factory=PhotoSet)
    unrecorded: tuple[str, ...] = ()

    def __or__(self, other: Exposure) -> Exposure:
        unrecorded = dict.fromkeys(self.unrecorded + other.unrecorded)
        return Exposure(self.photos | other.photos, tuple(unrecorded))

    def of(self, split: Split) -> list[str]:
        """Return the names of those images of a split that are among the photos."""
        pairs = zip(split.file_names, split.contents, strict=True)
        return [name for name, content in pairs if content in self.photos]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a manifest or a checkpoint."""
        return {"trained": self.photos.as_text(), "unrecorded": list(self.unrecorded)}


def exposure_in(lineage: Mapping[str, Any], name: str) -> Exposure:
    """Return what a checkpoint's lineage notes; `name` is in `unrecorded` if it notes nothing."""
    try:
        noted = lineage["photos"]
        unrecorded = tuple(str(each) for each in noted["unrecorded"])
        return Exposure(PhotoSet.from_text(noted["trained"]), unrecorded)
    except (LookupError, TypeError, ValueError):  # an older version's, or damaged
        return Exposure(unrecorded=(name,))


def combined_exposure(exposures: Iterable[Exposure]) -> Exposure:
    """Return all photos of several networks."""
    total = Exposure()
    for each in exposures:
        total |= each
    return total


def refuse_exposed(members: Sequence[Member], split: Split) -> None:
    """Refuse networks that were trained on images that are to score them.

    Raises:
        UsageError: names the network and the images.
    """
    for member in members:
        seen = exposure_in(member.checkpoint.lineage, "").of(split)
        if seen:
            if member.recipe.train.on == "all":
                raise UsageError(
                    f'{member.path} was trained on all images (train.on = "all"): none is left to '
                    "score it",
                    "Choose among networks that leave out the same images; trash submit --ensemble "
                    "combines it with others.",
                )
            raise UsageError(
                f"{member.path} was trained on {len(seen)} of the {len(split)} images that are to "
                f"score it: {some_of(seen)}",
                "Perhaps its annotation or split files have changed since. Choose networks that "
                "all leave out the same images.",
            )


def validation_obstacle(member: Member, recipe: Recipe, contest: Contest) -> str | None:
    """Return why a network cannot be scored on the validation images of a contest; None if it can.

    Args:
        member: the network.
        recipe: what the contest was opened from.
        contest: the contest.
    """
    lineage = member.checkpoint.lineage
    exposure = exposure_in(lineage, str(member.path))
    seen = exposure.of(contest.val)
    if seen:
        n_images = len(contest.val)
        return f"was trained on {len(seen)} of the {n_images} validation images: {some_of(seen)}"
    if not exposure.unrecorded:
        return None
    digest = _digest(lineage, "train", "digest")
    if digest is None:
        same = _by_names(member.recipe) == _by_names(recipe)
        return None if same else "was trained on another division of the images"
    if digest == contest.train.digest:
        return None
    named = ", ".join(exposure.unrecorded)
    return f"was trained on other images, and {named} does not say on which photos"


def divisions_of(members: Sequence[Member]) -> list[Division]:
    """Return the division of each of several networks: by photos if all note them.

    Checkpoints of older versions note the digests of their annotation files, or not even those.
    """

    def by_photos(member: Member) -> Division | None:
        photos = _digest(member.checkpoint.lineage, "val", "photos")
        return None if photos is None else (photos,)

    def by_files(member: Member) -> Division | None:
        lineage = member.checkpoint.lineage
        train, val = _digest(lineage, "train", "digest"), _digest(lineage, "val", "digest")
        return None if train is None or val is None else (train, val)

    ways: tuple[Callable[[Member], Division | None], ...] = (by_photos, by_files)
    for way in ways:
        found = [division for member in members if (division := way(member)) is not None]
        if len(found) == len(members):
            return found
    return [_by_names(member.recipe) for member in members]


def _digest(lineage: Mapping[str, Any], split: str, what: str) -> str | None:
    try:
        found = lineage["data"][split][what]
    except (LookupError, TypeError):
        return None
    return found if isinstance(found, str) else None


def _by_names(recipe: Recipe) -> Division:
    data = recipe.data
    return str(data.train), str(data.val), str(data.folds)

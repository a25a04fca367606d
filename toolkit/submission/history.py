"""Earlier submissions, read from their side-cars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from toolkit.errors import UsageError
from toolkit.files import file_digest
from toolkit.recipe.problems import shown_path
from toolkit.submission.side_car import SideCar, read_side_car, side_car_path


@dataclass(frozen=True)
class Submission:
    """A submission known by its side-car; the file itself may be on another machine."""

    path: Path
    side_car: SideCar


def read_submissions(folder: Path) -> tuple[list[Submission], list[UsageError]]:
    """Return the submissions of a folder by age, the newest last, and what cannot be read."""
    found, broken = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            side_car = read_side_car(path)
        except UsageError as error:
            broken.append(error)
            continue
        # Both may have been renamed since: the side-car's own name counts.
        file = path.with_suffix(PurePosixPath(side_car.file).suffix)
        found.append(Submission(file, side_car))
    return sorted(found, key=lambda each: each.side_car.created), broken


def identical_to(
    file: Path, labels_digest: str, submissions: Sequence[Submission], folder: Path
) -> Iterator[str]:
    """Yield a sentence for each earlier submission with the same bytes, or the same labels.

    Args:
        file: the file.
        labels_digest: digest of its labels.
        submissions: those of the folder; their files need not be here.
        folder: is also searched for files without a side-car.
    """
    digest = file_digest(file)
    own = side_car_path(file).resolve()
    for each in submissions:
        if side_car_path(each.path).resolve() == own:
            continue
        if each.side_car.digest == digest:
            yield f"{file} is the same file as {_described(each)}"
        elif each.side_car.labels_digest == labels_digest:
            yield f"{file} has the same labels as {_described(each)}"
    size = file.stat().st_size
    for path in sorted(folder.glob(f"*{file.suffix}")):
        if path.samefile(file) or side_car_path(path).exists() or path.stat().st_size != size:
            continue
        if file_digest(path) == digest:
            yield f"{file} is the same file as {shown_path(path)}"


def _described(submission: Submission) -> str:
    board = submission.side_car.leaderboard
    known = [("public", board.public), ("private", board.private)]
    recorded = ", ".join(f"{name} {score:.4f}" for name, score in known if score is not None)
    path = shown_path(submission.path)
    return f"{path} ({recorded})" if recorded else path

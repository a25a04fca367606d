"""What `trash data check` says of photos that look alike, in one split or fold or in two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.data.perceptual_hash import BITS, Likeness, near_photos
from toolkit.data.problems import DataProblem
from toolkit.wording import counted

_IN_FOLDS = "near-duplicate in another fold"


@dataclass(frozen=True)
class HashedSplit:
    """The photos of one annotation file.

    Attributes:
        file: name of the annotation file.
        contents: digest of each photo's content, by file name.
        hashes: of the photos in the order of `contents`; None and "" are like nothing.
        folds: how it is divided; None = it is not.
    """

    file: str
    contents: Mapping[str, str]
    hashes: Sequence[str | None]
    folds: SplitFolds | None = None


@dataclass(frozen=True)
class SplitFolds:
    """The folds of a split.

    Attributes:
        file: the split file, as the recipe names it.
        n_folds: number of folds.
        fold_of: fold of each photo, by file name.
    """

    file: str
    n_folds: int
    fold_of: Mapping[str, int]


def likeness_problems(splits: Sequence[HashedSplit]) -> list[list[DataProblem]]:
    """Return of each split its photos that look like others before them, with the most alike one.

    Photos of equal content are left out: they are told as copies.

    Args:
        splits: of one contest, the training split first.
    """
    names = [name for split in splits for name in split.contents]
    contents = [content for split in splits for content in split.contents.values()]
    split_of = np.repeat(np.arange(len(splits)), [len(split.contents) for split in splits])
    fold_of = np.array([_fold(split, name) for split in splits for name in split.contents])
    found: list[list[DataProblem]] = [[] for _ in splits]
    for likeness in near_photos([each for split in splits for each in split.hashes]):
        own, fold = split_of[likeness.row], int(fold_of[likeness.row])
        others = np.array([contents[row] for row in likeness.earlier]) != contents[likeness.row]
        is_inside = split_of[likeness.earlier] == own
        is_together = fold_of[likeness.earlier] == fold
        for kind, chosen in (
            ("near-duplicate in another split", others & ~is_inside),
            (_IN_FOLDS, others & is_inside & ~is_together),
            ("near-duplicates", others & is_inside & is_together),
        ):
            if chosen.any():
                best = int(np.argmin(np.where(chosen, likeness.bits, BITS)))
                row = int(likeness.earlier[best])
                other = names[row]
                if split_of[row] != own:
                    other += f" of {splits[split_of[row]].file}"
                elif kind == _IN_FOLDS:
                    other += f" of fold {fold_of[row]}"
                detail = _detail(likeness, best, other, int(chosen.sum()) - 1)
                if kind == _IN_FOLDS:
                    detail = f"of fold {fold}, {detail}"
                found[own].append(DataProblem(kind, names[likeness.row], detail, error=False))
    for split, own_problems in zip(splits, found, strict=True):
        own_problems.extend(_remedy(split, own_problems))
    return found


def _fold(split: HashedSplit, name: str) -> int:
    return -1 if split.folds is None else split.folds.fold_of[name]


def _remedy(split: HashedSplit, found: Sequence[DataProblem]) -> list[DataProblem]:
    """Return what to do about photos that look like one of another fold, if there are any."""
    apart = sum(problem.kind == _IN_FOLDS for problem in found)
    if split.folds is None or not apart:
        return []
    photos = counted(apart, "photo looks", "photos look")
    detail = (
        f"{photos} like one of another fold, so that scores on folds are too high. They "
        f"are together after: trash data split RECIPE --folds {split.folds.n_folds} --groups "
        f"near-duplicates -o {split.folds.file} --force"
    )
    return [DataProblem("folds with near-duplicates", split.folds.file, detail, error=False)]


def _detail(likeness: Likeness, best: int, other: str, n_more: int) -> str:
    mirrored = ", mirrored" if likeness.mirrored[best] else ""
    detail = f"looks like {other} ({likeness.bits[best]} of {BITS} bits differ{mirrored})"
    return f"{detail} and {n_more} more" if n_more else detail

"""The page on the data of a recipe: classes, objects, photos, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.data.check import DataReport, check_contest
from toolkit.data.contest import Contest, open_contest
from toolkit.data.near_pairs import NearPair, near_pairs
from toolkit.data.sources import AnnotationFile
from toolkit.data.split import Split
from toolkit.data.split_statistics import SplitStatistics, split_statistics
from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.schema import Recipe
from toolkit.report.data_content import (
    Labelled,
    class_content,
    label_warnings,
    object_areas,
    objects_per_image,
    place_maps,
    together,
)
from toolkit.report.drift_chart import drift_chart
from toolkit.report.object_gallery import object_galleries
from toolkit.report.page import whole, write_page
from toolkit.report.photo_content import (
    Counted,
    brightness_chart,
    channel_rows,
    drift_of,
    pair_cards,
    size_rows,
    values_chart,
)
from toolkit.report.run_content import swatches
from toolkit.workspace import Workspace

MOST_PHOTOS = 1000
"""Photos of a split that are measured; of more, a sample is."""
_EXAMPLES = 5


@dataclass(frozen=True)
class CountedContest:
    """A contest and all that was found in it.

    Attributes:
        contest: its splits.
        splits: training, validation and test images, if there are any, with what they hold.
        reports: what `trash data check` finds, of each annotation file.
        pairs: photos that look alike.
    """

    contest: Contest
    splits: Counted
    reports: Sequence[DataReport]
    pairs: Sequence[NearPair]

    @property
    def labelled(self) -> Labelled:
        """The splits with labels."""
        return [(split.name, found.labels) for split, found in self.splits if found.labels]


def write_data_report(
    workspace: Workspace, loaded: LoadedRecipe, sources: Sequence[AnnotationFile], path: Path
) -> dict[str, Any]:
    """Write the page on a recipe's data.

    Annotations are all counted; of a split of more than 1000 photos a sample is measured.

    Args:
        workspace: has the readers; is told while the data are counted.
        loaded: the recipe.
        sources: its annotation files, from `find_sources`.
        path: the HTML file.

    Returns:
        The figures of the page as plain values.

    Raises:
        UsageError: the data cannot be opened: `trash data check` lists what is wrong.
    """
    recipe = loaded.recipe
    found = count_contest(workspace, recipe, sources)
    content = _content(loaded, found)
    write_page(path, "data.html", **content)
    return _figures(recipe, found, content)


def count_contest(
    workspace: Workspace, recipe: Recipe, sources: Sequence[AnnotationFile]
) -> CountedContest:
    """Count all that a contest holds.

    Raises:
        UsageError: the data cannot be opened.
    """
    try:
        contest = open_contest(workspace, recipe.data)
    except UsageError as error:
        more = "trash data check RECIPE lists everything that is wrong."
        raise UsageError(error.message, f"{error.hint} {more}".strip()) from None
    reports = check_contest(workspace, [each for each in sources if each.role in _ROLES])

    def count(split: Split, *, labelled: bool) -> tuple[Split, SplitStatistics]:
        size, progress = recipe.data.decoded_size, workspace.progress
        return split, split_statistics(split, size, MOST_PHOTOS, progress, labelled=labelled)

    splits = [count(contest.train, labelled=True), count(contest.val, labelled=True)]
    if contest.test is not None:
        splits.append(count(contest.test, labelled=False))
    pairs = near_pairs([split for split, _ in splits], workspace.progress)
    return CountedContest(contest, splits, reports, pairs)


_ROLES = ("train", "val", "test")


def _content(loaded: LoadedRecipe, found: CountedContest) -> dict[str, Any]:
    """Return what the template shows."""
    recipe, splits, labelled = loaded.recipe, found.splits, found.labelled
    train_split, train = splits[0]
    labels = labelled[0][1]
    class_names = found.contest.class_names
    rows = class_content(class_names, labelled)
    size = recipe.data.decoded_size
    sizes, more_sizes = size_rows(splits)
    maps, maps_left_out = place_maps(labels)
    problems = problem_rows(found.reports)
    cards = pair_cards(found.pairs)
    has_objects = any(len(each.objects) for _, each in labelled)
    drift = drift_of(splits)
    sections = [
        ("classes", "Classes"),
        ("objects", "Objects"),
        *([("gallery", "Gallery")] if has_objects else []),
        ("together", "Together"),
        ("places", "Places"),
        ("photos", "Photos"),
        ("drift", "Drift"),
        ("alike", "Look-alikes"),
        ("problems", "Problems"),
    ]
    return {
        "title": recipe.title or loaded.name,
        "what": "the data of a recipe",
        "warnings": label_warnings(rows, [name for name, _ in labelled], size),
        "sections": sections,
        "footer": f"Written {now()} by trash {__version__} from the data of {loaded.name}.",
        "tiles": _tiles(found, rows, size),
        "split_names": [name for name, _ in labelled],
        "photo_splits": [split.name for split, _ in splits],
        "sampled": [
            (split.name, len(statistics.rows), len(split))
            for split, statistics in splits
            if len(statistics.rows) < len(split)
        ],
        "rows": rows,
        "most_pixels": max((s.pixels for row in rows[1:] for s in row.shares), default=0) or 1,
        "from_masks": any(record.mask is not None for record in train_split.images),
        "size": size,
        "charts": [objects_per_image(labelled), object_areas(labelled)] if has_objects else [],
        "galleries": object_galleries(train_split, labels) if has_objects else [],
        "matrix": together(labels),
        "maps": maps,
        "maps_left_out": maps_left_out,
        "swatches": swatches(class_names),
        "sizes": sizes,
        "more_sizes": more_sizes,
        "photo_charts": [
            each for each in (brightness_chart(splits), values_chart(train.photos)) if each.svg
        ],
        "channels": channel_rows(train.photos, recipe.data),
        "drift": drift,
        "drift_chart": drift_chart(drift.splits),
        "pairs": cards,
        "n_pairs": len(found.pairs),
        "n_crossing": sum(pair.crosses for pair in found.pairs),
        "problems": problems,
    }


@dataclass(frozen=True)
class ProblemRow:
    """Problems of one kind in one file.

    Attributes:
        file: name of the annotation file.
        kind: of the problems.
        error: whether they must be repaired.
        count: how many there are.
        examples: "where: detail" of the first.
    """

    file: str
    kind: str
    error: bool
    count: int
    examples: tuple[str, ...]


def problem_rows(reports: Sequence[DataReport]) -> list[ProblemRow]:
    """Return the problems that were found, by file and kind, errors first."""
    rows = [
        ProblemRow(
            report.file.name,
            kind,
            any(problem.error for problem in problems),
            len(problems),
            tuple(f"{each.where}: {each.detail}".rstrip(": ") for each in problems[:_EXAMPLES]),
        )
        for report in reports
        for kind, problems in report.by_kind().items()
    ]
    return sorted(rows, key=lambda row: not row.error)


def _tiles(
    found: CountedContest, rows: Sequence[Any], size: tuple[int, int] | None
) -> list[tuple[str, str]]:
    objects = sum(each.objects for row in rows[1:] for each in row.objects)
    lost = sum(each.lost for row in rows[1:] for each in row.objects)
    tiles = [(f"{split.name} photos", whole(len(split))) for split, _ in found.splits]
    tiles += [("classes and background", f"{len(rows) - 1} + 1"), ("objects", whole(objects))]
    if size is not None:
        tiles.append((f"objects lost at {size[0]}x{size[1]}", whole(lost)))
    tiles.append(("photos that look like another", whole(len(found.pairs))))
    return tiles


def _figures(recipe: Recipe, found: CountedContest, content: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the page as plain values."""
    names = content["split_names"]
    return {
        "recipe": recipe.title,
        "image_size": recipe.data.image_size,
        "splits": {
            split.name: {
                "photos": len(split),
                "measured": len(statistics.rows),
                "mean": statistics.photos.mean_and_std[0].tolist(),
                "std": statistics.photos.mean_and_std[1].tolist(),
                "brightness": float(statistics.photos.brightness.mean()),
            }
            for split, statistics in found.splits
        },
        "classes": [
            {
                "name": row.name,
                **{
                    name: {
                        "pixels": share.pixels,
                        "images": share.images,
                        **asdict(objects),
                    }
                    for name, share, objects in zip(names, row.shares, row.objects, strict=True)
                },
            }
            for row in content["rows"]
        ],
        "together": found.labelled[0][1].together.tolist(),
        "drift": {
            name: {
                each.name: {
                    "distance": each.distance,
                    "by_chance": each.by_chance,
                    "medians": each.medians,
                }
                for each in differences
            }
            for name, differences in content["drift"].splits
        },
        "near_duplicates": [
            {
                "photos": [
                    f"{split.name}: {split.images[row].file_name}"
                    for split, row in (pair.one, pair.other)
                ],
                "bits": pair.bits,
                "mirrored": pair.mirrored,
            }
            for pair in found.pairs
        ],
        "problems": [asdict(row) for row in content["problems"]],
    }

"""Runs, epochs, studies, submissions, images, objects as pandas: `from toolkit import frames`.

It needs the extra `frames` (pandas), which is imported with the first table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.data.contest import open_contest
from toolkit.data.masks import paint_mask
from toolkit.data.object_facts import TINY, object_boxes, object_facts
from toolkit.data.resize import Size
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.experiment.find import find_run
from toolkit.experiment.run_folder import MANIFEST, RunFolder
from toolkit.experiment.study.summary import read_summary
from toolkit.metrics import scores as measure
from toolkit.metrics.counts_file import SUFFIX, read_counts
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.progress import SilentProgress
from toolkit.project import Project, find_project
from toolkit.recipe.data_folder import with_data_root
from toolkit.recipe.load import load_recipe
from toolkit.submission.history import read_submissions
from toolkit.submission.listing import row_of
from toolkit.workspace import Workspace

if TYPE_CHECKING:
    from pandas import DataFrame


def runs(project: Path | None = None) -> DataFrame:
    """Return a row for every run of this machine, in the order in which they started.

    Columns: `run`, `recipe`, `status`, `seed`, `started`, `ended`, `best_epoch`, `epochs`, `metric`
    (the one that decides), `validation.METRIC` and `test.METRIC`.

    Args:
        project: its folder; default: that around the working folder.
    """
    rows = []
    for folder, manifest in _manifests(_project(project)):
        result = manifest.get("result", {})
        test = (result.get("submission") or {}).get("score") or {}
        scores = result.get("scores") or {}
        rows.append(
            {
                "run": folder.name,
                "recipe": manifest["recipe"],
                "status": manifest["status"],
                "seed": manifest.get("seed"),
                "started": manifest.get("started"),
                "ended": manifest.get("ended"),
                "best_epoch": result.get("best_epoch"),
                "epochs": result.get("epochs"),
                "metric": scores.get("metric", DEFAULT_METRIC) if scores else None,
                **_named("validation", _by_metric(scores, "val_metrics", "val_miou")),
                **_named("test", _by_metric(test, "metrics", "mean_iou")),
            }
        )
    return _frame(rows, "run", "started").sort_values("started", kind="stable", ignore_index=True)


def epochs(*names: str, project: Path | None = None) -> DataFrame:
    """Return a row for every finished epoch of some runs.

    Columns: `run`, `epoch`, `lr`, `train_loss`, `val_loss`, `validation.METRIC`, `iou.CLASS`,
    `images_per_second`, `seconds`.

    Args:
        names: runs, by their names or folders; default: all of this machine.
        project: its folder; default: that around the working folder.

    Raises:
        UsageError: there is no such run.
    """
    here = _project(project)
    chosen = [find_run(each, here) for each in names] or [run for run, _ in _manifests(here)]
    rows = []
    for run in chosen:
        classes = run.manifest()["classes"]
        for record in run.epochs():
            rows.append(
                {
                    "run": run.name,
                    **{key: record.get(key) for key in ("epoch", "lr", "train_loss", "val_loss")},
                    **_named("validation", _by_metric(record, "val_metrics", "val_miou")),
                    **_named("iou", dict(zip(classes, record.get("val_iou") or (), strict=False))),
                    "images_per_second": record.get("images_per_second"),
                    "seconds": record.get("seconds"),
                }
            )
    return _frame(rows, "run", "epoch")


def submissions(project: Path | None = None) -> DataFrame:
    """Return a row for every submission with a side-car, the newest last.

    Columns: those of `trash submission list`, see `toolkit.submission.listing.Row`.

    Args:
        project: its folder; default: that around the working folder.
    """
    found, _ = read_submissions(_project(project))
    rows = [asdict(row_of(each)) for each in found]
    return _frame([row | {"members": " + ".join(row["members"])} for row in rows], "name")


def study(name: str, project: Path | None = None) -> DataFrame:
    """Return a row for every run of a study that was run on this machine.

    Columns: `variant`, `title`, `recipe`, `seed`, `run`, `metric`, `validation`, `test`, `seconds`,
    `reference.KEY` and `iou.CLASS`; the first variant is the one that others are compared with.

    Args:
        name: of the study: that of its file without the ending; of `trash recipe compare` its
            first recipe's, after "compare-".
        project: its folder; default: that around the working folder.

    Raises:
        UsageError: no such study was run here.
    """
    summary = read_summary(_project(project), name)
    rows = []
    for variant in summary["rows"]:
        for outcome in variant["outcomes"]:
            rows.append(
                {
                    "variant": variant["name"],
                    **{key: variant[key] for key in ("title", "recipe")},
                    **{key: outcome[key] for key in ("seed", "run")},
                    "metric": summary["metric"],
                    **{key: outcome[key] for key in ("validation", "test", "seconds")},
                    **_named("reference", variant["reference"]),
                    **_named("iou", dict(zip(variant["classes"], outcome["iou"], strict=True))),
                }
            )
    return _frame(rows, "variant", "seed")


def image_scores(run: str, project: Path | None = None) -> DataFrame:
    """Return a row for every validation image of a run: what each metric says of it alone.

    The index is `file_name`; columns: one for each built-in metric and the deciding one, NaN where
    it has no value, `iou.CLASS`, and `pixels.CLASS`, the true ones.

    Args:
        run: a run, by its name or folder.
        project: its folder; default: that around the working folder.

    Raises:
        UsageError: there is no such run, or the counts of its images are not there.
    """
    here = _project(project)
    folder = find_run(run, here)
    counted = read_counts(folder.best.with_suffix(SUFFIX))
    counts = counted.counts("validation")
    if counts is None:
        raise UsageError(f"{folder.name} has no counts of validation images")
    registry = load_registry(here)
    scores = folder.manifest().get("result", {}).get("scores") or {}
    spec = measure.stored_metric(registry, scores["metric"]) if scores.get("metric") else None
    metrics = measure.build_metrics(registry, spec, Context(counted.class_names))
    columns: dict[str, Any] = {
        name: measure.image_scores(metric, counts) for name, metric in metrics.by_name.items()
    }
    each = [measure.score_counts(image[None]) if image.any() else None for image in counts]
    for label, name in enumerate(counted.class_names):
        columns[f"iou.{name}"] = [own.iou[label] if own else None for own in each]
        columns[f"pixels.{name}"] = counts[..., label, :].reshape(len(counts), -1).sum(1)
    import pandas as pd

    index = pd.Index(counted.sets["validation"].images, name="file_name")
    return pd.DataFrame(columns, index=index)


def objects(recipe: str | Path, project: Path | None = None, data: Path | None = None) -> DataFrame:
    """Return a row for every object of a recipe's images: training, validation, then test.

    Columns: `split` ("train", "val" or "test"), `file_name`, `annotation` (its id in the file),
    `class`, `area` (pixels that it covers, whether others hide them or not), `share` (of the
    image's pixels, 0…1), `left`, `top`, `width`, `height` (the box around its pixels), `is_tiny`
    (below 32 x 32 pixels), `is_lost` (without a pixel at the size of the network's input).

    Masks do not tell objects of a class apart: connected regions stand for them, and have no id.
    Test images are those of `data.truth`.

    Args:
        recipe: a file, or its name below `recipes/`.
        project: its folder; default: that around the working folder.
        data: folder of the data on this machine, in place of `data.root`.

    Raises:
        UsageError: a wrong recipe, or data that do not fit it.
    """
    here = _project(project)
    set_ = with_data_root((), data, here)
    wanted = load_recipe(Path(recipe), project=here, set_=set_).recipe.data
    contest = open_contest(Workspace(here, load_registry(here), SilentProgress()), wanted)
    splits = {"train": contest.train, "val": contest.val, "test": contest.truth}
    rows = []
    for name, split in splits.items():
        if split is not None:
            for row in range(len(split)):
                rows += _objects(name, split, row, wanted.decoded_size)
    return _frame(rows, "split", "file_name", "class")


def _objects(name: str, split: Split, row: int, size: Size | None) -> list[dict[str, Any]]:
    record = split.images[row]
    mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
    facts = object_facts(split, row, mask, size)
    boxes = object_boxes(split, row, mask, facts)
    return [
        {
            "split": name,
            "file_name": record.file_name,
            "annotation": None if record.mask else record.annotations[fact.number].annotation_id,
            "class": split.labels.class_names[fact.label],
            "area": fact.area,
            "share": fact.area / mask.size,
            **dict(zip(("left", "top", "width", "height"), box, strict=True)),
            "is_tiny": fact.area < TINY,
            "is_lost": fact.is_lost,
        }
        for fact, box in zip(facts, boxes, strict=True)
    ]


def _project(folder: Path | None) -> Project:
    return find_project(folder)


def _manifests(project: Project) -> list[tuple[RunFolder, dict[str, Any]]]:
    """Return the runs with their manifests; folders of others are passed over."""
    found = []
    for path in sorted(project.runs.glob(f"*/{MANIFEST}")):
        run = RunFolder(path.parent)
        try:
            found.append((run, run.manifest()))
        except UsageError:
            continue
    return found


def _by_metric(scores: Mapping[str, Any], several: str, single: str) -> Mapping[str, Any]:
    """Return stored scores; files of before recipes could name a metric hold the mIoU alone."""
    if scores.get(several) or scores.get(single) is None:
        return scores.get(several) or {}
    return {DEFAULT_METRIC: scores[single]}


def _named(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in values.items()}


def _frame(rows: list[dict[str, Any]], *columns: str) -> DataFrame:
    """Return a table; without a row it has these columns at least."""
    import pandas as pd

    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(columns))

"""`trash run diff`: what differs between two runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.run.options import RUN_HELP
from toolkit.cli.session import open_components
from toolkit.project import find_project


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help=RUN_HELP)],
    second: Annotated[str, typer.Argument(metavar="B", help="The run to compare it with.")],
    json_: Json = False,
) -> None:
    """Print what differs between two runs of the team: values, data, plugins, code, scores.

    Where both have submitted the same images, also how much better A is on these, and whether that
    is more than noise.
    """
    from toolkit.experiment.recorded_runs import find_run
    from toolkit.experiment.shared_counts import compare_images, metric_of
    from toolkit.records.difference import differences

    project = find_project()
    a, b = find_run(first, project), find_run(second, project)
    found = differences(a.record, b.record)
    same = a.record.training == b.record.training
    metric = metric_of(a)
    registry = open_components(project, *([("metric", metric)] if metric is not None else []))
    compared = compare_images(project, registry, a, b)
    if json_:
        values: dict[str, Any] = {"first": a.name, "second": b.name, "same_training": same}
        values["images"] = [asdict(each) for each in compared]
        console.print_json(values | {"differences": [asdict(each) for each in found]})
        return
    rows = [(each.about, each.what, each.first, each.second) for each in found]
    if rows:
        console.print_table(("", "what", "A", "B"), rows)
    for each in compared:
        console.print_result(str(each))
    told = "one training: the same recipe, data and plugins" if same else "two trainings"
    console.note(f"A = {a.name}, B = {b.name}: {told}")

"""`trash ensemble search`: which members to combine, and how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.prediction_options import DataRoot, Device, Store, Views
from toolkit.cli.session import open_workspace
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.recipe.problems import shown_path
from toolkit.wording import counted

if TYPE_CHECKING:
    from toolkit.search.ensemble_search import EnsembleSearchResult
    from toolkit.search.postprocess_trial import PostprocessTrial
    from toolkit.search.results import CombinationResult


def search(
    members: Annotated[
        list[str],
        typer.Argument(
            help="Checkpoints, runs (NAME or runs/NAME: its best.pt) or series (runs/NAME.json); "
            "@views after one, as in a.pt@hflip*rot90."
        ),
    ],
    views: Views = None,
    try_: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            metavar="NAME[:KEY=VALUE,…]",
            help="Postprocessor to try on the best combination; kept only if it helps. May be "
            "repeated.",
        ),
    ] = None,
    way: Annotated[
        str | None,
        typer.Option(
            "--way", help="Take this row of the table, such as greedy, instead of the best one."
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="The metric that decides; default: that of the first member's recipe."),
    ] = None,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="Number of members that greedy selection adds.")
    ] = 12,
    folds: Annotated[
        int,
        typer.Option(
            "--folds",
            min=2,
            help="Number of parts of the images; each is scored by what was fitted to the others.",
        ),
    ] = 5,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, help="How often the images are divided into parts.")
    ] = 3,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Random seed of divisions and samples.")
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="File to write the combination to; default: a new one in submissions/ensembles/.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    data_root: DataRoot = None,
    store: Store = None,
    device: Device = None,
    json_: Json = False,
) -> None:
    """Score ways to combine members on held-out images; print the command that submits the best.

    Choices of members, weights and factors are fitted to part of the images and scored on the
    rest; the simple mean wins ties. Held-out images are those of data.val, or of
    every fold.
    """
    from toolkit.ensemble.combination import SUFFIX
    from toolkit.files import refuse_existing
    from toolkit.plugin.component_text import parse_component
    from toolkit.search.candidates import find_candidates
    from toolkit.search.ensemble_search import search_ensemble
    from toolkit.search.search import Effort

    if output is not None and output.suffix != SUFFIX:
        raise UsageError(f"-o {output}: a combination is a {SUFFIX} file")
    if output is not None:
        refuse_existing(output, overwrite)
    project = find_project()
    candidates = find_candidates(members, project, views)
    found = search_ensemble(
        open_workspace(project),
        candidates,
        effort=Effort(rounds, folds, repeats, seed),
        postprocessors=[parse_component(text) for text in try_ or ()],
        wanted=way,
        metric=parse_component(metric) if metric is not None else None,
        output=output,
        data_root=data_root,
        store=store,
        device=device,
    )
    if json_:
        console.print_json(found.as_json())
        return
    _show(found)
    if output is not None and found.file is None:
        console.note(f"a plain mean needs no file: {shown_path(output)} was not written")


_FITTED = "on the images it was fitted to"


def _show(found: EnsembleSearchResult) -> None:
    from toolkit.metrics.scores import metric_title

    result = found.search
    console.note(
        f"{counted(result.n_images, 'held-out image', 'held-out images')}; members disagree on "
        f"{result.contested:.1%} of the pixels"
    )
    rows = [_row(way, way is result.chosen) for way in result.ways]
    title = metric_title(found.metric)
    numeric = (title, f"{title} {_FITTED}", "gain over the mean of all", "±")
    console.print_table((*numeric, "way"), rows, numeric=numeric)
    if found.trial is not None:
        _show_trial(found.trial, result.chosen, title)
    if found.file is not None:
        console.note(f"combination: {shown_path(found.file)}")
    console.print_result(found.command)


def _row(way: CombinationResult, is_chosen: bool) -> tuple[Any, ...]:
    scored = way.scored
    return (
        _marked(scored.honest_score, is_chosen),
        f"{scored.fitted_score:.4f}" if way.is_fitted else "",
        f"{way.gain.score:+.4f}",
        f"{way.gain.error:.4f}",
        way.name,
    )


def _marked(score: float, is_chosen: bool) -> str:
    return f"→ {score:.4f}" if is_chosen else f"  {score:.4f}"


def _show_trial(trial: PostprocessTrial, way: CombinationResult, title: str) -> None:
    from toolkit.plugin.component_text import component_text

    # A combination that was fitted to all images scores too high on them: only the gain is honest.
    score = f"{title} {_FITTED}" if way.is_fitted else title
    gain = "gain over no postprocessor"
    console.print_table(
        (score, gain, "±", "postprocessor"),
        [
            (
                _marked(each.scored.honest_score, each.spec == trial.kept),
                f"{each.gain.score:+.4f}",
                f"{each.gain.error:.4f}",
                component_text(each.spec)
                + (f"; clearly worse: {', '.join(each.worse)}" if each.worse else ""),
            )
            for each in trial.tried
        ],
        numeric=(score, gain, "±"),
    )
    if trial.kept is None:
        console.note("no postprocessor clearly helps without making a class worse: none is kept")
    else:
        console.note(
            "gain when it is chosen on part of the images and scored on the rest: "
            f"{trial.gain.score:+.4f}"
        )

"""`trash ensemble`: which members to combine, and how; one checkpoint from several."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import console
from toolkit.cli.session import open_registry
from toolkit.cli.submit import DataRoot, Device, Json, Store, Views
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.recipe.problems import shown_path

if TYPE_CHECKING:
    from toolkit.search.ensemble_search import EnsembleSearchResult
    from toolkit.search.postprocess_trial import PostprocessTrial
    from toolkit.search.results import CombinationResult

app = typer.Typer(help="Choose, fit and average members on held-out images.", no_args_is_help=True)


@app.command()
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
            help="Postprocessor to try on the best way; kept only if it helps. Repeat.",
        ),
    ] = None,
    way: Annotated[
        str | None,
        typer.Option("--way", help="Take this way of the table, such as greedy, not the best."),
    ] = None,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="Members that greedy selection adds.")
    ] = 12,
    folds: Annotated[
        int, typer.Option("--folds", min=2, help="Parts of the images, each scored by the others.")
    ] = 5,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, help="How often the images are divided anew.")
    ] = 3,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of divisions and samples.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The combination; default: in submissions/ensembles/."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    data_root: DataRoot = None,
    store: Store = None,
    device: Device = None,
    json_: Json = False,
) -> None:
    """Score every way to combine members on held-out images; print the line to submit the best.

    What is fitted (a choice of members, weights, factors) is fitted on part of the images and scored
    on the rest; the simple mean wins ties. Held-out images are those of data.val, or of every fold.
    """
    from toolkit.ensemble.combination import SUFFIX
    from toolkit.search.candidates import find_candidates
    from toolkit.search.ensemble_search import search_ensemble
    from toolkit.search.search import Effort
    from toolkit.submission.options import parse_component

    if output is not None and output.suffix != SUFFIX:
        raise UsageError(f"-o {output}: a combination is a {SUFFIX} file")
    if output is not None and output.exists() and not overwrite:
        raise UsageError(f"{output} exists", "Choose another name with -o, or add --overwrite.")
    project = find_project()
    candidates = find_candidates(members, project, views)
    found = search_ensemble(
        candidates, open_registry(project), project, console.make_progress(),
        effort=Effort(rounds, folds, repeats, seed),
        postprocessors=[parse_component(text) for text in try_ or ()], wanted=way,
        output=output, data_root=data_root, store=store, device=device,
    )  # fmt: skip
    if json_:
        console.print_json(found.as_json())
        return
    _show(found)
    if output is not None and found.file is None:
        console.note(f"a plain mean needs no file: {shown_path(output)} was not written")


@app.command()
def average(
    checkpoints: Annotated[
        list[str],
        typer.Argument(help="Checkpoints or runs of one network: seeds, epochs, snapshots."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The checkpoint to write, such as soup.pt.")
    ],
    weights: Annotated[
        str | None, typer.Option("--weights", help="Weight of each checkpoint: 0.4,0.6")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    data_root: DataRoot = None,
    device: Device = None,
    json_: Json = False,
) -> None:
    """Average the weights of checkpoints of one network into one; as fast as one of them.

    Batch norms are estimated anew on training images. It helps where the checkpoints have a common past:
    snapshots of one run, or seeds that began with the same weights. Compare the scores before using it.
    Of a single checkpoint, such as one of an optimiser that averages, only batch norms are estimated.
    """
    from toolkit.experiment.execution.soup import average_checkpoints
    from toolkit.experiment.find import CHECKPOINT_SUFFIX, find_checkpoint
    from toolkit.submission.merge import parse_weights

    if output.suffix != CHECKPOINT_SUFFIX:
        raise UsageError(
            f"-o {output}: a checkpoint ends in {CHECKPOINT_SUFFIX}",
            f"Use {output.with_suffix(CHECKPOINT_SUFFIX)}.",
        )
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists", "Choose another name with -o, or add --overwrite.")
    project = find_project()
    numbers = parse_weights(weights, len(checkpoints)) if weights is not None else ()
    choices = [find_checkpoint(text, project) for text in checkpoints]
    for text, choice in zip(checkpoints, choices, strict=True):
        if choice.views is not None:
            raise UsageError(
                f"{text}: an average of weights has no views",
                "Name them when it predicts: trash submit soup.pt@hflip",
            )
    paths = [choice.path for choice in choices]
    found = average_checkpoints(
        paths, numbers, output, project, open_registry(project),
        console.make_progress(), data_root=data_root, device=device,
    )  # fmt: skip
    if json_:
        console.print_json(asdict(found))
        return
    rows = [(name, "-" if miou is None else f"{miou:.4f}") for name, miou in found.members]
    rows.append((output.name, f"{found.val_miou:.4f}"))
    console.print_table(("checkpoint", "val mIoU"), rows, numeric=("val mIoU",))
    console.note(f"{found.batch_norms} batch norms estimated anew")
    console.print_result(str(output))


def _show(found: EnsembleSearchResult) -> None:
    result = found.search
    console.note(
        f"{result.n_images} held-out images; members disagree on {result.contested:.1%} of the pixels"
    )
    rows = [_row(way, way is result.chosen) for way in result.ways]
    numeric = ("mIoU", "fitted", "gain", "±")
    console.print_table((*numeric, "way"), rows, numeric=numeric)
    if found.trial is not None:
        _show_trial(found.trial, result.chosen)
    if found.file is not None:
        console.note(f"combination: {shown_path(found.file)}")
    console.print_result(found.command)


def _row(way: CombinationResult, is_chosen: bool) -> tuple[Any, ...]:
    scored = way.scored
    return (
        _marked(scored.honest_miou, is_chosen),
        f"{scored.fitted_miou:.4f}" if way.is_fitted else "",
        f"{way.gain.miou:+.4f}",
        f"{way.gain.error:.4f}",
        way.name,
    )


def _marked(miou: float, is_chosen: bool) -> str:
    return f"→ {miou:.4f}" if is_chosen else f"  {miou:.4f}"


def _show_trial(trial: PostprocessTrial, way: CombinationResult) -> None:
    from toolkit.submission.options import component_text

    # The members are combined by what all images fitted: only the gain is an honest figure then.
    miou = "fitted" if way.is_fitted else "mIoU"
    console.print_table(
        (miou, "gain", "±", "then"),
        [
            (
                _marked(each.scored.honest_miou, each.spec == trial.kept),
                f"{each.gain.miou:+.4f}",
                f"{each.gain.error:.4f}",
                component_text(each.spec)
                + (f"; clearly worse: {', '.join(each.worse)}" if each.worse else ""),
            )
            for each in trial.tried
        ],
        numeric=(miou, "gain", "±"),
    )
    if trial.kept is None:
        console.note("no postprocessor clearly helps without harm to a class: none is kept")
    else:
        console.note(
            f"chosen on part of the images and scored on the rest, it gains {trial.gain.miou:+.4f}"
        )

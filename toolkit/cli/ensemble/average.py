"""`trash ensemble average`: one checkpoint from several."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.prediction_options import DataRoot, Device
from toolkit.cli.session import open_workspace
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.wording import counted


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
    """Average the weights of checkpoints of one network; the result predicts as fast as one.

    Batch-norm statistics are recomputed on training images; for a single checkpoint, such as one
    of an optimiser that averages weights, nothing else is done. Averaging helps when a part of the
    training was common: snapshots of one run, or seeds that began with the same weights. Compare
    the scores before using it.
    """
    from toolkit.experiment.execution.soup import average_checkpoints
    from toolkit.experiment.find import CHECKPOINT_SUFFIX, find_checkpoint
    from toolkit.files import refuse_existing
    from toolkit.metrics.scores import metric_title, with_error
    from toolkit.submission.merge import parse_weights

    if output.suffix != CHECKPOINT_SUFFIX:
        raise UsageError(
            f"-o {output}: a checkpoint ends in {CHECKPOINT_SUFFIX}",
            f"Use {output.with_suffix(CHECKPOINT_SUFFIX)}.",
        )
    refuse_existing(output, overwrite)
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
        open_workspace(project),
        paths,
        numbers,
        output,
        data_root=data_root,
        device=device,
    )
    if json_:
        console.print_json(asdict(found))
        return
    rows = [(name, "-" if score is None else f"{score:.4f}") for name, score in found.members]
    rows.append((output.name, with_error(found.scores)))
    title = f"val {metric_title(found.scores.metric)}"
    console.print_table(("checkpoint", title), rows, numeric=(title,))
    console.note(
        f"statistics of {counted(found.batch_norms, 'batch-norm layer', 'batch-norm layers')} "
        "recomputed"
    )
    console.print_result(str(output))

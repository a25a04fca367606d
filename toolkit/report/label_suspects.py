"""Label suspects of runs: their validation images judged, ranked and written down."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from toolkit.data.suspect_list import refuse_reviewed
from toolkit.errors import UsageError
from toolkit.experiment.find import CHECKPOINT_SUFFIX, SERIES_SUFFIX, find_checkpoints
from toolkit.predict.member import member_name
from toolkit.predict.members import parse_member_ref
from toolkit.report.label_judgement import ObjectDoubt, judge_labels
from toolkit.report.out_of_fold import out_of_fold_images
from toolkit.report.page import page_path
from toolkit.report.suspect_page import LIST_SUFFIX, WrittenSuspects, write_suspect_page
from toolkit.workspace import Workspace

RankedBy = Literal["objects", "cleanlab"]
"""What ranks the suspects: our own doubt of objects, or cleanlab's of their pixels."""

_RANKINGS: dict[RankedBy, str] = {
    "objects": "the probabilities of whole objects, each over what is usual for its label: at 0.5 "
    "another label fits equally well, at 1 the label is out of the question",
    "cleanlab": "cleanlab's quality of their pixels: 1 minus its mean over an object",
}


def find_label_suspects(
    workspace: Workspace,
    names: list[str],
    *,
    by: RankedBy,
    least: float,
    output: Path | None = None,
    data_root: Path | None = None,
    device: str | None = None,
) -> WrittenSuspects:
    """Judge the labels of the images that runs were not trained on; write the page and the list.

    Args:
        workspace: the project, its components, and who is told what happens.
        names: of runs, checkpoints and series.
        by: what ranks the suspects.
        least: doubt, 0…1, from which a label is a suspect.
        output: the page; default: `reports/suspects-NAME.html`. The list is beside it.
        data_root: where the data lie on this machine; default: where the recipes say.
        device: where to predict; default: what the recipes allow.

    Raises:
        UsageError: as `find_checkpoints`, `refuse_reviewed`, `out_of_fold_images` and
            `write_suspect_page`; or cleanlab is not installed.
    """
    doubt = _cleanlab() if by == "cleanlab" else None
    title = _title(names)
    page = page_path(output, workspace.project, f"suspects-{title}.html")
    if page.suffix == LIST_SUFFIX:
        raise UsageError(
            f"-o {page}: the page is HTML, the list is written beside it",
            f"Name the page: -o {page.with_suffix('.html')}",
        )
    refuse_reviewed(page.with_suffix(LIST_SUFFIX))
    choices = [choice for name in names for choice in find_checkpoints(name, workspace.project)]
    images = out_of_fold_images(workspace, choices, data_root=data_root, device=device)
    judgement = judge_labels(images, workspace.progress, doubt=doubt)
    return write_suspect_page(judgement, page, title, _RANKINGS[by], least)


def _title(names: list[str]) -> str:
    path = parse_member_ref(names[0]).path
    first = member_name(path) if path.suffix == CHECKPOINT_SUFFIX else path.name
    first = first.removesuffix(SERIES_SUFFIX)
    return first if len(names) == 1 else f"{first}+{len(names) - 1}"


def _cleanlab() -> ObjectDoubt:
    try:
        from toolkit.metrics.cleanlab_doubt import cleanlab_doubt
    except ImportError as error:
        raise UsageError(
            f"--by cleanlab needs the package cleanlab: {error}",
            'pip install "trash-toolkit[suspects]", or leave --by out.',
        ) from None
    return cleanlab_doubt

"""The page of label suspects, with the list beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from toolkit import __version__
from toolkit.data.suspect_list import Suspect, SuspectKind, write_suspects
from toolkit.experiment.execution.manifest import now
from toolkit.report.label_judgement import LabelJudgement
from toolkit.report.page import write_page
from toolkit.report.run_content import swatches
from toolkit.report.suspect_cards import suspect_cards

_CARDS, _IMAGES = 120, 20
"""Suspects and images that the page shows."""

LIST_SUFFIX = ".csv"


@dataclass(frozen=True)
class WrittenSuspects:
    """What was found, and where it was written.

    Attributes:
        page: the HTML file.
        file: the list.
        suspects: all of them, the most doubtful first.
        n_objects: objects that were judged.
        n_unseen: objects that were not: hidden, or too small for the network's input.
        images: (name, doubt) of the most doubtful ones.
    """

    page: Path
    file: Path
    suspects: tuple[Suspect, ...]
    n_objects: int
    n_unseen: int
    images: tuple[tuple[str, float], ...]


def write_suspect_page(
    judgement: LabelJudgement, page: Path, title: str, ranking: str, least: float
) -> WrittenSuspects:
    """Write the page of the samples with at least this doubt, and the list of all of them.

    Args:
        judgement: of the images.
        page: the HTML file; the list has its name with `.csv`.
        title: what was judged by.
        ranking: how, for the page.
        least: doubt, 0…1.

    Raises:
        UsageError: a photo cannot be read.
    """
    order = judgement.order(least)
    suspects = tuple(judgement.suspect(position) for position in order)
    file = page.with_suffix(LIST_SUFFIX)
    write_suspects(file, suspects)
    cards = suspect_cards(judgement, order[:_CARDS])
    worst = np.argsort(-judgement.image_doubts, kind="stable")[:_IMAGES].tolist()
    images = tuple(
        (judgement.images[row].name, float(judgement.image_doubts[row])) for row in worst
    )
    n_objects = sum(sample.label > 0 for sample in judgement.samples)
    n_images = len(judgement.images)
    kinds = Counter(suspect.kind for suspect in suspects)
    write_page(
        page,
        "suspects.html",
        title=title,
        what="label suspects",
        warnings=[],
        sections=[("suspects", "Suspects"), ("images", "Images"), ("use", "What to do with them")],
        footer=f"Written {now()} by trash {__version__}.",
        tiles=[
            ("images", str(n_images)),
            ("objects", str(n_objects)),
            *((_KIND_TITLES[kind], str(kinds[kind])) for kind in get_args(SuspectKind)),
            ("not judged", str(judgement.n_unseen)),
        ],
        ranking=ranking,
        least=least,
        n_suspects=len(suspects),
        cards=cards,
        swatches=swatches(judgement.images[0].split.labels.class_names),
        images=images,
        n_images=n_images,
        file=file.name,
    )
    return WrittenSuspects(page, file, suspects, n_objects, judgement.n_unseen, images)


_KIND_TITLES = {"label": "of another class", "extra": "where nothing is", "missing": "missing"}

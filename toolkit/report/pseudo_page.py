"""The page on which people review a pseudo-label set."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Any

import cv2

from toolkit import __version__
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.progress import Bar, Progress
from toolkit.pseudo.figures import FIGURES
from toolkit.pseudo.label_set import LabelSet
from toolkit.report.class_figures import css_colour
from toolkit.report.page import write_page
from toolkit.report.pseudo_cards import GAP, Card, Cards

_PICTURE_BYTES = 17_000_000
"""Of all pictures together, before base64 makes them a third larger."""
_MOST_CARDS = 4000
"""Images on a page; with more of them pictures would be too small to judge."""
_AHEAD = 32
"""Cards made before they are written: bounds the memory."""
_READERS = 8


def write_pseudo_page(
    label_set: LabelSet, unlabelled: Split, path: Path, progress: Progress
) -> None:
    """Write one HTML file that shows what was selected and what was not; it needs nothing else.

    Doubtful images come first. Pictures shrink with their number so that the file stays below about
    25 MB; of more than 4,000 images the most doubtful ones are shown.

    Args:
        label_set: the set.
        unlabelled: its images.
        path: the file to write.
        progress: told while writing.

    Raises:
        UsageError: the images are not those of the set, or one cannot be read.
    """
    there = frozenset(unlabelled.file_names)
    for image in label_set.index.images:
        if image.file_name not in there:
            raise UsageError(
                f"{unlabelled.file} has no image {image.file_name}, which the pseudo-label set "
                f"{label_set.folder} is about"
            )
    shown = _groups(label_set)
    n_cards = sum(len(rows) for _, _, rows in shown)
    cards = Cards(label_set, unlabelled, _PICTURE_BYTES // max(n_cards, 1))
    index = label_set.index
    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with (
        progress.bar(f"writing {path.name}", n_cards, "images") as bar,
        ThreadPoolExecutor(min(_READERS, os.cpu_count() or 1)) as pool,
    ):
        write_page(
            path,
            "pseudo.html",
            title=f"Pseudo-labels {label_set.folder.name}",
            what="review of a pseudo-label set",
            refreshes=False,
            warnings=index.warnings,
            sections=[("classes", "Classes"), *((name, name.capitalize()) for name, _, _ in shown)],
            footer=f"Written by trash {__version__}.",
            facts=_facts(label_set),
            classes=_class_rows(label_set),
            orders=_ORDERS,
            gap=GAP,
            groups=[
                {
                    "name": name,
                    "count": count,
                    "shown": len(rows),
                    "cards": _made(cards, rows, pool, bar),
                }
                for name, count, rows in shown
            ],
        )


def _groups(label_set: LabelSet) -> list[tuple[str, int, list[int]]]:
    """Return (name, number of images, rows of those that are shown) of both groups."""
    images = label_set.index.images
    shown_share = min(_MOST_CARDS / max(len(images), 1), 1.0)
    groups = []
    for name, selected in (("selected", True), ("rejected", False)):
        rows = [row for row, image in enumerate(images) if image.is_selected is selected]
        rows.sort(key=lambda row: images[row].confidence or 0.0)
        groups.append((name, len(rows), rows[: ceil(shown_share * len(rows))]))
    return groups


def _made(cards: Cards, rows: Sequence[int], pool: ThreadPoolExecutor, bar: Bar) -> Iterator[Card]:
    """Yield the cards of some images while the page is written: few are in memory at once."""
    for start in range(0, len(rows), _AHEAD):
        for card in pool.map(cards.card, rows[start : start + _AHEAD]):
            yield card
            bar.advance()


def _facts(label_set: LabelSet) -> list[tuple[str, str]]:
    index = label_set.index
    reasons = Counter(str(image.rejected_by) for image in index.rejected)
    return [
        ("selected", f"{len(index.selected)} of {len(index.images)} images"),
        *((f"rejected by {name}", f"{count} images") for name, count in reasons.most_common()),
        *((_ORIGIN.get(name, name), _plain(value)) for name, value in index.origin.items()),
    ]


_ORDERS = {
    **{key.replace("_", "-"): f"lowest {name} first" for key, name in FIGURES.items()},
    "trusted": "fewest trusted pixels first",
    "name": "by name",
}
"""Key of an order in the script -> its name for people."""
_ORIGIN = {"as_submitted": "as submitted", "soft": "soft labels", "selection": "selected by"}
"""Key of the origin -> its name for people, where that is another one."""


def _class_rows(label_set: LabelSet) -> list[dict[str, str]]:
    """Return what is shown of every class."""
    index = label_set.index
    rows = []
    for label, name in enumerate(index.class_names):
        predicted, trusted = index.predicted[label], index.trusted[label]
        rows.append(
            {
                "name": name,
                "colour": css_colour(label, len(index.class_names)),
                "predicted": f"{predicted:,}",
                "trusted": f"{trusted:,}",
                "share": f"{trusted / predicted:.1%}" if predicted else "-",
                "images": str(label_set.masks.array_counts[label]),
            }
        )
    return rows


def _plain(value: Any) -> str:
    """Return a value of the origin for people.

    A component is its name and parameters, a teacher its checkpoint with its views.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping) and "checkpoint" in value:
        views = value.get("views")
        return f"{value['checkpoint']}@{views}" if views else str(value["checkpoint"])
    if isinstance(value, Mapping):
        named = [str(value["name"])] if "name" in value else []
        given = [f"{key} = {_plain(each)}" for key, each in value.items() if key != "name"]
        return " ".join([*named, *([f"({', '.join(given)})"] if given else [])])
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value)

"""The page on which people review a pseudo-label set."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from math import ceil
from pathlib import Path
from typing import Any, TextIO

import cv2

from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.files import atomic_path
from toolkit.progress import Bar, Progress
from toolkit.pseudo.figures import FIGURES
from toolkit.pseudo.label_set import LabelSet
from toolkit.report.pseudo_cards import Cards, class_name_html, facts_html
from toolkit.report.thumbnails import class_colours

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
    groups = _groups(label_set)
    n_cards = sum(len(shown) for _, _, shown in groups)
    cards = Cards(label_set, unlabelled, _PICTURE_BYTES // max(n_cards, 1))
    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with (
        atomic_path(path) as temporary,
        # A file name that is no Unicode must not keep the page from being written.
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file,
        progress.bar(f"writing {path.name}", n_cards, "images") as bar,
        ThreadPoolExecutor(min(_READERS, os.cpu_count() or 1)) as pool,
    ):
        file.write(_head(label_set))
        for group, count, shown in groups:
            file.write(f'<section id="{group}"><h2>{group.capitalize()} ({count})</h2>\n')
            if len(shown) < count:
                file.write(f"<p>The {len(shown)} most doubtful ones are shown.</p>\n")
            file.write('<div class="cards">\n')
            _write_cards(file, cards, shown, pool, bar)
            file.write("</div></section>\n")
        file.write(f"<script>\n{_asset('.js')}</script>\n</body></html>\n")


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


def _write_cards(
    file: TextIO, cards: Cards, rows: Sequence[int], pool: ThreadPoolExecutor, bar: Bar
) -> None:
    for start in range(0, len(rows), _AHEAD):
        for card in pool.map(cards.html, rows[start : start + _AHEAD]):
            file.write(card)
            bar.advance()


def _head(label_set: LabelSet) -> str:
    index = label_set.index
    title = escape(f"Pseudo-labels {label_set.folder.name}")
    reasons = Counter(str(image.rejected_by) for image in index.rejected)
    facts = [
        ("selected", f"{len(index.selected)} of {len(index.images)} images"),
        *((f"rejected by {name}", f"{count} images") for name, count in reasons.most_common()),
        *((_ORIGIN.get(name, name), _plain(value)) for name, value in index.origin.items()),
    ]
    warnings = "".join(f'<p class="warning">{escape(text)}</p>' for text in index.warnings)
    classes = "".join(
        f'<option value="{label}">{escape(name)}</option>'
        for label, name in enumerate(index.class_names)
    )
    orders = "".join(f'<option value="{key}">{name}</option>' for key, name in _ORDERS.items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>
{_asset(".css")}</style></head><body>
<header><h1>{title}</h1>
<dl class="facts">{facts_html(facts)}</dl>{warnings}
{_class_table(label_set)}
<p>Each image: the photo, and the labels over it. Background is clear; grey stripes cover the pixels
that are not trusted and are ignored in training. Rejected images show all that was predicted.</p>
</header>
<form id="tools">
<input id="name" type="search" placeholder="file name" aria-label="file name">
<select id="class" aria-label="class"><option value="">all classes</option>{classes}</select>
<select id="order" aria-label="order">{orders}</select>
<span id="count" role="status"></span>
<details><summary>Ticked images: <span id="ticked">0</span></summary>
<p>Tick images and save this list for the selector <code>file_list</code>, which keeps or drops
them.</p>
<textarea id="list" readonly rows="6" aria-label="list of the ticked images"></textarea>
<p><button type="button" id="copy">Copy</button>
<button type="button" id="all">Tick all shown</button>
<button type="button" id="none">Untick all</button></p></details>
</form>
"""


_ORDERS = {
    **{key.replace("_", "-"): f"lowest {name} first" for key, name in FIGURES.items()},
    "trusted": "fewest trusted pixels first",
    "name": "by name",
}
"""Key of an order in the script -> its name for people."""
_ORIGIN = {"as_submitted": "as submitted", "soft": "soft labels", "selection": "selected by"}
"""Key of the origin -> its name for people, where that is another one."""


def _class_table(label_set: LabelSet) -> str:
    index = label_set.index
    colours = class_colours(len(index.class_names))
    rows = []
    for label in range(len(index.class_names)):
        predicted, trusted = index.predicted[label], index.trusted[label]
        share = f"{trusted / predicted:.1%}" if predicted else "-"
        rows.append(
            f"<tr><th>{class_name_html(label_set, label, colours)}</th>"
            f"<td>{predicted:,}</td><td>{trusted:,}</td><td>{share}</td>"
            f"<td>{label_set.masks.array_counts[label]}</td></tr>"
        )
    return (
        '<div class="table"><table><thead><tr><th>class</th><th>pixels predicted</th>'
        "<th>trusted</th><th>share trusted</th><th>images with it</th></tr></thead><tbody>"
        f"{''.join(rows)}</tbody></table></div>"
    )


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


def _asset(ending: str) -> str:
    return Path(__file__).with_suffix(ending).read_text(encoding="utf-8")

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.report.html_page import Page
from tests.workspaces import workspace_in
from toolkit import Prediction
from toolkit.data.contest import open_contest
from toolkit.data.labels import LabelMap
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.plugin.interfaces import Selector
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.pseudo.file_list import read_file_list
from toolkit.pseudo.label_set import LabelSet
from toolkit.pseudo.record import record_label_set
from toolkit.pseudo.select import Selection
from toolkit.recipe.schema import Data
from toolkit.report import pseudo_page
from toolkit.report.pseudo_page import write_pseudo_page
from toolkit.report.thumbnails import class_colours, labels_png, photo_jpeg

CLASSES = ("Background", "<b>Paper</b>", 'Glass "&" co', "Battery")
NASTY = "test/<script>alert('x')</script> & \"co\".png"
NAMES = ("test/a.png", NASTY, "test/c.png", "test/d.png")
SIZE = (40, 60)
CONFIDENCE = {"test/a.png": 0.9, NASTY: 0.7, "test/c.png": 0.8, "test/d.png": 0.6}


@pytest.fixture
def split(tmp_path: Path) -> Split:
    rng = np.random.default_rng(0)
    root = tmp_path / "photos"
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        photo = cv2.resize(rng.integers(0, 256, (3, 3, 3), dtype=np.uint8), SIZE[::-1])
        (root / name).write_bytes(cv2.imencode(".png", photo)[1].tobytes())
    records = [ImageRecord(row, name, SIZE[1], SIZE[0]) for row, name in enumerate(NAMES)]
    return Split(
        "test",
        root / "test.json",
        root,
        tuple(records),
        LabelMap(CLASSES, {}),
        "max-id",
        255,
        "",
    )


def predictions(split: Split) -> list[Prediction]:
    """Left half background, right half the class of the image; doubt in the lowest quarter."""
    found = []
    for row, record in enumerate(split.images):
        labels = np.zeros(SIZE, np.uint8)
        labels[:, SIZE[1] // 2 :] = row % len(CLASSES)
        confidence = np.full(SIZE, CONFIDENCE[record.file_name], np.float32)
        planes = np.arange(len(CLASSES))[:, None, None] == labels
        maps = np.where(planes, confidence, (1 - confidence) / (len(CLASSES) - 1))
        found.append(Prediction(record.file_name, maps, np.ones(SIZE, np.float32)))
    return found


def upper_part(prediction: Prediction) -> NDArray[np.uint8]:
    labels: NDArray[np.uint8] = prediction.probabilities.argmax(axis=0).astype(np.uint8)
    labels[3 * SIZE[0] // 4 :] = 255
    return labels


def not_d(prediction: Prediction) -> NDArray[np.uint8] | None:
    if prediction.file_name == "test/d.png":
        return None
    return prediction.probabilities.argmax(axis=0).astype(np.uint8)


@pytest.fixture
def label_set(split: Split, tmp_path: Path) -> LabelSet:
    steps: tuple[tuple[str, Selector], ...] = (("<not_d>", not_d), ("upper_part", upper_part))
    return record_label_set(
        tmp_path / "key",
        predictions(split),
        split,
        Selection(steps, 255),
        soft=False,
        origin={
            "teachers": ["a.pt", "<i>b</i>.pt@hflip"],
            "selection": [{"name": "threshold", "least": 0.5}, {"name": "file_list", "file": "x"}],
            "checkpoints": [
                {"checkpoint": "runs/a/best.pt", "digest": "0f", "run": "a", "views": None},
                {"checkpoint": "runs/b/best.pt", "digest": "1f", "run": "b", "views": "hflip"},
            ],
            "round": 2,
            "as_submitted": True,
        },
        warnings=("nothing & <nobody> is sure",),
        progress=SilentProgress(),
    )


@pytest.fixture
def page(label_set: LabelSet, split: Split, tmp_path: Path) -> Page:
    write_pseudo_page(label_set, split, tmp_path / "page.html", SilentProgress())
    return Page(tmp_path / "page.html")


def decoded(href: str) -> NDArray[Any]:
    data = base64.b64decode(href.partition(",")[2])
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))


def test_doubtful_images_come_first_in_both_groups(page: Page) -> None:
    assert [card["data-name"] for card in page.all("article")] == [
        NASTY,
        "test/c.png",
        "test/a.png",
        "test/d.png",
    ]
    assert [section["id"] for section in page.all("section")][1:] == ["selected", "rejected"]
    assert "Selected (3)" in page.text
    assert "Rejected (1)" in page.text


def test_cards_carry_their_figures_and_reasons(page: Page) -> None:
    cards = {card["data-name"]: card for card in page.all("article")}
    assert float(cards["test/a.png"]["data-confidence"]) == pytest.approx(0.9)
    assert float(cards["test/a.png"]["data-trusted"]) == 0.75
    assert cards[NASTY]["data-classes"] == "0 1"
    assert cards["test/d.png"]["data-classes"] == "0 3"
    assert "data-foreground-confidence" not in cards["test/a.png"]
    reasons = [page.text[at + 1] for at, text in enumerate(page.text) if text == "rejected by"]
    assert reasons == ["<not_d>"]


def test_names_cannot_break_out(page: Page, tmp_path: Path) -> None:
    assert len(page.all("script")) == 1
    assert not page.all("b")
    source = (tmp_path / "page.html").read_text()
    assert "alert('x')</script>" not in source
    for text in (
        NASTY,
        CLASSES[1],
        CLASSES[2],
        "nothing & <nobody> is sure",
        "a.pt, <i>b</i>.pt@hflip",
    ):
        assert text in page.text
    assert "threshold (least = 0.5), file_list (file = x)" in page.text
    assert "runs/a/best.pt, runs/b/best.pt@hflip" in page.text
    assert page.text[page.text.index("as submitted") + 1] == "yes"


def test_the_page_needs_nothing_but_itself(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object")
        for name in ("src", "href", "action", "srcset", "style"):
            value = attributes.get(name, "")
            assert not re.search(r"https?:|//|url\(", value.partition(";base64,")[0]), (tag, value)
    style = "".join(page.text)
    assert "http" not in style
    assert "@import" not in style
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy
    assert {"width=device-width, initial-scale=1"} <= {
        meta.get("content", "") for meta in page.all("meta")
    }


def test_a_card_shows_photo_and_labels(page: Page, split: Split) -> None:
    pictures = page.all("image")
    photo, labels = pictures[:2]  # of the most doubtful image, whose class is 1
    found = decoded(photo["href"])
    expected = cv2.imread(str(split.path(1)))
    assert found.shape == (*SIZE, 3)
    assert np.abs(found.astype(int) - expected.astype(int)).mean() < 6
    overlay = decoded(labels["href"])
    assert overlay.shape == (*SIZE, 4)
    upper, lower = overlay[:30], overlay[30:]
    assert (upper[:, :30, 3] == 0).all()  # trusted background is clear
    assert (upper[:, 30:, :3] == class_colours(len(CLASSES))[1][::-1]).all()
    assert (upper[:, 30:, 3] > 0).all()
    assert (lower[..., 3] > 0).all()  # doubt shows in background too
    assert len(np.unique(lower[:, :30].reshape(-1, 4), axis=0)) == 2  # stripes


def test_a_rejected_image_shows_all_that_was_predicted(page: Page) -> None:
    overlay = decoded(page.all("image")[-1]["href"])
    assert (overlay[:, :30, 3] == 0).all()
    assert (overlay[:, 30:, :3] == class_colours(len(CLASSES))[3][::-1]).all()


def test_the_table_counts_pixels_of_each_class(page: Page, label_set: LabelSet) -> None:
    at = page.text.index("images with it")
    cells = page.text[at + 1 : at + 1 + 5 * len(CLASSES)]
    for label, name in enumerate(CLASSES):
        predicted, trusted = label_set.index.predicted[label], label_set.index.trusted[label]
        share = f"{trusted / predicted:.1%}" if predicted else "-"
        assert cells[5 * label : 5 * label + 4] == [name, f"{predicted:,}", f"{trusted:,}", share]
    assert [cells[5 * label + 4] for label in range(len(CLASSES))] == ["3", "1", "1", "0"]


def test_the_ticked_list_is_what_file_list_reads(tmp_path: Path) -> None:
    # The script writes one name a line; names with spaces and quotes come back whole.
    script = (Path(pseudo_page.__file__).parent / "templates" / "pseudo.js").read_text()
    assert "`${name}\\n`" in script
    (tmp_path / "list.txt").write_text("".join(f"{name}\n" for name in NAMES))
    assert read_file_list(tmp_path / "list.txt") == NAMES


def test_of_too_many_images_the_most_doubtful_are_shown(
    label_set: LabelSet, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pseudo_page, "_MOST_CARDS", 2)
    write_pseudo_page(label_set, split, tmp_path / "few.html", SilentProgress())
    few = Page(tmp_path / "few.html")
    assert [card["data-name"] for card in few.all("article")] == [NASTY, "test/c.png", "test/d.png"]
    assert "The 2 most doubtful ones are shown." in few.text


def test_real_photos_stay_within_the_bytes_of_a_page(
    taco_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Data(root=str(taco_root), val="val.json", test="test.json")
    contest = open_contest(workspace_in(Project(tmp_path)), data)
    assert contest.test is not None
    split = contest.test.part("some", range(12))
    rng = np.random.default_rng(0)
    n_classes = len(contest.class_names)

    def noise() -> Any:
        for record in split.images:
            size = (record.height, record.width)
            maps = np.eye(n_classes, dtype=np.float32)[:, rng.integers(0, n_classes, size)]
            yield Prediction(record.file_name, maps, np.ones(size, np.float32))

    label_set = record_label_set(
        tmp_path / "key",
        noise(),
        split,
        Selection((), 255),
        soft=False,
        origin={},
        warnings=(),
        progress=SilentProgress(),
    )
    sizes = []
    for most in (17_000_000 * 12 // 837, 60_000):
        monkeypatch.setattr(pseudo_page, "_PICTURE_BYTES", most)
        write_pseudo_page(label_set, split, tmp_path / "page.html", SilentProgress())
        page = Page(tmp_path / "page.html")
        sizes.append(sum(len(image["href"]) for image in page.all("image")))
        assert sizes[-1] < most * 4 / 3 + 12 * 100
    assert sizes[1] < sizes[0]


def test_images_of_another_set_are_refused(
    label_set: LabelSet, split: Split, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"has no image test/d\.png"):
        write_pseudo_page(
            label_set,
            replace(split, images=split.images[:3]),
            tmp_path / "page.html",
            SilentProgress(),
        )
    split.path(2).unlink()
    with pytest.raises(UsageError, match=r"c\.png"):
        write_pseudo_page(label_set, split, tmp_path / "page.html", SilentProgress())
    assert not (tmp_path / "page.html").exists()


def test_colours_of_classes_differ() -> None:
    for n_classes in (2, 12, 40):
        colours = class_colours(n_classes).astype(int)
        assert colours.shape == (n_classes, 3)
        apart = np.abs(colours[:, None] - colours[None]).max(axis=-1)
        assert apart[~np.eye(n_classes, dtype=bool)].min() >= 20
    assert class_colours(1).tolist() == [[0, 0, 0]]


def test_a_photo_gives_up_quality_before_it_takes_too_much() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    large = photo_jpeg(noise, (200, 200), 10**9)
    small = photo_jpeg(noise, (200, 200), len(large) // 2)
    assert len(small) <= len(large) // 2


def test_labels_give_up_size_before_they_take_too_much() -> None:
    noise = np.random.default_rng(0).integers(0, 4, (200, 200), dtype=np.uint8)
    sure = np.ones((200, 200), np.bool_)
    png = labels_png(noise, sure, class_colours(4), (200, 200), 3000)
    assert len(png) <= 3000
    height, width = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED).shape[:2]
    assert 20 < height == width < 200

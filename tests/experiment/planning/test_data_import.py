"""`trash data import` and `recipe new --data`: layouts of known data sets are found as they are."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.tiny_project import workspace_of
from tests.workspaces import open_truth
from toolkit.cli.main import run
from toolkit.data.contest import Contest, open_contest
from toolkit.data.masks import paint_mask
from toolkit.project import Project
from toolkit.recipe.load import load_recipe

Capture = pytest.CaptureFixture[str]
Labels = NDArray[np.uint8]
FILES = {"train": "train", "val": "val", "test": "test_truth"}
COLOURS = np.random.default_rng(3).permutation(256)[: 3 * 12].reshape(12, 3).astype(np.uint8)
COLOURS[0] = 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty folder, as a newcomer has it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return Project(tmp_path)


class Source:
    """The demo's photos and labels, to be written in other layouts."""

    def __init__(self, demo_root: Path) -> None:
        self.truths = {
            split: open_truth(demo_root / f"{file}.json") for split, file in FILES.items()
        }
        self.class_names = self.truths["train"].labels.class_names
        self.labels = {
            f"{split}{position}": paint_mask(record, truth.labels, "max-id", 255)
            for split, truth in self.truths.items()
            for position, record in enumerate(truth.images)
        }

    def __iter__(self) -> Iterator[tuple[str, str, Path, Labels]]:
        """Yield split, name without ending, photo and labels of every image."""
        for split, truth in self.truths.items():
            for position in range(len(truth)):
                stem = f"{split}{position}"
                yield split, stem, truth.path(position), self.labels[stem]

    def n(self, split: str) -> int:
        return len(self.truths[split])


@pytest.fixture
def source(demo_root: Path) -> Source:
    return Source(demo_root)


def put(photo: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(photo, path)


def write(path: Path, values: NDArray[Any], *, palette: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if palette:
        image = Image.fromarray(values, "P")
        image.putpalette(COLOURS.ravel().tolist())
    image.save(path)


def with_void(labels: Labels) -> Labels:
    """Return labels with a corner that nobody drew."""
    found = labels.copy()
    found[:5, :7] = 255
    return found


def write_lines(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def camvid(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        put(photo, root / split / f"{stem}{photo.suffix}")
        write(root / f"{split}annot" / f"{stem}.png", with_void(labels))
    write_lines(root / "classes.txt", list(source.class_names))


def colours(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        put(photo, root / "images" / split / f"{stem}{photo.suffix}")
        write(root / "masks" / split / f"{stem}.png", COLOURS[labels])
    with (root / "class_dict.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "r", "g", "b"])
        rows.writerows(
            [name, *colour.tolist()]
            for name, colour in zip(source.class_names, COLOURS, strict=False)
        )


def split_folders(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        put(photo, root / split / "images" / f"{stem}{photo.suffix}")
        write(root / split / "labels" / f"{stem}_mask.png", labels.astype(np.uint16))


def voc(source: Source, root: Path) -> None:
    lists: dict[str, list[str]] = {}
    for split, stem, photo, labels in source:
        lists.setdefault(split, []).append(stem)
        put(photo, root / "JPEGImages" / f"{stem}{photo.suffix}")
        if split != "test":
            write(root / "SegmentationClass" / f"{stem}.png", with_void(labels), palette=True)
    for split, stems in lists.items():
        write_lines(root / "ImageSets" / "Segmentation" / f"{split}.txt", stems)
        write_lines(root / "ImageSets" / "Main" / f"{split}.txt", stems[:2])
    write_lines(root / "ImageSets/Segmentation/trainval.txt", [*lists["train"], *lists["val"]])
    write_lines(root / "labels.txt", list(source.class_names))


def cityscapes(source: Source, root: Path) -> None:
    for number, (split, stem, photo, labels) in enumerate(source):
        city = ("aachen", "bochum")[number % 2]
        put(photo, root / "leftImg8bit" / split / city / f"{stem}_leftImg8bit{photo.suffix}")
        begin = root / "gtFine" / split / city / f"{stem}_gtFine"
        write(begin.with_name(f"{begin.name}_labelIds.png"), labels)
        write(begin.with_name(f"{begin.name}_color.png"), COLOURS[labels])
        write(begin.with_name(f"{begin.name}_instanceIds.png"), labels.astype(np.uint16) * 1000)


def side_by_side(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        folder = root / ("test" if split == "test" else "pairs")
        put(photo, folder / f"{stem}_sat{photo.suffix}")
        if split != "test":
            write(folder / f"{stem}_mask.png", COLOURS[labels])
    lines = [
        f"{' '.join(map(str, colour.tolist()))}\t{name}"
        for name, colour in zip(source.class_names, COLOURS, strict=False)
    ]
    write_lines(root / "label_colors.txt", lines)


def binary(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        put(photo, root / ("test" if split == "test" else "images") / f"{stem}{photo.suffix}")
        if split != "test":
            write(root / "masks" / f"{stem}.png", ((labels > 0) * 255).astype(np.uint8))


def run_lengths(source: Source, root: Path) -> None:
    lines = ["ImageId,EncodedPixels,ClassId"]
    for split, stem, photo, labels in source:
        folder = "test_images" if split == "test" else "train_images"
        put(photo, root / folder / f"{stem}{photo.suffix}")
        if split == "test":
            continue
        present = [label for label in np.unique(labels).tolist() if label]
        for label in present:
            runs = run_text(labels == label)
            lines.append(f"{stem}{photo.suffix},{runs},{label}")
        if not present:
            lines.append(f"{stem}{photo.suffix},,1")
    write_lines(root / "train.csv", lines)


def run_text(mask: NDArray[np.bool_]) -> str:
    """Return "start length …" down the columns, from 1."""
    flat = np.concatenate([[0], mask.T.ravel().astype(np.int8), [0]])
    begins, ends = (np.flatnonzero(np.diff(flat) == step) for step in (1, -1))
    pairs = zip((begins + 1).tolist(), (ends - begins).tolist(), strict=True)
    return " ".join(f"{begin} {length}" for begin, length in pairs)


def ade(source: Source, root: Path) -> None:
    """Photos of all splits have equal names."""
    numbers: dict[str, int] = {}
    for split, _, photo, labels in source:
        numbers[split] = number = numbers.get(split, -1) + 1
        put(photo, root / "images" / split / "city" / f"{number:03}{photo.suffix}")
        write(root / "annotations" / split / "city" / f"{number:03}.png", labels)


def listed(source: Source, root: Path) -> None:
    """Photos and masks that are called otherwise, in two columns."""
    lines: dict[str, list[str]] = {}
    for number, (split, stem, photo, labels) in enumerate(source):
        put(photo, root / "img" / f"{stem}{photo.suffix}")
        write(root / "gt" / f"g{number}.png", labels)
        lines.setdefault(split, []).append(f"img/{stem}{photo.suffix} gt/g{number}.png")
    for split, own in lines.items():
        write_lines(root / f"{split}.txt", own)
    (root / "classes.json").write_text(json.dumps(list(source.class_names)))


def tables(source: Source, root: Path) -> None:
    rows: dict[str, list[str]] = {}
    for number, (split, stem, photo, labels) in enumerate(source):
        put(photo, root / "img" / f"{stem}{photo.suffix}")
        write(root / "gt" / f"g{number}.png", labels)
        rows.setdefault(split, ["id,label_file,photo"])
        rows[split].append(f"{number},gt/g{number}.png,img/{stem}{photo.suffix}")
    for split, own in rows.items():
        write_lines(root / f"{split}.csv", own)
    names = dict(enumerate(source.class_names))
    (root / "label_map.json").write_text(json.dumps(names))


Layout = Callable[[Source, Path], None]
LAYOUTS: tuple[Layout, ...] = (
    listed,
    tables,
    camvid,
    colours,
    split_folders,
    voc,
    cityscapes,
    side_by_side,
    binary,
    run_lengths,
)
WITH_VOID = (camvid, voc)
WITH_NAMES = (camvid, colours, voc, side_by_side, listed, tables)
WITH_VAL = (camvid, colours, split_folders, voc, cityscapes, listed, tables)


def plain(file_name: str) -> str:
    """Return the name that a photo has in `Source`."""
    return Path(file_name).stem.removesuffix("_leftImg8bit").removesuffix("_sat")


def expected(source: Source, layout: Layout, stem: str) -> Labels:
    labels = source.labels[stem]
    if layout is binary:
        return (labels > 0).astype(np.uint8)
    return with_void(labels) if layout in WITH_VOID else labels


def opened(project: Project) -> Contest:
    data = load_recipe(Path("mine"), project=project).recipe.data
    return open_contest(workspace_of(project), data)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda each: each.__name__)
def test_every_label_is_that_of_the_source(
    project: Project, source: Source, layout: Layout, capsys: Capture
) -> None:
    layout(source, project.root / "data")
    before = sorted(project.root.rglob("*"))
    assert run(["data", "import", "data"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith('[data]\nroot = "data"\n')
    assert "guessed: " in told.err
    assert [p for p in sorted(project.root.rglob("*")) if ".trash" not in p.parts] == before
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0, capsys.readouterr().err
    text = (project.recipes / "mine.toml").read_text()
    for line in told.out.splitlines():
        assert line in text or line.startswith("# there is no validation split")
    contest = opened(project)
    if layout in WITH_NAMES:
        assert contest.class_names == source.class_names
    if layout in WITH_VAL:
        assert (len(contest.train), len(contest.val)) == (source.n("train"), source.n("val"))
    else:
        assert len(contest.train) + len(contest.val) == source.n("train") + source.n("val")
    assert contest.test is not None
    assert sorted(map(plain, contest.test.file_names)) == [
        f"test{position}" for position in range(source.n("test"))
    ]
    for split in (contest.train, contest.val, contest.truth):
        for record in split.images if split else ():
            painted = paint_mask(record, split.labels, split.overlap, split.ignore_index)
            truth = expected(source, layout, plain(record.file_name))
            if layout in (split_folders, cityscapes):  # "class 7" is value 7
                names = split.labels.class_names
                values = [0, *(int(name.removeprefix("class ")) for name in names[1:])]
                painted = np.array(values, np.uint8)[painted]
            np.testing.assert_array_equal(painted, truth)


@pytest.mark.parametrize("layout", [camvid, colours, run_lengths], ids=lambda each: each.__name__)
def test_it_goes_on_to_a_checked_submission(
    project: Project, source: Source, layout: Layout, capsys: Capture
) -> None:
    layout(source, project.root / "data")
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0
    short = ["--set", "train.epochs=1", "--set", "data.image_size=[64,64]"]
    capsys.readouterr()
    assert run(["recipe", "run", "mine", *short, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["submission"]["rows"] == source.n("test")
    assert result["scores"]["val_miou"] > 0
    assert (result["submission"]["score"] is not None) == (layout is not run_lengths)
    assert run(["submission", "check", result["submission"]["path"]]) == 0
    assert run(["data", "check", "mine"]) == 0


def test_photos_of_all_splits_that_are_called_alike_have_their_own_masks(
    project: Project, source: Source, capsys: Capture
) -> None:
    ade(source, project.root / "data")
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0, capsys.readouterr().err
    contest = opened(project)
    for name, split in (("train", contest.train), ("val", contest.val), ("test", contest.truth)):
        assert split is not None
        assert len(split) == source.n(name)
        values = [0, *(int(each.removeprefix("class ")) for each in contest.class_names[1:])]
        for number, record in enumerate(split.images):
            painted = paint_mask(record, split.labels, split.overlap, split.ignore_index)
            truth = source.labels[f"{name}{number}"]
            np.testing.assert_array_equal(np.array(values, np.uint8)[painted], truth)


def remove(*masks: Path) -> None:
    for mask in masks:
        mask.unlink()


def test_photos_without_a_mask_are_told_after_the_table_and_left_out_by_a_list(
    project: Project, source: Source, capsys: Capture
) -> None:
    data = project.root / "data"
    camvid(source, data)
    lacking = [f"train{position}" for position in (1, 3, 4, 6)]
    remove(*(data / "trainannot" / f"{stem}.png" for stem in lacking))
    remove(data / "valannot" / "val0.png", data / "testannot" / "test2.png")
    assert run(["data", "import", "data"]) == 2
    told = capsys.readouterr()
    assert 'train = "train"\n' in told.out
    assert 'format.masks = "{folder}annot/{stem}.png"' in told.out
    assert "truth" not in told.out
    wide = " ".join(told.err.split())
    n_train, n_val, n_test = (source.n(split) for split in FILES)
    assert (
        f"test: 1 of {n_test} photos has no mask: test/test2.jpg (no testannot/test2.png)" in wide
    )
    assert f"train: 4 of {n_train} photos have no mask: train/train1.jpg (no trainannot/" in wide
    assert "and 1 more" in wide
    assert f"val: 1 of {n_val} photos has no mask: val/val0.jpg (no valannot/val0.png)" in wide
    assert "trash recipe new NAME --data data writes lists of the others" in wide
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0, capsys.readouterr().err
    assert "recipes/splits/mine_train.txt lists the others" in capsys.readouterr().err
    contest = opened(project)
    names = [plain(name) for name in contest.train.file_names]
    everything = {f"train{position}" for position in range(n_train)}
    assert set(names) == everything - set(lacking)
    assert len(names) == n_train - 4
    assert "val0" not in map(plain, contest.val.file_names)
    assert len(contest.val) == n_val - 1
    for record in contest.train.images:
        painted = paint_mask(record, contest.train.labels, "max-id", 255)
        truth = expected(source, camvid, plain(record.file_name))
        np.testing.assert_array_equal(painted, truth)


def test_photos_of_no_list_need_no_mask(project: Project, source: Source, capsys: Capture) -> None:
    """As in VOC, of whose photos a sixth has a mask."""
    data = project.root / "data"
    voc(source, data)
    for number in range(6 * len(source.labels)):
        photo = source.truths["train"].path(number % source.n("train"))
        put(photo, data / "JPEGImages" / f"other{number}{photo.suffix}")
    assert run(["data", "import", "data"]) == 0, capsys.readouterr().err
    told = capsys.readouterr()
    assert 'train = "ImageSets/Segmentation/train.txt"' in told.out
    assert "no mask" not in told.err
    remove(data / "SegmentationClass" / "train2.png")
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0, capsys.readouterr().err
    assert f"1 of {source.n('train')} photos has no mask" in " ".join(
        capsys.readouterr().err.split()
    )
    assert len(opened(project).train) == source.n("train") - 1


@pytest.mark.parametrize("layout", [listed, tables], ids=lambda each: each.__name__)
def test_lists_may_name_masks_that_are_missing(
    project: Project, source: Source, layout: Layout, capsys: Capture
) -> None:
    data = project.root / "data"
    layout(source, data)
    remove(data / "gt" / "g1.png")
    assert run(["data", "import", "data"]) == 2
    told = capsys.readouterr()
    assert f'train = "train.{"csv" if layout is tables else "txt"}"' in told.out
    assert f"1 of {source.n('train')} photos has no mask" in " ".join(told.err.split())
    assert "(no gt/g1.png)" in told.err
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0, capsys.readouterr().err
    contest = opened(project)
    assert len(contest.train) == source.n("train") - 1
    for record in contest.train.images:
        painted = paint_mask(record, contest.train.labels, "max-id", 255)
        np.testing.assert_array_equal(painted, source.labels[plain(record.file_name)])


def test_a_table_may_name_no_mask_for_some_photos(
    project: Project, source: Source, capsys: Capture
) -> None:
    tables(source, project.root / "data")
    path = project.root / "data" / "train.csv"
    path.write_text(path.read_text().replace("gt/g1.png", "").replace("gt/g4.png", ""))
    assert run(["data", "import", "data"]) == 2
    told = capsys.readouterr()
    assert 'format.mask_column = "label_file"' in told.out
    wide = " ".join(told.err.split())
    assert f"train.csv: nothing says where the mask of 2 of {source.n('train')} photos is" in wide
    assert "img/train1.jpg (line 3), img/train4.jpg (line 6)" in wide
    assert "or take them out of the list" in wide


def test_a_column_with_classes_is_one_beside_others_too(
    project: Project, source: Source, capsys: Capture
) -> None:
    run_lengths(source, project.root / "data")
    path = project.root / "data" / "train.csv"
    _, *rows = path.read_text().splitlines()
    rows = [",".join((*row.split(",")[:2], "64", f"{row.split(',')[2]}_0_1")) for row in rows]
    rows = [row.replace(",,", ",-1,") for row in rows]
    path.write_text("\n".join(["ImageId,EncodedPixels,Height,ClassId", *rows]) + "\n")
    assert run(["data", "import", "data"]) == 0, capsys.readouterr().err
    told = capsys.readouterr()
    assert 'format.columns = ["ImageId", "ClassId", "EncodedPixels"]' in told.out
    assert "columns of train.csv that are not read: Height" in told.err
    assert ("format.empty" in told.out) == ("-1" in path.read_text())


def test_a_class_that_no_file_names_is_told(
    project: Project, source: Source, capsys: Capture
) -> None:
    colours(source, project.root / "data")
    path = project.root / "data" / "class_dict.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-3]) + "\n")
    assert run(["data", "import", "data"]) == 0, capsys.readouterr().err
    assert "% of the pixels); a class of its own must be added" in capsys.readouterr().err


def test_what_is_no_data_is_said(project: Project, source: Source, capsys: Capture) -> None:
    folder = project.root / "data"
    assert run(["data", "import", "data"]) == 2
    assert "data holds no annotations that are known: it is empty" in capsys.readouterr().err
    write_lines(folder / "notes.txt", ["nothing"])
    assert run(["data", "import", "data"]) == 2
    assert "it holds notes.txt" in capsys.readouterr().err
    for _, stem, photo, labels in source:
        put(photo, folder / "images" / f"{stem}{photo.suffix}")
        numbers = np.arange(labels.size, dtype=np.uint16).reshape(labels.shape)
        write(folder / "masks" / f"{stem}.png", np.where(labels > 0, numbers % 61, labels))
    write(folder / "masks" / f"{stem}.png", numbers % 500)
    assert run(["data", "import", "data"]) == 2
    errors = capsys.readouterr().err
    assert "too many for classes" in errors or "holds no annotations" in errors
    assert "Traceback" not in errors
    assert run(["data", "import", "dta"]) == 2
    assert "data" in capsys.readouterr().err

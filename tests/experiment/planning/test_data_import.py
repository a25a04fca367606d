"""`trash data import` and `recipe new --data`: layouts of known data sets are found as they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.experiment.planning.import_layouts import (
    FILES,
    LAYOUTS,
    WITH_NAMES,
    WITH_VAL,
    Capture,
    Layout,
    Source,
    ade,
    camvid,
    cityscapes,
    colours,
    expected,
    listed,
    opened,
    plain,
    project,
    put,
    run_lengths,
    source,
    split_folders,
    tables,
    voc,
    write,
    write_lines,
)
from toolkit.cli.main import run
from toolkit.data.masks import paint_mask
from toolkit.project import Project

__all__ = ["project", "source"]


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


def test_folders_may_be_links_to_another_disk(
    project: Project, source: Source, tmp_path: Path, capsys: Capture
) -> None:
    split_folders(source, tmp_path / "disk")
    for each in (tmp_path / "disk").iterdir():
        (tmp_path / "data" / each.name).symlink_to(each)
    assert run(["recipe", "new", "mine", "--data", "data"]) == 0
    contest = opened(project)
    assert len(contest.train) == len(source.truths["train"])
    assert len(contest.val) == len(source.truths["val"])


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

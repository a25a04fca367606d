from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.coco import read_coco
from toolkit.data.content_digests import photo_contents
from toolkit.data.contest import Contest
from toolkit.data.folds import (
    Folds,
    choose_fold,
    class_presence,
    make_folds,
    read_folds,
    stratify,
    write_folds,
)
from toolkit.errors import UsageError
from toolkit.plugin.reader import AnnotationSet
from toolkit.progress import SilentProgress

MakeContest = Callable[..., Contest]


@given(
    st.integers(2, 5).flatmap(
        lambda k: st.tuples(
            st.just(k),
            st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=k, max_size=40),
            st.integers(0, 9),
        )
    )
)
def test_folds_partition_the_images(drawn: tuple[int, list[list[bool]], int]) -> None:
    n_folds, rows, seed = drawn
    presence = np.array(rows, dtype=bool)
    fold_of = stratify(presence, n_folds, seed)
    assert fold_of.shape == (len(rows),)
    assert set(fold_of) <= set(range(n_folds))
    np.testing.assert_array_equal(fold_of, stratify(presence, n_folds, seed))


def worst_share(presence: np.ndarray, fold_of: np.ndarray, n_folds: int) -> float:
    """Largest deviation of any class in any fold from its fair number of images."""
    fair = presence.sum(axis=0) / n_folds
    counts = np.stack([presence[fold_of == fold].sum(axis=0) for fold in range(n_folds)])
    return float(np.abs(counts - fair).max())


def test_rare_classes_are_spread_better_than_by_chance() -> None:
    rng = np.random.default_rng(0)
    presence = rng.random((400, 6)) < np.array([0.9, 0.5, 0.2, 0.05, 0.025, 0.0125])
    found = worst_share(presence, stratify(presence, 5, 0), 5)
    chance = [
        worst_share(presence, np.random.default_rng(seed).permutation(400) % 5, 5)
        for seed in range(50)
    ]
    assert found < min(chance)
    rare = presence[:, 5]
    assert rare.sum() == 4
    assert len(set(stratify(presence, 5, 0)[rare])) == 4


def test_images_without_classes_even_out_the_sizes() -> None:
    presence = np.zeros((23, 3), dtype=bool)
    presence[:5, 0] = True
    sizes = np.bincount(stratify(presence, 4, 1), minlength=4)
    assert sizes.max() - sizes.min() <= 1


def test_the_seed_changes_the_folds() -> None:
    presence = np.random.default_rng(1).random((60, 3)) < 0.5
    assert (stratify(presence, 3, 0) != stratify(presence, 3, 1)).any()


@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.lists(st.booleans(), min_size=3, max_size=3)),
        min_size=2,
        max_size=30,
    ),
    st.integers(0, 9),
)
def test_groups_without_company_are_divided_as_images_are(
    drawn: list[tuple[int, list[bool]]], seed: int
) -> None:
    presence = np.array([row for _, row in drawn], dtype=bool)
    alone = np.ones(len(drawn), np.int64)
    np.testing.assert_array_equal(
        stratify(presence, 2, seed), stratify(presence.astype(np.int64), 2, seed, alone)
    )


def test_groups_are_spread_by_their_images() -> None:
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 4, 300)
    counts = np.stack([rng.binomial(sizes, share) for share in (0.7, 0.3, 0.05)], axis=1)
    fold_of = stratify(counts, 4, 0, sizes)
    for column in (sizes, *counts.T):
        per_fold = np.bincount(fold_of, column, minlength=4)
        assert np.abs(per_fold - column.sum() / 4).max() <= 3


@pytest.fixture
def coco(data_root: Path) -> AnnotationSet:
    return read_coco(data_root / "train.json")


@pytest.fixture
def fold_file(data_root: Path, coco: AnnotationSet) -> Path:
    path = data_root.parent / "folds.json"
    assert write_folds(path, make_folds(coco, 3, 0), coco, 0)
    return path


def test_equal_photos_share_a_fold(coco: AnnotationSet, data_root: Path, tmp_path: Path) -> None:
    names = [record.file_name for record in coco.images]
    for first, copy in ((0, 5), (0, 7), (2, 8)):
        shutil.copy(data_root / names[first], data_root / names[copy])
    (data_root / names[3]).unlink()
    contents = photo_contents(coco, data_root, tmp_path / "cache", SilentProgress())
    assert [content is None for content in contents] == [row == 3 for row in range(9)]
    for seed in range(20):
        fold_of = {
            row: fold
            for fold, rows in enumerate(make_folds(coco, 3, seed, contents).rows)
            for row in rows
        }
        assert sorted(fold_of) == list(range(9))
        assert fold_of[0] == fold_of[5] == fold_of[7]
        assert fold_of[2] == fold_of[8]
    with pytest.raises(UsageError, match=r"9 images \(6 different ones\)"):
        make_folds(coco, 7, 0, contents)


def test_what_is_no_split_file_is_never_replaced(coco: AnnotationSet, tmp_path: Path) -> None:
    for content in ('{"images": [], "annotations": []}', "[1]", "name,fold"):
        file = tmp_path / "annotations.json"
        file.write_text(content)
        for overwrite in (False, True):
            with pytest.raises(UsageError, match="is no split file: it is not replaced"):
                write_folds(file, make_folds(coco, 3, 0), coco, 0, overwrite=overwrite)
        assert file.read_text() == content


def test_folds_of_other_content_are_not_written_over(coco: AnnotationSet, fold_file: Path) -> None:
    before = fold_file.read_bytes()
    assert not write_folds(fold_file, make_folds(coco, 3, 0), coco, 0)
    with pytest.raises(UsageError, match="is there already") as caught:
        write_folds(fold_file, make_folds(coco, 3, 5), coco, 5)
    assert "--force" in caught.value.hint
    assert fold_file.read_bytes() == before
    assert write_folds(fold_file, make_folds(coco, 3, 5), coco, 5, overwrite=True)
    assert fold_file.read_bytes() != before
    fold_file.write_text("my notes")
    with pytest.raises(UsageError, match="is no split file"):
        write_folds(fold_file, make_folds(coco, 3, 0), coco, 0)
    with pytest.raises(UsageError, match="is a folder"):
        write_folds(fold_file.parent, make_folds(coco, 3, 0), coco, 0)


def names(coco: AnnotationSet) -> list[str]:
    return [record.file_name for record in coco.images]


def test_a_split_file_is_read_back(coco: AnnotationSet, fold_file: Path) -> None:
    assert read_folds(fold_file, coco.path, names(coco)) == make_folds(coco, 3, 0)
    content = json.loads(fold_file.read_text())
    assert content["source"] == "train.json"
    assert sorted(name for fold in content["folds"] for name in fold) == names(coco)


def test_the_order_of_the_annotation_file_does_not_matter(
    coco: AnnotationSet, fold_file: Path
) -> None:
    turned = names(coco)[::-1]
    folds = read_folds(fold_file, coco.path, turned)
    before = make_folds(coco, 3, 0)
    for rows, rows_before in zip(folds.rows, before.rows, strict=True):
        assert {turned[row] for row in rows} == {names(coco)[row] for row in rows_before}


def test_the_held_out_fold_validates(coco: AnnotationSet) -> None:
    folds = make_folds(coco, 3, 0)
    held_out = []
    for index in range(3):
        training, validating = choose_fold(folds, index)
        assert sorted(training + validating) == list(range(9))
        held_out += validating
    assert sorted(held_out) == list(range(9))
    with pytest.raises(UsageError, match="folds 0 to 2"):
        choose_fold(folds, 3)


def test_another_annotation_file_is_refused_with_names(
    coco: AnnotationSet, fold_file: Path
) -> None:
    others = [name.replace("03", "33") for name in names(coco)]
    with pytest.raises(UsageError) as caught:
        read_folds(fold_file, coco.path, others)
    assert "made for train.json" in caught.value.message
    assert "in no fold but in train.json: train/33.png" in caught.value.hint
    assert "in a fold but not in train.json: train/03.png" in caught.value.hint


def test_an_image_in_two_folds_is_refused(coco: AnnotationSet, fold_file: Path) -> None:
    content = json.loads(fold_file.read_text())
    content["folds"][0].append(content["folds"][1][0])
    fold_file.write_text(json.dumps(content))
    with pytest.raises(UsageError) as caught:
        read_folds(fold_file, coco.path, names(coco))
    assert f"in two folds: {content['folds'][1][0]}" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "is not a split file"),
        ('{"images": []}', "is not a split file"),
        (
            '{"schema_name": "trash-folds", "version": 3, "source": "", "source_digest": "",'
            ' "seed": 0, "folds": []}',
            "split file of version 3; this is version 2",
        ),
    ],
)
def test_other_files_are_refused(fold_file: Path, content: str, said: str) -> None:
    fold_file.write_text(content)
    with pytest.raises(UsageError, match=said):
        read_folds(fold_file, Path("train.json"), [])


def test_a_contest_opens_with_folds(make_contest: MakeContest, fold_file: Path) -> None:
    seen = []
    for index in range(3):
        contest = make_contest(val=None, folds={"file": "folds.json", "index": index})
        assert len(contest.train) + len(contest.val) == 9
        assert not set(contest.train.file_names) & set(contest.val.file_names)
        assert contest.val.digest != contest.train.digest
        seen += contest.val.file_names
    assert len(set(seen)) == 9


def test_too_many_folds_are_refused(coco: AnnotationSet) -> None:
    with pytest.raises(UsageError, match="cannot divide 9 images"):
        make_folds(coco, 10, 0)


def test_real_rare_classes_are_in_most_folds(taco_root: Path) -> None:
    coco = read_coco(taco_root / "train.json")
    presence = class_presence(coco)
    fold_of = np.full(len(coco.images), -1)
    for fold, rows in enumerate(make_folds(coco, 5, 0).rows):
        fold_of[list(rows)] = fold
    counts = np.stack([presence[fold_of == fold].sum(axis=0) for fold in range(5)])
    fair = presence.sum(axis=0) / 5
    assert np.abs(counts - fair).max() < 3
    assert np.abs(np.bincount(fold_of) - len(fold_of) / 5).max() < 4


def test_a_fold_that_leaves_nothing_to_train_or_validate_on_is_refused() -> None:
    folds = Folds(((), (0, 1)))
    with pytest.raises(UsageError, match="index = 0 leaves no image to validate on"):
        choose_fold(folds, 0)
    with pytest.raises(UsageError, match="index = 1 leaves no image to train on"):
        choose_fold(folds, 1)


def test_a_missing_split_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"split file not found: .*gone\.json") as caught:
        read_folds(tmp_path / "gone.json", tmp_path / "train.json", ["a.jpg"])
    assert "relative to the project's folder, not to the recipe" in caught.value.hint

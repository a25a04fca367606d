from __future__ import annotations

import re
from collections import Counter
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import UsageError
from toolkit.data.masks import open_masks
from toolkit.data.sampling import (
    Draws,
    balanced_weights,
    classes_of_images,
    open_draws,
    read_weights,
    repeat_factors,
    repeated_draws,
    require_weights,
    summary,
    weighted_draws,
)
from toolkit.data.split import Split
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.recipe.training_images import ImageSampling

NAMES = tuple(f"train/{row:02d}.png" for row in range(9))
PRESENCE = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=30
    )
)


def _slow_factors(images: list[set[int]], threshold: float) -> list[float]:
    """r(i), as the paper says it."""
    factors = []
    for classes in images:
        factor = 1.0
        for label in classes:
            frequency = sum(label in other for other in images) / len(images)
            factor = max(factor, max(1.0, sqrt(threshold / frequency)))
        factors.append(factor)
    return factors


@given(rows=PRESENCE, threshold=st.floats(0.001, 1))
def test_repeat_factors_are_those_of_the_paper(rows: list[list[bool]], threshold: float) -> None:
    images = [{label for label, there in enumerate(row) if there} for row in rows]
    found = repeat_factors(np.array(rows), threshold)
    assert found == pytest.approx(_slow_factors(images, threshold))
    draws = repeated_draws(found)
    assert len(draws) == ceil(round(sum(_slow_factors(images, threshold)), 9))
    assert min(draws.expected) >= 1 - 1e-12, "no image is left out"
    assert draws.expected == pytest.approx(found * len(draws) / found.sum())


@given(rows=PRESENCE)
def test_balanced_draws_every_class_equally_often_and_its_images_alike(
    rows: list[list[bool]],
) -> None:
    present = np.array(rows)
    images = {
        label: np.flatnonzero(present[:, label])
        for label in range(present.shape[1])
        if present[:, label].any()
    }
    chances = np.zeros(len(rows))
    for of_class in images.values():
        for image in of_class:
            chances[image] += 1 / len(images) / len(of_class)
    weights = balanced_weights(present)
    if images:
        assert weights / weights.sum() == pytest.approx(chances)
    else:
        assert not weights.any()


@given(
    weights=st.lists(st.floats(0.01, 50) | st.just(0.0), min_size=1, max_size=25).filter(any),
    seed=st.integers(0, 1000),
)
def test_an_epoch_rounds_the_draws_of_each_image_and_keeps_their_sum(
    weights: list[float], seed: int
) -> None:
    draws = weighted_draws(np.array(weights))
    assert len(draws) == len(weights)
    order = draws(np.random.default_rng(seed))
    assert len(order) == len(draws)
    times = Counter(order.tolist())
    for position, expected in enumerate(draws.expected):
        assert abs(times[position] - expected) < 1 + 1e-9
    assert all(weights[position] for position in times), "weight 0 leaves an image out"


def test_over_many_epochs_each_image_comes_as_often_as_it_should() -> None:
    expected = (0.25, 1.0, 2.6, 0.0, 0.15, 1.0)
    draws = Draws(expected)
    rng = np.random.default_rng(0)
    epochs = [draws(rng) for _ in range(20_000)]
    times = np.bincount(np.concatenate(epochs), minlength=6) / len(epochs)
    # A mean of 20,000 roundings has a standard deviation of .0035 at most.
    assert times == pytest.approx(expected, abs=0.015)
    firsts = np.bincount([order[0] for order in epochs], minlength=6) / len(epochs)
    assert firsts == pytest.approx(np.array(expected) / 5, abs=0.015), "they are shuffled"


def _masks(split: Split, cache: Path) -> Any:
    return open_masks(split, cache, (24, 32), SilentProgress())


def _draws(sampling: ImageSampling, split: Split, cache: Path) -> Draws:
    names = split.labels.class_names
    return open_draws(
        sampling, split, classes_of_images(_masks(split, cache)), names, Project(cache)
    )


def test_the_classes_of_an_image_are_those_of_its_mask(train_split: Split, cache: Path) -> None:
    masks = _masks(train_split, cache)
    found = classes_of_images(masks)
    n_labels = len(train_split.labels.class_names)
    for row in range(len(train_split)):
        there = set(np.unique(masks[row]).tolist())
        assert [label in there for label in range(1, n_labels)] == found[row].tolist()


@pytest.mark.parametrize("by", ["repeat-factor", "balanced"])
def test_a_split_without_a_class_is_refused(by: Any, train_split: Split, cache: Path) -> None:
    masks = _masks(train_split, cache)
    masks.holds[:, 1:] = False
    with pytest.raises(UsageError, match="shows a class other than Background") as caught:
        open_draws(
            ImageSampling(by=by),
            train_split,
            classes_of_images(masks),
            train_split.labels.class_names,
            Project(cache),
        )
    assert by in caught.value.message


def test_one_line_says_what_a_sampling_does(train_split: Split, cache: Path) -> None:
    masks, names = _masks(train_split, cache), train_split.labels.class_names
    sampling = ImageSampling(by="repeat-factor", threshold=1.0)
    draws = _draws(sampling, train_split, cache)
    present = classes_of_images(masks)
    found = summary(sampling, draws, present, names)
    begin = f"sampling repeat-factor: 9 images, {len(draws)} per epoch; "
    assert found.startswith(begin)
    told = re.findall(r"(\S+) ×(\d\.\d)", found)
    for name, factor in told:
        shows = present[:, names.index(name) - 1]
        assert float(factor) == pytest.approx(np.array(draws.expected)[shows].mean(), abs=0.0501)
    factors = [float(factor) for _, factor in told]
    assert factors == sorted(factors, reverse=True)
    assert "never" not in found


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


WEIGHTS = [0.0, 1.0, 2.5, 1e-3, 4.0, 0.5, 3.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("name", "form", "head", "end"),
    [
        ("w.csv", "{},{}", "file_name,weight\n", "\n"),
        ("w.csv", '"{}", {}', "\ufeff", ""),
        ("w.csv", "{},{}\r", "", "\n"),
        ("w.txt", "{}  {}", "", "\n\n"),
        ("weights", "{}\t{}", "", "\n"),
    ],
)
def test_weights_are_read(
    name: str, form: str, head: str, end: str, train_split: Split, tmp_path: Path, cache: Path
) -> None:
    pairs = list(zip(NAMES, WEIGHTS, strict=True))[::-1]  # in any order
    path = _write(tmp_path / name, head + "\n".join(form.format(*each) for each in pairs) + end)
    assert read_weights(path, train_split).tolist() == WEIGHTS
    sampling = ImageSampling(by="weights", file=str(path))
    draws = _draws(sampling, train_split, cache)
    assert draws.expected == pytest.approx(np.array(WEIGHTS) * 9 / sum(WEIGHTS))
    assert summary(
        sampling,
        draws,
        classes_of_images(_masks(train_split, cache)),
        train_split.labels.class_names,
    ).endswith("; 2 images are never drawn")


def test_one_file_has_the_weights_of_all_folds(train_split: Split, tmp_path: Path) -> None:
    path = _write(
        tmp_path / "w.csv", "\n".join(f"{n},{w}" for n, w in zip(NAMES, WEIGHTS, strict=True))
    )
    assert read_weights(path, train_split.part("train", (4, 1))).tolist() == [4.0, 1.0]
    with pytest.raises(UsageError, match="no training image has a weight above 0"):
        read_weights(path, train_split.part("train", (0, 7)))


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({3: "train/03.png,-1"}, "1 line is not an image and a weight.*4: 'train/03.png,-1'", ""),
        ({3: "train/03.png,nan", 5: "train/05.png"}, "2 lines are not.*line 4.*, line 6", ""),
        ({0: "train/00.png,1e999"}, "line 1: 'train/00.png,1e999'", ""),
        ({0: "train/00.png,x"}, "line 1: 'train/00.png,x'", ""),
        ({2: "train/02.png,1," + 140_000 * "1"}, "line 3: 'train/02.png,1,1{45}'$", ""),
        (
            {3: "train/03.pgn,1"},
            "1 image is not in data.train: train/03.pgn; 1 image is without a weight: train/03.png",
            "train/03.pgn: did you mean train/03.png?",
        ),
        (
            {3: "train/04.png,1", 8: ""},
            "2 images are without a weight: train/03.png, train/08.png; "
            "1 image is listed more than once: train/04.png",
            "It lists every image",
        ),
    ],
)
def test_wrong_weights_are_refused_with_names_and_counts(
    changes: dict[int, str], message: str, hint: str, train_split: Split, tmp_path: Path
) -> None:
    lines = [changes.get(row, f"{name},1") for row, name in enumerate(NAMES)]
    with pytest.raises(UsageError, match=message) as caught:
        read_weights(_write(tmp_path / "w.csv", "\n".join(lines)), train_split)
    assert hint in caught.value.hint
    assert caught.value.parameter == "data.sampling.file"


def test_a_file_that_is_missing_not_named_or_not_read_is_refused(
    train_split: Split, tmp_path: Path
) -> None:
    project = Project(_write(tmp_path / "weights.csv", "").parent)
    for sampling, message, hint in (
        (ImageSampling(by="weights"), "needs a file", "data.sampling.file"),
        (ImageSampling(by="weights", file="wieghts.csv"), "wieghts.csv not found", "weights.csv?"),
        (
            ImageSampling(by="balanced", file="weights.csv"),
            'sampling is by "balanced"',
            "leave the",
        ),
    ):
        with pytest.raises(UsageError, match=message) as caught:
            require_weights(sampling, train_split, project)
        assert hint in caught.value.hint


def test_uniform_is_what_a_recipe_has_without_the_table() -> None:
    assert Data(sampling=ImageSampling(by="uniform")) == Data()

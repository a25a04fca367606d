from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit import Context, Prediction, UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import load_registry
from toolkit.pseudo.pixel_selectors import BINS
from toolkit.testing import check_component

REGISTRY = load_registry(None)
CLASSES = ("Background", "Paper", "Glass", "Battery")
IGNORED = 255


def build(name: str, **parameters: Any) -> Any:
    spec = ComponentSpec(name=name, **parameters)
    return REGISTRY.build("selector", spec, Context(CLASSES))


def random_prediction(seed: int, size: tuple[int, int] = (12, 17), sure: float = 2.0) -> Prediction:
    rng = np.random.default_rng(seed)
    scores = np.exp(sure * rng.standard_normal((len(CLASSES), *size)))
    agreement = rng.choice(np.array([1, 2, 3], np.float32) / 3, size)
    return Prediction(f"{seed}.jpg", (scores / scores.sum(axis=0)).astype(np.float32), agreement)


def prediction_of(labels: Any, confidence: Any, agreement: Any = 1.0) -> Prediction:
    """The label of each pixel has the confidence; the other classes share the rest."""
    labels, confidence = np.asarray(labels), np.asarray(confidence, np.float64)
    maps = np.broadcast_to((1 - confidence) / (len(CLASSES) - 1), (len(CLASSES), *labels.shape))
    maps = np.where(np.arange(len(CLASSES))[:, None, None] == labels, confidence, maps)
    shared = np.broadcast_to(np.float32(agreement), labels.shape)
    return Prediction("a.jpg", maps.astype(np.float32), shared)


def kept_pixels(selector: Any, prediction: Prediction) -> NDArray[np.bool_]:
    """Which pixels are trusted, having checked that their labels are the most probable ones."""
    labels = selector(prediction)
    trusted: NDArray[np.bool_] = labels != IGNORED
    assert (labels[trusted] == prediction.probabilities.argmax(axis=0)[trusted]).all()
    return trusted


def test_threshold_keeps_what_reaches_it_and_ignores_the_rest() -> None:
    prediction = prediction_of([[0, 1, 2, 3]], [[0.75, 0.7, 0.75, 0.9]])
    labels = build("threshold", least=0.75)(prediction)
    assert labels.tolist() == [[0, IGNORED, 2, 3]]


def test_threshold_of_a_class_replaces_that_of_all() -> None:
    prediction = prediction_of([[0, 0, 3, 3]], [[0.6, 0.95, 0.6, 0.4]])
    selector = build("threshold", least=0.9, per_class={"Battery": 0.5})
    assert kept_pixels(selector, prediction).tolist() == [[False, True, True, False]]


def test_threshold_of_an_unknown_class_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Batery") as caught:
        build("threshold", per_class={"Batery": 0.5})
    assert "Battery" in caught.value.hint
    assert caught.value.parameter == "per_class"


@settings(max_examples=60, deadline=None)
@given(
    n_images=st.integers(1, 4),
    seed=st.integers(0, 10**6),
    sure=st.sampled_from([0.3, 1.0, 4.0, 30.0]),
    share=st.floats(0, 1),
    always=st.floats(0.5, 1),
    never=st.floats(0, 0.5),
)
def test_class_balanced_equals_sorting_all_pixels_of_each_class(
    n_images: int, seed: int, sure: float, share: float, always: float, never: float
) -> None:
    predictions = [random_prediction(seed + row, sure=sure) for row in range(n_images)]
    selector = build("class_balanced", share=share, always=always, never=never)
    for prediction in predictions:
        selector.observe(prediction)

    steps: dict[int, list[int]] = {label: [] for label in range(len(CLASSES))}
    for prediction in predictions:
        for pixel in prediction.probabilities.reshape(len(CLASSES), -1).T:
            steps[int(pixel.argmax())].append(min(math.floor(float(pixel.max()) * BINS), BINS - 1))
    thresholds = {}
    for label, found in steps.items():
        found.sort(reverse=True)
        n_kept = max(math.ceil(share * len(found)), 1)
        thresholds[label] = found[n_kept - 1] if found and share else BINS - 1
    for prediction in predictions:
        trusted = kept_pixels(selector, prediction)
        for place in np.ndindex(trusted.shape):
            pixel = prediction.probabilities[(slice(None), *place)]
            confidence = pixel.max()
            step = min(math.floor(float(confidence) * BINS), BINS - 1)
            balanced = step >= thresholds[int(pixel.argmax())]
            expected = confidence >= np.float32(always) or (
                balanced and confidence >= np.float32(never)
            )
            assert trusted[place] == expected


def test_class_balanced_saves_a_class_that_one_threshold_removes() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((40, 50)) < 0.02) * 3
    confidence = np.where(labels == 3, rng.uniform(0.4, 0.6, labels.shape), 0.99)
    prediction = prediction_of(labels, confidence)
    assert not (build("threshold", least=0.9)(prediction) == 3).any()
    selector = build("class_balanced", share=0.5)
    selector.observe(prediction)
    share = (selector(prediction) == 3).sum() / (labels == 3).sum()
    assert share == pytest.approx(0.5, abs=0.05)


def test_class_balanced_counts_in_memory_that_does_not_grow() -> None:
    selector = build("class_balanced")
    selector.observe(random_prediction(0))
    before = len(pickle.dumps(selector))
    for seed in range(30):
        selector.observe(random_prediction(seed))
    assert len(pickle.dumps(selector)) == before


def test_class_balanced_limits_must_be_in_order() -> None:
    with pytest.raises(UsageError, match="above always") as caught:
        build("class_balanced", always=0.3, never=0.4)
    assert caught.value.parameter == "never"


def test_mean_confidence_of_all_pixels_or_of_the_foreground() -> None:
    doubtful_object = prediction_of([[0] * 9 + [2]], [[0.98] * 9 + [0.4]])
    assert build("mean_confidence", least=0.9)(doubtful_object) is not None
    assert build("mean_confidence", least=0.9, foreground=True)(doubtful_object) is None
    assert build("mean_confidence", least=0.39, foreground=True)(doubtful_object) is not None
    assert kept_pixels(build("mean_confidence", least=0.9), doubtful_object).all()


def test_an_image_without_foreground_is_decided_by_all_pixels() -> None:
    selector = build("mean_confidence", least=0.9, foreground=True)
    assert selector(prediction_of([[0, 0]], [[0.97, 0.95]])) is not None
    assert selector(prediction_of([[0, 0]], [[0.97, 0.5]])) is None


def test_confident_share_counts_sure_pixels() -> None:
    prediction = prediction_of([[0, 1, 2, 3]], [[0.9, 0.95, 0.6, 0.9]])
    assert kept_pixels(build("confident_share", threshold=0.9, least=0.75), prediction).all()
    assert build("confident_share", threshold=0.9, least=0.8)(prediction) is None
    assert build("confident_share", threshold=0.92, least=0.5)(prediction) is None


def test_agreement_by_pixel_and_by_image() -> None:
    prediction = prediction_of([[0, 1, 2]], [[0.9, 0.9, 0.9]], [[1, 2 / 3, 1 / 3]])
    pixels = build("agreement", level="pixel", least=0.66)
    assert kept_pixels(pixels, prediction).tolist() == [[True, True, False]]
    assert kept_pixels(build("agreement", least=0.66), prediction).all()
    assert build("agreement", least=0.67)(prediction) is None


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


LISTS = {
    "list.txt": "# chosen by hand\na.jpg\n\n  b c.jpg  # a bit blurred\n#d.jpg\n",
    "list.csv": "image_id,PredictionString\na.jpg,0 0 1\nb c.jpg,\n",
    "bare.csv": "a.jpg\nb c.jpg\n",
    "windows.txt": "\ufeffa.jpg\r\nb c.jpg\r\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_file_list_keeps_or_drops(project: Path, name: str) -> None:
    (project / "recipes" / name).write_bytes(LISTS[name].encode())
    images = ("a.jpg", "b c.jpg", "d.jpg")
    for mode, expected in (("keep", [True, True, False]), ("drop", [False, False, True])):
        selector = build("file_list", file=f"recipes/{name}", mode=mode)
        selector.expect(images)
        found = [
            selector(Prediction(image, *_maps(random_prediction(0)))) is not None
            for image in images
        ]
        assert found == expected


def _maps(prediction: Prediction) -> tuple[Any, Any]:
    return prediction.probabilities, prediction.agreement


@pytest.mark.parametrize(
    ("name", "text"), [("a.txt", "test/0001.jgp\n"), ("a.csv", "image_id\ntest/0001.jgp\n")]
)
def test_an_entry_that_is_no_image_names_the_nearest(project: Path, name: str, text: str) -> None:
    (project / name).write_text(text)
    selector = build("file_list", file=name)
    with pytest.raises(UsageError, match=r"lists test/0001\.jgp") as caught:
        selector.expect(("test/0001.jpg", "other.jpg"))
    assert "test/0001.jpg" in caught.value.hint
    assert caught.value.parameter == "file"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", None, "no list of files"),
        ("a.csv", None, "no list of files"),
        ("a.txt", b"", "lists no file"),
        ("a.csv", b"", "lists no file"),
        ("a.txt", b"# nothing\n", "lists no file"),
        ("a.txt", b"\xff\xfe\x00a", "not UTF-8"),
        ("a.csv", b"\xff\xfe\x00a", "not UTF-8"),
    ],
)
def test_an_unreadable_list_is_refused_when_the_selector_is_made(
    project: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (project / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        build("file_list", file=name)


def test_file_list_keeps_the_contract(project: Path) -> None:
    (project / "a.txt").write_text("test/0001.jpg\n")
    for mode in ("keep", "drop"):
        check_component("selector", "file_list", REGISTRY, file="a.txt", mode=mode)

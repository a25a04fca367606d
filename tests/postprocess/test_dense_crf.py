from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.postprocess.slow_crf import exact_filter, features_of, lattice_filter, mean_field
from toolkit import ComponentSpec, Context, TrashError, UsageError
from toolkit.cli.main import run
from toolkit.plugin.registry import Registry
from toolkit.postprocess import mean_field as own
from toolkit.postprocess import permutohedral
from toolkit.postprocess.crf_settings import PRESETS, CrfSettings
from toolkit.postprocess.dense_crf import DenseCrf

CONTEXT = Context(("Background", "Paper", "Glass"))


def build_crf(registry: Registry, **parameters: Any) -> Any:
    return registry.build("postprocessor", ComponentSpec(name="dense_crf", **parameters), CONTEXT)


def scene() -> tuple[Any, Any, Any]:
    """A bright box on a dark ground: true labels, shifted and noisy maps, and the image."""
    rng = np.random.default_rng(0)
    truth, guess = np.zeros((22, 26), int), np.zeros((22, 26))
    truth[6:16, 8:20] = 1
    guess[4:13, 6:22] = 1
    image = np.where(truth[..., None] == 1, (200, 170, 60), (60, 60, 60))
    image = (image + rng.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8)
    logits = 1.2 * np.stack([1 - guess, guess, np.zeros_like(guess)])
    exponentials = np.exp(logits + rng.normal(0, 0.5, logits.shape))
    return truth, (exponentials / exponentials.sum(axis=0)).astype(np.float32), image


SCENE = CrfSettings(5, 3, 2, 4, 12, 8)
KERNELS = [
    (3.0, features_of(scene()[2], 2)),
    (4.0, features_of(scene()[2], 12, 8)),
]


def test_it_equals_a_slow_one_on_the_same_lattice() -> None:
    _, probabilities, image = scene()
    found = DenseCrf(SCENE, own.infer)(probabilities, image)
    expected = mean_field(probabilities, KERNELS, 5, lattice_filter)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("piece", [1, 7, 100, 571])
def test_a_large_image_is_worked_on_in_pieces(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    _, probabilities, image = scene()  # of 572 pixels
    crf = DenseCrf(replace(SCENE, tolerance=1e-3), own.infer)
    whole = crf(probabilities, image)
    for module in (own, permutohedral):
        monkeypatch.setattr(module, "PIECE", piece)
    np.testing.assert_allclose(crf(probabilities, image), whole, atol=2e-6)


def test_a_lack_of_memory_is_told_with_what_it_takes() -> None:
    def ask_too_much(*_: object) -> Any:
        raise MemoryError("Unable to allocate 7.3 GiB")

    _, probabilities, image = scene()
    with pytest.raises(TrashError, match="memory of this machine is full: Unable") as caught:
        DenseCrf(SCENE, ask_too_much)(probabilities, image)
    assert "dense_crf takes" in caught.value.hint


def test_labels_follow_the_image_as_with_exact_gaussians() -> None:
    truth, probabilities, image = scene()
    labels = DenseCrf(SCENE, own.infer)(probabilities, image).argmax(0)
    exact = mean_field(probabilities, KERNELS, 5, exact_filter).argmax(0)
    assert (probabilities.argmax(0) == truth).mean() < 0.8
    assert (labels == truth).mean() > 0.98
    assert (labels == exact).mean() > 0.98


def test_without_weights_nothing_changes(registry: Registry) -> None:
    _, probabilities, image = scene()
    same = build_crf(registry, gaussian_weight=0.0, bilateral_weight=0.0)(probabilities, image)
    np.testing.assert_allclose(same, probabilities, atol=1e-6)


def test_one_colour_leaves_the_spatial_kernel(registry: Registry) -> None:
    _, probabilities, image = scene()
    flat = np.full_like(image, 90)
    alike = {"gaussian_xy": 5.0, "bilateral_xy": 5.0, "iterations": 3, "tolerance": 0.0}
    both = build_crf(registry, gaussian_weight=2.0, bilateral_weight=3.0, **alike)
    one = build_crf(registry, gaussian_weight=5.0, bilateral_weight=0.0, **alike)
    found, expected = both(probabilities, flat), one(probabilities, flat)
    assert (found.argmax(0) == expected.argmax(0)).mean() > 0.97


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_and_what_replaces_its_numbers(registry: Registry, preset: str) -> None:
    assert build_crf(registry, preset=preset).settings == replace(PRESETS[preset], tolerance=1e-4)
    changed = build_crf(registry, preset=preset, bilateral_rgb=13.0, iterations=7).settings
    assert changed == replace(PRESETS[preset], tolerance=1e-4, bilateral_rgb=13.0, iterations=7)


@pytest.mark.parametrize("contest", ["taco", "bags"])
def test_real_photos_stay_probabilities_and_get_calmer(
    registry: Registry, photo: Any, contest: str
) -> None:
    probabilities, image = photo(contest, 8, (150, 203))
    before = probabilities.copy()
    found = build_crf(registry)(probabilities, image)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities, before)

    def borders(maps: Any) -> int:
        labels = maps.argmax(0)
        return int((labels[1:] != labels[:-1]).sum() + (labels[:, 1:] != labels[:, :-1]).sum())

    assert borders(found) < 0.8 * borders(probabilities)


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    n_classes=st.integers(1, 12),
    preset=st.sampled_from(sorted(PRESETS)),
    certain=st.booleans(),
    seed=st.integers(0, 5000),
)
def test_any_size_and_number_of_classes_stays_probabilities(
    height: int, width: int, n_classes: int, preset: str, certain: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.3] * n_classes, (height, width)).transpose(2, 0, 1)
    if certain:
        probabilities = np.eye(n_classes)[probabilities.argmax(0)].transpose(2, 0, 1)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    found = DenseCrf(PRESETS[preset], own.infer)(probabilities.astype(np.float32), image)
    assert found.shape == probabilities.shape
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Labels before the first and after every update of the own engine."""
    seen: list[Any] = []
    normalised = own._softmax

    def spy(scores: Any) -> Any:
        marginals, labels = normalised(scores)
        seen.append(labels.numpy().ravel().copy())
        return marginals, labels

    monkeypatch.setattr(own, "_softmax", spy)
    return seen


def test_it_stops_when_labels_rest(registry: Registry, photo: Any, updates: list[Any]) -> None:
    probabilities, image = photo("bags", 15, None)
    early = build_crf(registry, tolerance=1e-3)(probabilities, image)
    stopped = list(updates)
    updates.clear()
    whole = build_crf(registry, tolerance=0.0)(probabilities, image)
    assert len(updates) == 1 + PRESETS["pspnet"].iterations
    assert len(stopped) < 20
    changes = [float(np.mean(a != b)) for a, b in pairwise(updates)]
    first = next(step for step, share in enumerate(changes, start=1) if share <= 1e-3)
    assert len(stopped) == 1 + first
    assert (early.argmax(0) == whole.argmax(0)).mean() > 0.99
    assert changes[0] > 10 * changes[9] > 0  # updates change ever fewer labels


def test_the_spatial_kernel_is_made_once_for_a_size(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, probabilities, image = scene()
    made_for = []
    make_filter = own.make_filter
    monkeypatch.setattr(
        own, "make_filter", lambda f, weight: made_for.append(len(f)) or make_filter(f, weight)
    )
    own._spatial.cache_clear()
    crf = build_crf(registry)
    first = crf(probabilities, image)
    np.testing.assert_array_equal(crf(probabilities, image), first)
    crf(np.ascontiguousarray(probabilities[:, ::-1]), image)
    assert made_for == [2, 5, 5, 5]
    crf(probabilities[:, :-1], image[:-1])
    assert made_for == [2, 5, 5, 5, 2, 5]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((22, 26, 3), np.float32),
        np.zeros((22, 26, 3), np.int64),
        np.zeros((22, 26), np.uint8),
        np.zeros((22, 26, 4), np.uint8),
        np.zeros((26, 22, 3), np.uint8),
    ],
)
def test_anything_but_the_original_image_is_refused(registry: Registry, image: Any) -> None:
    with pytest.raises(UsageError, match="dense_crf needs the original image") as caught:
        build_crf(registry)(scene()[1], image)
    assert str(image.dtype) in caught.value.message


def test_a_missing_extra_is_named(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "toolkit.postprocess.pydensecrf_engine", raising=False)
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    with pytest.raises(UsageError, match="engine") as caught:
        build_crf(registry, engine="pydensecrf")
    assert 'pip install "trash-toolkit[crf]"' in caught.value.hint
    assert caught.value.parameter == "engine"


PHOTOS = [
    ("taco", 3, (300, 320)),
    ("taco", 20, (255, 257)),
    ("bags", 15, None),
    ("bags", 40, (151, 229)),
]


@pytest.mark.parametrize(("contest", "position", "size"), PHOTOS)
@pytest.mark.parametrize("preset", PRESETS)
def test_it_equals_pydensecrf(
    registry: Registry, photo: Any, preset: str, contest: str, position: int, size: Any
) -> None:
    pytest.importorskip("pydensecrf", reason='pip install -e ".[crf]" to compare with pydensecrf')
    probabilities, image = photo(contest, position, size)
    chosen = {"preset": preset, "iterations": 10, "tolerance": 0.0}
    found = build_crf(registry, **chosen)(probabilities, image)
    expected = build_crf(registry, engine="pydensecrf", **chosen)(probabilities, image)
    assert (found.argmax(0) == expected.argmax(0)).mean() >= 0.999
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_pydensecrf_stops_at_the_same_update(registry: Registry, photo: Any) -> None:
    pytest.importorskip("pydensecrf", reason='pip install -e ".[crf]" to compare with pydensecrf')
    probabilities, image = photo("bags", 15, None)
    image.flags.writeable = False
    found, expected = (
        build_crf(registry, tolerance=1e-3, engine=engine)(probabilities, image)
        for engine in ("own", "pydensecrf")
    )
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_terminal_shows_its_presets_and_checks_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "show", "dense_crf"]) == 0
    shown = capsys.readouterr().out
    for text in ("pspnet", "deeplab-large", "bilateral_rgb", "tolerance", "pydensecrf"):
        assert text in shown
    assert run(["plugin", "check", "dense_crf"]) == 0
    assert "ok" in capsys.readouterr().out

"""The contract of a mix finds broken mixes, rule by rule."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from toolkit import Component, Sample
from toolkit.plugin.registry import Entry, Registry
from toolkit.testing import check_component, examine

# Module level, so that only what is meant to be unpicklable is.


def halves(own, other, rng, batch_rng):
    width = own.mask.shape[1] // 2
    image, mask = own.image.copy(), own.mask.copy()
    image[:, :width], mask[:, :width] = other.image[:, :width], other.mask[:, :width]
    return replace(own, image=image, mask=mask)


def blended(own, other, rng, batch_rng):
    share = float(batch_rng.random())
    image = np.rint(share * own.image + (1 - share) * other.image).astype(np.uint8)
    return replace(own, image=image, second_mask=other.mask.copy(), share=share)


def sometimes_blended(own, other, rng, batch_rng):
    return blended(own, other, rng, batch_rng) if rng.random() < 0.5 else own


def as_float(own, other, rng, batch_rng):
    return replace(own, image=(own.image + other.image) / 2)


def narrow(own, other, rng, batch_rng):
    return replace(own, image=own.image[:, :-1].copy(), mask=own.mask[:, :-1].copy())


def view_of_second(own, other, rng, batch_rng):
    return replace(own, second_mask=other.mask[:, ::-1], share=0.5)


def wide_second(own, other, rng, batch_rng):
    return replace(own, second_mask=other.mask.astype(np.int64), share=0.5)


def renamed(own, other, rng, batch_rng):
    return Sample(other.image, other.mask, "other.jpg")


def nothing(own, other, rng, batch_rng):
    return None


def heavy(own, other, rng, batch_rng):
    return replace(own, second_mask=other.mask.copy(), share=1.5)


def share_alone(own, other, rng, batch_rng):
    return replace(own, share=0.5)


def mean_labels(own, other, rng, batch_rng):
    return replace(own, mask=((own.mask.astype(int) + other.mask) // 2).astype(np.uint8))


def ignores_second(own, other, rng, batch_rng):
    return replace(own, second_mask=np.full_like(other.mask, 77), share=0.5)


def fails_without_foreground(own, other, rng, batch_rng):
    rng.choice(other.mask[(other.mask > 0) & (other.mask < 255)])
    return own


def paints_background(own, other, rng, batch_rng):
    mask = own.mask.copy()
    mask[:4] = 0
    return replace(own, mask=mask)


def global_noise(own, other, rng, batch_rng):
    return replace(own, image=own.image ^ np.random.randint(0, 9, (1, 1, 3), np.uint8))


def own_share(own, other, rng, batch_rng):
    return replace(own, second_mask=other.mask.copy(), share=float(rng.random()))


def share_of_labels(own, other, rng, batch_rng):
    share = float((own.mask == 0).mean())
    return replace(own, second_mask=other.mask.copy(), share=share)


def writes_own(own, other, rng, batch_rng):
    own.image[:4] = 0
    return own


def writes_partner(own, other, rng, batch_rng):
    other.mask[:4] = 0
    return own


ARRAYS = "Returns uint8 image (H, W, 3) and masks (H, W) of the same size, in memory order"
SHARES = "Gives the first mask a share from 0 to 1, and 1 where there is no second"
ALIKE = "Moves photo and masks alike, and gives a blend the share that it has in the photo"
CLASSES = "Gives the masks no label that neither sample has"
PLAIN = "Takes masks that are all background or all ignored, on either side"
ALONE = "Depends on its two generators alone: not on earlier calls, nor on global random state"
BATCH = "Gives all samples of a batch one share: it comes from `batch_rng`, not from `rng`"
PICKLE = "Survives pickling, as loader processes need it, and then does the same"
INPUTS = "Leaves both samples as they were: they are mixed with others, too"

CHANNELS = "Takes photos of 1 and of 4 channels too, or says that it needs RGB (`needs_rgb`)"


def without_axis(own, other, rng, batch_rng):
    """OpenCV drops the axis of a single channel."""
    both = cv2.addWeighted(own.image, 0.5, other.image, 0.5, 0)
    return replace(own, image=both, second_mask=other.mask.copy(), share=0.5)


BROKEN = [
    *[(ARRAYS, mix) for mix in (as_float, narrow, view_of_second, wide_second, renamed, nothing)],
    *[(SHARES, mix) for mix in (heavy, share_alone)],
    *[(CLASSES, mix) for mix in (mean_labels, ignores_second)],
    *[(ALIKE, mix) for mix in (paints_background, share_of_labels)],
    *[(PLAIN, mix) for mix in (fails_without_foreground, paints_background)],
    (ALONE, global_noise),
    *[(BATCH, mix) for mix in (own_share, share_of_labels)],
    (PICKLE, lambda own, other, rng, batch_rng: own),
    *[(INPUTS, mix) for mix in (writes_own, writes_partner)],
    (CHANNELS, without_axis),
]


def registry_with(mix: object) -> Registry:
    component = Component("broken", lambda context: mix, "for a test")
    return Registry([Entry("mix", component, "test")])


@pytest.mark.parametrize(("rule", "mix"), BROKEN)
def test_broken_mixes_are_found(rule: str, mix: object) -> None:
    report = examine("mix", "broken", registry_with(mix))
    assert rule in [finding.rule for finding in report.findings]


def test_every_rule_has_a_mix_that_breaks_it() -> None:
    report = examine("mix", "broken", registry_with(halves))
    assert set(report.rules[2:]) == {rule for rule, _ in BROKEN}


@pytest.mark.parametrize("mix", [halves, blended, sometimes_blended])
def test_a_plain_mix_is_not_broken(mix: object) -> None:
    check_component("mix", "broken", registry_with(mix))

"""One picture of the synthetic contest: what lies where, and the camera that takes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.demo import litter as demo_objects
from toolkit.demo.brush import Colours, Field, Look, Patch, noise, uniform
from toolkit.demo.ground import Clutter, choose_clutter, draw_ground
from toolkit.seeds import Stream, generator

_SUPERSAMPLING = 2


@dataclass(frozen=True)
class LitterKind:
    """One category of litter."""

    name: str
    drawer: demo_objects.Drawer
    count: int
    """Annotations of this category in the real contest."""
    smallest: float
    """Least radius, as a share of the image's side."""
    largest: float
    """Greatest radius, as a share of the image's side."""


KINDS = (
    LitterKind("UNKNOWN", demo_objects.unknown, 160, 0.016, 0.036),
    LitterKind("General trash", demo_objects.general_trash, 2782, 0.08, 0.18),
    LitterKind("Paper", demo_objects.paper, 9311, 0.07, 0.2),
    LitterKind("Paper pack", demo_objects.paper_pack, 659, 0.1, 0.2),
    LitterKind("Metal", demo_objects.metal, 562, 0.1, 0.18),
    LitterKind("Glass", demo_objects.glass, 610, 0.16, 0.27),
    LitterKind("Plastic", demo_objects.plastic, 3090, 0.1, 0.21),
    LitterKind("Styrofoam", demo_objects.styrofoam, 1343, 0.08, 0.21),
    LitterKind("Plastic bag", demo_objects.plastic_bag, 7643, 0.1, 0.26),
    LitterKind("Battery", demo_objects.battery, 63, 0.055, 0.095),
    LitterKind("Clothing", demo_objects.clothing, 177, 0.1, 0.23),
)
"""In the order of the contest's category ids; label = position + 1."""

# The real counts differ by 1 : 148, which leaves no battery in a split of 40 images. Their square
# roots (1 : 12) keep the order and the gap. Every fourth image also shows one of the rarest three.
_ROOTS = np.sqrt([kind.count for kind in KINDS])
_FREQUENCIES = _ROOTS / _ROOTS.sum()
_RAREST = (1, 10, 11)

_CROWDS = (2, 3, 8, 9)  # labels that also lie about in heaps: trash, paper, styrofoam, bags


@dataclass(frozen=True)
class SceneObject:
    """One annotated object, or a heap of them, where it lies."""

    label: int
    mask: NDArray[np.bool_]
    """(H,W) at the size of the picture, hidden parts under other objects included."""
    crowd: bool


@dataclass(frozen=True)
class Scene:
    """A picture and its truth."""

    image: NDArray[np.uint8]
    """(H,W,3) RGB."""
    labels: NDArray[np.uint8]
    """(H,W) as drawn: 0 is background; of overlapping objects the larger label lies on top."""
    items: tuple[SceneObject, ...]


@dataclass(frozen=True)
class _Placement:
    label: int
    x: float
    y: float
    radius: float
    angle: float
    crowd: bool = False


def _choose_labels(rng: np.random.Generator, index: int) -> tuple[list[int], bool]:
    layout = rng.choice(["few", "spread", "pile"], p=[0.2, 0.55, 0.25])
    low, high = {"few": (1, 4), "spread": (4, 10), "pile": (8, 14)}[str(layout)]
    labels = rng.choice(len(KINDS), size=rng.integers(low, high), p=_FREQUENCIES) + 1
    extra = [_RAREST[index // 4 % len(_RAREST)]] if index % 4 == 3 else []
    return [*labels.tolist(), *extra], layout == "pile"


def _place(
    rng: np.random.Generator, labels: list[int], pile: bool, horizon: float
) -> list[_Placement]:
    """Put each object on the least crowded of a few places; small things last, they need room."""
    scale = uniform(rng, (1.1, 1.7)) * min(1.0, 1.3 - 0.05 * len(labels))
    heart = rng.uniform(0.3, 0.7), rng.uniform(max(horizon, 0.3), 0.8)
    placed: list[_Placement] = []
    for label in sorted(labels, key=lambda label: -KINDS[label - 1].largest):
        kind = KINDS[label - 1]
        radius = uniform(rng, (kind.smallest, kind.largest)) * scale
        tries = []
        for _ in range(3 if kind.largest > 0.1 else 12):
            if pile:
                x, y = np.clip(rng.normal(heart, 0.17), 0.03, 0.97)
            else:
                x, y = rng.uniform(0.04, 0.96), rng.uniform(horizon + 0.04, 0.96)
            gaps = [np.hypot(x - o.x, y - o.y) - 0.8 * (o.radius + radius) for o in placed]
            tries.append((min([*gaps, 0.0]), float(x), float(y)))
        _, x, y = max(tries)
        placed.append(_Placement(label, x, y, radius, float(rng.normal(-np.pi / 2, 1.2))))
    return placed


def _heaps(rng: np.random.Generator, placed: list[_Placement]) -> Iterator[list[_Placement]]:
    """Turn now and then one object into a heap of small ones, which the contest marks as crowd."""
    for one in placed:
        if one.label in _CROWDS and rng.random() < 0.03:
            at = rng.normal((one.x, one.y), 0.6 * one.radius, (int(rng.integers(4, 8)), 2))
            small = replace(one, radius=0.45 * one.radius, crowd=True)
            yield [replace(small, x=x, y=y, angle=rng.uniform(0, 6.28)) for x, y in at]
        else:
            yield [one]


class _Canvas:
    """The picture while it is drawn, larger than it will be."""

    def __init__(self, picture: Colours, light: float, shadow: float) -> None:
        self.picture = picture
        self.light = light
        self.shadow = shadow
        self.side = picture.shape[0]

    def nothing(self) -> NDArray[np.float32]:
        """Return a cover (side,side) of zeros."""
        return np.zeros((self.side, self.side), np.float32)

    def draw(self, look: Look, patch: Patch, at: tuple[float, float], cover: Field) -> None:
        """Draw one object with its shadow and add its mask to `cover` (side,side)."""
        left, top = (int(place * self.side) - patch.side // 2 for place in at)
        rows = slice(max(top, 0), min(top + patch.side, self.side))
        columns = slice(max(left, 0), min(left + patch.side, self.side))
        if rows.stop <= rows.start or columns.stop <= columns.start:
            return
        within = (
            slice(rows.start - top, rows.stop - top),
            slice(columns.start - left, columns.stop - left),
        )
        shift = 0.12 * patch.radius
        dx, dy = round(-shift * np.cos(self.light)), round(-shift * np.sin(self.light))
        kernel = (2 * round(shift) + 1,) * 2
        shade = cv2.blur(cv2.blur(np.roll(look.mask, (dy, dx), (0, 1)), kernel), kernel)
        target = self.picture[rows, columns]
        target *= 1 - self.shadow * shade[within][..., None]
        paint = (look.mask * look.opacity)[within][..., None]
        target += (look.picture[within] - target) * paint
        np.maximum(cover[rows, columns], look.mask[within], out=cover[rows, columns])


def _shrink(field: Field, size: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(field, (size, size), interpolation=cv2.INTER_AREA), np.float32)


def _photograph(rng: np.random.Generator, picture: Colours, size: int) -> NDArray[np.uint8]:
    """Apply shadows of things outside, uneven light, white balance, blur and sensor noise."""
    side = picture.shape[0]
    light = 1 + 0.12 * noise(rng, side, side, side / 1.5)
    if rng.random() < 0.25:
        edge = noise(rng, side, side, side / 2, 3) > rng.uniform(-0.3, 0.8)
        soft = cv2.GaussianBlur(edge.astype(np.float32), (0, 0), side / 90)
        light *= 1 - uniform(rng, (0.2, 0.4)) * soft
    picture = np.clip(picture, 0, 1) * np.clip(light, 0.3, 1.5)[..., None]
    picture *= rng.normal(1, 0.03, 3).astype(np.float32) * np.float32(uniform(rng, (0.85, 1.2)))
    picture = np.clip(picture, 0, 1) ** np.float32(uniform(rng, (0.85, 1.15)))
    small = _shrink(picture, size)
    if rng.random() < 0.4:
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), uniform(rng, (0.2, 0.7)) * size / 128))
    small += uniform(rng, (0.005, 0.025)) * rng.standard_normal(small.shape, dtype=np.float32)
    return np.round(np.clip(small, 0, 1) * 255).astype(np.uint8)


def _lay_out(
    rng: np.random.Generator, canvas: _Canvas, clutter: list[Clutter]
) -> NDArray[np.float32]:
    cover = canvas.nothing()
    for drawer, radius in clutter:
        patch = Patch.make(max(radius * canvas.side, 2.0), rng.uniform(0, 6.28), canvas.light)
        canvas.draw(drawer(rng, patch), patch, tuple(rng.uniform(0, 1, 2)), cover)
    return cover


def draw_scene(seed: int, split: int, index: int, size: int) -> Scene:
    """Draw image `index` of a split, `size` pixels high and wide; the arguments decide it all."""
    rng = generator(Stream.SCENE, seed, split, index)
    ground, horizon = draw_ground(rng, size * _SUPERSAMPLING)
    canvas = _Canvas(ground, uniform(rng, (0, 2 * np.pi)), uniform(rng, (0.15, 0.65)))
    behind, front = choose_clutter(rng)
    _lay_out(rng, canvas, behind)

    labels, pile = _choose_labels(rng, index)
    placed = _place(rng, labels, pile, horizon)
    covers: list[NDArray[np.float32]] = []
    heaps = sorted(_heaps(rng, placed), key=lambda heap: heap[0].label)
    for heap in heaps:
        cover = canvas.nothing()
        for one in heap:
            patch = Patch.make(max(one.radius, 2.2 / size) * canvas.side, one.angle, canvas.light)
            canvas.draw(KINDS[one.label - 1].drawer(rng, patch), patch, (one.x, one.y), cover)
        covers.append(_shrink(cover, size))
    in_sight = _shrink(_lay_out(rng, canvas, front), size) < 0.5
    image = _photograph(rng, canvas.picture, size)

    truth = np.zeros((size, size), np.uint8)
    items = []
    for heap, cover in zip(heaps, covers, strict=True):
        items.append(SceneObject(heap[0].label, (cover >= 0.5) & in_sight, heap[0].crowd))
        truth[items[-1].mask] = items[-1].label
    # What nobody can see has no annotation; the file's order must not give the overlap rule away.
    seen = [item for item in items if (item.mask & (truth == item.label)).any()]
    return Scene(image, truth, tuple(seen[i] for i in rng.permutation(len(seen))))

"""The eleven kinds of litter of the synthetic contest.

Each kind has a colour that it likes, and often enough does without. Whites are shared by paper,
paper packs, styrofoam, bags and cups, greys by metal and bags, greens and blues by glass, plastic,
bags and clothing, so that outline, gloss and texture have to tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from toolkit.demo.brush import (
    Colours,
    Field,
    Look,
    Patch,
    Points,
    Profile,
    Range,
    apply_shade,
    blob,
    hsv,
    mix,
    quad,
    shard,
    uniform,
)

Drawer = Callable[[np.random.Generator, Patch], Look]


def _white(rng: np.random.Generator) -> Colours:
    return hsv(rng, (0.05, 0.65), (0.0, 0.1), (0.72, 0.95))


def _cream(rng: np.random.Generator) -> Colours:
    return hsv(rng, (0.08, 0.14), (0.04, 0.18), (0.78, 0.95)) if rng.random() < 0.7 else _white(rng)


def _vivid(rng: np.random.Generator) -> Colours:
    return hsv(rng, (0, 1), (0.45, 0.9), (0.4, 0.95))


def _typical_colour(rng: np.random.Generator, hue: Range) -> Colours:
    """Draw a colour near the hue that a kind of litter likes, or one time in four any colour."""
    return hsv(rng, hue, (0.5, 0.85), (0.45, 0.9)) if rng.random() < 0.75 else _vivid(rng)


def _between(field: Field, low: float, high: float) -> Field:
    return ((field > low) & (field < high)).astype(np.float32)


def _print_lines(rng: np.random.Generator, patch: Patch, breadth: float) -> Field:
    pitch = uniform(rng, (0.1, 0.17))
    lines = _between((patch.v / pitch) % 1, 0.0, 0.5)
    words = (patch.noise(rng, 0.1) > -0.7).astype(np.float32)
    column = _between(patch.u, -uniform(rng, (0.5, 0.8)), uniform(rng, (0.4, 0.8)))
    return lines * words * column * _between(patch.v, -0.8 * breadth, 0.8 * breadth)


def _round_shade(across: Field, light: float) -> Field:
    """Shade a cylinder by its position across (-1…1); `light` moves the bright side."""
    return np.asarray(0.35 * np.sqrt(np.clip(1 - (across - light) ** 2, 0, 1)) - 0.25, np.float32)


def unknown(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a scrap too small to tell what it is."""
    colour = _white(rng) if rng.random() < 0.4 else hsv(rng, (0, 1), (0.1, 0.9), (0.1, 0.9))
    return Look(
        apply_shade(patch.plain(colour), 0.15 * patch.noise(rng, 0.5)),
        patch.fill(blob(rng, uniform(rng, (0.4, 0.9)), 0.25, corners=9)),
    )


def general_trash(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a stained wrapper, a heap of torn pieces or a brush: motley, no shape of its own."""
    kind = rng.choice(["wrapper", "pieces", "tool"], p=[0.6, 0.25, 0.15])
    picture = patch.plain(_typical_colour(rng, (0.98, 1.1)))
    for _ in range(3):
        picture = mix(
            picture,
            hsv(rng, (0, 1), (0.0, 0.7), (0.1, 0.9)),
            (patch.noise(rng, 0.35, 2) > 0.5).astype(np.float32),
        )
    stain = np.clip(patch.noise(rng, 0.4, 2) - 0.2, 0, 1) * 0.8
    picture = mix(picture, hsv(rng, (0.06, 0.1), (0.3, 0.6), (0.15, 0.35)), stain)
    shade = 0.16 * patch.crumple(rng, 0.4)
    if kind == "wrapper":
        outlines = [quad(rng, uniform(rng, (0.5, 0.8)), 0.2)]
    elif kind == "pieces":
        places = rng.uniform(-0.6, 0.6, (3, 2))
        outlines = [0.38 * shard(rng, 0.8, 6) + place for place in places]
    else:
        head = 0.3 * quad(rng, 0.9, 0.1) + np.array([0.65, 0])
        outlines = [quad(rng, 0.07, 0.02), head]
    return Look(apply_shade(picture, shade), patch.fill(*outlines))


def _sheet(rng: np.random.Generator, patch: Patch) -> Look:
    breadth = uniform(rng, (0.5, 0.85))
    picture = patch.plain(_cream(rng))
    ink = hsv(rng, (0, 1), (0, 0.4), (0.1, 0.4))
    picture = mix(picture, ink, 0.65 * _print_lines(rng, patch, breadth))
    if rng.random() < 0.5:
        u, v = rng.uniform(-0.5, 0.5, 2)
        photo = _between(patch.u - u, -0.3, 0.3) * _between(patch.v - v, -0.2, 0.2)
        picture = mix(picture, hsv(rng, (0, 1), (0.1, 0.7), (0.3, 0.7)), photo)
    fold = np.sign(patch.u - rng.uniform(-0.4, 0.4)) * uniform(rng, (0.03, 0.1))
    shade = (fold + 0.04 * patch.crumple(rng, 0.8)).astype(np.float32)
    return Look(apply_shade(picture, shade), patch.fill(quad(rng, breadth, 0.1)))


def _cardboard(rng: np.random.Generator, patch: Patch) -> Look:
    breadth = uniform(rng, (0.5, 0.95))
    picture = patch.plain(hsv(rng, (0.07, 0.1), (0.35, 0.55), (0.6, 0.85)))
    flap = np.sign(patch.v - rng.uniform(-0.5, 0.5) * breadth) * 0.12
    seam = -0.3 * (np.abs(patch.u - rng.uniform(-0.6, 0.6)) < 0.03)
    waves = 0.04 * np.sin(patch.u * 60)
    if rng.random() < 0.5:
        picture = mix(picture, _white(rng), 0.7 * _between(patch.v, -0.08, 0.08))
    shade = (flap + seam + waves).astype(np.float32)
    return Look(apply_shade(picture, shade), patch.fill(quad(rng, breadth, 0.12)))


def _crumpled_paper(rng: np.random.Generator, patch: Patch) -> Look:
    shade = 0.13 * patch.crumple(rng, 0.45, 3) - 0.12 * (patch.u**2 + patch.v**2)
    return Look(
        apply_shade(patch.plain(_cream(rng)), shade),
        patch.fill(blob(rng, uniform(rng, (0.6, 0.95)), 0.12, corners=18)),
    )


def _paper_cup(rng: np.random.Generator, patch: Patch) -> Look:
    cup = Profile((-0.9, 0.9), (0.6, 0.42))
    picture = mix(patch.plain(_cream(rng)), _vivid(rng), _between(patch.u, -0.2, 0.5))
    rim = patch.fill(np.array([-0.85, 0]) + blob(rng, 1, 0) * np.array([0.14, 0.6]))
    shade = _round_shade(cup.across(patch), 0.3) - 0.2 * rim
    outline = cup.outline()
    return Look(apply_shade(picture, shade), np.maximum(patch.fill(outline), rim))


def paper(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a printed sheet, cardboard, a crumpled ball or a paper cup."""
    kinds = (_sheet, _cardboard, _crumpled_paper, _paper_cup)
    return kinds[rng.choice(4, p=[0.4, 0.25, 0.22, 0.13])](rng, patch)


def paper_pack(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a drink carton: gable, two faces of different light, bands of colour."""
    breadth = uniform(rng, (0.38, 0.55))
    outline = Profile(
        (-0.95, -0.8, -0.79, -0.5, 0.92),
        (breadth * 0.75, breadth * 0.75, breadth * 0.55, breadth, breadth),
    )
    picture = patch.plain(_white(rng))
    start = rng.uniform(-0.5, 0.3)
    band = _between(patch.u - 0.2 * patch.v, start, start + uniform(rng, (0.25, 0.7)))
    picture = mix(picture, _typical_colour(rng, (0.86, 0.95)), band)
    emblem = patch.fill(blob(rng, 1, 0.1) * 0.2 + np.array([start + 0.15, -0.15]))
    picture = mix(picture, _vivid(rng), emblem)
    side_face = np.where(patch.v > breadth * uniform(rng, (0.15, 0.5)), -0.28, 0.05)
    gable = -0.15 * _between(patch.u, -0.8, -0.5) + 0.1 * _between(patch.u, -1, -0.8)
    shade = (side_face + gable + 0.03 * patch.crumple(rng, 0.6)).astype(np.float32)
    return Look(apply_shade(picture, shade), patch.fill(outline.outline()))


def metal(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a can, whole or dented, or a crumple of foil: hard gloss along the axis."""
    if rng.random() < 0.25:
        silver = hsv(rng, (0.5, 0.65), (0, 0.08), (0.55, 0.75))
        glints = 0.38 * patch.crumple(rng, 0.3, 2)
        outline = blob(rng, uniform(rng, (0.5, 0.9)), 0.2, corners=16)
        return Look(apply_shade(patch.plain(silver), glints), patch.fill(outline))
    breadth = uniform(rng, (0.45, 0.6))
    waist = breadth * uniform(rng, (0.7, 1.0))
    can = Profile(
        (-0.95, -0.85, 0.0, 0.85, 0.95),
        (breadth * 0.8, breadth, waist, breadth, breadth * 0.8),
    )
    silver = hsv(rng, (0.5, 0.65), (0, 0.06), (0.5, 0.7))
    label = silver if rng.random() < 0.45 else _typical_colour(rng, (0.98, 1.02))
    picture = mix(patch.plain(silver), label, _between(patch.u, -0.78, 0.78))
    script = _between(patch.u, -0.3, 0.3) * (patch.noise(rng, 0.2) > 0.8)
    picture = mix(picture, _white(rng), script.astype(np.float32))
    across = can.across(patch)
    bright = rng.uniform(-0.5, 0.5)
    gloss = 0.9 * np.exp(-(((across - bright) / 0.1) ** 2))
    gloss += 0.35 * np.exp(-(((across + bright * 0.9 + 0.2) / 0.06) ** 2))
    shade = gloss - 0.5 * across**2 - 0.1 + 0.07 * patch.crumple(rng, 0.5, 1)
    return Look(apply_shade(picture, shade.astype(np.float32)), patch.fill(can.outline()))


def _see_through(across: Field, clear: float, rim: float) -> Field:
    """Return the opacity of a hollow body: thick where one looks along its wall."""
    return np.asarray(np.clip(clear + rim * np.clip(across, -1, 1) ** 4, 0, 1), np.float32)


def glass(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a bottle with a slim neck: dark rims, one thin highlight, shows what is behind it."""
    breadth = uniform(rng, (0.3, 0.42))
    shoulder = uniform(rng, (-0.35, -0.05))
    bottle = Profile(
        (-0.98, -0.9, -0.88, shoulder - 0.2, shoulder + 0.12, 0.9, 0.96),
        (0.1, 0.11, 0.085, 0.095, breadth, breadth, breadth * 0.85),
    )
    tint = [
        hsv(rng, (0.3, 0.42), (0.5, 0.8), (0.25, 0.5)),
        hsv(rng, (0.04, 0.09), (0.6, 0.85), (0.15, 0.4)),
        hsv(rng, (0.45, 0.6), (0.05, 0.25), (0.5, 0.8)),
    ][rng.choice(3, p=[0.5, 0.25, 0.25])]
    across = bottle.across(patch)
    picture = patch.plain(tint)
    opacity = _see_through(across, uniform(rng, (0.65, 0.9)), 0.4)
    if rng.random() < 0.4:
        sticker = _between(patch.u, shoulder + 0.25, shoulder + uniform(rng, (0.5, 0.8)))
        picture = mix(picture, _white(rng), sticker)
        opacity = np.maximum(opacity, sticker)
    side = rng.choice([-0.55, 0.5])
    glint = np.exp(-(((across - side) / 0.09) ** 2)) * (patch.u > -0.85)
    picture = apply_shade(picture, (-0.45 * across**4).astype(np.float32))
    picture = mix(picture, np.ones(3, np.float32), (0.85 * glint).astype(np.float32))
    opacity = np.maximum(opacity, 0.9 * glint)
    return Look(picture, patch.fill(bottle.outline()), opacity.astype(np.float32))


def _plastic_bottle(rng: np.random.Generator, patch: Patch) -> Look:
    breadth = uniform(rng, (0.33, 0.45))
    bottle = Profile(
        (-0.97, -0.8, -0.78, -0.45, 0.1, 0.85, 0.95),
        (0.15, 0.15, 0.12, breadth, breadth * 0.92, breadth, breadth * 0.8),
    )
    across = bottle.across(patch)
    body = _white(rng) if rng.random() < 0.3 else _typical_colour(rng, (0.5, 0.58))
    ribs = 0.18 * np.sin(patch.u * uniform(rng, (22, 32)))
    gloss = 0.35 * np.exp(-(((across - 0.3) / 0.25) ** 2)) - 0.25 * across**2
    shade = (ribs * (patch.u > -0.4) + gloss).astype(np.float32)
    picture = apply_shade(patch.plain(body), shade)
    wrap = _between(patch.u, -0.2, uniform(rng, (0.05, 0.35))) * (rng.random() < 0.6)
    picture = mix(picture, _typical_colour(rng, (0.5, 0.64)), wrap)
    cap = _between(patch.u, -1, -0.79)
    picture = mix(picture, _vivid(rng), cap)
    opacity = np.maximum(
        _see_through(across, uniform(rng, (0.6, 0.95)), 0.4), np.maximum(wrap, cap)
    )
    return Look(picture, patch.fill(bottle.outline()), opacity)


def _lid_or_tub(rng: np.random.Generator, patch: Patch) -> Look:
    aspect = uniform(rng, (0.55, 1.0))
    from_middle = np.sqrt(patch.u**2 + (patch.v / np.float32(aspect)) ** 2)
    rings = 0.14 * np.sign(np.sin(from_middle * uniform(rng, (9, 16))))
    colour = _white(rng) if rng.random() < 0.25 else _typical_colour(rng, (0.5, 0.64))
    gloss = 0.4 * np.exp(-(((patch.u - 0.3) ** 2 + (patch.v + 0.2) ** 2) / 0.03))
    shade = (rings + gloss - 0.1 * from_middle).astype(np.float32)
    return Look(
        apply_shade(patch.plain(colour), shade),
        patch.fill(blob(rng, aspect, 0.0) * 0.95),
        uniform(rng, (0.8, 1.0)),
    )


def _clear_cup(rng: np.random.Generator, patch: Patch) -> Look:
    cup = Profile((-0.85, -0.78, -0.77, 0.9), (0.62, 0.62, 0.55, 0.38))
    across = cup.across(patch)
    picture = patch.plain(hsv(rng, (0.5, 0.6), (0.05, 0.25), (0.75, 0.95)))
    ridges = 0.15 * np.sin(across * 14) + 0.3 * np.exp(-(((across + 0.4) / 0.12) ** 2))
    picture = apply_shade(picture, ridges.astype(np.float32))
    opacity = _see_through(across, uniform(rng, (0.4, 0.7)), 0.5)
    return Look(picture, patch.fill(cup.outline()), opacity)


def _spoon(rng: np.random.Generator, patch: Patch) -> Look:
    colour = _white(rng) if rng.random() < 0.25 else _typical_colour(rng, (0.5, 0.64))
    bowl = blob(rng, 0.6, 0.0) * 0.3 + np.array([0.65, 0])
    handle = Profile((-0.95, 0.5), (0.08, 0.06)).outline()
    shade = 0.3 * np.exp(-((patch.v / 0.05) ** 2)) - 0.1
    return Look(
        apply_shade(patch.plain(colour), shade.astype(np.float32)), patch.fill(bowl, handle)
    )


def plastic(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a ribbed bottle with a cap, a lid or tub with rings, a clear cup or a spoon."""
    kinds = (_plastic_bottle, _lid_or_tub, _clear_cup, _spoon)
    return kinds[rng.choice(4, p=[0.5, 0.2, 0.18, 0.12])](rng, patch)


def styrofoam(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a box, a tray or a broken block of white beads."""
    kind = rng.choice(["box", "tray", "chunk"], p=[0.4, 0.3, 0.3])
    beads = 0.035 * patch.noise(rng, 0.05) + 0.02 * patch.noise(rng, 0.3, 2)
    breadth = uniform(rng, (0.5, 0.85))
    outline: Points = quad(rng, breadth, 0.05)
    if kind == "box":
        beads += np.where(patch.v > breadth * uniform(rng, (0.1, 0.5)), -0.22, 0.02)
        beads -= 0.2 * (np.abs(patch.v + breadth * 0.4) < 0.03)
    elif kind == "tray":
        inner = patch.fill(outline * 0.75)
        beads += 0.1 * inner * np.sign(patch.u * np.cos(patch.light) + patch.v) - 0.06 * inner
    else:
        outline = shard(rng, breadth, int(rng.integers(5, 9)))
        beads += 0.06 * patch.crumple(rng, 0.8, 1)
    cold = hsv(rng, (0.55, 0.62), (0.0, 0.07), (0.88, 1.0))
    return Look(apply_shade(patch.plain(cold), beads.astype(np.float32)), patch.fill(outline))


def plastic_bag(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a tied or flat bag: creased film that lets things show through, sometimes a handle."""
    colour = [
        _white(rng),
        hsv(rng, (0.18, 0.32), (0.4, 0.75), (0.5, 0.85)),
        hsv(rng, (0.5, 0.66), (0.4, 0.75), (0.4, 0.85)),
        hsv(rng, (0.9, 1.05), (0.2, 0.6), (0.6, 0.9)),
        hsv(rng, (0.6, 0.7), (0, 0.2), (0.08, 0.2)),
    ][rng.choice(5, p=[0.35, 0.3, 0.1, 0.1, 0.15])]
    body = blob(rng, uniform(rng, (0.7, 0.95)), 0.16) * 0.85 + np.array([0.12, 0])
    outlines = [body]
    hole = None
    if rng.random() < 0.6:
        neck = Profile((-1.0, -0.85, -0.35), (0.2, 0.08, 0.3)).outline()
        outlines.append(neck + np.array([0, rng.uniform(-0.15, 0.15)]))
    elif rng.random() < 0.6:
        hole = patch.fill(blob(rng, 0.5, 0.05) * 0.2 + np.array([-0.4, 0]))
    mask = patch.fill(*outlines)
    if hole is not None:
        mask = mask * (1 - hole)
    creases = patch.crumple(rng, 0.7, 3)
    picture = apply_shade(patch.plain(colour), 0.13 * creases - 0.1 * patch.v**2)
    shine = np.clip(0.3 * (creases - 0.9), 0, 0.6)
    picture = mix(picture, np.ones(3, np.float32), shine)
    if rng.random() < 0.3:
        lines = _print_lines(rng, patch, 0.5) * _between(patch.u, -0.2, 0.5)
        picture = mix(picture, _vivid(rng), 0.7 * lines)
    opacity = np.clip(uniform(rng, (0.6, 0.95)) + 0.06 * creases + shine, 0.25, 1)
    return Look(picture, mask, opacity.astype(np.float32))


def battery(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a small cylinder of two colours with a terminal."""
    cell = Profile((-0.98, -0.88, -0.87, 0.95), (0.12, 0.12, 0.32, 0.32))
    dark = hsv(rng, (0, 1), (0.0, 0.4), (0.05, 0.18))
    copper = hsv(rng, (0.06, 0.11), (0.6, 0.85), (0.7, 0.9))
    bright = copper if rng.random() < 0.75 else _vivid(rng)
    picture = patch.plain(dark)
    picture = mix(picture, bright, _between(patch.u, 0.25, 2))
    silver = hsv(rng, (0.5, 0.6), (0, 0.05), (0.6, 0.8))
    picture = mix(picture, silver, _between(patch.u, -2, -0.87))
    across = cell.across(patch)
    shade = 0.8 * np.exp(-(((across - 0.25) / 0.16) ** 2)) - 0.35 * across**2
    return Look(apply_shade(picture, shade.astype(np.float32)), patch.fill(cell.outline()))


_SHIRT: Points = np.stack(
    [
        [-0.75, -0.75, -0.3, -0.1, 0.85, 0.85, -0.1, -0.3, -0.75, -0.75, -0.6],
        [-0.3, -0.75, -0.95, -0.6, -0.55, 0.55, 0.6, 0.95, 0.75, 0.3, 0.0],
    ],
    axis=1,
)


def clothing(rng: np.random.Generator, patch: Patch) -> Look:
    """Draw a shirt, a rag or a pair of shoes: woven, striped or chequered, soft folds."""
    kind = rng.choice(["shirt", "rag", "shoes"], p=[0.4, 0.35, 0.25])
    first = _typical_colour(rng, (0.66, 0.8)) * np.float32(0.8)
    second = _white(rng) if rng.random() < 0.4 else hsv(rng, (0, 1), (0.2, 0.8), (0.1, 0.8))
    rate = uniform(rng, (8, 18))
    weave = rng.choice(["stripes", "checks", "plain"])
    pattern = (np.sin(patch.u * rate) > 0.2).astype(np.float32)
    if weave == "checks":
        pattern = 0.5 * pattern + 0.5 * (np.sin(patch.v * rate) > 0.2)
    elif weave == "plain":
        pattern = np.zeros_like(pattern)
    picture = mix(patch.plain(first), second, pattern.astype(np.float32))
    threads = 0.05 * np.sin(patch.u * patch.radius * 1.5) * np.sin(patch.v * patch.radius * 1.5)
    shade = threads + 0.2 * patch.noise(rng, 0.35, 1)
    if kind == "shirt":
        outlines = [_SHIRT + rng.uniform(-0.05, 0.05, _SHIRT.shape)]
    elif kind == "rag":
        outlines = [blob(rng, uniform(rng, (0.6, 0.9)), 0.13)]
    else:
        sole = Profile(
            (-0.8, -0.7, -0.3, 0.1, 0.5, 0.75, 0.85), (0.1, 0.2, 0.2, 0.18, 0.24, 0.18, 0.05)
        )
        turned = rng.normal(0, 0.1, 2)
        outlines = [
            sole.outline() + np.array([turned[0], -0.36]),
            sole.outline() + np.array([turned[1], 0.36]),
        ]
        opening = np.abs(np.abs(patch.v) - 0.36) < 0.12
        shade = shade - 0.5 * opening * _between(patch.u, -0.65, -0.1)
    return Look(apply_shade(picture, shade.astype(np.float32)), patch.fill(*outlines))

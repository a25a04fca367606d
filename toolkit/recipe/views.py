"""Parsing the text of `predict.views`; imports no torch.

It stands in `predict.views` of a recipe, in `--views`, and behind the @ of `a.pt@hflip*rot90`:

    none                         the image as it is
    hflip                        two views: the image, and the image mirrored
    hflip*rot90                  factors multiply: four views
    hflip*scale0.75+scale1.25    alternatives within a factor add up: six views,
                                 {image, hflip} x {size 1, 0.75, 1.25}
    d4                           short for hflip*rot90*rot180, the 8 symmetries of the square
    geometric:hflip*rot90        how the views are merged, when it is not their mean
    tile:hflip                   in overlapping windows, for images larger than the network's input
    tile,overlap=0.5,scale=0.5,geometric:d4
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import nan
from typing import Any, Literal, get_args

from toolkit.errors import UsageError
from toolkit.plugin.registry import Registry
from toolkit.suggestions import did_you_mean, nearest

NO_VIEWS = "none"
NAMED_PRODUCTS = {"d4": "hflip*rot90*rot180"}
"""Short names of products; each stands for all of its views."""

Merge = Literal["mean", "geometric", "max"]
"""How the views of an image become one map, pixel by pixel.

"mean" is the mean of their probabilities. "geometric" is the mean of their logits, then softmax:
the geometric mean of their probabilities, made to sum to 1. "max" is the largest probability of
each class, made to sum to 1. There is no largest logit: logits of one pixel mean the same after
adding any number to all of them.
"""

MERGES: tuple[Merge, ...] = get_args(Merge)
MEAN: Merge = "mean"
TILE = "tile"

_EXAMPLES = 'Write "none", "hflip" or a product such as "hflip*rot90".'
_WAYS = 'Write it as in "tile,overlap=0.5,geometric:hflip*rot90".'
_SEPARATOR = re.compile(r"[\s,;]")
_LONGEST_SIDE = 16384
_LARGEST_OVERLAP = 0.9
"""Beyond it a pixel would be predicted more than a hundred times."""
_LARGEST_SCALE = 16.0


@dataclass(frozen=True)
class Tiling:
    """Predicting an image in overlapping windows.

    Attributes:
        size: (height, width) of a window, pixels; None = the network's own input size.
        overlap: least share of a window that it has in common with the next one, 0…0.9.
        scale: the image is resized by this factor before it is cut; 1 = its native size. A network
            sees objects at the size that it was trained on when the factor is that of the training:
            its input's side over the side of the training images.
    """

    size: tuple[int, int] | None = None
    overlap: float = 0.25
    scale: float = 1.0

    @property
    def text(self) -> str:
        """As it is written, without what is default."""
        parts = [TILE]
        if self.size is not None:
            parts.append(f"size={self.size[0]}x{self.size[1]}")
        if self.overlap != Tiling.overlap:
            parts.append(f"overlap={self.overlap:g}")
        if self.scale != Tiling.scale:
            parts.append(f"scale={self.scale:g}")
        return ",".join(parts)


@dataclass(frozen=True)
class ViewPlan:
    """The parsed text of `predict.views`.

    Attributes:
        factors: the alternatives of every factor, names of views or of products.
        merge: how the views become one map.
        tiling: how the image is cut, None = it is resized to the network's input as a whole.
    """

    factors: tuple[tuple[str, ...], ...] = ()
    merge: Merge = MEAN
    tiling: Tiling | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name in it, in order."""
        return tuple(name for factor in self.factors for name in factor)

    @property
    def text(self) -> str:
        """Canonical text: without spaces and defaults."""
        tiling = [] if self.tiling is None else [self.tiling.text]
        ways = tiling + ([] if self.merge == MEAN else [self.merge])
        product = "*".join("+".join(factor) for factor in self.factors)
        if not product:
            return ",".join(ways) or NO_VIEWS
        return ",".join(ways) + ":" * bool(ways) + product


def read_views(text: str) -> ViewPlan:
    """Parse a views text; names of views are not looked up.

    Raises:
        UsageError: it is no such text; the message says where.
    """
    head, colon, product = text.partition(":")
    words = [word.strip() for word in head.split(",")]
    if not _are_ways(words, bool(colon)):
        return ViewPlan(_factors(text, text))
    plan = replace(_read_ways(words, text), factors=_factors(product if colon else NO_VIEWS, text))
    return plan if plan.factors else replace(plan, merge=MEAN)


def check_view(name: str, registry: Registry) -> None:
    """Raise unless there is a view or a product of this name.

    Raises:
        UsageError: there is none; the hint names the nearest.
    """
    if name in NAMED_PRODUCTS:
        return
    try:
        registry.find("view", name)
    except UsageError as error:
        raise UsageError(error.message, _nearest_hint(name, registry) or error.hint) from None


def _nearest_hint(name: str, registry: Registry) -> str:
    source, colon, view = name.partition(":")
    if name == TILE or (source in (*MERGES, TILE) and colon):
        return _WAYS
    if view in (*MERGES, TILE):
        return f"Did you mean {view}:{source}?"
    if colon:
        known = {entry.source for entry in registry.entries("view")}
        near = None if source in known else nearest(source, (*MERGES, TILE))
        return f"Did you mean {near}:{view}?" if near else ""
    if name in MERGES:
        return f"Write the views behind it: {name}:hflip*rot90."
    names = [entry.name for entry in registry.entries("view")]
    near = nearest(name, (*names, *NAMED_PRODUCTS, TILE))
    return f"Did you mean {near}?" if near in (*NAMED_PRODUCTS, TILE) else ""


def _factors(product: str, text: str) -> tuple[tuple[str, ...], ...]:
    factors = tuple(
        tuple(name.strip() for name in factor.split("+")) for factor in product.split("*")
    )
    if factors == ((NO_VIEWS,),):
        return ()
    names = [name for factor in factors for name in factor]
    if NO_VIEWS in names or "" in names or any(map(_SEPARATOR.search, names)):
        raise UsageError(f"views {text!r}: not a product of views", _EXAMPLES)
    return factors


def _are_ways(words: list[str], before_colon: bool) -> bool:
    """Whether the text begins with ways to look; `plugin:view` is a view of that plugin."""
    if before_colon:
        return words[0] in (*MERGES, TILE) or len(words) > 1 or "=" in words[0]
    return words[0] == TILE


def _read_ways(words: list[str], text: str) -> ViewPlan:
    keys = [word.partition("=")[0] for word in words]
    merges = [merge for merge in MERGES if merge in keys]
    if len(merges) > 1 or len(set(keys)) < len(keys):
        raise UsageError(
            f"views {text!r}: {', '.join(words)}: only one of them may be given", _WAYS
        )
    options = {}
    for key, word in zip(keys, words, strict=True):
        if word in (*MERGES, TILE):
            continue
        if key not in _OPTIONS or key == word:
            known = (*MERGES, TILE, *_OPTIONS)
            hint = "" if key in known else did_you_mean(key, known, limit=0)
            raise UsageError(f"views {text!r}: {word!r} is not known", hint or _WAYS)
        options[key] = _OPTIONS[key](word)
    if options and TILE not in words:
        raise UsageError(f"views {text!r}: {', '.join(options)} without {TILE}", _WAYS)
    return ViewPlan(
        merge=merges[0] if merges else MEAN,
        tiling=Tiling(**options) if TILE in words else None,
    )


def _size(word: str) -> tuple[int, int]:
    height, _, width = word.partition("=")[2].partition("x")
    if height.isdecimal() and width.isdecimal():
        size = int(height), int(width)
        if min(size) > 0 and max(size) <= _LONGEST_SIDE:
            return size
    raise UsageError(
        f"{word}: not a height and a width of 1 to {_LONGEST_SIDE} pixels", "Write size=512x512."
    )


def _overlap(word: str) -> float:
    number = _number(word)
    if 0 <= number <= _LARGEST_OVERLAP:
        return number
    raise UsageError(f"{word}: not a share from 0 to {_LARGEST_OVERLAP}", "Write overlap=0.5.")


def _scale(word: str) -> float:
    number = _number(word)
    if 0 < number <= _LARGEST_SCALE:
        return number
    raise UsageError(
        f"{word}: not a factor above 0 and up to {_LARGEST_SCALE:g}", "Write scale=0.5."
    )


def _number(word: str) -> float:
    try:
        return float(word.partition("=")[2])
    except ValueError:
        return nan


_OPTIONS: dict[str, Callable[[str], Any]] = {"size": _size, "overlap": _overlap, "scale": _scale}

"""Names with places to fill in, such as "labels/{stem}.png"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from toolkit.errors import UsageError
from toolkit.suggestions import did_you_mean

_PLACE = re.compile(r"\{([^{}]*)\}")


def require_places(pattern: str, places: Sequence[str], parameter: str) -> None:
    """Refuse a pattern with a place that is not known.

    Args:
        pattern: of `data.format`.
        places: that are known.
        parameter: of the reader, which has the pattern.

    Raises:
        UsageError: with the nearest place.
    """
    for place in _PLACE.findall(pattern):
        if place not in places:
            raise UsageError(
                f"{{{place}}} is unknown in data.format.{parameter}",
                did_you_mean(place, places),
                parameter=parameter,
            )


def filled_in(pattern: str, values: Mapping[str, str]) -> str:
    """Return a pattern with the value of each of its places."""
    return _PLACE.sub(lambda place: values[place[1]], pattern)

"""Comparing how often classes occur in a submission and on the validation split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toolkit.wording import counted

_COLLAPSED = 0.1
"""Of the share on the validation split; other photos alone rarely make a class ten times rarer."""


def share_warnings(
    shares: Sequence[float], validation_shares: Sequence[float], class_names: Sequence[str]
) -> Iterator[str]:
    """Yield what is odd about the classes of a submission, one sentence for each kind.

    Args:
        shares: share of the submission's pixels that each label has.
        validation_shares: share of the validation split's pixels that truly has each label; empty =
            unknown.
        class_names: index = label.
    """
    if not shares or len(shares) != len(validation_shares):
        return
    both = list(zip(class_names, shares, validation_shares, strict=True))
    for verb, found in (
        ("vanished", [each for each in both if each[1] == 0 < each[2]]),
        ("collapsed", [each for each in both if 0 < each[1] < _COLLAPSED * each[2]]),
    ):
        if found:
            shown = "; ".join(
                f"{name} {_percent(share)} of the pixels, {_percent(usual)} on the validation split"
                for name, share, usual in found
            )
            yield f"{counted(len(found), 'class', 'classes')} {verb}: {shown}"


def _percent(share: float) -> str:
    """Return a share with two digits, however small: "0.013 %"."""
    return f"{100 * share:.2g} %"

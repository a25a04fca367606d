"""Text of others on its way to a terminal, which obeys some characters instead of showing them."""

from __future__ import annotations

import re

# C0, DEL and C1 but tab and line feed; line and paragraph separators; everything that turns the
# direction of writing (UAX #9); byte order mark, interlinear annotations, tags.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible_text(text: str) -> str:
    r"""Return `text` with every character that a terminal would obey as an escape, such as `\x1b`.

    File names, class names, recipes and messages of other programs may hold them: they could
    recolour or overwrite what stands on the screen, set the title, or turn the order of letters.
    Tabs and line feeds stay.
    """
    return _OBEYED.sub(_escape, text)


def visible_json(text: str) -> str:
    """Return JSON text that means the same, with those characters as JSON's own escapes."""
    return _OBEYED.sub(_json_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def _json_escape(match: re.Match[str]) -> str:
    # Outside of the basic plane JSON wants a pair of surrogates.
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))

"""Is an encoded image whole?"""

from __future__ import annotations

_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_PNG_START = b"\x89PNG"
_PNG_END = b"IEND\xaeB`\x82"


def is_truncated(data: bytes) -> bool:
    """Return True for a JPEG without its end marker or a PNG without its last chunk.

    Decoders fill the missing part with grey and say nothing. Bytes after the end are fine: some
    cameras append a preview. Other formats are left to their decoders, which refuse a short file.
    """
    if data.startswith(_JPEG_START):
        return data.find(_JPEG_END, _first_scan(data)) < 0
    return data.startswith(_PNG_START) and _PNG_END not in data


def _first_scan(data: bytes) -> int:
    """Return where the first scan of a JPEG begins: the previews before it have ends of their own."""
    position = len(_JPEG_START)
    while position + 4 <= len(data) and data[position] == 0xFF:
        if data[position + 1] == 0xFF:  # fill byte
            position += 1
            continue
        if data[position + 1] == _JPEG_SCAN:
            return position
        position += 2 + int.from_bytes(data[position + 2 : position + 4])
    return len(data)

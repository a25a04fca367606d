"""Moments in records: texts that anybody may have written."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def moment_of(text: str) -> datetime | None:
    """Return a moment, in UTC; None = the text is none. One without a time zone is in UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def moment_text(moment: str) -> str:
    """Return a time such as "2026-11-02 10:00", in UTC; as it is where it is none."""
    found = moment_of(moment)
    return moment if found is None else found.strftime("%Y-%m-%d %H:%M")

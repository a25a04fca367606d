"""The notes on the board's cards and runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from toolkit.records.card import NoteRecord
from toolkit.records.catalogue import Catalogue


def notes_by_record(catalogue: Catalogue) -> Mapping[str, Sequence[NoteRecord]]:
    """Return name of a record -> the notes on it, the oldest first."""
    found: dict[str, list[NoteRecord]] = defaultdict(list)
    for each in sorted(catalogue.of(NoteRecord), key=lambda each: each.record.created):
        found[each.record.about].append(each.record)
    return found


def notes_on(name: str, catalogue: Catalogue) -> Sequence[NoteRecord]:
    """Return the notes on the record of this name, the oldest first."""
    return notes_by_record(catalogue).get(name, ())

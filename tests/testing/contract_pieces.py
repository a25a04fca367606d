"""Looking for one broken rule."""

from __future__ import annotations

from toolkit import Component
from toolkit.plugin.registry import Entry, Registry
from toolkit.testing import examine


def registry_with(kind: str, factory: object, summary: str = "for a test") -> Registry:
    return Registry([Entry(kind, Component("broken", factory, summary), "test")])


def assert_finds(kind: str, factory: object, rule: str) -> None:
    report = examine(kind, "broken", registry_with(kind, factory))
    assert rule in [finding.rule for finding in report.findings]

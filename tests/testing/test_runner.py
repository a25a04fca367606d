"""What the runner of contracts makes of components: reports, errors, names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit import Component, ComponentSpec, Context
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.registry import Entry, Registry
from toolkit.testing import ContractError, NotCheckable, check_component, examine
from toolkit.testing.contract import CONTEXT

REGISTRY = load_registry(None)


def ce(context: Context) -> Any:
    return REGISTRY.build("loss", ComponentSpec(name="ce"), context)


def registry_with(kind: str, factory: object, summary: str = "for a test") -> Registry:
    return Registry([Entry(kind, Component("broken", factory, summary), "test")])


def plain_negative(context: Context) -> Any:
    """Higher for better logits, and not a number when every pixel is ignored."""

    def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ignored = context.ignore_index
        return -torch.nn.functional.cross_entropy(logits.float(), target, ignore_index=ignored)

    return loss


def test_the_error_lists_every_broken_rule() -> None:
    registry = registry_with("loss", plain_negative)
    with pytest.raises(ContractError) as raised:
        check_component("loss", "broken", registry)
    assert "Is lower for logits that agree" in raised.value.message
    assert "Is exactly 0" in raised.value.message
    assert len(raised.value.message.splitlines()) == 3


def test_a_component_that_cannot_be_made_is_one_finding() -> None:
    def factory(context):
        raise RuntimeError("no such thing")

    report = examine("loss", "broken", registry_with("loss", factory))
    assert [finding.rule for finding in report.findings] == [
        "Can be made from its default parameters"
    ]
    assert "RuntimeError: no such thing" in report.findings[0].message
    assert Path(__file__).name in report.findings[0].message


def test_a_parameter_without_type_is_a_finding() -> None:
    report = examine(
        "loss", "broken", registry_with("loss", lambda context, *, alpha=1: ce(context))
    )
    assert "alpha" in report.findings[0].message


def test_an_empty_summary_is_a_finding() -> None:
    registry = registry_with("loss", ce, summary=" ")
    (finding,) = examine("loss", "broken", registry).findings
    assert finding.message == "the summary is empty"


def test_required_parameters_are_asked_for_and_used() -> None:
    def factory(context, *, scale: float):
        return lambda x, t: scale * ce(context)(x, t)

    registry = registry_with("loss", factory)
    with pytest.raises(NotCheckable, match="requires scale") as raised:
        check_component("loss", "broken", registry)
    assert "check_component(" in raised.value.hint
    assert examine("loss", "broken", registry).not_checked == "loss broken requires scale"
    check_component("loss", "broken", registry, scale=2.0)
    with pytest.raises(ContractError):
        check_component("loss", "broken", registry, scale=-2.0)


def test_spec_names_the_source() -> None:
    """Two plugins with one name can both be checked."""
    good = Entry("loss", Component("twice", ce, "good"), "one")
    bad = replace(good, component=replace(good.component, factory=lambda c: None), source="two")
    registry = Registry([good, bad])
    assert not examine("loss", "one:twice", registry).findings
    assert examine("loss", "two:twice", registry).findings
    built = registry.build("loss", ComponentSpec(name="one:twice"), CONTEXT)
    assert type(built) is type(ce(CONTEXT))


def test_one_mistake_that_breaks_many_rules_is_said_once() -> None:
    def factory(context):
        return lambda logits, target: 1 / 0

    report = examine("loss", "broken", registry_with("loss", factory))
    assert len(report.findings) > 3
    ((message, rules),) = report.by_message().items()
    assert message.startswith("ZeroDivisionError: division by zero (")
    assert len(rules) == len(report.findings)


def test_a_component_that_ends_the_program_is_a_finding() -> None:
    def factory(context):
        def loss(logits, target):
            raise SystemExit(3)

        return loss

    report = examine("loss", "broken", registry_with("loss", factory))
    assert "SystemExit: 3" in report.findings[0].message


def test_a_broken_plugin_does_not_spoil_the_report_of_what_nests_its_kind() -> None:
    def untyped(context, *, size=3):
        return None

    broken = Entry("loss", Component("broken", untyped, "x"), "theirs")
    registry = Registry([broken, *REGISTRY.entries()])
    assert examine("loss", "sum", registry).findings == ()

"""Running the rules of a kind on one component."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from toolkit.errors import TrashError, UsageError, in_words, raised_at
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.parameters import json_schema
from toolkit.plugin.registry import Entry, MissingPackage, Registry
from toolkit.testing.examples import example_parameters
from toolkit.testing.samples import object_bank

CONTEXT = Context(
    class_names=("Background", "Paper", "Glass", "Metal"),
    image_size=(48, 64),
    pixel_share=(0.7, 0.2, 0.1, 0.0),
    image_counts=(40, 25, 8, 0),
    epochs=4,
    steps_per_epoch=25,
    pretrained=False,
    objects=object_bank,
)
"""What a contract knows without a recipe; not square, one class without pixels; objects of two."""


class Broken(Exception):
    """A rule does not hold; the message says how."""


class ContractError(TrashError):
    """A component breaks its contract."""


class NotCheckable(UsageError):
    """A component needs parameters that a contract cannot make up.

    Attributes:
        lacking: names of the parameters.
    """

    def __init__(self, message: str, hint: str = "", lacking: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint)
        self.lacking = lacking


def require(holds: bool, message: str) -> None:
    """Raise `Broken(message)` unless `holds`."""
    if not holds:
        raise Broken(message)


@dataclass(frozen=True)
class Subject:
    """The component under test.

    Attributes:
        entry: which one.
        registry: builds it and what it nests.
        parameters: its recipe table.
        context: what the run knows that it is made for.
    """

    entry: Entry
    registry: Registry
    parameters: Mapping[str, Any]
    context: Context = CONTEXT

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of small photos: a square and a wider one, or the recipe's own size."""
        return ((48, 48), (48, 64)) if self.context is CONTEXT else (self.context.image_size,)

    @property
    def large_sizes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of photos that show areas of pixels, or the recipe's own size."""
        return ((96, 96), (96, 128)) if self.context is CONTEXT else (self.context.image_size,)

    def n_seeds(self, size: tuple[int, int]) -> int:
        """Return the number of seeds of a rule with photos: 20, or 6 for large ones."""
        return 20 if size[0] * size[1] <= 128 * 128 else 6

    @cached_property
    def component(self) -> Any:
        """The component made from `context`, once for all rules that do not change it."""
        return self.build()

    def build(self, *inputs: Any, **context: Any) -> Any:
        """Make a fresh component; the arguments replace values of `context`."""
        spec = ComponentSpec(name=f"{self.entry.source}:{self.entry.name}", **self.parameters)
        known = replace(self.context, **context)
        if self.entry.kind == "model":
            from toolkit.train.network import build_network

            return build_network(self.registry, spec, known)
        return self.registry.build(self.entry.kind, spec, known, *inputs)


Rule = Callable[[Subject], None]
"""Raises `Broken`; the first line of its docstring names it in reports."""


@dataclass(frozen=True)
class Finding:
    """One broken rule, in words."""

    rule: str
    message: str


@dataclass(frozen=True)
class ContractReport:
    """What the contract of a kind says about a component.

    Attributes:
        entry: the component.
        rules: the rules that were tried.
        findings: those that are broken.
        not_checked: why nothing was tried; empty when something was.
        lacking: names of the parameters without which nothing can be tried.
        hint: what to do about `not_checked`, where it is no parameter.
    """

    entry: Entry
    rules: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_checked: str = ""
    lacking: tuple[str, ...] = ()
    hint: str = ""

    @property
    def verdict(self) -> str:
        """One cell of a table."""
        if self.not_checked:
            return f"not checked: {self.not_checked}"
        return f"{len(self.findings)} broken" if self.findings else "ok"

    def by_message(self) -> dict[str, list[str]]:
        """Return the broken rules by what broke them: one mistake often breaks many."""
        found: dict[str, list[str]] = {}
        for finding in self.findings:
            found.setdefault(finding.message, []).append(finding.rule)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.entry.name,
            "kind": self.entry.kind,
            "source": self.entry.source,
            "rules": list(self.rules),
            "broken": [{"rule": f.rule, "message": f.message} for f in self.findings],
            "not_checked": self.not_checked,
        }


def rules_of(kind: str) -> tuple[Rule, ...]:
    """Return the contract of a kind."""
    rules: tuple[Rule, ...] = importlib.import_module(f"toolkit.testing.kinds.{kind}").RULES
    return rules


def examine(
    kind: str,
    name: str,
    registry: Registry,
    parameters: Mapping[str, Any] | None = None,
    context: Context = CONTEXT,
) -> ContractReport:
    """Try every rule of the kind's contract on a component.

    Args:
        kind: name of its kind.
        name: its name, alias or `source:name`.
        registry: where it is registered.
        parameters: its recipe table; required parameters that are not here are made up when they
            are nested components.
        context: what the run knows; default: four classes and small photos.

    Raises:
        UsageError: no such kind or component.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no kind called {kind}", "Valid: " + ", ".join(KINDS))
    entry = registry.find(kind, name)
    try:
        subject = Subject(entry, registry, _complete(entry, registry, parameters or {}), context)
    except NotCheckable as error:
        return ContractReport(entry, not_checked=error.message, lacking=error.lacking)
    except TrashError as error:
        return ContractReport(
            entry, ("describes itself",), (Finding("describes itself", error.message),)
        )
    try:
        registry.require_package(kind, ComponentSpec(name=f"{entry.source}:{entry.name}"))
    except MissingPackage as error:
        return ContractReport(entry, not_checked=f"needs {error.module}", hint=error.hint)
    rules = (describes_itself, can_be_made, *rules_of(kind))
    findings: list[Finding] = []
    for rule in rules:
        finding = _violation(rule, subject)
        if finding is not None:
            findings.append(finding)
            if rule is can_be_made:
                break
    return ContractReport(entry, tuple(map(_title, rules)), tuple(findings))


def check_component(kind: str, name: str, registry: Registry, **parameters: Any) -> None:
    """Raise unless a component keeps the contract of its kind.

    Args:
        kind: name of its kind.
        name: its name, alias or `source:name`.
        registry: where it is registered, as `load_registry(project)` returns it.
        parameters: its recipe table.

    Raises:
        ContractError: lists every broken rule in words.
        NotCheckable: it has required parameters that are not in `parameters`.
        UsageError: no such kind or component.
    """
    report = examine(kind, name, registry, parameters)
    if report.not_checked:
        raise NotCheckable(report.not_checked, "Give them: check_component(…, parameter=value).")
    if report.findings:
        lines = [f"- {finding.rule}: {finding.message}" for finding in report.findings]
        raise ContractError(f"{kind} {name} breaks its contract:\n" + "\n".join(lines))


def _complete(entry: Entry, registry: Registry, given: Mapping[str, Any]) -> dict[str, Any]:
    made, lacking = example_parameters(entry, registry, given)
    if lacking:
        raise NotCheckable(
            f"{entry.kind} {entry.name} requires {', '.join(lacking)}", lacking=tuple(lacking)
        )
    return {**made, **given}


def _violation(rule: Rule, subject: Subject) -> Finding | None:
    try:
        rule(subject)
    except Broken as error:
        return Finding(_title(rule), str(error))
    except TrashError as error:
        return Finding(_title(rule), f"it refused: {error.message}")
    except (Exception, SystemExit) as error:  # whatever a stranger's component raises is a finding
        return Finding(_title(rule), f"{in_words(error)}{raised_at(error)}")
    return None


def _title(rule: Rule) -> str:
    return (inspect.getdoc(rule) or rule.__name__).splitlines()[0].rstrip(".")


def describes_itself(subject: Subject) -> None:
    """Describes itself: a summary of one line, every parameter with a type."""
    summary = subject.entry.component.summary
    require(bool(summary.strip()), "the summary is empty")
    require("\n" not in summary, "the summary has more than one line")
    json_schema(subject.registry.parameters(subject.entry))


def can_be_made(subject: Subject) -> None:
    """Can be made from its default parameters."""
    if KINDS[subject.entry.kind].inputs:
        return  # its own rules make it: they have the inputs
    _ = subject.component

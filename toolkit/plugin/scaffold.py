"""Writing a new plugin: a file that works at once, and its test."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import write_text_atomic
from toolkit.plugin.describe import check_kind
from toolkit.plugin.registry import BUILTIN, Registry
from toolkit.project import Project

_LONGEST = 32
_TEMPLATES = "toolkit.plugin.templates"
_TEST_TEMPLATE = "contract_test"

# How `--set` puts a component of each kind into a recipe; selectors need a recipe with teachers.
_OVERRIDES = {
    "model": "model.name={}",
    "augmentation": 'augment.train+={{name="{}"}}',
    "mix": 'augment.mix+={{name="{}"}}',
    "loss": "loss.name={}",
    "postprocessor": 'postprocess+={{name="{}"}}',
    "optimizer": "optimizer.name={}",
    "scheduler": "scheduler.name={}",
    "view": "predict.views={}",
    "ensembler": "ensemble.name={}",
    "metric": "metric.name={}",
    "reader": "data.format.name={}",
    "submission_format": "submission.name={}",
    "tracker": 'trackers+={{name="{}"}}',
}


@dataclass(frozen=True)
class NewPlugin:
    """The files that were written.

    Attributes:
        files: the plugin and its test.
        override: `--set` text that puts it into any recipe; empty when there is none.
    """

    files: tuple[Path, Path]
    override: str


def write_plugin(
    name: str, kind: str, project: Project, registry: Registry, *, force: bool = False
) -> NewPlugin:
    """Write `plugins/NAME.py` with one working component, and `tests/plugins/test_NAME.py`.

    Raises:
        UsageError: no such kind, an unusable or taken name, or files that exist (unless `force`).
    """
    check_kind(kind)
    _check_name(name)
    plugin = project.plugins / f"{name}.py"
    test = project.root / "tests" / "plugins" / f"test_{name}.py"
    _check_free(name, kind, registry)
    existing = [path for path in (plugin, project.plugins / name, test) if path.exists()]
    if existing and not force:
        raise UsageError(
            f"{existing[0]} exists already", "Choose another name, or overwrite it with --force."
        )
    write_text_atomic(plugin, _fill_template(kind, name, kind))
    write_text_atomic(test, _fill_template(_TEST_TEMPLATE, name, kind))
    return NewPlugin((plugin, test), _OVERRIDES.get(kind, "").format(name))


def _fill_template(template: str, name: str, kind: str) -> str:
    text = files(_TEMPLATES).joinpath(f"{template}.py").read_text(encoding="utf-8")
    return text.replace("template_kind", kind).replace("template_name", name)


def _check_name(name: str) -> None:
    valid = valid_name(name)
    if name and name == valid and len(name) <= _LONGEST:
        return
    if len(name) > _LONGEST:
        raise UsageError(f"the name is longer than {_LONGEST} characters: {name}")
    raise UsageError(
        f"{name!r} cannot be the name of a plugin: lower case letters, digits and _, "
        "beginning with a letter",
        f"Did you mean {valid}?" if valid else "",
    )


def valid_name(name: str) -> str:
    """Return the nearest name that a plugin file may have; empty when nothing is left of it."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.removesuffix(".py")).lower()
    plain = re.sub(r"[^a-z0-9]+", "_", words.replace("+", "p")).strip("_")
    plain = re.sub(r"^[0-9_]+", "", plain)
    taken = keyword.iskeyword(plain) or plain == BUILTIN
    return f"my_{plain}" if taken else plain


def _check_free(name: str, kind: str, registry: Registry) -> None:
    for entry in registry.entries(kind):
        if name in (entry.name, *entry.component.aliases) and entry.source != name:
            raise UsageError(
                f"there is a {kind} called {name} already ({entry.source})",
                f"Choose another name, for example my_{name}.",
            )

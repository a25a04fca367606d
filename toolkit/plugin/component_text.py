"""A component with its parameters in one word of a command line: `smooth:sigma=2.0`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec


def parse_component(text: str) -> ComponentSpec:
    """Return the component that a text such as "smooth:sigma=2.0" names.

    Values are TOML; a bare word is a text. `source:name` works as everywhere: the colon before the
    first "=" begins the parameters. Commas within brackets and quotes belong to a value, as in
    'class_bias:factors={"Plastic bag" = 1.5, Paper = 0.9}'.

    Raises:
        UsageError: a parameter without a value.
    """
    head, has_values, _ = text.partition("=")
    name, colon, _ = head.rpartition(":")
    if not has_values or not colon:
        return ComponentSpec(name=text)
    parameters = {}
    for part in _parts(text[len(name) + 1 :]):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{text!r}: {part!r} is not KEY=VALUE", "Write smooth:sigma=2.0.")
        parameters[key.strip()] = _value(value.strip())
    return ComponentSpec(name=name, **parameters)


def component_text(spec: ComponentSpec) -> str:
    """Return a component as `parse_component` reads it."""
    values = ",".join(f"{key}={_as_toml(value)}" for key, value in spec.parameters.items())
    return f"{spec.name}:{values}" if values else spec.name


def _as_toml(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)} = {_as_toml(each)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_as_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _parts(text: str) -> Iterator[str]:
    """Split at the commas that are outside brackets and quotes."""
    depth, quote, begin, escaped = 0, "", 0, False
    for place, character in enumerate(text):
        if escaped:
            escaped = False
        elif quote:
            escaped = character == "\\" and quote == '"'
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth == 0:
            yield text[begin:place]
            begin = place + 1
    yield text[begin:]


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text

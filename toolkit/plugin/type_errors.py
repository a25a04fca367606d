"""What to write in place of a recipe's value whose type is wrong, in the notation of TOML."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from toolkit.plugin.component import ComponentSpec

_LONGEST_SHOWN = 60
_NAMED_TYPES = {"tuple_type": "an array", "list_type": "an array", "model_type": "a table"}
_ARRAYS = ("tuple_type", "list_type")
_NUMBERS = ("int_type", "float_type", "int_parsing", "float_parsing")
_INCLUSIVE_LIMITS = {"less_than_equal": "le", "greater_than_equal": "ge"}


def message_of(item: Any) -> str:
    """Return what one of pydantic's errors says, such as "must be a valid integer, not 1.5"."""
    named = _NAMED_TYPES.get(item["type"])
    text = f"must be {named}" if named else str(item["msg"])
    text = text.replace("Input should be ", "must be ", 1)
    text = text[0].lower() + text[1:]
    shown = json.dumps(item["input"], default=str, ensure_ascii=False)
    return text if len(shown) > _LONGEST_SHOWN else f"{text}, not {shown}"


def correction_of(item: Any, model: type[BaseModel], *, is_recipe: bool) -> str:
    """Return the nearest valid value for an error of pydantic, or how to write it; may be empty.

    Args:
        item: the error.
        model: what was validated.
        is_recipe: whether `model` is the whole recipe, so that tables have headers of their own.
    """
    kind, value, path = item["type"], item["input"], item["loc"]
    if limit := _INCLUSIVE_LIMITS.get(kind):
        return f"Nearest valid: {item['ctx'][limit]:g}"
    if kind in _NUMBERS and isinstance(value, str) and _is_number(value):
        return f"Write {value} without quotes"
    if kind == "bool_type" and value in ("true", "false"):
        return f"Write {value} without quotes"
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'Write "{value}" with quotes'
    if kind in _ARRAYS:
        return _array(_annotation_at(model, path), value, path, is_recipe=is_recipe)
    if kind == "model_type":
        return _table(_annotation_at(model, path), value, path, is_recipe=is_recipe)
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return len(text) <= _LONGEST_SHOWN


def _array(annotation: Any, value: Any, path: tuple[Any, ...], *, is_recipe: bool) -> str:
    elements = get_args(annotation)
    if not elements:
        return ""
    if _plain(elements[0]) is ComponentSpec:
        name = value.get("name", "NAME") if isinstance(value, Mapping) else value
        if not isinstance(name, str):
            return ""
        if is_recipe:
            return f'Write [[{_header(path)}]], then name = "{name}" below it'
        return f'Write {path[-1]} = [{{name = "{name}"}}]'
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    count = 1 if Ellipsis in elements or get_origin(annotation) is list else len(elements)
    order = " (height, width)" if count == 2 and str(path[-1]).endswith("size") else ""
    return f"Write {json.dumps([value] * count, ensure_ascii=False)}{order}"


def _table(annotation: Any, value: Any, path: tuple[Any, ...], *, is_recipe: bool) -> str:
    is_element = isinstance(path[-1], int)
    header = f"[[{_header(path)}]]" if is_element else f"[{_header(path)}]"
    if isinstance(value, list):
        return f"Write {header} with single brackets" if is_recipe else ""
    if annotation is not ComponentSpec:
        return f"Write {header}, then its keys below it" if is_recipe else ""
    if not isinstance(value, str):
        return ""
    if is_recipe:
        return f'Write {header}, then name = "{value}" below it'
    return f'Write {{name = "{value}"}}'


def _header(path: tuple[Any, ...]) -> str:
    return ".".join(part for part in path if isinstance(part, str))


def _annotation_at(model: type[BaseModel], path: tuple[Any, ...]) -> Any:
    """Return the type of the value at `path` below `model`; None = it cannot be told."""
    current: Any = model
    for part in path:
        arguments = get_args(current)
        if inspect.isclass(current) and issubclass(current, BaseModel):
            field = current.model_fields.get(part)
            current = None if field is None else field.annotation
        elif get_origin(current) is dict:
            current = arguments[1]
        elif get_origin(current) in (tuple, list) and isinstance(part, int):
            is_open = get_origin(current) is list or arguments[-1] is Ellipsis
            current = arguments[0 if is_open else min(part, len(arguments) - 1)]
        else:
            return None
        current = _plain(current)
    return current


def _plain(annotation: Any) -> Any:
    """Return an annotation without its metadata, and without None where one type remains."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        others = [argument for argument in get_args(annotation) if argument is not type(None)]
        return _plain(others[0]) if len(others) == 1 else annotation
    return annotation

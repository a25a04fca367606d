"""A factory's keyword-only signature as a pydantic model: the schema of its recipe table."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo

from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec, OfKind
from toolkit.plugin.type_errors import correction_of, message_of
from toolkit.suggestions import did_you_mean


@dataclass(frozen=True)
class ParameterProblem:
    """One problem of a parameter.

    Attributes:
        path: keys and indices below the component's table.
        message: what is wrong.
        hint: the nearest valid thing; may be empty.
    """

    path: tuple[str | int, ...]
    message: str
    hint: str = ""


class Parameters(BaseModel):
    """Base of the models made here: strict, closed."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, protected_namespaces=(), allow_inf_nan=False
    )


def parameter_model(
    factory: Callable[..., Any], common: Mapping[str, tuple[Any, Any]], n_given: int = 1
) -> type[Parameters]:
    """Return the model of the factory's keyword-only arguments plus the kind's `common` ones.

    A field's description is what the factory's docstring says of the argument, else that of its
    annotation, `Annotated[…, Field(description=…)]`, which several factories may share.

    Args:
        factory: what a component is made with.
        common: name -> (annotation, default) of the parameters that the caller handles itself.
        n_given: positional arguments that the caller gives: the context and the kind's inputs.

    Raises:
        TrashError: an argument that a recipe cannot give, without annotation, or with one that
            cannot be used.
    """
    label = getattr(factory, "__qualname__", repr(factory))
    fields: dict[str, Any] = dict(common)
    try:
        parameters = list(inspect.signature(factory).parameters.values())
    except (TypeError, ValueError) as error:
        raise TrashError(f"the parameters of {label} cannot be found: {error}") from error
    positional = [item for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD]
    if len(positional) > n_given:
        names = [item.name for item in positional]
        raise TrashError(
            f"recipes cannot give {', '.join(names[n_given:])} to {label}: "
            "their parameters are keyword-only",
            f"Put a star before the first: {label}({', '.join(names[:n_given])}, *, …)",
        )
    _, described = factory_docstring(factory)
    for parameter in parameters:
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        if parameter.name == "name":
            raise TrashError(
                f"{label} cannot have a parameter called name",
                "In recipes it is the name of the component: call it something else.",
            )
        if parameter.name in common:
            raise TrashError(
                f"{label} cannot have a parameter called {parameter.name}",
                "Every component of this kind has one already, which is not handed to the factory: "
                "call it something else.",
            )
        if parameter.annotation is parameter.empty:
            raise TrashError(
                f"parameter {parameter.name} of {label} has no type",
                f"Annotate it, for example {parameter.name}: float = 1.0",
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        annotation = _evaluate(parameter.annotation, factory, label)
        if parameter.name in described:
            annotation = Annotated[annotation, Field(description=described[parameter.name])]
        fields[parameter.name] = (annotation, default)
    try:
        return create_model(f"{label} parameters", __base__=Parameters, **fields)
    except Exception as error:
        raise TrashError(f"the parameters of {label} cannot be described: {error}") from error


def factory_docstring(factory: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Return the text of a factory's docstring, and what its section Args says of each argument."""
    body, _, arguments = (inspect.getdoc(factory) or "").partition("\nArgs:\n")
    described: dict[str, str] = {}
    name = ""
    for line in arguments.splitlines():
        start = re.fullmatch(r" {4}(\w+): *(.*)", line)
        if start:
            name = start[1]
            described[name] = start[2]
        elif line.startswith(" " * 8) and name:
            described[name] += " " + line.strip()
        elif line.strip():
            break
    return body.strip(), described


def _evaluate(annotation: Any, factory: Callable[..., Any], label: str) -> Any:
    """Resolve an annotation that `from __future__ import annotations` left as text.

    Only keyword-only arguments are resolved: the others may name types that are imported for type
    checkers alone (torch).
    """
    target = inspect.unwrap(factory)
    while isinstance(target, partial):
        target = target.func
    if inspect.isclass(target):
        target = target.__init__
    elif not hasattr(target, "__globals__"):  # an object that is called
        target = type(target).__call__
    names = getattr(target, "__globals__", {})
    try:
        while isinstance(annotation, str):
            annotation = eval(annotation, names)
        return annotation
    except Exception as error:
        raise TrashError(
            f"the type {annotation!r} of {label} cannot be resolved: {error}",
            "Types of recipe parameters must be importable at run time.",
        ) from error


def json_schema(model: type[Parameters], ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """Return the JSON schema of the parameters.

    Raises:
        TrashError: a type that JSON, and with it a recipe, cannot hold.
    """
    try:
        return model.model_json_schema(ref_template=ref_template)
    except PydanticInvalidForJsonSchema as error:
        raise TrashError(
            f"the {model.__name__} cannot be described: {error.message}",
            "Use numbers, texts, lists, tables and components.",
        ) from error


def validate(
    model: type[Parameters], parameters: Mapping[str, Any]
) -> tuple[Parameters | None, list[ParameterProblem]]:
    """Return the validated parameters, or None and everything that is wrong with them."""
    try:
        # JSON mode is strict about scalars (true is no int) yet takes arrays for tuples.
        return model.model_validate_json(json.dumps(parameters, default=str)), []
    except ValidationError as error:
        return None, problems_of(error, model)


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[ParameterProblem]:
    """Turn pydantic's findings into problems, with suggestions for unknown keys."""
    found = []
    for item in error.errors(include_url=False):
        path = item["loc"]
        if item["type"] == "default_factory_not_called":
            continue  # a default that follows a key which is wrong, and told
        if item["type"] == "extra_forbidden":
            choices = _keys_at(model, path[:-1])
            hint = did_you_mean(str(path[-1]), choices) if choices else "It takes no parameters."
            found.append(ParameterProblem(path, "unknown key", hint))
        elif item["type"] == "missing":
            found.append(ParameterProblem(path, "is required"))
        else:
            is_recipe = not issubclass(model, Parameters)
            correction = correction_of(item, model, is_recipe=is_recipe)
            found.append(ParameterProblem(path, message_of(item), correction))
    return found


def _keys_at(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """Return the valid keys of the table at `path` below `model`."""
    current: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part) if _is_model(current) else None
        if field is None:
            return []
        current = _model_in(field.annotation)
    return list(current.model_fields) if _is_model(current) else []


def _is_model(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, BaseModel)


def _model_in(annotation: Any) -> Any:
    """Return the model that an annotation such as `tuple[Model, ...] | None` holds."""
    if _is_model(annotation):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)


def nested_specs(
    model: type[Parameters], values: Parameters
) -> Iterator[tuple[tuple[str | int, ...], str, ComponentSpec]]:
    """Yield (path, kind, spec) of every argument marked with `OfKind`."""
    for name, field in model.model_fields.items():
        kind = marked_kind(field)
        value = getattr(values, name)
        if kind is None or value is None:
            continue
        if isinstance(value, ComponentSpec):
            yield (name,), kind, value
        else:
            for index, spec in enumerate(value):
                yield (name, index), kind, spec


def marked_kind(field: FieldInfo) -> str | None:
    """Return the kind of a nested component argument, or None."""
    mark = marked_component(field)
    return None if mark is None else mark.kind


def marked_component(field: FieldInfo) -> OfKind | None:
    """Return what a nested component argument is marked with, or None."""
    marks = [*field.metadata, *_metadata_in(field.annotation)]
    return next((mark for mark in marks if isinstance(mark, OfKind)), None)


def _metadata_in(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for argument in get_args(annotation):
        yield from _metadata_in(argument)

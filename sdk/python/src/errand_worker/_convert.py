"""JSON values to the types that a handler names: dataclasses, TypedDicts and what they are made of."""

from __future__ import annotations

import collections.abc
import dataclasses
import sys
import types
import typing
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache
from typing import Any, Callable, Dict, List, Literal, Mapping, Tuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from ._json import json_name


class ConversionError(Exception):
    """A value does not fit; the message says where and why."""


def _is_typed_dict(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, dict) and hasattr(kind, "__required_keys__")


def is_structured(kind: object) -> bool:
    """Whether converting to it does more than to hand the value on."""
    return kind is not Any and kind is not object and kind is not dict


@lru_cache(maxsize=None)
def _hints(kind: type) -> Dict[str, Any]:
    try:
        return get_type_hints(kind)
    except NameError as error:
        raise TypeError(f"the annotations of {kind.__name__} cannot be resolved: {error}") from error


@lru_cache(maxsize=None)
def _fields(kind: type) -> List[Tuple[str, str, Any, bool]]:
    """Of a dataclass: name in JSON, name in Python, type, whether it must be there."""
    hints = _hints(kind)
    return [
        (
            json_name(field),
            field.name,
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
        if field.init
    ]


def check_type(kind: Any) -> None:
    """Raises TypeError when the annotations in `kind` cannot be resolved, so that a mistake shows before a job comes."""
    seen = set()
    todo = [kind]
    while todo:
        each = todo.pop()
        try:
            if each in seen:
                continue
            seen.add(each)
        except TypeError:
            continue  # a Literal of something that cannot be hashed
        todo += [argument for argument in get_args(each) if not isinstance(argument, (str, list))]
        if isinstance(each, type) and (dataclasses.is_dataclass(each) or _is_typed_dict(each)):
            todo += _hints(each).values()


def convert(value: Any, kind: Any, path: str) -> Any:
    if kind is Any or kind is object or isinstance(kind, typing.TypeVar):
        return value
    if kind is None or kind is type(None):
        return None if value is None else _wrong(path, "null", value)
    if isinstance(kind, type):
        if dataclasses.is_dataclass(kind):
            return _dataclass(value, kind, path)
        if _is_typed_dict(kind):
            return _typed_dict(value, kind, path)
        if issubclass(kind, Enum):
            return _enum(value, kind, path)
    origin = get_origin(kind)
    if origin is None:
        supertype = getattr(kind, "__supertype__", None)
        return _scalar(value, kind, path) if supertype is None else convert(value, supertype, path)
    arguments = get_args(kind)
    if origin is Union or (sys.version_info >= (3, 10) and origin is types.UnionType):
        return _union(value, arguments, path)
    if origin is Literal:
        for each in arguments:
            if each == value and type(each) is type(value):
                return value
        return _wrong(path, " or ".join(repr(each) for each in arguments), value)
    if hasattr(kind, "__metadata__"):  # Annotated
        return convert(value, arguments[0], path)
    if origin in (list, set, frozenset) or origin in (
        collections.abc.Sequence,
        collections.abc.Iterable,
        collections.abc.Collection,
        collections.abc.MutableSequence,
    ):
        items = _items(value, arguments[0], path)
        return origin(items) if origin in (set, frozenset) else items
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is ...:
            return tuple(_items(value, arguments[0], path))
        if not isinstance(value, list) or len(value) != len(arguments):
            return _wrong(path, f"a list of {len(arguments)}", value)
        return tuple(convert(each, arguments[i], f"{path}[{i}]") for i, each in enumerate(value))
    if origin in (dict, collections.abc.Mapping, collections.abc.MutableMapping):
        if not isinstance(value, dict):
            return _wrong(path, "an object", value)
        return {key: convert(each, arguments[1], f"{path}.{key}") for key, each in value.items()}
    if isinstance(origin, type) and dataclasses.is_dataclass(origin):  # a generic one
        return _dataclass(value, origin, path)
    raise TypeError(f"{path}: values cannot be converted to {kind!r}")


def _found(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "a string"


def _wrong(path: str, expected: str, value: Any) -> Any:
    raise ConversionError(f"{path}: expected {expected}, found {_found(value)}")


def _items(value: Any, kind: Any, path: str) -> List[Any]:
    if not isinstance(value, list):
        _wrong(path, "a list", value)
    return [convert(each, kind, f"{path}[{i}]") for i, each in enumerate(value)]


def _check_known(value: Mapping[str, Any], known: "collections.abc.Collection[str]", path: str) -> None:
    for name in value:
        # A null says nothing that could be lost.
        if name not in known and value[name] is not None:
            raise ConversionError(f"{path}.{name}: this worker does not know the field")


def _dataclass(value: Any, kind: type, path: str) -> Any:
    if not isinstance(value, dict):
        _wrong(path, "an object", value)
    fields = _fields(kind)
    _check_known(value, {name for name, _, _, _ in fields}, path)
    given: Dict[str, Any] = {}
    for name, attribute, inner, required in fields:
        if name in value:
            given[attribute] = convert(value[name], inner, f"{path}.{name}")
        elif required:
            # GraphQL leaves out what is null.
            if not _takes_null(inner):
                raise ConversionError(f"{path}.{name}: is missing")
            given[attribute] = None
    try:
        return kind(**given)
    except (ValueError, TypeError) as error:  # what __post_init__ has to say
        raise ConversionError(f"{path}: {error}") from error


def _takes_null(kind: Any) -> bool:
    return kind is Any or kind is type(None) or type(None) in get_args(kind)


def _typed_dict(value: Any, kind: Any, path: str) -> Dict[str, Any]:
    if not isinstance(value, dict):
        _wrong(path, "an object", value)
    hints = _hints(kind)
    _check_known(value, hints, path)
    for name in sorted(kind.__required_keys__):
        if name not in value:
            raise ConversionError(f"{path}.{name}: is missing")
    return {name: convert(value[name], hints[name], f"{path}.{name}") for name in value if name in hints}


def _enum(value: Any, kind: Any, path: str) -> Any:
    if isinstance(value, str) and value in kind.__members__:
        return kind[value]
    try:
        return kind(value)
    except ValueError:
        return _wrong(path, "one of " + ", ".join(kind.__members__), value)


def _union(value: Any, kinds: Tuple[Any, ...], path: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    problems: List[ConversionError] = []
    candidates = [kind for kind in kinds if kind is not type(None)]
    for kind in candidates:
        try:
            return convert(value, kind, path)
        except ConversionError as problem:
            problems.append(problem)
    if len(problems) == 1:
        raise problems[0]
    return _wrong(path, "one of " + ", ".join(getattr(kind, "__name__", str(kind)) for kind in candidates), value)


def _scalar(value: Any, kind: Any, path: str) -> Any:
    if kind is bool:
        return value if isinstance(value, bool) else _wrong(path, "a boolean", value)
    if kind is str:
        return value if isinstance(value, str) else _wrong(path, "a string", value)
    if kind is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return _wrong(path, "a whole number", value)
    if kind is float:
        return float(value) if _is_number(value) else _wrong(path, "a number", value)
    if kind in (dict, collections.abc.Mapping):
        return value if isinstance(value, dict) else _wrong(path, "an object", value)
    if kind in (list, collections.abc.Sequence):
        return value if isinstance(value, list) else _wrong(path, "a list", value)
    if kind is Decimal and _is_number(value):
        return Decimal(str(value))
    readers: Dict[Any, Tuple[str, Callable[[str], Any]]] = {
        UUID: ("a UUID", UUID),
        Decimal: ("a decimal number", Decimal),
        datetime: ("a date and time", _datetime),
        date: ("a date", date.fromisoformat),
        time: ("a time", time.fromisoformat),
    }
    if kind in readers:
        what, read = readers[kind]
        if not isinstance(value, str):
            return _wrong(path, what, value)
        try:
            return read(value)
        except (ValueError, InvalidOperation):
            return _wrong(path, what, value)
    raise TypeError(f"{path}: values cannot be converted to {kind!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _datetime(value: str) -> datetime:
    # Python reads the Z from 3.11 on.
    return datetime.fromisoformat(value[:-1] + "+00:00" if value.endswith(("Z", "z")) else value)

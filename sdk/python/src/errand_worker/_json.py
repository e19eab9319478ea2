"""Python values to JSON text."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime, time, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from .errors import PermanentError

# A message has at most 64 levels of nesting; the message itself and the array around it take two.
DEPTH_MAX = 62


def json_name(field: "dataclasses.Field[Any]") -> str:
    """The name of a dataclass's field in GraphQL: its own, or metadata={"json": "accountId"}."""
    name: str = field.metadata.get("json", field.name)
    return name


def _default(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {json_name(field): getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name
    if isinstance(value, datetime):
        text = value.isoformat()
        return text[:-6] + "Z" if value.tzinfo is not None and value.utcoffset() == timezone.utc.utcoffset(None) else text
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def dumps(value: object) -> bytes:
    """Raises ValueError, TypeError or RecursionError for what is no JSON: NaN, circles, lone surrogates, other types."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default)
    return text.encode("utf-8")


def serialize(value: object, what: str) -> bytes:
    """As dumps(), but raises PermanentError, which names `what`."""
    try:
        text = dumps(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise PermanentError(f"{what} cannot be written as JSON: {error}", code="RESULT_NOT_SERIALIZABLE") from error
    # Counting brackets is fast and says for almost every value that it cannot be too deep.
    if text.count(b"[") + text.count(b"{") > DEPTH_MAX and _depth(json.loads(text)) > DEPTH_MAX:
        raise PermanentError(
            f"{what} is nested more than {DEPTH_MAX} levels deep", code="RESULT_NOT_SERIALIZABLE"
        )
    return text


def _depth(value: object) -> int:
    deepest = 0
    open_values = [(value, 1)]
    while open_values:
        inner, depth = open_values.pop()
        if isinstance(inner, dict):
            deepest = max(deepest, depth)
            open_values += [(each, depth + 1) for each in inner.values()]
        elif isinstance(inner, list):
            deepest = max(deepest, depth)
            open_values += [(each, depth + 1) for each in inner]
    return deepest


def text(value: object, longest: int) -> str:
    """At most `longest` characters, without lone surrogates, which UTF-8 does not have."""
    return str(value)[:longest].encode("utf-8", "replace").decode("utf-8")

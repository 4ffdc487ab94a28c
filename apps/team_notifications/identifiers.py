"""The key of a thread inside a team: slug and event data, checked and hashed."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SLUG_MAX_LENGTH = 100
MAX_DEPTH = 10
LARGEST_INT = 10**100

TYPE_NAMES = "str, int, float, bool, None, list and dict"


def check_slug(slug: str) -> str:
    """Returns `slug`. Raises ValueError unless it is lower case with single hyphens: ``custom-action-down``."""
    if not isinstance(slug, str) or len(slug) > SLUG_MAX_LENGTH or not SLUG.fullmatch(slug):
        raise ValueError(
            f"{slug!r} is not a slug: lower-case letters, digits and single hyphens, "
            f"at most {SLUG_MAX_LENGTH} characters, such as 'custom-action-down'."
        )
    return slug


def check_event_data(event_data: Mapping[str, Any] | None, what: str = "Event data") -> dict[str, Any]:
    """Returns a plain copy of `event_data` as JSON has it; None becomes an empty dict. Errors call it `what`.

    Raises TypeError, naming the key, for what JSON cannot hold (NaN, bytes, sets, objects, keys that are no strings),
    and ValueError for text or numbers that a database cannot hold, or for more than ten levels of nesting.
    """
    if event_data is None:
        return {}
    if not isinstance(event_data, Mapping):
        raise TypeError(f"{what} is a dict of JSON values, not {event_data!r}.")
    return {_key(key, what.lower(), what): _value(value, str(key), what, depth=1) for key, value in event_data.items()}


def identifier_for(slug: str, event_data: Mapping[str, Any] | None = None) -> str:
    """The SHA-256 of slug and event data, as 64 hexadecimal digits. The order of keys never matters.

    Raises what check_slug and check_event_data raise.
    """
    canonical = json.dumps(
        {"slug": check_slug(slug), "data": check_event_data(event_data)},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _value(value: Any, path: str, what: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"{what} {path!r} is nested more than {MAX_DEPTH} levels deep.")
    match value:
        case str():
            return _text(value, path, what)
        case float() if not math.isfinite(value):
            raise TypeError(f"{what} {path!r} is {value!r}, which JSON cannot hold.")
        case int() if abs(value) >= LARGEST_INT:
            raise ValueError(f"{what} {path!r} is a number of more than 100 digits.")
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [_value(item, f"{path}[{index}]", what, depth + 1) for index, item in enumerate(value)]
        case dict():
            return {
                _key(key, path, what): _value(item, f"{path}.{key}", what, depth + 1) for key, item in value.items()
            }
    raise TypeError(f"{what} {path!r} is of type {type(value).__name__}, but takes only {TYPE_NAMES}: {value!r}.")


def _key(key: Any, path: str, what: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"A key of {path} is {key!r}; keys are strings.")
    return _text(key, path, what)


def _text(text: str, path: str, what: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{what} {path!r} holds a NUL or half a surrogate pair, which cannot be stored: {text!r}.")
    # A subclass (a safe string, a text enum) is stored as the plain string that it is.
    return str.__str__(text)

"""What providers post to us, made fit for the database."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from django.utils.datastructures import MultiValueDict


def storable(value: Any) -> Any:
    """`value` as JSON that every database takes; a posted form as lists by field."""
    if isinstance(value, MultiValueDict):
        return storable(dict(value.lists()))
    if isinstance(value, Mapping):
        return {text(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    return text(value)


def text(value: Any) -> str:
    """`value` as text without what PostgreSQL refuses: NUL, and halves of characters that are no character."""
    return str(value).replace("\0", "").encode(errors="replace").decode()

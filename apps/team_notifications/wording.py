"""What is said: the caller's own words, or those of the kind, filled with the params."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from team_notifications.identifiers import check_event_data
from team_notifications.kinds import Kind
from team_notifications.placeholders import UNSTORABLE, fill

Text = str | Promise


class WrongParams(TypeError, ValueError):
    """The names are not those of the kind: a TypeError as for arguments, a ValueError as for what they are about."""

    def __init__(self, kind: Kind, given: list[str] | None, missing: list[str], unexpected: list[str]) -> None:
        wrong = {"missing": missing, "unexpected": unexpected}
        told = "; ".join(f"{what} {', '.join(map(repr, names))}" for what, names in wrong.items() if names)
        takes = ", ".join(kind.params) or "none"
        super().__init__(f"The params of {kind.slug!r} do not fit: {told}. It takes {takes}; given was {given}.")


@dataclass(frozen=True, kw_only=True)
class Words:
    """Title and message, not yet cleaned, and the params that they were filled with."""

    title: Text
    message: Text
    params: dict[str, Any]


def choose(
    slug: str, kind: Kind | None, *, title: Text | None, message: Text | None, params: Mapping[str, object] | None
) -> Words:
    """What the thread says. Texts that are given are used as they are; the others come from the kind.

    Raises TypeError without a kind for a missing title and for params, and what `check_params` raises.
    """
    if kind is None:
        return _own_words(slug, title, message, params)
    if title is not None and params is None and kind.params:
        # Somebody who tells it in words of their own: the message of the kind would be about values they do not have.
        return Words(title=title, message=message or "", params={})
    checked = check_params(kind, params)
    return Words(
        title=fill(kind.title, checked) if title is None else title,
        message=fill(kind.message, checked) if message is None else message,
        params=checked,
    )


def check_params(kind: Kind, params: Mapping[str, object] | None) -> dict[str, Any]:
    """Returns a plain copy of `params` as JSON has it. Texts lose the characters that no database holds.

    Raises WrongParams for names that are missing or that the kind does not have, and what `check_event_data` raises
    for a value that JSON cannot hold.
    """
    if params is not None and not isinstance(params, Mapping):
        raise TypeError(f"Params are a dict of JSON values, not {params!r}.")
    checked = check_event_data({name: _storable(value) for name, value in (params or {}).items()}, what="Param")
    missing = [name for name in kind.params if name not in checked]
    unexpected = [name for name in checked if name not in kind.params]
    if missing or unexpected:
        raise WrongParams(kind, None if params is None else list(params), missing, unexpected)
    return checked


def _storable(value: object) -> object:
    """An error that somebody else wrote may hold anything, and is told all the same. What is lazily translated, is."""
    return UNSTORABLE.sub("", str(value)) if isinstance(value, str | Promise) else value


def _own_words(slug: str, title: Text | None, message: Text | None, params: Mapping[str, object] | None) -> Words:
    if title is None:
        raise TypeError(f"The title is None, and no kind is registered for {slug!r} that could give one.")
    if params:
        raise TypeError(f"No kind is registered for {slug!r}, so there is no text for the params {list(params)!r}.")
    return Words(title=title, message=message if message is not None else "", params={})

"""The registry of event types: what can happen, and what its payload says.

A feature registers the types of its events in ``AppConfig.ready``::

    register_event("product.created", "A product was added.", required=["product_id", "name"], optional=["url"])
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from team_notifications import conf
from team_notifications.identifiers import check_event_data

NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*(?:\.[a-z0-9]+(?:[_-][a-z0-9]+)*)+")
NAME_MAX_LENGTH = 100


class UnknownEvent(ValueError):
    """A name that nobody registered."""

    def __init__(self, name: str) -> None:
        known = ", ".join(names()) or "none at all"
        super().__init__(f"There is no event type {name!r}; there are {known}. A feature registers its own in ready().")
        self.name = name


@dataclass(frozen=True, kw_only=True)
class EventType:
    """What can happen: its name, what it means, and the names in its payload."""

    name: str
    description: str
    required: frozenset[str]
    optional: frozenset[str]

    def check(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the payload as JSON has it.

        Raises TypeError, naming the key, for what JSON cannot hold, and ValueError for names that are missing or
        unexpected, and for more than ``EVENT_MAX_BYTES``.
        """
        checked = check_event_data(payload, what="Payload")
        if missing := sorted(self.required - set(checked)):
            raise ValueError(f"The payload of {self.name} lacks {', '.join(missing)}.")
        if unexpected := sorted(set(checked) - self.required - self.optional):
            known = ", ".join(sorted(self.required | self.optional)) or "nothing"
            raise ValueError(f"The payload of {self.name} has no {', '.join(unexpected)}; it takes {known}.")
        self._check_size(checked)
        return checked

    def _check_size(self, checked: dict[str, Any]) -> None:
        size = len(json.dumps(checked, ensure_ascii=False, separators=(",", ":")).encode())
        limit = conf.settings().event_max_bytes
        if size > limit:
            raise ValueError(
                f"The payload of {self.name} has {size:,} bytes as JSON, and EVENT_MAX_BYTES allows {limit:,}. "
                "Publish the key of what it is about; handlers can look up the rest."
            )


_types: dict[str, EventType] = {}


def register_event(
    name: str, description: str, *, required: Collection[str] = (), optional: Collection[str] = ()
) -> EventType:
    """Makes `name` an event that can be published: lower-case words with a dot, ``product.created``.

    `required` and `optional` are the names that its payload must and may have; it may have no others.

    Raises ValueError for a name that is malformed, or that is registered already and says something else.
    """
    if not isinstance(name, str) or len(name) > NAME_MAX_LENGTH or not NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not the name of an event: lower-case words with a dot, "
            f"at most {NAME_MAX_LENGTH} characters, such as 'product.created'."
        )
    for given in (required, optional):
        if isinstance(given, str):
            raise TypeError(f"Names in the payload of {name} are a list, not {given!r}.")
    new = EventType(name=name, description=description, required=frozenset(required), optional=frozenset(optional))
    if _types.setdefault(name, new) != new:
        raise ValueError(f"The event {name!r} is registered already, as {_types[name]}.")
    return new


def event_type(name: str) -> EventType:
    """Raises UnknownEvent, naming those that there are."""
    try:
        return _types[name]
    except KeyError:
        raise UnknownEvent(name) from None


def names() -> list[str]:
    """The events that can be published, in the order of the alphabet."""
    return sorted(_types)

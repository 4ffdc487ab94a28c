"""The registry of handlers: which functions an event is owed to.

A feature subscribes its handlers in a module of its own, ``handlers.py``, which its ``AppConfig.ready`` imports::

    @subscribe("product.created")
    def tell_managers(event: EventLog) -> None: ...

Its dotted path is a handler's name in the database. Renamed or moved, it is another one: what the old name is still
owed is tried for about a day, for the sake of workers of both releases, and has then failed.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from team_notifications.models import EventLog

Handler = Callable[[EventLog], object]

PATH_MAX_LENGTH = 255


class MissingHandler(LookupError):
    """A run is owed to a function that is not subscribed (any more, or in this worker's release yet)."""

    def __init__(self, path: str, event: str) -> None:
        super().__init__(
            f"No handler {path!r} is subscribed to {event}: it was removed or renamed, "
            "or this worker runs an older release than the one that owed it the event."
        )


@dataclass(frozen=True, kw_only=True)
class Subscription:
    event: str
    path: str
    handler: Handler


_subscriptions: dict[str, list[Subscription]] = defaultdict(list)


def subscribe(event: str) -> Callable[[Handler], Handler]:
    """Owes every event of that name to the decorated function, from the next one on. It may be used more than once.

    The handler gets the `EventLog`: `name`, `payload`, `team`, `created_at`. It runs after the commit, in its own
    transaction, and at least once: what it writes is committed with the record that it is done, and so happens exactly
    once. What it does elsewhere (a request, a file) may happen again.

    Raises TypeError for what is no plain function, ValueError for a path that is too long.
    """

    def decorate(handler: Handler) -> Handler:
        new = Subscription(event=event, path=_path(handler), handler=handler)
        if new not in _subscriptions[event]:
            _subscriptions[event].append(new)
        return handler

    return decorate


def paths_for(event: str) -> list[str]:
    """The handlers of an event, each once, in the order in which they subscribed."""
    return list(dict.fromkeys(subscription.path for subscription in _subscriptions.get(event, ())))


def find(event: str, path: str) -> Handler:
    """Raises MissingHandler."""
    for subscription in _subscriptions.get(event, ()):
        if subscription.path == path:
            return subscription.handler
    raise MissingHandler(path, event)


def subscriptions() -> Iterator[Subscription]:
    """All that there are."""
    for of_event in _subscriptions.values():
        yield from of_event


def ambiguous() -> dict[str, list[str]]:
    """Paths that stand for more than one function, each with its events: only the first of them is ever called."""
    functions: dict[str, set[Handler]] = defaultdict(set)
    events: dict[str, set[str]] = defaultdict(set)
    for subscription in subscriptions():
        functions[subscription.path].add(subscription.handler)
        events[subscription.path].add(subscription.event)
    return {path: sorted(events[path]) for path, found in functions.items() if len(found) > 1}


def _path(handler: Handler) -> str:
    if not inspect.isfunction(handler) or inspect.iscoroutinefunction(handler):
        raise TypeError(f"A handler is a plain function, whose dotted path is its name; this is {handler!r}.")
    path = f"{handler.__module__}.{handler.__qualname__}"
    if len(path) > PATH_MAX_LENGTH:
        raise ValueError(f"The dotted path of a handler has at most {PATH_MAX_LENGTH} characters: {path!r}.")
    return path

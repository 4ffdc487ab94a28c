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


_subscriptions: dict[str, dict[str, Subscription]] = defaultdict(dict)  # by event and path


def subscribe(event: str) -> Callable[[Handler], Handler]:
    """Owes every event of that name to the decorated function, from the next one on. It may be used more than once.

    The handler gets the `EventLog`: `name`, `payload`, `team`, `created_at`. It runs after the commit, in its own
    transaction, and at least once: what it writes is committed with the record that it is done, and so happens exactly
    once. What it does elsewhere (a request, a file) may happen again.

    Raises TypeError for what is no plain function, ValueError for a path that is too long or that is the name of
    another handler already: only one of the two would ever be called.
    """

    def decorate(handler: Handler) -> Handler:
        path = _path(handler)
        _check_name(path, handler)
        _subscriptions[event][path] = Subscription(event=event, path=path, handler=handler)
        return handler

    return decorate


def paths_for(event: str) -> list[str]:
    """The handlers of an event, each once, in the order in which they subscribed."""
    return list(_subscriptions.get(event, {}))


def find(event: str, path: str) -> Handler:
    """Raises MissingHandler."""
    try:
        return _subscriptions.get(event, {})[path].handler
    except KeyError:
        raise MissingHandler(path, event) from None


def subscriptions() -> Iterator[Subscription]:
    """All that there are."""
    for of_event in _subscriptions.values():
        yield from of_event.values()


def _check_name(path: str, handler: Handler) -> None:
    same = [subscription for subscription in subscriptions() if subscription.path == path]
    if any(known.handler is not handler and not _loaded_again(known.handler, handler) for known in same):
        events = ", ".join(sorted(known.event for known in same))
        raise ValueError(f"{path} is the name of another handler (of {events}). Give each its own name.")


def _loaded_again(known: Handler, handler: Handler) -> bool:
    """The same lines of a module, and not what one line or one function made several of."""
    before, now = known.__code__, handler.__code__
    named = "<" not in handler.__qualname__
    return named and (before.co_filename, before.co_firstlineno) == (now.co_filename, now.co_firstlineno)


def _path(handler: Handler) -> str:
    if not inspect.isfunction(handler) or inspect.iscoroutinefunction(handler):
        raise TypeError(f"A handler is a plain function, whose dotted path is its name; this is {handler!r}.")
    path = f"{handler.__module__}.{handler.__qualname__}"
    if len(path) > PATH_MAX_LENGTH:
        raise ValueError(f"The dotted path of a handler has at most {PATH_MAX_LENGTH} characters: {path!r}.")
    return path

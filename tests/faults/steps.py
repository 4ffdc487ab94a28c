"""The steps of a worker at which something may happen to it, by name. The code knows nothing of it: it is wrapped."""

import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from team_notifications.delivery import mailings, outbox
from team_notifications.delivery.channels.email.channel import EmailChannel

BEFORE_THE_CLAIM = "before the claim"
AFTER_THE_CLAIM = "after the claim"
AFTER_ACCEPTANCE = "after the server accepted"
BEFORE_THE_RECORD = "before the record"

# Where a step is: which function, and whether the step comes before or after it.
WHERE: dict[str, tuple[Any, str, str]] = {
    BEFORE_THE_CLAIM: (outbox, "claim", "before"),
    AFTER_THE_CLAIM: (EmailChannel, "send", "before"),  # all is committed, nothing is sent
    AFTER_ACCEPTANCE: (smtplib.SMTP, "data", "after"),  # the server's 250 was read a moment ago
    BEFORE_THE_RECORD: (mailings, "_sent", "before"),
}
ACCEPTED = {AFTER_ACCEPTANCE, BEFORE_THE_RECORD}  # only here may a mail go out a second time


@contextmanager
def at(step: str, act: Callable[[], None]) -> Iterator[None]:
    """Calls `act` each time that the step is reached."""
    owner, name, when = WHERE[step]
    original = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            act()
        result = original(*arguments, **named)
        if when == "after":
            act()
        return result

    with mock.patch.object(owner, name, wrapped):
        yield

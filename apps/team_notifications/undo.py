"""Taking back what a person just did: a signed text that says who did what to which rows, and when.

The text travels with the page, so nothing is stored for it. It is good for ten minutes, for the person who acted, and
for exactly the rows that the action changed: a row that was changed again since is recognized by its time, and left
alone.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core import signing

from team_notifications import inbox
from team_notifications.models import UserNotification

READ, ARCHIVE, DELETE = "read", "archive", "delete"
MAX_AGE = timedelta(minutes=10)
SALT = "team_notifications.undo"

# What is kept of a deleted row; whose it is and in which team is asked anew.
TIMES = ("read_at", "archived_at", "snoozed_until", "muted_until", "notified_at")
KEPT = ("id", "notification_id", "in_app", "is_read", "revision", "notified_level", *TIMES)


class InvalidToken(ValueError):
    """The text is none that `token` gave out, or it is too old."""


class NotYours(InvalidToken):
    """The text was given to somebody else."""


def token(user: Any, action: str, keys: Collection[int], *, at: datetime) -> str:
    """What takes back that `user` marked these rows read or archived them (`READ`, `ARCHIVE`) `at` that time."""
    return _signed(user, action, at, list(keys))


def token_of_deleted(user: Any, rows: Iterable[UserNotification], *, at: datetime) -> str:
    """What puts back these rows, which `inbox.take_out` returned. About 60 bytes for each."""
    return _signed(user, DELETE, at, [_kept(row) for row in rows])


def undo(user: Any, text: str) -> int:
    """Takes back what the token says, and returns how many rows that changed; a second time it changes none.

    Raises InvalidToken for a text that is no token or is older than ten minutes, NotYours for that of another user.
    """
    try:
        said = signing.loads(text, salt=SALT, max_age=MAX_AGE)
    except signing.BadSignature as error:
        raise InvalidToken(str(error)) from None
    if said["user"] != str(user.pk):
        raise NotYours("This was done by somebody else.")
    at = datetime.fromisoformat(said["at"])
    if said["action"] == DELETE:
        return inbox.restore(user, [_row(values) for values in said["rows"]], taken_at=at)
    rows = inbox.readable_by(user).filter(pk__in=said["rows"])
    if said["action"] == READ:
        return inbox.mark_unread(rows.filter(read_at=at))
    return inbox.unarchive(rows.filter(archived_at=at))


def _signed(user: Any, action: str, at: datetime, rows: list[Any]) -> str:
    said = {"user": str(user.pk), "action": action, "at": at.isoformat(), "rows": rows}
    return signing.dumps(said, salt=SALT, compress=True)


def _kept(row: UserNotification) -> list[Any]:
    values = [getattr(row, name) for name in KEPT]
    return [value.isoformat() if isinstance(value, datetime) else value for value in values]


def _row(values: list[Any]) -> UserNotification:
    kept = dict(zip(KEPT, values, strict=True))
    times = {name: datetime.fromisoformat(kept[name]) for name in TIMES if kept[name] is not None}
    return UserNotification(**{**kept, **times})

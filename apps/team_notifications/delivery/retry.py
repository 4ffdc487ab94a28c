"""What follows a failure: try again at a time, or give up. Pure, so that the schedule can be tested as a table."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from team_notifications.backoff import wait_after


class ChannelError(Exception):
    """A channel could not deliver.

    `permanent`: trying again would fail again. `retry_after`: how long the other side asked us to wait.
    """

    def __init__(self, message: str, *, permanent: bool, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class Decision:
    """`again_at` is None when that was the last try."""

    again_at: datetime | None


def decide(error: ChannelError, *, attempts: int, max_attempts: int, now: datetime) -> Decision:
    """What follows the failure of try number `attempts` (1 for the first)."""
    if error.permanent or attempts >= max_attempts:
        return Decision(again_at=None)
    return Decision(again_at=now + max(wait_after(attempts), error.retry_after or timedelta()))

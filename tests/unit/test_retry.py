"""What follows a failure."""

from datetime import UTC, datetime, timedelta

import pytest

from team_notifications.delivery.retry import ChannelError, decide

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def temporary(retry_after: timedelta | None = None) -> ChannelError:
    return ChannelError("try later", permanent=False, retry_after=retry_after)


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 30), (2, 120), (3, 480), (4, 1_920), (5, 7_680), (6, 30_720), (7, 43_200)],
)
def test_the_wait_grows_fourfold_up_to_half_a_day(attempts: int, seconds: float) -> None:
    waits = {decide(temporary(), attempts=attempts, max_attempts=8, now=NOW).again_at for _ in range(200)}
    assert None not in waits
    found = [(at - NOW).total_seconds() for at in waits if at]
    assert min(found) >= seconds * 0.8
    assert max(found) <= seconds * 1.2
    assert len(found) > 100  # they do not come back together


def test_the_last_try_is_the_last() -> None:
    assert decide(temporary(), attempts=8, max_attempts=8, now=NOW).again_at is None


def test_a_permanent_failure_is_not_tried_again() -> None:
    assert decide(ChannelError("no", permanent=True), attempts=1, max_attempts=8, now=NOW).again_at is None


def test_the_other_side_may_ask_for_a_longer_wait() -> None:
    asked = decide(temporary(timedelta(hours=2)), attempts=1, max_attempts=8, now=NOW)
    assert asked.again_at == NOW + timedelta(hours=2)


def test_a_shorter_wait_than_ours_changes_nothing() -> None:
    asked = decide(temporary(timedelta(seconds=1)), attempts=2, max_attempts=8, now=NOW)
    assert asked.again_at is not None
    assert asked.again_at >= NOW + timedelta(seconds=96)

"""What the cleanup makes of personal notifications and of the logs of events."""

from datetime import timedelta

import time_machine

from team_notifications import inbox, preferences
from team_notifications.models import EventLog, HandlerRun, UserNotification
from team_notifications.notify import notify_user
from team_notifications.personal import PERSONAL
from tests.aged import NOW, ago, clean_up
from tests.cast import Cast


def test_what_was_chosen_for_personal_ones_counts_before_what_holds_everywhere(cast: Cast) -> None:
    for user in (cast.vera, cast.ed):
        with time_machine.travel(ago(30), tick=False):
            notify_user(user, "Your export is ready")
            inbox.mark_read(inbox.visible_to(user))
        preferences.choose(user, retention_days=20)
    preferences.choose(cast.vera, PERSONAL, retention_days=40)
    assert clean_up()["UserNotification"] == 1
    assert UserNotification.objects.get().user == cast.vera


def log(days: float, *, state: str = "done", dispatched: bool = True) -> EventLog:
    """An event that may be deleted since so many days ago, with one handler."""
    at = ago(days)
    dispatched_at = at - timedelta(days=30) if dispatched else None
    event = EventLog.objects.create(name="product.created", dispatched_at=dispatched_at, delete_at=at)
    HandlerRun.objects.create(event=event, handler="products.handlers.tell", state=state)
    return event


def test_logs_of_events_go_with_the_records_of_their_handlers_when_their_time_is_over(cast: Cast) -> None:
    gone = [log(1), log(2, state="failed")]
    kept = [log(-1), log(1, state="pending"), log(1, dispatched=False)]
    removed = clean_up(NOW)
    assert (removed["EventLog"], removed["HandlerRun"]) == (len(gone), len(gone))
    assert set(EventLog.objects.all()) == set(kept)
    assert HandlerRun.objects.count() == len(kept)

"""What the cleanup makes of personal notifications and of the logs of events."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction

from team_notifications import inbox, preferences
from team_notifications.models import EventLog, HandlerRun, UserNotification
from team_notifications.notify import notify_user
from team_notifications.personal import PERSONAL
from tests.aged import NOW, ago, clean_up
from tests.cast import Cast

PATIENCE = 60  # seconds


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
    counted = clean_up(NOW, dry_run=True)
    assert counted == {"EventLog": len(gone), "HandlerRun": len(gone)}
    assert EventLog.objects.count() == len(gone) + len(kept)
    assert clean_up(NOW) == counted
    assert set(EventLog.objects.all()) == set(kept)
    assert HandlerRun.objects.count() == len(kept)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_an_event_stays_as_long_as_somebody_is_at_the_record_of_a_handler_of_it() -> None:
    """A worker's, say, or an operator's who looks at it. Gone with its event it would be waited for."""
    event = log(1)
    log(1)
    with ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        HandlerRun.objects.select_for_update().get(event=event)
        removed = elsewhere.submit(_clean_up_and_close).result(PATIENCE)
    assert removed == {"EventLog": 1, "HandlerRun": 1}
    assert EventLog.objects.get() == event
    assert clean_up(NOW) == {"EventLog": 1, "HandlerRun": 1}


def _clean_up_and_close() -> dict[str, int]:
    try:
        return clean_up(NOW)
    finally:
        connection.close()

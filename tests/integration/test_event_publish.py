"""Publishing: one row in the caller's transaction, whatever comes of it."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from team_notifications.events.publish import publish
from team_notifications.events.types import UnknownEvent
from team_notifications.models import EventLog, HandlerRun
from team_notifications.signals import event_published
from teams.models import Team
from tests.aged import clean_up
from tests.cast import Cast
from tests.events import NAME, PAYLOAD, boil, listen, own_registries, work_off
from users.models import User


@pytest.fixture(autouse=True)
def _registries() -> Iterator[None]:
    with own_registries():
        yield


@pytest.fixture
def announced() -> Iterator[list[EventLog]]:
    """The events of which a signal said that they are committed."""
    heard: list[EventLog] = []

    def receiver(event: EventLog, **kwargs: Any) -> None:
        heard.append(event)

    event_published.connect(receiver)
    yield heard
    event_published.disconnect(receiver)


def test_an_event_is_kept_with_all_that_it_says(cast: Cast) -> None:
    with time_machine.travel("2026-03-02 12:00Z", tick=False):
        now = timezone.now()
        published = publish(NAME, {"kettle_id": 7, "note": ["é"]}, team=cast.acme)
    event = EventLog.objects.get()
    assert event == published
    assert (event.name, event.payload, event.team) == (NAME, {"kettle_id": 7, "note": ["é"]}, cast.acme)
    assert (event.created_at, event.dispatched_at, event.delete_at) == (now, None, now + timedelta(days=30))


def test_an_event_need_not_concern_a_team(db: None) -> None:
    assert boil().team is None


def test_how_long_events_are_kept_is_a_setting(db: None, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "EVENT_RETENTION": timedelta(days=2)}
    event = boil()
    assert event.delete_at - event.created_at == timedelta(days=2)


def test_what_is_rolled_back_never_happened(
    db: None, announced: list[EventLog], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        boil()
        transaction.set_rollback(True)
    assert not EventLog.objects.exists()
    assert announced == []


def test_nothing_is_said_before_the_commit(
    db: None, announced: list[EventLog], django_capture_on_commit_callbacks: Any
) -> None:
    listen(1)
    with django_capture_on_commit_callbacks(execute=True):
        event = boil()
        assert announced == []
    assert announced == [event]
    assert not HandlerRun.objects.exists()


@pytest.mark.parametrize("in_a_transaction", [True, False])
@pytest.mark.django_db(transaction=True)
def test_publishing_is_one_query_with_1_listener_and_with_50(in_a_transaction: bool) -> None:
    costs = []
    for listeners in (1, 50):
        with own_registries():
            listen(listeners)
            around = transaction.atomic() if in_a_transaction else nullcontext()
            with around, CaptureQueriesContext(connection) as captured:
                boil()
        costs.append([query["sql"].split()[0] for query in captured])
    assert costs == [["INSERT"], ["INSERT"]]


@pytest.mark.parametrize(
    ("name", "payload", "complaint"),
    [
        ("kettle.melted", PAYLOAD, r"no event type 'kettle\.melted'; there are kettle\.boiled"),
        (NAME, {}, "lacks kettle_id"),
        (NAME, {**PAYLOAD, "note": {1}}, "'note' is of type set"),
        (NAME, {**PAYLOAD, "note": "x" * 1024 * 1024}, "EVENT_MAX_BYTES allows 65,536"),
    ],
)
def test_what_cannot_be_published_is_named_and_nothing_is_written(
    db: None, name: str, payload: dict[str, Any], complaint: str
) -> None:
    with pytest.raises((UnknownEvent, ValueError, TypeError), match=complaint):
        publish(name, payload)
    assert not EventLog.objects.exists()


@pytest.mark.parametrize(
    ("team", "error", "complaint"),
    [
        ("acme", TypeError, r"The team is a teams\.Team, not 'acme'"),
        (User(), TypeError, r"The team is a teams\.Team, not"),
        (Team(name="New"), ValueError, "is not saved yet"),
    ],
    ids=["text", "a user", "unsaved"],
)
def test_a_team_that_is_none_is_refused(db: None, team: Any, error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        publish(NAME, PAYLOAD, team=team)
    assert not EventLog.objects.exists()


def test_the_events_of_a_deleted_team_go_with_it(cast: Cast) -> None:
    listen(1)
    publish(NAME, PAYLOAD, team=cast.acme)
    kept = publish(NAME, PAYLOAD, team=cast.globex)
    work_off()
    cast.acme.delete()
    assert EventLog.objects.get() == kept
    assert HandlerRun.objects.get().event == kept


# ---- how long they are kept -----------------------------------------------------------------------------------------


def test_events_past_their_retention_may_be_deleted_once_nothing_is_owed_any_more(db: None) -> None:
    listen(1)
    boil()
    work_off()
    undispatched, owed = boil(), boil()
    EventLog.objects.filter(pk=owed.pk).update(dispatched_at=timezone.now())
    HandlerRun.objects.create(event=owed, handler="a.b")
    now = timezone.now()
    assert clean_up(now + timedelta(days=29)) == {}
    assert clean_up(now + timedelta(days=31)) == {"EventLog": 1, "HandlerRun": 1}
    assert set(EventLog.objects.all()) == {undispatched, owed}
    HandlerRun.objects.update(state=HandlerRun.State.FAILED)
    assert clean_up(now + timedelta(days=31)) == {"EventLog": 1, "HandlerRun": 1}
    assert EventLog.objects.get() == undispatched

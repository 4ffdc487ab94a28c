"""What waits for the sweeper: however much it is, and whatever is among it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from team_notifications import sweeper, tasks
from team_notifications.events import dispatch
from team_notifications.events import runs as handler_runs
from team_notifications.events.handlers import subscribe
from team_notifications.events.types import register_event
from team_notifications.models import EventLog, HandlerRun
from tests.aged import clean_up
from tests.events import boil, listen, own_registries, work_off

NEW = "kettle.descaled"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _registries() -> Iterator[None]:
    with own_registries():
        yield


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "BATCH", 2)
    monkeypatch.setattr(handler_runs, "BATCH", 2)


def of_a_later_release(count: int = 1) -> list[int]:
    """Events that only a process which did `upgrade` knows."""
    in_30_days = timezone.now() + timedelta(days=30)
    return [EventLog.objects.create(name=NEW, delete_at=in_30_days).pk for _ in range(count)]


def upgrade() -> list[int]:
    """Returns the list to which the handler of the new event adds the keys of those that it got."""
    calls: list[int] = []
    register_event(NEW, "The kettle shines.")
    subscribe(NEW)(lambda event: calls.append(event.pk))
    return calls


# ---- events that this process does not know -------------------------------------------------------------------------


def test_an_event_that_an_older_worker_does_not_know_yet_waits_for_a_newer_one() -> None:
    [event_id] = of_a_later_release()
    tasks.dispatch_event(event_id)
    work_off()
    dispatch.handle_now(event_id)
    assert EventLog.objects.undispatched().get().pk == event_id
    calls = upgrade()
    work_off()
    assert calls == [event_id]


@pytest.mark.usefixtures("small_batches")
def test_pages_full_of_unknown_events_neither_keep_the_sweeper_nor_hold_up_the_others(
    django_assert_max_num_queries: Any,
) -> None:
    unknown = of_a_later_release(50)
    calls: list[int] = []
    listen(1, calls.append)
    boil()
    with django_assert_max_num_queries(25):
        work_off()
    assert calls == [0]
    assert set(EventLog.objects.undispatched().values_list("pk", flat=True)) == set(unknown)


def test_an_unknown_event_ends_when_its_time_is_over_and_a_known_one_that_is_owed_does_not() -> None:
    of_a_later_release()
    kept = boil().pk
    now = timezone.now()
    assert clean_up(now + timedelta(days=29)) == {}
    assert clean_up(now + timedelta(days=31), dry_run=True) == {"EventLog": 1}
    assert clean_up(now + timedelta(days=31)) == {"EventLog": 1}
    assert EventLog.objects.get().pk == kept


# ---- much -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_batches")
def test_one_sweep_hands_over_all_that_is_due_each_once() -> None:
    listen(3)
    for _ in range(3):
        boil()
    handed: list[int] = []
    assert sweeper.handle_events(handle=lambda run_id: not handed.append(run_id)) == 9
    assert sorted(handed) == list(HandlerRun.objects.order_by("pk").values_list("pk", flat=True))


@pytest.mark.usefixtures("small_batches")
def test_what_is_due_at_one_moment_is_handed_over_each_once() -> None:
    listen(5)
    boil()
    dispatch.owe(EventLog.objects.get().pk)
    HandlerRun.objects.update(due_at=timezone.now())
    handed: list[int] = []
    sweeper.handle_events(handle=lambda run_id: not handed.append(run_id))
    assert handed == list(HandlerRun.objects.order_by("pk").values_list("pk", flat=True))


@pytest.mark.usefixtures("small_batches")
def test_a_sweep_that_has_no_time_dispatches_a_page_and_leaves_the_rest_to_the_next() -> None:
    listen(1)
    for _ in range(3):
        boil()
    assert sweeper.handle_events(seconds=0) == 0
    assert EventLog.objects.undispatched().count() == 1
    assert sweeper.handle_events() == 3


@pytest.mark.usefixtures("small_batches")
def test_a_page_full_of_events_that_cannot_be_dispatched_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []
    listen(1, calls.append)
    broken = [boil().pk for _ in range(2)]
    boil()
    original = dispatch.owe

    def owe(event_id: int) -> list[int]:
        if event_id in broken:
            raise RuntimeError("no")
        return original(event_id)

    monkeypatch.setattr(dispatch, "owe", owe)
    work_off()
    assert calls == [0]

"""Handlers: each runs once for each event, whatever the others do and however often it is asked for."""

import logging
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from team_notifications import sweeper, tasks
from team_notifications.events import dispatch, limit
from team_notifications.events import runs as handler_runs
from team_notifications.events.handlers import subscribe
from team_notifications.events.limit import HandlerTimeout
from team_notifications.events.publish import publish
from team_notifications.models import EventLog, HandlerRun, Notification
from team_notifications.notify import create_notification
from team_notifications.signals import event_dispatched
from teams.models import Team
from tests.cast import Cast
from tests.events import NAME, boil, listen, own_registries, runs, work_off

PENDING, DONE, FAILED = HandlerRun.State.PENDING, HandlerRun.State.DONE, HandlerRun.State.FAILED
A_DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _registries() -> Iterator[None]:
    with own_registries():
        yield


def with_settings(settings: Any, **changes: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, **changes}


def broken(event: EventLog) -> None:
    raise RuntimeError(f"The kettle {event.payload['kettle_id']} leaks.")


def the_run() -> HandlerRun:
    return HandlerRun.objects.get()


def work_off_for(duration: timedelta) -> None:
    """As a sweeper that comes by every hour."""
    now = timezone.now()
    for hours in range(int(duration / timedelta(hours=1)) + 1):
        with time_machine.travel(now + timedelta(hours=hours), tick=False):
            work_off()


# ---- what a handler gets --------------------------------------------------------------------------------------------


def test_a_handler_gets_the_event_with_its_payload_and_team(cast: Cast) -> None:
    got = []

    @subscribe(NAME)
    def handler(event: EventLog) -> None:
        got.append((event.name, event.payload, event.team, event.created_at))

    event = publish(NAME, {"kettle_id": 7, "note": {"a": [1]}}, team=cast.acme)
    work_off()
    assert got == [(NAME, {"kettle_id": 7, "note": {"a": [1]}}, cast.acme, event.created_at)]


def test_each_handler_runs_once_and_has_its_own_record() -> None:
    calls: list[int] = []
    listen(3, calls.append)
    event = boil()
    work_off()
    work_off()
    event.refresh_from_db()
    assert calls == [0, 1, 2]
    assert runs() == dict.fromkeys(["listener_0", "listener_1", "listener_2"], DONE)
    assert event.dispatched_at is not None
    run = HandlerRun.objects.first()
    assert run is not None
    assert (run.attempts, run.last_error, run.lease_token) == (1, "", None)
    assert run.finished_at is not None


def test_an_event_without_handlers_is_dispatched_and_owes_nothing() -> None:
    boil()
    work_off()
    assert not EventLog.objects.undispatched().exists()
    assert not HandlerRun.objects.exists()


def test_a_handler_of_a_later_release_runs_for_new_events_only() -> None:
    listen(1)
    boil()
    work_off()
    later: list[int] = []
    subscribe(NAME)(lambda event: later.append(event.pk))
    work_off()
    assert later == []
    new = boil()
    work_off()
    assert later == [new.pk]


def test_a_handler_may_publish_in_its_turn() -> None:
    subscribe(NAME)(lambda event: None if "note" in event.payload else boil(note="again"))
    boil()
    work_off()
    work_off()
    assert EventLog.objects.count() == 2
    assert set(HandlerRun.objects.values_list("state", flat=True)) == {DONE}


def test_a_handler_that_notifies_tells_the_team(cast: Cast) -> None:
    @subscribe(NAME)
    def tell(event: EventLog) -> None:
        create_notification(team=cast.acme, slug="kettle-boiled", title="Tea?", event_data=event.payload)

    boil()
    work_off()
    assert Notification.objects.get().user_notifications.count() == 4


# ---- one that fails -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False], ids=["before the other", "after the other"])
def test_of_two_listeners_of_which_one_always_fails_the_other_runs_once(first: bool) -> None:
    good: list[int] = []
    if first:
        subscribe(NAME)(broken)
    listen(1, good.append)
    subscribe(NAME)(broken)
    boil()
    work_off_for(3 * A_DAY)
    assert good == [0]
    assert runs() == {"listener_0": DONE, "broken": FAILED}
    assert HandlerRun.objects.get(state=FAILED).attempts == 8


def test_a_failure_is_kept_with_its_traceback_and_tried_again_after_a_while() -> None:
    subscribe(NAME)(broken)
    boil()
    before = timezone.now()
    work_off()
    run = the_run()
    assert (run.state, run.attempts, run.lease_token, run.finished_at) == (PENDING, 1, None, None)
    assert run.last_error.startswith("Traceback (most recent call last):")
    assert "in broken" in run.last_error
    assert run.last_error.rstrip().endswith("RuntimeError: The kettle 7 leaks.")
    assert timedelta(seconds=24) <= run.due_at - before <= timedelta(seconds=37)
    work_off()
    assert the_run().attempts == 1


def test_each_wait_is_longer_than_the_one_before_up_to_twelve_hours() -> None:
    subscribe(NAME)(broken)
    boil()
    waits: list[float] = []
    for _ in range(7):
        with time_machine.travel(max(timezone.now(), the_run().due_at if waits else timezone.now()), tick=False):
            work_off()
            waits.append((the_run().due_at - timezone.now()).total_seconds())
    expected = [30, 120, 480, 1_920, 7_680, 30_720, 43_200]
    assert [wait == pytest.approx(least, rel=0.2) for wait, least in zip(waits, expected, strict=True)] == [True] * 7
    assert the_run().attempts == 7


def test_a_handler_that_recovers_is_done() -> None:
    calls: list[int] = []

    def work(number: int) -> None:
        calls.append(number)
        if len(calls) < 3:
            raise RuntimeError("not yet")

    listen(1, work)
    boil()
    work_off_for(A_DAY)
    assert len(calls) == 3
    assert (the_run().state, the_run().attempts, the_run().last_error) == (DONE, 3, "")


def test_after_its_tries_it_has_failed_and_is_left_alone(settings: Any) -> None:
    with_settings(settings, EVENT_MAX_ATTEMPTS=3)
    subscribe(NAME)(broken)
    boil()
    work_off_for(A_DAY)
    run = the_run()
    assert (run.state, run.attempts) == (FAILED, 3)
    assert run.finished_at is not None
    assert "The kettle 7 leaks." in run.last_error


def test_what_failed_is_run_again_by_hand_with_all_its_tries(settings: Any) -> None:
    with_settings(settings, EVENT_MAX_ATTEMPTS=1)
    calls: list[int] = []

    def work(number: int) -> None:
        calls.append(number)
        if len(calls) == 1:
            raise RuntimeError("not yet")

    listen(1, work)
    boil()
    work_off()
    assert the_run().state == FAILED
    assert [handler_runs.try_again(HandlerRun.objects.all()) for _ in range(2)] == [1, 0]
    assert (the_run().state, the_run().attempts, the_run().finished_at) == (PENDING, 0, None)
    work_off()
    assert (the_run().state, len(calls)) == (DONE, 2)
    assert handler_runs.try_again(HandlerRun.objects.all()) == 0


def test_what_a_failing_handler_wrote_is_rolled_back() -> None:
    @subscribe(NAME)
    def handler(event: EventLog) -> None:
        Team.objects.create(name="Half", slug="half")
        raise RuntimeError("and no further")

    boil()
    work_off()
    assert not Team.objects.exists()
    assert the_run().state == PENDING


def test_what_cannot_be_committed_is_a_failure() -> None:
    """Also what the handler itself caught, after which its transaction is of no use any more."""

    @subscribe(NAME)
    def handler(event: EventLog) -> None:
        Team.objects.create(name="One", slug="same")
        with suppress(IntegrityError):
            Team.objects.create(name="Two", slug="same")

    boil()
    work_off()
    assert not Team.objects.exists()
    assert (the_run().state, the_run().attempts) == (PENDING, 1)
    assert "TransactionManagementError" in the_run().last_error


def test_a_handler_that_asks_for_a_rollback_is_not_taken_for_done() -> None:
    subscribe(NAME)(lambda event: transaction.set_rollback(True))
    boil()
    work_off()
    assert (the_run().state, the_run().attempts) == (PENDING, 1)


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 1_000_000], ids=["NUL", "surrogate", "a million"])
def test_a_failure_is_kept_whatever_it_says(text: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="team_notifications")  # half a character cannot be handed on

    @subscribe(NAME)
    def handler(event: EventLog) -> None:
        raise RuntimeError(text)

    boil()
    work_off()
    assert the_run().state == PENDING
    assert 0 < len(the_run().last_error) <= 20_000


def test_of_a_long_failure_the_end_is_kept_which_says_most() -> None:
    @subscribe(NAME)
    def handler(event: EventLog) -> None:
        raise RuntimeError(f"The beginning. {'x' * 50_000} The end.")

    boil()
    work_off()
    assert len(the_run().last_error) == 20_000
    assert the_run().last_error.rstrip().endswith("x The end.")
    assert "The beginning." not in the_run().last_error


MISSING = (
    "No handler 'tests.integration.test_event_handlers.broken' is subscribed to kettle.boiled: it was removed or "
    "renamed, or this worker runs an older release than the one that owed it the event."
)


def test_a_handler_that_was_removed_has_failed_in_the_end_and_says_why() -> None:
    with own_registries():
        subscribe(NAME)(broken)
        dispatch.owe(boil().pk)
    work_off_for(3 * A_DAY)
    assert (the_run().state, the_run().attempts, the_run().last_error) == (FAILED, 8, MISSING)


def test_a_handler_that_was_removed_keeps_what_it_failed_of_before() -> None:
    with own_registries():
        subscribe(NAME)(broken)
        boil()
        work_off()
    failure = the_run().last_error
    work_off_for(3 * A_DAY)
    assert (the_run().state, the_run().attempts) == (FAILED, 8)
    assert the_run().last_error == f"{failure}\n{MISSING}"  # which is said once


def test_a_handler_that_an_older_worker_does_not_know_yet_waits_for_a_newer_one() -> None:
    calls: list[int] = []
    listen(1, calls.append)
    event = boil()
    [run_id] = dispatch.owe(event.pk)
    with own_registries():  # the older release
        tasks.run_handler(run_id)
    assert the_run().state == PENDING
    work_off_for(timedelta(hours=1))
    assert (the_run().state, calls) == (DONE, [0])


# ---- asked for many times -------------------------------------------------------------------------------------------


def test_an_event_that_is_delivered_ten_times_runs_each_handler_once() -> None:
    calls: list[int] = []
    listen(2, calls.append)
    event = boil()
    for _ in range(10):
        tasks.dispatch_event(event.pk)
    assert HandlerRun.objects.count() == 2
    for run_id in HandlerRun.objects.values_list("pk", flat=True):
        for _ in range(10):
            tasks.run_handler(run_id)
    tasks.sweep()
    assert calls == [0, 1]
    assert set(HandlerRun.objects.values_list("attempts", flat=True)) == {1}


def test_dispatching_anew_by_hand_owes_it_to_handlers_that_came_later_and_to_no_other_twice() -> None:
    calls: list[str] = []
    listen(1, lambda number: calls.append("old"))
    event = boil()
    work_off()
    subscribe(NAME)(lambda event: calls.append("new"))
    EventLog.objects.filter(pk=event.pk).update(dispatched_at=None)
    work_off()
    assert calls == ["old", "new"]


def test_an_event_or_a_run_that_is_gone_harms_nothing(caplog: pytest.LogCaptureFixture) -> None:
    tasks.dispatch_event(0)
    tasks.run_handler(0)
    assert caplog.records == []


@pytest.mark.parametrize("listeners", [1, 50])
def test_dispatching_costs_the_same_queries_for_1_listener_and_for_50(
    listeners: int, django_assert_num_queries: Any
) -> None:
    listen(listeners)
    event = boil()
    with django_assert_num_queries(8):  # four, and two savepoints around them
        dispatch.dispatch(event.pk)
    assert HandlerRun.objects.count() == listeners


def test_the_runs_are_announced_after_the_commit_once(django_capture_on_commit_callbacks: Any) -> None:
    heard: list[list[int]] = []

    def receiver(runs: list[int], **kwargs: Any) -> None:
        heard.append(runs)

    event_dispatched.connect(receiver)
    listen(2)
    event = boil()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            dispatch.dispatch(event.pk)
        assert heard == []
    event_dispatched.disconnect(receiver)
    assert heard == [list(HandlerRun.objects.order_by("pk").values_list("pk", flat=True))]


# ---- a worker that does not come back -------------------------------------------------------------------------------


def begin(run_id: int) -> HandlerRun:
    """As a worker does, of which nothing is heard afterwards."""
    claimed = handler_runs._claim(run_id)
    assert claimed is not None
    return claimed


def owed() -> int:
    [run_id] = dispatch.owe(boil().pk)
    return run_id


def test_while_one_worker_has_it_no_other_gets_it() -> None:
    calls: list[int] = []
    listen(1, calls.append)
    run_id = owed()
    begin(run_id)
    tasks.run_handler(run_id)
    work_off()
    assert calls == []
    with time_machine.travel(timezone.now() + limit.lease() + timedelta(seconds=1)):
        work_off()
    assert calls == [0]
    assert the_run().attempts == 2


def test_a_first_try_does_not_wait_for_the_clock_of_another_machine() -> None:
    calls: list[int] = []
    listen(1, calls.append)
    run_id = owed()
    with time_machine.travel(timezone.now() - timedelta(seconds=5)):
        tasks.run_handler(run_id)
    assert calls == [0]


def test_a_handler_that_takes_its_worker_along_each_time_has_failed_in_the_end(settings: Any) -> None:
    with_settings(settings, EVENT_MAX_ATTEMPTS=3)
    calls: list[int] = []
    listen(1, calls.append)
    run_id = owed()
    now = timezone.now()
    for number in range(3):
        with time_machine.travel(now + number * 2 * limit.lease()):
            begin(run_id)
    assert the_run().state == PENDING
    with time_machine.travel(now + A_DAY):
        work_off()
    assert (the_run().state, the_run().attempts, calls) == (FAILED, 3, [])
    assert the_run().last_error == handler_runs.LOST
    assert the_run().finished_at is not None


def test_a_try_that_did_not_come_back_can_be_seen_while_the_next_is_under_way() -> None:
    listen(1)
    run_id = owed()
    begin(run_id)
    with time_machine.travel(timezone.now() + A_DAY):
        begin(run_id)
    assert (the_run().last_error, the_run().attempts) == (handler_runs.LOST, 2)


def test_tries_that_did_not_come_back_keep_what_the_one_before_failed_of(settings: Any) -> None:
    with_settings(settings, EVENT_MAX_ATTEMPTS=4)
    subscribe(NAME)(broken)
    boil()
    work_off()
    failure, now = the_run().last_error, timezone.now()
    for day in range(1, 4):
        with time_machine.travel(now + day * A_DAY):
            begin(the_run().pk)
            assert the_run().last_error == (failure if day == 1 else f"{failure}\n{handler_runs.LOST}")
    with time_machine.travel(now + 4 * A_DAY):
        work_off()
    assert (the_run().state, the_run().last_error) == (FAILED, f"{failure}\n{handler_runs.LOST}")


def test_what_is_kept_of_all_tries_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler_runs, "ERROR_MAX_LENGTH", 500)
    with own_registries():
        subscribe(NAME)(broken)
        boil()
        work_off()
    for day in range(1, 7, 2):
        with time_machine.travel(timezone.now() + day * A_DAY):
            begin(the_run().pk)
        with time_machine.travel(timezone.now() + (day + 1) * A_DAY):
            tasks.run_handler(the_run().pk)  # which finds no handler
    assert the_run().attempts == 7
    assert len(the_run().last_error) == 500
    assert the_run().last_error.endswith(f"{handler_runs.LOST}\n{MISSING}")


def test_a_worker_that_comes_back_after_its_lease_changes_nothing() -> None:
    listen(1)
    run_id = owed()
    late = begin(run_id)
    with time_machine.travel(timezone.now() + A_DAY):
        begin(run_id)
        before = HandlerRun.objects.values().get()
        handler_runs._fail(late, "too late")
        handler_runs._end(late, "too late")
        with pytest.raises(handler_runs.Overtaken):
            handler_runs._carry_out(late)
    assert HandlerRun.objects.values().get() == before


def test_what_a_handler_wrote_that_was_overtaken_is_rolled_back(caplog: pytest.LogCaptureFixture) -> None:
    """The other worker begins, and finishes, while this one is still at it."""
    names = iter(["slow", "quick"])

    @subscribe(NAME)
    def handler(event: EventLog) -> None:
        name = next(names)
        Team.objects.create(name=name, slug=name)
        if name == "slow":
            with time_machine.travel(timezone.now() + A_DAY):
                assert handler_runs.run(the_run().pk)

    tasks.run_handler(owed())
    # The quick one was inside of the slow one's transaction here, and went with it.
    assert not Team.objects.exists()
    assert "another worker has it" in caplog.text


def test_an_event_that_is_deleted_while_a_worker_takes_it_is_nobodys() -> None:
    calls: list[int] = []
    listen(1, calls.append)
    run_id = owed()
    EventLog.objects.all().delete()
    assert handler_runs.run(run_id) is False
    assert calls == []


# ---- one that hangs -------------------------------------------------------------------------------------------------


def hang(number: int) -> None:
    signal.pause()


@pytest.fixture
def quick_limit(settings: Any) -> None:
    with_settings(settings, EVENT_TIME_LIMIT=timedelta(seconds=0.05))


@pytest.mark.usefixtures("quick_limit")
def test_a_handler_that_hangs_is_ended_and_counted_and_the_others_run() -> None:
    good: list[int] = []
    listen(1, hang)
    subscribe(NAME)(lambda event: good.append(1))
    boil()
    work_off()
    assert good == [1]
    assert runs() == {"listener_0": PENDING, "<lambda>": DONE}
    hung = HandlerRun.objects.get(state=PENDING)
    assert hung.attempts == 1
    assert "HandlerTimeout: It took longer than 0.05 s (EVENT_TIME_LIMIT)." in hung.last_error


@pytest.mark.usefixtures("quick_limit")
def test_the_alarm_of_the_process_is_as_it_was_before() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(HandlerTimeout), limit.time_limit():
        signal.pause()
    with limit.time_limit():
        pass
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_alarm_that_somebody_else_set_is_left_alone() -> None:
    signal.setitimer(signal.ITIMER_REAL, 1_000)
    try:
        with limit.time_limit():
            assert signal.getitimer(signal.ITIMER_REAL)[0] > 900
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 900
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_a_lease_outlasts_the_limits_of_a_handler() -> None:
    assert timedelta(minutes=2) < limit.hard_limit() < limit.lease()


# ---- the sweeper ----------------------------------------------------------------------------------------------------


def test_what_no_message_led_to_is_found_by_the_sweeper() -> None:
    calls: list[int] = []
    listen(1, calls.append)
    boil()  # and the process was killed right after its commit
    boil()
    run_id = dispatch.owe(boil().pk)  # and the messages to the handlers were lost
    assert run_id
    assert sweeper.sweep().handled == 3
    assert sweeper.sweep().handled == 0
    assert calls == [0, 0, 0]


def test_a_command_does_it_without_a_broker(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []
    listen(1, calls.append)
    boil()
    call_command("run_notifications", once=True)
    assert calls == [0]
    assert "Ran 1 handlers of events." in capsys.readouterr().out


def test_a_sweep_that_has_no_more_time_leaves_the_rest_to_the_next() -> None:
    calls: list[int] = []
    listen(3, calls.append)
    boil()
    assert sweeper.handle_events(seconds=0) == 0
    assert runs() == dict.fromkeys(["listener_0", "listener_1", "listener_2"], PENDING)
    work_off()
    assert calls == [0, 1, 2]


def test_more_than_a_batch_is_worked_off_in_one_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler_runs, "BATCH", 2)
    subscribe(NAME)(broken)
    listen(1)
    for _ in range(3):
        boil()
    assert sweeper.sweep().handled == 3
    assert HandlerRun.objects.filter(state=PENDING, attempts=1).count() == 3


def test_an_event_that_cannot_be_dispatched_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []
    listen(1, calls.append)
    first, second = boil(), boil()
    original = dispatch.owe

    def owe(event_id: int) -> list[int]:
        if event_id == first.pk:
            raise RuntimeError("no")
        return original(event_id)

    monkeypatch.setattr(dispatch, "owe", owe)
    work_off()
    assert calls == [0]
    assert f"Failed: dispatching event {first.pk}." in caplog.text
    assert list(EventLog.objects.undispatched()) == [first]
    assert second.pk
